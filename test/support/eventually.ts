import { setTimeout as pause } from "node:timers/promises";

/** How long and how often to ask, and how to call what is waited for in the error. */
export interface EventuallyOptions {
  withinMs: number;
  /** Pause between two probes; 25 ms unless told, short enough not to be felt and long enough not to be a load. */
  everyMs?: number;
  /** Finishes the sentence "waited … for". */
  describe?: string;
}

/**
 * Asks until the probe gives a truthy value without throwing, and returns that value.
 *
 * At least one probe is made, and the last begins when the time is up, so that a busy machine does not fail a condition that came
 * true in time. The error tells what the last probe threw or gave. A probe that never ends is not cut off: give it its own limit.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { withinMs, everyMs = 25, describe = "a condition" }: EventuallyOptions,
): Promise<Exclude<T, undefined | null | false | 0 | "">> {
  const startedAt = performance.now();
  for (;;) {
    const isLast = performance.now() - startedAt >= withinMs;
    let reason: string;
    let cause: unknown;
    try {
      const value = await probe();
      if (value) return value as Exclude<T, undefined | null | false | 0 | "">;
      reason = `the last probe gave ${String(value)}`;
    } catch (error) {
      reason = `the last probe threw: ${error instanceof Error ? error.message : String(error)}`;
      cause = error;
    }
    if (isLast) throw new Error(`Waited ${withinMs} ms for ${describe}; ${reason}`, { cause });
    await pause(everyMs);
  }
}
