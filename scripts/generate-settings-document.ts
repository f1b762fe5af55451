import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { settingsDocument } from "./settings-document.ts";

/* Writes docs/settings.md. Part of `npm run generate`; a test fails when what is checked in differs from this. */
await writeFile(join(import.meta.dirname, "..", "docs", "settings.md"), settingsDocument());
