import type { Change } from "../core/change.ts";
import type { StoredInvoice, StoredSubscription } from "../core/stored.ts";
import { DRAFT_SECONDS, invoiceObject } from "../objects/invoice.ts";
import { recurrenceOf } from "../objects/price.ts";
import { currentPeriod, itemOf, withPeriod } from "../objects/subscription-item.ts";
import { AWAITED_EVENT } from "./draft-answers.ts";
import { recordInvoice, recordSubscription } from "./effects.ts";
import { voidInvoice } from "./invoicing.ts";
import { nextLines, pendingLine } from "./lines.ts";
import { pendingItems, takePending } from "./pending-items.ts";
import { type Period, periodAt, periodIndexOf } from "./periods.ts";

/** A boundary is reached: the next period begins, with a draft invoice that stays a draft for an hour. */
export function renewSubscription(change: Change, subscription: StoredSubscription): void {
  const invoice = change.put(nextInvoice(change, subscription, change.now));
  takePending(change, subscription.id, invoice.id);
  const renewed = change.put({
    ...withPeriod(subscription, periodAfter(subscription)),
    latest_invoice: invoice.id,
    status: subscription.status === "trialing" ? ("active" as const) : subscription.status,
  });
  recordInvoice(change, "invoice.created", invoice);
  recordSubscription(change, "subscription.updated", renewed);
}

/** A subscription whose first invoice was not paid in time has never begun. */
export function expireSubscription(change: Change, subscription: StoredSubscription): void {
  const expired = change.put({ ...subscription, ended_at: change.now, status: "incomplete_expired" as const });
  recordSubscription(change, "subscription.updated", expired);
  const invoice =
    subscription.latest_invoice === null ? undefined : change.objects.invoice.get(subscription.latest_invoice);
  if (invoice?.status === "open") voidInvoice(change, invoice);
}

/** The period that begins where the current one ends, computed from the anchor. */
function periodAfter(subscription: StoredSubscription): Period {
  const recurrence = recurrenceOf(itemOf(subscription).price);
  if (recurrence === null) throw new Error(`The price of ${subscription.id} does not recur`);
  const { billing_cycle_anchor: anchor } = subscription;
  const { end } = currentPeriod(subscription);
  return periodAt(anchor, recurrence, end < anchor ? 0 : periodIndexOf(anchor, recurrence, end));
}

/**
 * The draft of the next period. Its own period is the one that has ended by then; what is paid for stands on its line.
 *
 * @param at the boundary, in seconds: now, or when it is only looked ahead
 */
export function nextInvoice(change: Change, subscription: StoredSubscription, at: number): StoredInvoice {
  const customer = change.objects.customer.get(subscription.customer);
  if (customer === undefined) throw new Error(`There is no customer ${subscription.customer}`);
  const { start, end } = currentPeriod(subscription);
  const isCollected = subscription.status !== "unpaid" && subscription.pause_collection?.behavior !== "keep_as_draft";
  return invoiceObject({
    created: at,
    customer,
    currency: subscription.currency,
    status: "draft",
    billingReason: "subscription_cycle",
    parent: { subscription: subscription.id, metadata: subscription.metadata },
    lines: [
      ...nextLines(subscription, periodAfter(subscription)),
      ...pendingItems(change, subscription.id).map(pendingLine),
    ],
    periodStart: start,
    periodEnd: end,
    autoAdvance: isCollected,
    attemptCount: 0,
    nextPaymentAttempt: isCollected ? at + DRAFT_SECONDS : null,
    isAwaited: change.receiversOf(AWAITED_EVENT) > 0,
  });
}
