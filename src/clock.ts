import { setTimeout as pause } from "node:timers/promises";
import type { Instant } from "./contract/calendar.ts";

/** Time as a value that is passed, so that a test can hold it still or move it. */
export interface Clock {
  /** The moment of the wall clock, in UTC, as ISO 8601 with milliseconds and a `Z`. */
  now(): Instant;
  /** The wall clock in milliseconds since 1970. It can be set back: for what has passed, use {@link Clock.monotonicMs}. */
  nowMs(): number;
  /** Milliseconds since an arbitrary beginning. Never goes back, and means nothing to another process. */
  monotonicMs(): number;
  /** Resolves after `ms`; for zero or less in the next turn of the event loop. Rejects with an `AbortError` as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest time that one timer of Node takes; a longer one would fire after a millisecond instead. */
const timerMaxMs = 2 ** 31 - 1;

/** The machine's own clock: the only place that asks it. */
export const systemClock: Clock = {
  now: () => new Date().toISOString(),
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    let leftMs = ms;
    do {
      await pause(Math.min(Math.max(leftMs, 0), timerMaxMs), undefined, signal === undefined ? {} : { signal });
      leftMs -= timerMaxMs;
    } while (leftMs > 0);
  },
};
