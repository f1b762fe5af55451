import { expect, test } from "vitest";
import { resultsOf } from "../../../bench/growth.ts";

const ledgers = new Map(
  [10_000, 100_000, 1_000_000].map(
    (contracts) => [contracts, { rowBytes: 300, indexBytes: contracts / 10_000, contractBytes: 900 }] as const,
  ),
);
const figures = new Map([
  ["growth.10000", [1_000, 1_000]],
  ["growth.10000.after_checkpoint", [950, 950]],
  ["growth.100000", [980, 980]],
  ["growth.100000.after_checkpoint", [700, 700]],
  ["growth.1000000", [900, 900]],
  ["growth.1000000.after_checkpoint", [500, 500]],
]);
const logBytes = new Map([...figures.keys()].map((name, index) => [name, [index * 1_000]]));

test("the row holds the largest against the smallest, each with its pages touched before", () => {
  const [first] = resultsOf(figures, logBytes, ledgers, 4_000);
  expect(first).toMatchObject({ name: "growth", median: 900, baseline: 1_000, ratio: 0.9 });
  expect(first?.notes).toEqual({
    operations: 4_000,
    walBytes: 4_000,
    rowBytes: 300,
    indexBytes: 100,
    contractBytes: 900,
  });
});

test("each size has a row, also right after a checkpoint, against the smallest", () => {
  const [, ...others] = resultsOf(figures, logBytes, ledgers, 4_000);
  expect(others.map(({ name, ratio }) => [name, ratio])).toEqual([
    ["growth.10000", 1],
    ["growth.10000.after_checkpoint", 0.95],
    ["growth.100000", 0.98],
    ["growth.100000.after_checkpoint", 0.7],
    ["growth.1000000", 0.9],
    ["growth.1000000.after_checkpoint", 0.5],
  ]);
});
