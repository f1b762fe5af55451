import type Stripe from "stripe";
import type { Period } from "../billing/periods.ts";
import { newId } from "../core/ids.ts";
import type { Metadata, StoredSubscription } from "../core/stored.ts";
import { type ItemFacts, itemObject } from "./subscription-item.ts";

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
  readonly created: number;
  readonly customer: string;
  /** At least one; all recur alike. */
  readonly items: readonly ItemFacts[];
  readonly status: SubscriptionStatus;
  /** Seconds; every period begins and ends a whole number of intervals from here. */
  readonly anchor: number;
  readonly anchorConfig?: StoredSubscription["billing_cycle_anchor_config"] | undefined;
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
  const [first] = facts.items;
  if (first === undefined) throw new Error(`${id} has no item`);
  return {
    id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: facts.anchor,
    billing_cycle_anchor_config: facts.anchorConfig ?? null,
    billing_mode: { flexible: { proration_discounts: "included" }, type: "flexible" },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: NOT_CANCELED,
    collection_method: "charge_automatically",
    created: facts.created,
    currency: first.price.currency,
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
      data: facts.items.map((item) => itemObject({ ...facts, id }, item)),
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
