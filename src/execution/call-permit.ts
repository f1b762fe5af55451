import type { Clock } from "../clock.ts";
import type { MayBeSent } from "../stripe/gateway.ts";

/**
 * How long after it was journaled a call may be sent. The journal's own times are trusted for this long only: whoever was
 * away for longer may have been taken over, and the key may have been given up for the next one.
 */
const sendWithinMs = 60_000;

/**
 * The permit for a call that is about to be journaled: good for a minute from now. To be taken before the statement is sent,
 * so that it begins no later than the moment that the journal will name, however long the statement's answer takes.
 *
 * Two clocks have to agree: the monotonic one stands still while a virtual machine is suspended, and the wall clock may be
 * set back. What neither sees is told in `docs/decisions/0015-a-call-leaves-within-a-minute.md`.
 */
export function permitFromNow(clock: Pick<Clock, "monotonicMs" | "nowMs">): MayBeSent {
  const [monotonicMs, wallMs] = [clock.monotonicMs(), clock.nowMs()];
  return () => Math.max(clock.monotonicMs() - monotonicMs, clock.nowMs() - wallMs) <= sendWithinMs;
}
