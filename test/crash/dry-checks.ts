import { expect } from "vitest";
import { nextStep } from "../../src/contract/next.ts";
import { type OperationKind, operationKinds } from "../../src/contract/operation.ts";
import { executionFailpoints } from "../../src/failpoint-names.ts";
import { factsOf } from "../unit/contract/support/rule-cells.ts";
import { possibleCells } from "../unit/contract/support/rule-table.ts";
import type { DryRun } from "./dry-run.ts";

/**
 * A sign of life is given only by an attempt that begins a request more than ten seconds after it last wrote anything, as none
 * does while Stripe answers at once. `slow.test.ts` has one that waits, and hits it there.
 */
const unpassed: readonly string[] = ["before:sign_of_life", "after:sign_of_life"];

/**
 * Holds what comes of the operations when nothing goes wrong against what the scenarios say by hand, and our books against
 * Stripe's. Fails, too, when there is a failpoint of execution at which no operation would be hit, or a kind that asks Stripe
 * for something and of which there is no scenario.
 */
export function expectDryRuns(runs: readonly DryRun[]): void {
  for (const { scenario, standing } of runs) {
    const { name, effects, status } = scenario;
    const found = { name, effects: standing.effects, status: standing.status, refunds: standing.refunds.ours };
    expect(found).toEqual({ name, effects: effects.toSorted(), status, refunds: standing.refunds.theirs });
  }
  const passed = new Set(runs.flatMap(({ points }) => points.map(({ name }) => name)));
  expect(executionFailpoints.filter((name) => !passed.has(name))).toEqual(unpassed);
  const asked = new Set(runs.filter(({ sendings }) => sendings.length > 0).map(({ scenario }) => scenario.kind));
  expect(kindsThatAsk().filter((kind) => !asked.has(kind))).toEqual([]);
}

/** The kinds whose rule looks or calls first, of some contract by card and asked by somebody. */
function kindsThatAsk(): readonly OperationKind[] {
  const cells = possibleCells().filter(({ paidBy }) => paidBy === "card");
  const kinds = operationKinds.filter((kind) =>
    cells.some((cell) => ["look", "call"].includes(nextStep(factsOf(kind, cell), new Map()).type)),
  );
  expect(kinds.length).toBeGreaterThan(10);
  return kinds;
}
