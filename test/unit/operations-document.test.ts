import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { operationsDocument } from "../../scripts/operations-document.ts";
import { operationKinds } from "../../src/contract/operation.ts";

test("docs/operations.md is what the rules say now; npm run generate writes it", () => {
  const written = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
  expect(written).toBe(operationsDocument());
  for (const kind of operationKinds) expect(written.split(`| \`${kind}\` |`)).toHaveLength(2);
});
