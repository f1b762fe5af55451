import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mailDocuments } from "./mail-documents.ts";

/* Writes docs/mail/. Part of `npm run generate`; a test fails when what is checked in differs from this. */
const folder = join(import.meta.dirname, "..", "docs", "mail");
await rm(folder, { recursive: true, force: true });
await mkdir(folder);
for (const [name, text] of mailDocuments()) await writeFile(join(folder, name), text);
