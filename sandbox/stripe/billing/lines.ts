import type { StoredInvoiceItem, StoredSubscription, StoredSubscriptionItem } from "../core/stored.ts";
import type { LineFacts } from "../objects/invoice-line.ts";
import type { Period } from "./periods.ts";

/** Something charged once on the first invoice, beside the first period. */
export interface AddedFee {
  readonly price: { readonly id: string; readonly product: string; readonly unitAmount: number };
  readonly quantity: number;
}

/** The lines for one period of a subscription: one for each of its items. */
export function periodLines(subscription: StoredSubscription, period: Period): LineFacts[] {
  return subscription.items.data.map((item) => itemLine(subscription, item, period));
}

function itemLine(
  subscription: StoredSubscription,
  { id, price, quantity }: StoredSubscriptionItem,
  period: Period,
): LineFacts {
  return {
    amount: price.unit_amount * quantity,
    quantity,
    description: `${quantity} × ${price.nickname ?? price.id}`,
    period,
    subscription: subscription.id,
    subscriptionItem: id,
    price: { id: price.id, product: price.product, unitAmount: price.unit_amount },
  };
}

/** The lines for the next period, of which only the part before the subscription's end is paid for. */
export function nextLines(subscription: StoredSubscription, period: Period): LineFacts[] {
  const { cancel_at: end } = subscription;
  const lines = periodLines(subscription, period);
  if (end === null || end >= period.end) return lines;
  const part = (end - period.start) / (period.end - period.start);
  return lines.map((line) => ({ ...line, amount: Math.round(line.amount * part), period: { ...period, end } }));
}

/** The line of an invoice item that waited for an invoice. */
export function pendingLine(item: StoredInvoiceItem): LineFacts {
  const { subscription, subscription_item: subscriptionItem = null } = item.parent?.subscription_details ?? {};
  const { price, product } = item.pricing.price_details;
  return {
    amount: item.amount,
    quantity: item.quantity,
    description: item.description ?? "",
    period: item.period,
    subscription: subscription ?? null,
    subscriptionItem,
    prorationItem: item.id,
    price: { id: price, product, unitAmount: Number(item.pricing.unit_amount_decimal) },
  };
}

/** The lines for a trial: the period costs nothing. */
export function trialLines(subscription: StoredSubscription, period: Period): LineFacts[] {
  return periodLines(subscription, period).map((line) => ({ ...line, amount: 0, description: "Trial" }));
}

/** The line for a fee: it spans no time, and names no item. */
export function feeLine(subscription: StoredSubscription, { price, quantity }: AddedFee, at: number): LineFacts {
  return {
    amount: price.unitAmount * quantity,
    quantity,
    description: `${quantity} × ${price.id}`,
    period: { start: at, end: at },
    subscription: subscription.id,
    subscriptionItem: null,
    price,
  };
}
