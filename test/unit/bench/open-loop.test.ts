import { expect, test } from "vitest";
import { type LoopClock, runOpenLoop } from "../../../bench/open-loop.ts";

/** A clock that goes on only when somebody sleeps, or a server takes its time. */
function setup() {
  let now = 5_000;
  const clock: LoopClock = {
    nowMs: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
  const listeners: ((index: number) => void)[] = [];
  return {
    clock,
    takes: (ms: number) => {
      now += ms;
    },
    listen: (settled: (index: number) => void) => void listeners.push(settled),
    settle: (index: number) => {
      for (const listener of listeners) listener(index);
    },
  };
}

test("requests are sent by the clock", async () => {
  const { clock, listen, settle } = setup();
  const sentAt: number[] = [];
  const send = (index: number) => {
    sentAt.push(clock.nowMs());
    settle(index);
  };
  await runOpenLoop({ requests: 4, perSecond: 100, send, listen }, clock);
  expect(sentAt).toEqual([5_000, 5_010, 5_020, 5_030]);
});

test("a pause is seen by every request that was due in it", async () => {
  const { clock, listen, settle, takes } = setup();
  const send = (index: number) => {
    if (index === 2) takes(35);
    settle(index);
  };
  const latencies = await runOpenLoop({ requests: 7, perSecond: 100, send, listen }, clock);
  expect(latencies).toEqual([0, 0, 35, 25, 15, 5, 0]);
});

test("a request that is never settled is told", async () => {
  const { clock, listen, settle } = setup();
  const send = (index: number) => {
    if (index !== 1) settle(index);
  };
  const running = runOpenLoop({ requests: 3, perSecond: 100, send, listen }, clock);
  await expect(running).rejects.toThrow("1 of 3 requests were not settled");
});

test("a request that is settled twice is told", async () => {
  const { clock, listen, settle } = setup();
  const send = (index: number) => {
    settle(index);
    if (index === 1) settle(index);
  };
  const running = runOpenLoop({ requests: 3, perSecond: 100, send, listen }, clock);
  await expect(running).rejects.toThrow("request 1 was settled twice");
});
