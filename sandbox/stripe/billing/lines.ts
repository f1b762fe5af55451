import type { StoredSubscription } from "../core/stored.ts";
import type { LineFacts } from "../objects/invoice-line.ts";
import { itemOf } from "../objects/subscription.ts";
import type { Period } from "./periods.ts";

/** Something charged once on the first invoice, beside the first period. */
export interface AddedFee {
  readonly price: { readonly id: string; readonly product: string; readonly unitAmount: number };
  readonly quantity: number;
}

/** The line for one period of a subscription. */
export function periodLine(subscription: StoredSubscription, period: Period): LineFacts {
  const { id, price, quantity } = itemOf(subscription);
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

/** The line for a trial: the period costs nothing. */
export function trialLine(subscription: StoredSubscription, period: Period): LineFacts {
  return { ...periodLine(subscription, period), amount: 0, description: "Trial" };
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
