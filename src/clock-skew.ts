/**
 * How far this host's clock and a server's may be apart. Beyond it the queue on PostgreSQL would take live jobs from
 * others, whose locks it measures by this host's clock.
 */
export const clockSkewMsMax = 2_000;

/** How far a server's clock is ahead of ours, when it told `serverMs` between `beforeMs` and `afterMs` of ours. */
export function skewMsOf(serverMs: number, beforeMs: number, afterMs: number): number {
  return serverMs - (beforeMs + afterMs) / 2;
}
