import type { Change } from "../core/change.ts";
import type { StoredInvoiceItem, StoredSubscription, StoredSubscriptionItem } from "../core/stored.ts";
import { invoiceItemObject } from "../objects/invoice-item.ts";
import { recurrenceOf } from "../objects/price.ts";
import { currentPeriod, itemOf } from "../objects/subscription-item.ts";
import { recordInvoiceItem } from "./effects.ts";
import { pendingItems, removePending } from "./pending-items.ts";
import { boundary } from "./periods.ts";

/**
 * What a change of items in the middle of a period comes to, as invoice items that wait for an invoice: a credit for the
 * unused time of each item that was changed or removed, then a charge for the remaining time of each that is new.
 *
 * Counted to the second and rounded to a whole yen. A trial costs nothing, so nothing of it is given back.
 */
export function prorateItems(change: Change, before: StoredSubscription, after: StoredSubscription, at: number): void {
  if (!isPaidFor(before)) return;
  const isIn = ({ items }: StoredSubscription, { id, price, quantity }: StoredSubscriptionItem) =>
    items.data.some((item) => item.id === id && item.price.id === price.id && item.quantity === quantity);
  for (const item of before.items.data) if (!isIn(after, item)) prorateItem(change, before, item, at, "credit");
  for (const item of after.items.data) if (!isIn(before, item)) prorateItem(change, after, item, at, "charge");
}

/** Gives back what was paid for the time from a moment to the end of the current period. */
export function creditUnusedTime(change: Change, subscription: StoredSubscription, from: number): void {
  if (!isPaidFor(subscription) || from >= currentPeriod(subscription).end) return;
  for (const item of subscription.items.data) prorateItem(change, subscription, item, from, "credit");
}

/** Charges for the time from a moment to the end of the current period. */
export function chargeRemainingTime(change: Change, subscription: StoredSubscription, from: number): void {
  for (const item of subscription.items.data) prorateItem(change, subscription, item, from, "charge");
}

/** An end within the period that is lifted or moved takes its credits with it, unless they were invoiced. */
export function takeBackCredits(change: Change, subscription: StoredSubscription, from: number | null): void {
  const credits = pendingItems(change, subscription.id).filter(
    ({ amount, period }) => amount < 0 && period.start === from,
  );
  for (const credit of credits) removePending(change, credit);
}

function isPaidFor({ status }: StoredSubscription): boolean {
  return status === "active" || status === "past_due" || status === "unpaid";
}

/** How long the current period is, or would be, had it not been cut short by a chosen anchor. */
function wholeLength(subscription: StoredSubscription): number {
  const { billing_cycle_anchor: anchor } = subscription;
  const { start, end } = currentPeriod(subscription);
  const recurrence = recurrenceOf(itemOf(subscription).price);
  return end === anchor && recurrence !== null ? end - boundary(anchor, recurrence, -1) : end - start;
}

function prorateItem(
  change: Change,
  subscription: StoredSubscription,
  { id, price, quantity }: StoredSubscriptionItem,
  at: number,
  side: "credit" | "charge",
): StoredInvoiceItem {
  const { end } = currentPeriod(subscription);
  const part = Math.round((price.unit_amount * quantity * (end - at)) / wholeLength(subscription));
  const time = side === "credit" ? "Unused" : "Remaining";
  const item = change.put(
    invoiceItemObject({
      subscription,
      subscriptionItem: id,
      price,
      quantity,
      amount: side === "credit" ? -part : part,
      description: `${time} time on ${quantity} × ${price.nickname ?? price.id}`,
      period: { start: at, end },
      date: change.now,
    }),
  );
  recordInvoiceItem(change, "invoiceitem.created", item);
  return item;
}
