import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { schemaFiles } from "./schemas/schema-files.ts";

/*
 * Writes the JSON Schemas of all payloads and the AsyncAPI document into schemas/. Part of `npm run generate`; a test
 * fails when what is checked in differs from what this writes.
 */

const folder = join(import.meta.dirname, "..", "schemas");
for (const [path, text] of schemaFiles()) {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
