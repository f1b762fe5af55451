import { expect, test } from "vitest";
import { resultOf } from "../../../bench/refund-limited.ts";

const calls = (statuses: readonly (number | null)[]) => statuses.map((status) => ({ status }));

test("the row holds the seconds against those of its calls at the limit", () => {
  const measured = { operations: 200, seconds: 6.6, calls: calls(Array(600).fill(200)), peakRss: 161.5 };
  expect(resultOf(measured)).toEqual({
    name: "refund.limited",
    unit: "s",
    median: 6.6,
    min: 6.6,
    max: 6.6,
    baseline: 6,
    ratio: 6.6 / 6,
    notes: { callsPerOperation: 3, refusedCalls: 0, workerPeakRssMiB: 161.5 },
  });
});

test("refused calls make no time of their own right, and lost replies were calls", () => {
  const statuses = [...Array(98).fill(200), null, 402, 429, 429];
  const { baseline, notes } = resultOf({ operations: 50, seconds: 2, calls: calls(statuses), peakRss: null });
  expect(baseline).toBe(1);
  expect(notes).toEqual({ callsPerOperation: 2, refusedCalls: 2, workerPeakRssMiB: null });
});
