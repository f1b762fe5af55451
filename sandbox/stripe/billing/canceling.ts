import type { Change } from "../core/change.ts";
import type { StoredInvoice, StoredSubscription } from "../core/stored.ts";
import { recordInvoice, recordSubscription } from "./effects.ts";

type Details = StoredSubscription["cancellation_details"];

/** Whether a subscription is over for good. */
export function hasEnded({ status }: StoredSubscription): boolean {
  return status === "canceled" || status === "incomplete_expired";
}

/** A subscription that has ended. */
export function canceledSubscription(
  subscription: StoredSubscription,
  at: number,
  details: Details,
): StoredSubscription {
  return {
    ...subscription,
    cancel_at_period_end: false,
    canceled_at: subscription.canceled_at ?? at,
    cancellation_details: details,
    ended_at: at,
    status: "canceled",
  };
}

/**
 * Ends a subscription at once. The customer's open invoices stay open and can still be paid, but Stripe no longer
 * collects them by itself. No money moves.
 */
export function cancelSubscription(
  change: Change,
  subscription: StoredSubscription,
  details: Partial<Details>,
): StoredSubscription {
  const canceled = change.put(
    canceledSubscription({ ...subscription, canceled_at: change.now }, change.now, {
      ...subscription.cancellation_details,
      ...details,
      reason: "cancellation_requested",
    }),
  );
  recordSubscription(change, "subscription.canceled", canceled);
  stopCollecting(change, subscription.customer);
  return canceled;
}

/** Ends a subscription that nobody has asked to end now: its end was reached, its invoice unpaid, its charge disputed. */
export function endSubscription(
  change: Change,
  subscription: StoredSubscription,
  reason: NonNullable<Details["reason"]>,
): void {
  if (hasEnded(subscription)) return;
  const details = { ...subscription.cancellation_details, reason };
  const ended = change.put({
    ...canceledSubscription(subscription, change.now, details),
    // Of a canceled subscription the flag says whether it did end with its period.
    cancel_at_period_end: reason === "cancellation_requested" && subscription.cancel_at_period_end,
  });
  recordSubscription(change, "subscription.canceled", ended);
  stopCollecting(change, subscription.customer);
}

/** An invoice that Stripe no longer collects by itself. It stays payable. */
export function notCollected(invoice: StoredInvoice): StoredInvoice {
  return { ...invoice, auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null };
}

function stopCollecting(change: Change, customer: string): void {
  for (const invoice of change.objects.invoice.oldestFirst("customer", customer)) {
    if (invoice.status !== "open" || !invoice.auto_advance) continue;
    recordInvoice(change, "invoice.updated", change.put(notCollected(invoice)));
  }
}
