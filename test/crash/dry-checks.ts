import { expect } from "vitest";
import { executionFailpoints } from "../../src/failpoint-names.ts";
import type { DryRun } from "./dry-run.ts";

/** A sign of life is given by an attempt alone that looks for longer than twenty seconds to see its plan. */
const unpassed: readonly string[] = ["before:sign_of_life", "after:sign_of_life"];

/**
 * Holds what comes of the operations when nothing goes wrong against what the scenarios say by hand, and our books against
 * Stripe's. Fails, too, when there is a failpoint of execution at which no operation would be hit.
 */
export function expectDryRuns(runs: readonly DryRun[]): void {
  for (const { scenario, standing } of runs) {
    const { name, effects, status } = scenario;
    const found = { name, effects: standing.effects, status: standing.status, refunds: standing.refunds.ours };
    expect(found).toEqual({ name, effects: effects.toSorted(), status, refunds: standing.refunds.theirs });
  }
  const passed = new Set(runs.flatMap(({ points }) => points.map(({ name }) => name)));
  expect(executionFailpoints.filter((name) => !passed.has(name))).toEqual(unpassed);
}
