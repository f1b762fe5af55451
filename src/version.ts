import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The version in our own package.json, read once: the same whether this file runs from `src/` or from `dist/src/`. */
export const version: string = readVersion(dirname(fileURLToPath(import.meta.url)));

function readVersion(folder: string): string {
  const found = versionIn(folder);
  if (found !== undefined) return found;
  const parent = dirname(folder);
  if (parent === folder) throw new Error("keiyaku's package.json was not found in any folder above its code.");
  return readVersion(parent);
}

/** The version that the folder's package.json states; undefined when there is none, or it is another package's. */
function versionIn(folder: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, "package.json"), "utf8");
  } catch {
    return undefined;
  }
  const manifest = JSON.parse(text) as { name?: unknown; version?: unknown };
  return manifest.name === "keiyaku" && typeof manifest.version === "string" ? manifest.version : undefined;
}
