import type { Change } from "../core/change.ts";
import type { StoredInvoice, StoredSubscription } from "../core/stored.ts";
import { DRAFT_SECONDS, invoiceObject } from "../objects/invoice.ts";
import { recurrenceOf } from "../objects/price.ts";
import { itemOf, withPeriod } from "../objects/subscription-item.ts";
import { recordSubscription } from "./effects.ts";
import { pendingLine, periodLines } from "./lines.ts";
import { collectNow, draftOfPending, pendingItems, takePending } from "./pending-items.ts";
import { type Period, periodAt, periodIndexOf } from "./periods.ts";
import { chargeRemainingTime } from "./prorating.ts";

/** A subscription that is at rest: it makes no invoices, and its periods do not advance. */
export function pauseSubscription(
  change: Change,
  subscription: StoredSubscription,
  reason: "final_payment_failure" | "pause_requested",
): StoredSubscription {
  const paused = change.put({
    ...subscription,
    status: "paused" as const,
    status_details: {
      paused: { subscription: { type: reason }, transitioned_at: change.now, type: "subscription" as const },
    },
  });
  recordSubscription(change, "subscription.paused", paused);
  return paused;
}

/** Begins a new period now, which is invoiced and collected at once. A card that declines leaves it past due. */
export function resumeAnew(change: Change, paused: StoredSubscription): void {
  const { now } = change;
  const period = periodAt(now, recurrenceOfAll(paused), 0);
  const resumed = { ...resumedSubscription(paused, period), billing_cycle_anchor: now };
  const invoice = change.put(resumptionInvoice(change, resumed, period));
  takePending(change, resumed.id, invoice.id);
  recordSubscription(change, "subscription.resumed", change.put({ ...resumed, latest_invoice: invoice.id }));
  collectNow(change, invoice);
}

/** Goes on in the period in which now lies, as if there had been no pause, and charges for what is left of it. */
export function resumeUnchanged(
  change: Change,
  paused: StoredSubscription,
  proration: "none" | "create_prorations" | "always_invoice",
): void {
  const { billing_cycle_anchor: anchor } = paused;
  const recurrence = recurrenceOfAll(paused);
  const period = periodAt(anchor, recurrence, periodIndexOf(anchor, recurrence, change.now));
  const resumed = change.put(resumedSubscription(paused, period));
  if (proration !== "none") chargeRemainingTime(change, resumed, change.now);
  const draft = proration === "always_invoice" ? draftOfPending(change, resumed, "subscription_update") : null;
  recordSubscription(change, "subscription.resumed", change.objects.subscription.get(resumed.id) ?? resumed);
  if (draft !== null) collectNow(change, draft);
}

function resumedSubscription(paused: StoredSubscription, period: Period): StoredSubscription {
  const { status_details: _, ...rest } = paused;
  return { ...withPeriod(rest, period), status: "active" };
}

function resumptionInvoice(change: Change, subscription: StoredSubscription, period: Period): StoredInvoice {
  const customer = change.objects.customer.get(subscription.customer);
  if (customer === undefined) throw new Error(`There is no customer ${subscription.customer}`);
  return invoiceObject({
    created: change.now,
    customer,
    currency: subscription.currency,
    status: "draft",
    billingReason: "subscription_update",
    parent: { subscription: subscription.id, metadata: subscription.metadata },
    lines: [...periodLines(subscription, period), ...pendingItems(change, subscription.id).map(pendingLine)],
    periodStart: change.now,
    periodEnd: change.now,
    autoAdvance: true,
    attemptCount: 0,
    nextPaymentAttempt: change.now + DRAFT_SECONDS,
  });
}

function recurrenceOfAll(subscription: StoredSubscription) {
  const recurrence = recurrenceOf(itemOf(subscription).price);
  if (recurrence === null) throw new Error(`The price of ${subscription.id} does not recur`);
  return recurrence;
}
