import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDemoFiles } from "./data/make-demo-files.ts";

/** Writes the demo's two files anew: `node --import tsx sandbox/demo/generate.ts`. The same ones, as long as nothing of their making changes. */
for (const [name, text] of Object.entries(makeDemoFiles())) {
  await writeFile(join(import.meta.dirname, name), text);
}
