import { describe, expect, test } from "vitest";
import { isOneOf } from "../../../src/contract/contract.ts";
import { type OperationKind, operationKinds } from "../../../src/contract/operation.ts";
import { playWith } from "./support/play.ts";
import { factsOf, stripeAnswers } from "./support/rule-cells.ts";
import { allCells, type Cell, dimensions, nameOf, possibleCells, readTable } from "./support/rule-table.ts";

/*
 * Every kind of operation, asked of every contract that can be, by everybody, on a renewal date and on another day, held
 * against tables that were written by hand: test/fixtures/rules.
 */

const impossible = readTable("impossible", ["contract", "paidBy", "status", "reservedBy"], false);
const cells = [...allCells()];
const possible = possibleCells();

/** What the rules answer, in the words of the tables. */
function answerOf(kind: OperationKind, cell: Cell): string {
  const facts = factsOf(kind, cell);
  const stripe = facts.world === null ? undefined : stripeAnswers(kind, facts);
  const { steps, end } = playWith(facts, (step) => {
    if (stripe === undefined) throw new Error("a registration asks nothing of Stripe");
    return stripe(step);
  });
  if (end.type === "reject") return end.rejection.code;
  const { status, deletion, superseded = false } = end.change;
  if (status === cell.status) throw new Error(`${kind} says that the status changes to what it is`);
  const calls = new Set(steps.flatMap((step) => (step.type === "call" ? [step.call.verb] : [])));
  const to = deletion === undefined ? (status ?? "same") : "deleted";
  return ["ok", to, ...calls, ...(superseded ? ["superseded"] : [])].join(" ");
}

test("every cell is there: those that cannot be are named as such, and every other is asked of every kind", () => {
  const total = Object.values(dimensions).reduce((product, { length }) => product * length, 1);
  expect(cells).toHaveLength(total);
  expect(possible.length).toBeGreaterThan(500);
  for (const row of impossible) expect(cells.some((cell) => row.fits(cell))).toBe(true);
});

describe.each(operationKinds)("%s", (kind) => {
  const rows = readTable(kind, ["actor", "contract", "paidBy", "status", "reservedBy", "day"]);
  const rowOf = (cell: Cell) => rows.find((row) => row.fits(cell));

  test("has a row for every cell, and a cell for every row", () => {
    expect(possible.filter((cell) => rowOf(cell) === undefined).map(nameOf)).toEqual([]);
    const used = new Set(possible.map(rowOf));
    expect(rows.filter((row) => !used.has(row)).map(({ line }) => `line ${line} fits no cell`)).toEqual([]);
  });

  test("answers as its table says, in each of them", () => {
    const wrong = possible.flatMap((cell) => {
      const row = rowOf(cell);
      const answer = answerOf(kind, cell);
      return answer === row?.answer ? [] : [`${nameOf(cell)}: ${answer}, where line ${row?.line} says ${row?.answer}`];
    });
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});

test("the tables speak of statuses that there are", () => {
  for (const kind of operationKinds) {
    for (const { answer, line } of readTable(kind, ["actor", "contract", "paidBy", "status", "reservedBy", "day"])) {
      const [word, to = ""] = answer.split(" ");
      const isKnown = word !== "ok" || isOneOf(to, [...dimensions.status, "same", "deleted"]);
      expect(isKnown, `${kind}.txt, line ${line}`).toBe(true);
    }
  }
});
