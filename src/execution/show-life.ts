import { takeoverAfterMs } from "../store/admit-operation.ts";
import { giveSignOfLife } from "../store/journal.ts";
import { answerWithinMs, type StripeGateway } from "../stripe/gateway.ts";
import { wrapGateway } from "../stripe/watched-gateway.ts";
import type { Attempt } from "./attempt.ts";
import type { ExecutionDeps } from "./deps.ts";

/**
 * How long an attempt may have been silent when it begins a request: half of what the longest request leaves of the time
 * after which it is taken over. The other half is for the probe, and the statement, that may follow the request.
 */
const silentMsMax = (takeoverAfterMs - answerWithinMs) / 2;

/**
 * The gateway for an attempt that must not be taken over because Stripe is slow: before a request that might make its
 * silence too long, the attempt writes that it is at work. One that has been taken over learns it there, by a conflict,
 * and asks for nothing.
 */
export function showingLife({ db, gateway, clock }: ExecutionDeps, { guard }: Attempt): StripeGateway {
  let lastMs = clock.monotonicMs();
  return wrapGateway(gateway, async (_, request) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lastMs > silentMsMax) {
      await giveSignOfLife(db, guard);
      lastMs = nowMs;
    }
    return await request();
  });
}
