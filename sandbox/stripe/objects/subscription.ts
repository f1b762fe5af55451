import type Stripe from "stripe";
import type { Period } from "../billing/periods.ts";
import { newId } from "../core/ids.ts";
import type { Metadata, StoredPrice, StoredSubscription, StoredSubscriptionItem } from "../core/stored.ts";

export const SUBSCRIPTION_STATUSES = [
  "active",
  "past_due",
  "incomplete",
  "incomplete_expired",
  "canceled",
  "unpaid",
  "trialing",
  "paused",
] as const;
export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number];

export interface SubscriptionFacts {
  readonly id?: string | undefined;
  readonly itemId?: string | undefined;
  readonly created: number;
  readonly customer: string;
  readonly price: StoredPrice;
  readonly quantity: number;
  readonly status: SubscriptionStatus;
  /** Seconds; every period begins and ends a whole number of intervals from here. */
  readonly anchor: number;
  readonly period: Period;
  /** The clock of the customer, if it is a test clock. */
  readonly testClock?: string | null | undefined;
  /** Seconds; null or absent without a trial. */
  readonly trialEnd?: number | null | undefined;
  readonly defaultPaymentMethod?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly metadata?: Metadata | undefined;
}

export function subscriptionObject(facts: SubscriptionFacts): StoredSubscription {
  const id = facts.id ?? newId("subscription");
  return {
    id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: facts.anchor,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: { proration_discounts: "included" }, type: "flexible" },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: NOT_CANCELED,
    collection_method: "charge_automatically",
    created: facts.created,
    currency: facts.price.currency,
    customer: facts.customer,
    customer_account: null,
    days_until_due: null,
    default_payment_method: facts.defaultPaymentMethod ?? null,
    default_source: null,
    default_tax_rates: [],
    description: facts.description ?? null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: "self" },
    },
    items: {
      object: "list",
      data: [itemObject(id, facts)],
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    metadata: facts.metadata ?? {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: "off",
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: facts.created,
    status: facts.status,
    test_clock: facts.testClock ?? null,
    transfer_data: null,
    trial_end: facts.trialEnd ?? null,
    trial_settings: null,
    trial_start: facts.trialEnd == null ? null : facts.created,
  };
}

/** The details of a subscription that nobody has asked to end. */
export const NOT_CANCELED: Stripe.Subscription.CancellationDetails = {
  comment: null,
  feedback: null,
  feedback_option: null,
  reason: null,
};

/** The one item of a subscription: the stand-in imitates subscriptions of a single price. */
export function itemOf(subscription: StoredSubscription): StoredSubscriptionItem {
  const [item] = subscription.items.data;
  if (item === undefined) throw new Error(`${subscription.id} has no item`);
  return item;
}

/** The period that the item says it is in. */
export function currentPeriod(subscription: StoredSubscription): Period {
  const { current_period_start: start, current_period_end: end } = itemOf(subscription);
  return { start, end };
}

function itemObject(subscription: string, facts: SubscriptionFacts): StoredSubscriptionItem {
  const { price } = facts;
  return {
    id: facts.itemId ?? newId("subscriptionItem"),
    object: "subscription_item",
    billing_thresholds: null,
    created: facts.created,
    current_period_end: facts.period.end,
    current_period_start: facts.period.start,
    current_trial: null,
    discounts: [],
    metadata: {},
    plan: {
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
    },
    price,
    quantity: facts.quantity,
    subscription,
    tax_rates: [],
  };
}
