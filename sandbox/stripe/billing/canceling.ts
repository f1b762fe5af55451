import type { Change } from "../core/change.ts";
import type { StoredSubscription } from "../core/stored.ts";
import { recordInvoice, recordSubscription } from "./effects.ts";

type Details = StoredSubscription["cancellation_details"];

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

function stopCollecting(change: Change, customer: string): void {
  for (const invoice of change.objects.invoice.oldestFirst("customer", customer)) {
    if (invoice.status !== "open" || !invoice.auto_advance) continue;
    const stopped = change.put({ ...invoice, auto_advance: false, next_payment_attempt: null });
    recordInvoice(change, "invoice.updated", stopped);
  }
}
