import type { Change } from "../core/change.ts";
import type { StoredInvoice, StoredSubscription } from "../core/stored.ts";
import { endSubscription, notCollected } from "./canceling.ts";
import { cardForInvoice, collectInvoice, isGivenUp, type Schedule } from "./collecting.ts";
import { recordInvoice, recordSubscription } from "./effects.ts";
import { billedSubscription, finalizeInvoice, intentOf, voidInvoice, writeOffInvoice } from "./invoicing.ts";
import { pauseSubscription } from "./pausing.ts";

const DAY_SECONDS = 24 * 60 * 60;

/** The draft hour is over: the invoice is final and, unless collection is paused, collected at once. */
export function finalizeDueInvoice(change: Change, draft: StoredInvoice): void {
  const invoice = finalizeInvoice(change, draft);
  if (invoice.status !== "open") return;
  const paused = billedSubscription(change, invoice)?.pause_collection?.behavior;
  if (paused === "void") voidInvoice(change, invoice);
  else if (paused === "mark_uncollectible") writeOffInvoice(change, invoice, "subscription_paused");
  else collectDueInvoice(change, invoice);
}

/**
 * One automatic attempt. A card that was refused for good is not charged again; the attempt is counted all the same, and
 * the schedule goes on until a new card is there or the retries are used up.
 */
export function collectDueInvoice(change: Change, invoice: StoredInvoice): void {
  const schedule = scheduleAfter(change, invoice);
  const tried = attemptDue(change, invoice, schedule);
  if (tried.status !== "open") return;
  const subscription = billedSubscription(change, tried);
  if (schedule.next_payment_attempt === null) {
    giveUp(change, tried, subscription);
    return;
  }
  change.emit("invoice.updated", tried);
  if (subscription !== undefined) becomePastDue(change, subscription);
}

function attemptDue(change: Change, invoice: StoredInvoice, schedule: Schedule): StoredInvoice {
  const card = cardForInvoice(change, invoice);
  if (card !== undefined && !isGivenUp(change, intentOf(change, invoice), card)) {
    return collectInvoice(change, invoice, card, { schedule }).invoice;
  }
  const counted = change.put({ ...invoice, ...schedule, attempted: true });
  // Without any card there is nothing to charge, and that is a failure too.
  if (card === undefined) recordInvoice(change, "invoice.payment_failed", counted);
  return counted;
}

/** The account's retries, counted from this attempt; null after the last one. */
function scheduleAfter(change: Change, invoice: StoredInvoice): Schedule {
  const attempts = invoice.attempt_count + 1;
  const days = change.world.dunning.retryAfterDays[attempts - 1];
  return {
    attempt_count: attempts,
    next_payment_attempt: days === undefined ? null : change.now + days * DAY_SECONDS,
  };
}

/** The last retry has failed: what becomes of subscription and invoice is a setting of the account. */
function giveUp(change: Change, invoice: StoredInvoice, subscription: StoredSubscription | undefined): void {
  const { dunning } = change.world;
  if (subscription !== undefined) {
    if (dunning.subscription === "cancel") endSubscription(change, subscription, "payment_failed");
    else giveUpSubscription(change, subscription, dunning.subscription);
  }
  // Canceling has stopped the collection already.
  const left = change.objects.invoice.get(invoice.id) ?? invoice;
  if (dunning.invoice === "mark_uncollectible") writeOffInvoice(change, left, "max_payment_attempts");
  else change.emit("invoice.updated", left.auto_advance ? change.put(notCollected(left)) : left);
}

function giveUpSubscription(
  change: Change,
  subscription: StoredSubscription,
  action: "mark_unpaid" | "leave_past_due" | "pause",
): void {
  if (action === "leave_past_due") {
    becomePastDue(change, subscription);
    return;
  }
  if (action === "mark_unpaid") {
    recordSubscription(change, "subscription.updated", change.put({ ...subscription, status: "unpaid" }));
    return;
  }
  pauseSubscription(change, subscription, "final_payment_failure");
}

function becomePastDue(change: Change, subscription: StoredSubscription): void {
  if (subscription.status !== "active" && subscription.status !== "trialing") return;
  recordSubscription(change, "subscription.updated", change.put({ ...subscription, status: "past_due" }));
}
