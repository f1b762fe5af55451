import { newId } from "../core/ids.ts";
import type { Metadata, StoredPrice } from "../core/stored.ts";

export const INTERVALS = ["day", "week", "month", "year"] as const;
export type Interval = (typeof INTERVALS)[number];

/** How often a price recurs: every `count` intervals. */
export interface Recurrence {
  readonly interval: Interval;
  readonly count: number;
}

export interface PriceFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly product: string;
  readonly currency: string;
  /** Minor units. */
  readonly unitAmount: number;
  /** Null for a price that is paid once. */
  readonly recurrence: Recurrence | null;
  readonly active?: boolean | undefined;
  readonly nickname?: string | null | undefined;
  readonly lookupKey?: string | null | undefined;
  readonly metadata?: Metadata | undefined;
}

export function priceObject(facts: PriceFacts): StoredPrice {
  const { recurrence } = facts;
  return {
    id: facts.id ?? newId("price"),
    object: "price",
    active: facts.active ?? true,
    billing_scheme: "per_unit",
    created: facts.created,
    currency: facts.currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: facts.lookupKey ?? null,
    metadata: facts.metadata ?? {},
    nickname: facts.nickname ?? null,
    product: facts.product,
    recurring:
      recurrence === null
        ? null
        : {
            interval: recurrence.interval,
            interval_count: recurrence.count,
            meter: null,
            trial_period_days: null,
            usage_type: "licensed",
          },
    tax_behavior: "unspecified",
    tiers_mode: null,
    transform_quantity: null,
    type: recurrence === null ? "one_time" : "recurring",
    unit_amount: facts.unitAmount,
    unit_amount_decimal: String(facts.unitAmount),
  };
}

/** How often a price recurs, or null when it is paid once. */
export function recurrenceOf(price: StoredPrice): Recurrence | null {
  const interval = INTERVALS.find((known) => known === price.recurring?.interval);
  return interval === undefined ? null : { interval, count: price.recurring?.interval_count ?? 1 };
}

/** How often all of these prices recur, or null when they do not recur all alike. */
export function commonRecurrence(prices: readonly StoredPrice[]): Recurrence | null {
  const [first, ...others] = prices.map(recurrenceOf);
  if (first === undefined || first === null) return null;
  const isAlike = others.every((each) => each?.interval === first.interval && each.count === first.count);
  return isAlike ? first : null;
}
