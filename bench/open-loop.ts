import { setTimeout as pause } from "node:timers/promises";

/** What happened to the n-th of a series of requests, in milliseconds from the moment at which it was to be sent. */
export type Latencies = readonly number[];

export interface OpenLoop {
  readonly requests: number;
  readonly perSecond: number;
  /** Sends the n-th request, counted from 0. Nobody waits for it. */
  readonly send: (index: number) => void;
  /** Calls `settled` with a request's index once it is settled. */
  readonly listen: (settled: (index: number) => void) => void;
}

/** Milliseconds from any moment, and a wait. */
export interface LoopClock {
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

const monotonicClock: LoopClock = {
  nowMs: () => performance.now(),
  sleep: async (ms) => {
    await pause(ms);
  },
};

/** Long enough for any pause of a server or of this process; a request that was lost is never settled. */
const stuckAfterMs = 30_000;

/**
 * Sends requests by the clock, whatever becomes of those before, and takes each one's latency from the moment at which it
 * was due: what a slow server makes the sender late by is part of it. So a pause of a second is seen by all that would have
 * come in it, not by the one that was on its way ("coordinated omission").
 *
 * Resolves once all are settled; rejects when half a minute brings no more of them, or one is settled twice.
 */
export async function runOpenLoop(
  { requests, perSecond, send, listen }: OpenLoop,
  { nowMs, sleep }: LoopClock = monotonicClock,
): Promise<Latencies> {
  const everyMs = 1_000 / perSecond;
  const beganMs = nowMs();
  const dueMs = (index: number) => beganMs + index * everyMs;
  const latencies = Array.from({ length: requests }, () => Number.NaN);
  let settledCount = 0;
  let lastSettledMs = beganMs;
  let failure: Error | undefined;
  listen((index) => {
    if (!Number.isNaN(latencies[index])) failure ??= new Error(`request ${index} was settled twice, or was never sent`);
    lastSettledMs = nowMs();
    latencies[index] = lastSettledMs - dueMs(index);
    settledCount += 1;
  });
  for (let next = 0; next < requests; ) {
    while (next < requests && dueMs(next) <= nowMs()) {
      send(next);
      next += 1;
    }
    if (next < requests) await sleep(Math.max(0, dueMs(next) - nowMs()));
  }
  lastSettledMs = Math.max(lastSettledMs, nowMs());
  while (failure === undefined && settledCount < requests) {
    await sleep(20);
    if (settledCount < requests && nowMs() - lastSettledMs > stuckAfterMs) {
      failure = new Error(`${requests - settledCount} of ${requests} requests were not settled`);
    }
  }
  if (failure !== undefined) throw failure;
  return latencies;
}
