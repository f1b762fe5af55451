import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { invariants } from "../../../src/audit/invariants.ts";
import { differenceTypes } from "../../../src/reconcile/difference.ts";

/** The first cells of the rows of the table between two marks, without its head. */
function rowsOf(page: string, mark: string): readonly (readonly string[])[] {
  const text = readFileSync(join(import.meta.dirname, "../../../docs", page), "utf8");
  const [, table = ""] = new RegExp(`<!-- ${mark} -->\\n([\\s\\S]*)<!-- /${mark} -->`).exec(text) ?? [];
  const rows = table.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) => row.split("|").map((cell) => cell.trim().replaceAll("`", "")));
}

describe("the operators' pages about the books", () => {
  it("tell every type of difference, and no other", () => {
    expect(rowsOf("reconcile.md", "differences").map(([, type]) => type)).toEqual([...differenceTypes]);
  });

  it("tell every invariant by its own sentence", () => {
    expect(rowsOf("audit.md", "invariants").map(([, id, claim]) => [id, claim])).toEqual(
      invariants.map(({ id, claim }) => [id, claim]),
    );
  });
});
