import type { Member } from "../crew.ts";
import type { Fault } from "./fault.ts";

/**
 * Ahead by more than the lock of a job and by an hour, and behind. Far enough to be noticed, and no further behind than a
 * leap of time leaves room for: two clocks guard a call, and here only the wall's leaps.
 */
const skewsMs = [45_000, 3_600_000, -20_000] as const;

/** In which life of which worker a clock was set back: once in each. */
const setBack = new WeakMap<Member, number>();

/** A worker's wall clock goes wrong while it works, until it is started again. */
export const clockSkewed: Fault = async (_world, { worker, random }) => {
  const skewMs = random.pick(skewsMs);
  const maySetBack = setBack.get(worker) !== worker.starts;
  if (skewMs < 0) setBack.set(worker, worker.starts);
  worker.clock.set(worker.clock.aheadMs + (skewMs < 0 && !maySetBack ? -skewMs : skewMs));
};
