import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { executionStatements, isFailpointName, otherStatements } from "../../src/failpoint-names.ts";

/** The names of all statements, as they stand in the code: `db.run("ping", …)`, also over two lines or through `runFreeing`. */
function namesIn(text: string): readonly string[] {
  const calls = /\bdb\.run(?:<(?:[^<>]|<[^<>]*>)*>)?\(\s*([^,]+),|\brunFreeing\(db,\s*([^,]+),/g;
  return [...text.matchAll(calls)].map(([, run, freeing]) => (run ?? freeing ?? "").trim());
}

const folder = "src/store";
const statements = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => {
    const text = readFileSync(`${folder}/${file}`, "utf8");
    return namesIn(text).map((name) => ({ file, name, text }));
  });

test("every statement of the store is a failpoint by its name", () => {
  const nameless = statements.filter(({ name }) => !name.startsWith('"'));
  // Those that are handed their name: by `runFreeing`, whose callers are read, and by the two of the catalog.
  expect(nameless.map(({ file, name }) => `${file} ${name}`)).toEqual([
    "put-catalog.ts statement",
    "ring-list.ts name",
  ]);

  const named = statements.filter(({ name }) => name.startsWith('"')).map(({ name }) => name.slice(1, -1));
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((name) => !isFailpointName(`before:${name}`))).toEqual([]);
});

test("and there is no failpoint of a statement that is not there", () => {
  const named = new Set(statements.map(({ name }) => name.replaceAll('"', "")));
  expect([...executionStatements, ...otherStatements].filter((name) => !named.has(name))).toEqual([]);
});
