import { readFileSync } from "node:fs";

/**
 * Time as it passes for whoever shares a machine. While others want the processors too, a second counts for less: at the least a fifth
 * of one, when there is always somebody who waits. On a machine that does not tell how crowded it is, a second is a second.
 */
export class UncrowdedTime {
  readonly #pressure: () => number | undefined;
  readonly #now: () => number;
  #passedMs = 0;
  #lastMs: number;
  #lastWaitedMs: number | undefined;

  constructor(pressure: () => number | undefined = readWaitedMs, now: () => number = () => performance.now()) {
    this.#pressure = pressure;
    this.#now = now;
    this.#lastMs = now();
    this.#lastWaitedMs = pressure();
  }

  /** Milliseconds since the beginning. Never goes back. */
  get passedMs(): number {
    const nowMs = this.#now();
    const waitedMs = this.#pressure();
    const elapsedMs = nowMs - this.#lastMs;
    const crowdedMs = waitedMs === undefined || this.#lastWaitedMs === undefined ? 0 : waitedMs - this.#lastWaitedMs;
    const share = elapsedMs === 0 ? 0 : Math.min(Math.max(crowdedMs / elapsedMs, 0), 1);
    this.#passedMs += elapsedMs * (1 - 0.8 * share);
    this.#lastMs = nowMs;
    this.#lastWaitedMs = waitedMs;
    return this.#passedMs;
  }
}

/** For how long, since the machine was started, somebody was waiting for a processor, as Linux tells it. */
function readWaitedMs(): number | undefined {
  try {
    const [, total] = /^some .*total=(\d+)$/m.exec(readFileSync("/proc/pressure/cpu", "utf8")) ?? [];
    return total === undefined ? undefined : Number(total) / 1_000;
  } catch {
    return undefined;
  }
}
