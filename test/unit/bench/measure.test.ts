import { expect, test } from "vitest";
import { against, greatest, measureAll, percentile } from "../../../bench/measure.ts";

test("everybody comes once in each round, each time another first, and the warm-up does not count", async () => {
  const order: string[] = [];
  const contestant = (name: string, base: number) => ({
    name,
    run: async (round: number) => {
      order.push(`${round}${name}`);
      return base + round;
    },
  });
  const figures = await measureAll([contestant("a", 10), contestant("b", 20), contestant("c", 30)], 3, () => undefined);
  expect(order).toEqual(["0a", "0b", "0c", "1b", "1c", "1a", "2c", "2a", "2b", "3a", "3b", "3c"]);
  expect(Object.fromEntries(figures)).toEqual({ a: [11, 12, 13], b: [21, 22, 23], c: [31, 32, 33] });
});

test("the ratio is that of the same round, so that a machine which drifts moves both", () => {
  const figures = new Map([
    ["ours", [50, 100, 300]],
    ["theirs", [100, 200, 600]],
  ]);
  expect(against(figures, "ours", "theirs")).toEqual({ median: 100, min: 50, max: 300, baseline: 200, ratio: 0.5 });
});

test("the greatest is that of the largest median, not of the best round", () => {
  const figures = new Map([
    ["steady", [10, 11, 12]],
    ["lucky", [1, 2, 100]],
  ]);
  expect(greatest(figures, ["lucky", "steady"])).toBe("steady");
});

test("a percentile is a figure that was measured", () => {
  const figures = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(percentile(figures, 0.5)).toBe(100);
  expect(percentile(figures, 0.99)).toBe(198);
  expect(percentile([7], 0.99)).toBe(7);
});
