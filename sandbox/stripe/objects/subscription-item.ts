import type { Period } from "../billing/periods.ts";
import { newId } from "../core/ids.ts";
import type { Metadata, StoredPrice, StoredSubscription, StoredSubscriptionItem } from "../core/stored.ts";

export interface ItemFacts {
  readonly id?: string | undefined;
  readonly price: StoredPrice;
  readonly quantity: number;
  readonly metadata?: Metadata | undefined;
}

/** The subscription that an item belongs to, when the item was added, and its current period. */
export interface ItemSetting {
  readonly id: string;
  readonly created: number;
  readonly period: Period;
}

/** One price of a subscription, in the period that it is paid for. */
export function itemObject(
  { id: subscription, created, period }: ItemSetting,
  facts: ItemFacts,
): StoredSubscriptionItem {
  const { price } = facts;
  return {
    id: facts.id ?? newId("subscriptionItem"),
    object: "subscription_item",
    billing_thresholds: null,
    created,
    current_period_end: period.end,
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: facts.metadata ?? {},
    plan: planOf(price),
    price,
    quantity: facts.quantity,
    subscription,
    tax_rates: [],
  };
}

/** The same as the price, in the words of the API's former days. */
function planOf(price: StoredPrice): StoredSubscriptionItem["plan"] {
  return {
    id: price.id,
    object: "plan",
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: "per_unit",
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? "month",
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    meter: null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: null,
    usage_type: "licensed",
  };
}

/** The first item of a subscription. All items recur together, so that its period is that of all. */
export function itemOf(subscription: StoredSubscription): StoredSubscriptionItem {
  const [item] = subscription.items.data;
  if (item === undefined) throw new Error(`${subscription.id} has no item`);
  return item;
}

/** The period that the items say they are in. */
export function currentPeriod(subscription: StoredSubscription): Period {
  const { current_period_start: start, current_period_end: end } = itemOf(subscription);
  return { start, end };
}

/** The subscription with other items. */
export function withItems(
  subscription: StoredSubscription,
  data: readonly StoredSubscriptionItem[],
): StoredSubscription {
  return { ...subscription, items: { ...subscription.items, data: [...data] } };
}

/** The subscription with all its items in this period. */
export function withPeriod(subscription: StoredSubscription, { start, end }: Period): StoredSubscription {
  const moved = { current_period_start: start, current_period_end: end };
  return withItems(
    subscription,
    subscription.items.data.map((item) => ({ ...item, ...moved })),
  );
}
