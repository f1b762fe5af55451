import { expect, test } from "vitest";
import { sharesOf } from "../../../bench/processor-profile.ts";
import { parseStat } from "../../../bench/processor-time.ts";
import { type ServerWork, workBetween } from "../../../bench/server-work.ts";
import { resultsOf } from "../../../bench/start.ts";

test("the ticks of a process are read past a name that holds spaces and parentheses", () => {
  const line = "42 (postgres: a) (b) S 7 42 42 0 -1 4194560 900 0 0 0 150 25 30 5 20 0 1 0 100 1000 200";
  expect(parseStat(line)).toEqual({ parent: 7, ticks: 175, endedTicks: 35 });
});

test("busy time belongs to whose code ran, and idle time to nobody", () => {
  const node = (id: number, functionName: string, url = "") => ({
    id,
    callFrame: { functionName, scriptId: "0", url, lineNumber: 0, columnNumber: 0 },
  });
  const profile = {
    nodes: [
      node(1, "(idle)"),
      node(2, "(garbage collector)"),
      node(3, "send", "file:///app/node_modules/postgres/src/connection.js"),
      node(4, "add", "file:///app/node_modules/@scope/thing/index.js"),
      node(5, "admit", import.meta.resolve("../../../src/execution/admit.ts")),
      node(6, "emit", "node:events"),
      node(7, "(program)"),
    ],
    startTime: 0,
    endTime: 1_000,
    samples: [1, 2, 3, 3, 4, 5, 6, 7],
    timeDeltas: [500, 100, 100, 100, 50, 100, 20, 30],
  };
  expect(sharesOf(profile)).toEqual([
    ["postgres", 0.4],
    ["garbage collection", 0.2],
    ["src/execution", 0.2],
    ["@scope/thing", 0.1],
    ["the system and native code", 0.06],
    ["node", 0.04],
  ]);
});

test("what a server did between two moments is what it has counted since, the costliest statement first", () => {
  const statement = (id: string, calls: number, executionMs: number) => ({
    id,
    text: id,
    isSent: id !== "inner",
    calls,
    executionMs,
    leastMs: 0,
    walBytes: calls * 10,
  });
  const counted = (statements: ServerWork["statements"], factor: number): ServerWork => ({
    calls: 0,
    executionMs: 0,
    commits: 10 * factor,
    walBytes: 100 * factor,
    fullPageImages: factor,
    walSyncs: 3 * factor,
    statements,
  });
  const before = counted([statement("accept", 5, 5), statement("old", 1, 1)], 1);
  const after = counted(
    [statement("accept", 8, 9), statement("old", 1, 1), statement("settle", 3, 12), statement("inner", 9, 1)],
    3,
  );
  const work = workBetween(before, after);
  expect(work).toMatchObject({ calls: 6, executionMs: 16, commits: 20, walBytes: 200, fullPageImages: 2, walSyncs: 6 });
  expect(work.statements.map(({ id, calls, executionMs, walBytes }) => [id, calls, executionMs, walBytes])).toEqual([
    ["settle", 3, 12, 30],
    ["accept", 3, 4, 30],
    ["inner", 9, 1, 90],
  ]);
});

test("a start is held against an empty program's, and the most memory against that at rest", () => {
  const figures = new Map([
    ["start", [1.2, 1]],
    ["node", [0.05, 0.05]],
  ]);
  const [starting, memory] = resultsOf(figures, { atRest: 80, peak: 160, redisBytesPerRequest: 900 }, 20_000);
  expect(starting).toMatchObject({ name: "start", unit: "s", median: 1.1, baseline: 0.05, ratio: 22 });
  expect(memory).toMatchObject({ name: "start.memory", median: 160, baseline: 80, ratio: 2 });
  expect(memory?.notes).toEqual({ waiting: 20_000, atRestMiB: 80, peakMiB: 160, redisBytesPerRequest: 900 });
});
