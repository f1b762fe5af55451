import { describe, expect, it } from "vitest";
import { operationStates } from "../../../src/contract/operation.ts";
import { type ReportType, transitions } from "../../../src/execution/outcome.ts";

/** Written by hand from docs/operation-lifecycle.md: every state, every report, and where it leads. */
const table: Record<string, string> = {
  "requested + succeeded": "succeeded",
  "requested + rejected": "rejected",
  "requested + abandoned": "stays",
  "requested + deferred": "stays",
  "requested + retry": "stays",
  "requested + held": "held",
  "executing + succeeded": "succeeded",
  "executing + rejected": "rejected",
  "executing + abandoned": "stays",
  "executing + deferred": "requested",
  "executing + retry": "requested",
  "executing + held": "held",
  "held + succeeded": "stays",
  "held + rejected": "stays",
  "held + abandoned": "stays",
  "held + deferred": "stays",
  "held + retry": "stays",
  "held + held": "stays",
  "succeeded + succeeded": "stays",
  "succeeded + rejected": "stays",
  "succeeded + abandoned": "stays",
  "succeeded + deferred": "stays",
  "succeeded + retry": "stays",
  "succeeded + held": "stays",
  "rejected + succeeded": "stays",
  "rejected + rejected": "stays",
  "rejected + abandoned": "stays",
  "rejected + deferred": "stays",
  "rejected + retry": "stays",
  "rejected + held": "stays",
  "abandoned + succeeded": "stays",
  "abandoned + rejected": "stays",
  "abandoned + abandoned": "stays",
  "abandoned + deferred": "stays",
  "abandoned + retry": "stays",
  "abandoned + held": "stays",
};

const reports: readonly ReportType[] = ["succeeded", "rejected", "abandoned", "deferred", "retry", "held"];

describe("what a report does to a state", () => {
  it("is told for every pair", () => {
    const pairs = operationStates.flatMap((state) => reports.map((report) => `${state} + ${report}`));
    expect(Object.keys(table)).toEqual(pairs);
  });

  it.each(Object.entries(table))("%s: %s", (pair, leadsTo) => {
    const [state, report] = pair.split(" + ") as [keyof typeof transitions, ReportType];
    expect(transitions[state][report]).toBe(leadsTo);
  });

  it("leaves no final state", () => {
    for (const state of ["succeeded", "rejected", "abandoned"] as const) {
      expect(new Set(Object.values(transitions[state]))).toEqual(new Set(["stays"]));
    }
  });
});
