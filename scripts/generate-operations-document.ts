import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { operationsDocument } from "./operations-document.ts";

/* Writes docs/operations.md. Part of `npm run generate`; a test fails when what is checked in differs from this. */
await writeFile(join(import.meta.dirname, "..", "docs", "operations.md"), operationsDocument());
