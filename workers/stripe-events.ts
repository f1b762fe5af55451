import type { Job, Processor } from "bullmq";
import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import { readDelivery, refusedDelivery } from "../src/queue/read-delivery.ts";
import { refuseUnreadable } from "../src/store/accept-request.ts";
import type { Database } from "../src/store/database.ts";
import { takeInEvents } from "../src/store/take-in-events.ts";
import type { StripeEvent } from "../src/stripe/events.ts";
import { type ArrivalAnswer, type ExpectedEvents, verifyEvent } from "../src/stripe/verify-event.ts";
import { isAboutContent, writeInHand } from "./in-hand.ts";

/** What the jobs of the queue `stripe-events` need from outside. */
export interface StripeEventsDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly expected: ExpectedEvents;
  /** Hears how each job was answered. Nobody does unless given. */
  readonly arrived?: (answer: ArrivalAnswer) => void;
  /** Hears of each event of ours that was delivered. Nobody does unless given. */
  readonly verified?: (event: StripeEvent) => void;
  /** Aborted when the process is to stop: a job in hand goes back into the queue. */
  readonly stopping: AbortSignal;
}

/** What a job leaves behind: a word of ours, never anything of what it carried. */
export interface DeliveryJobAnswer {
  readonly answer: ArrivalAnswer;
}

/** How what arrived is to be answered, once it is known what it is. */
type Judged =
  | { readonly type: "event"; readonly event: StripeEvent }
  | { readonly type: "refused"; readonly reason: ArrivalAnswer; readonly field: string; readonly problem: string };

/**
 * Takes the jobs of the queue `stripe-events`: what Stripe sent to a relay of somebody else's. Each is verified here, by its
 * body and signature, so that whoever can write into the queue can still not make events; then it is in the inbox.
 *
 * What is no event of ours ends in success too, as a row of `refused_requests` that keeps nothing of it, and is never tried
 * again; only what could not be written down yet stays in the queue.
 */
export function createStripeEventsProcessor(deps: StripeEventsDeps): Processor<unknown, DeliveryJobAnswer> {
  return async (job, token) => {
    const answer = await writeInHand(deps, job, token, () => take(deps, job));
    deps.arrived?.(answer);
    return { answer };
  };
}

async function take(deps: StripeEventsDeps, job: Job<unknown>): Promise<ArrivalAnswer> {
  const judged = judge(deps, job);
  if (judged.type === "refused") return refuse(deps, job, judged);
  deps.verified?.(judged.event);
  try {
    const taken = await takeInEvents(deps.db, [judged.event], "queue");
    return taken.length > 0 ? "taken_in" : "duplicate";
  } catch (error) {
    if (!isAboutContent(error)) throw error;
    const problem = `cannot be stored (${error.code})`;
    return refuse(deps, job, { type: "refused", reason: "payload_invalid", field: "body", problem });
  }
}

function judge({ clock, expected }: StripeEventsDeps, { name, data, timestamp }: Job<unknown>): Judged {
  const read = readDelivery(name, data);
  if (read.type === "unreadable") return { ...read, type: "refused", reason: "payload_invalid" };
  // When it was queued, since it may have waited for days; whatever clock has said so, that was not in the future.
  return verifyEvent(read.delivery, expected, Math.min(timestamp, clock.nowMs()));
}

async function refuse(
  { db, log }: StripeEventsDeps,
  { data }: Job<unknown>,
  { reason, field, problem }: Extract<Judged, { type: "refused" }>,
): Promise<ArrivalAnswer> {
  await refuseUnreadable(db, refusedDelivery(data, field, problem));
  log.warn({ reason, field }, "a delivery was refused");
  return reason;
}
