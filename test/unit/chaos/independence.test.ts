import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const folder = join(import.meta.dirname, "..", "..", "chaos", "judge");

it.each(readdirSync(folder))("the judge's %s imports nothing but its own and the driver's types", (file) => {
  const text = readFileSync(join(folder, file), "utf8");
  const imported = [...text.matchAll(/^(?:import|export) .*? from "([^"]+)";$/gms)].map(([, from = ""]) => from);
  expect(imported.filter((from) => !/^\.\/[\w-]+\.ts$/.test(from) && from !== "postgres")).toEqual([]);
  expect(text).not.toMatch(/\bimport\(/);
});
