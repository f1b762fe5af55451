import { expect, test } from "vitest";
import { resultsOf } from "../../../bench/peers.ts";

const figures = new Map([
  ["peers.keiyaku", [900, 1_000, 1_100]],
  ["peers.keiyaku_postgres", [3_000, 3_000, 3_000]],
  ["peers.bullmq_redis", [2_000, 2_000, 2_200]],
  ["peers.pg_boss", [1_000, 1_000, 1_000]],
  ["peers.bound_each", [4_000, 4_000, 4_000]],
  ["peers.bound_together", [9_000, 9_000, 9_000]],
]);

test("the row holds keiyaku on Redis against the fastest peer, which neither a bound nor keiyaku itself is", () => {
  const [first] = resultsOf(figures, 20_000);
  expect(first).toMatchObject({ name: "peers", median: 1_000, min: 900, max: 1_100, baseline: 2_000, ratio: 0.5 });
  expect(first?.notes).toMatchObject({ operations: 20_000, of_pg_boss: 1, of_bound_together: 1_000 / 9_000 });
});

test("everybody else has a row against the same peer", () => {
  const [, ...others] = resultsOf(figures, 20_000);
  expect(others.map(({ name, baseline }) => [name, baseline])).toEqual([
    ["peers.keiyaku_postgres", 2_000],
    ["peers.bullmq_redis", 2_000],
    ["peers.pg_boss", 2_000],
    ["peers.bound_each", 2_000],
    ["peers.bound_together", 2_000],
  ]);
  expect(others.find(({ name }) => name === "peers.bullmq_redis")?.ratio).toBe(1);
});
