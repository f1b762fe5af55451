import type { Period } from "../billing/periods.ts";
import { newId } from "../core/ids.ts";
import type { StoredInvoiceItem, StoredPrice, StoredSubscription } from "../core/stored.ts";

export interface InvoiceItemFacts {
  readonly subscription: StoredSubscription;
  readonly subscriptionItem: string;
  readonly price: StoredPrice;
  readonly quantity: number;
  /** Minor units; below zero for a credit. */
  readonly amount: number;
  readonly description: string;
  readonly period: Period;
  readonly date: number;
}

/** A proration that waits for an invoice. */
export function invoiceItemObject(facts: InvoiceItemFacts): StoredInvoiceItem {
  const { subscription, price } = facts;
  return {
    id: newId("invoiceItem"),
    object: "invoiceitem",
    amount: facts.amount,
    currency: subscription.currency,
    customer: subscription.customer,
    customer_account: null,
    date: facts.date,
    description: facts.description,
    discountable: false,
    discounts: [],
    invoice: null,
    livemode: false,
    metadata: {},
    net_amount: facts.amount,
    parent: {
      subscription_details: { subscription: subscription.id, subscription_item: facts.subscriptionItem },
      type: "subscription_details",
    },
    period: { start: facts.period.start, end: facts.period.end },
    pricing: {
      price_details: { price: price.id, product: price.product },
      type: "price_details",
      unit_amount_decimal: String(price.unit_amount),
    },
    proration: true,
    proration_details: { credited_items: null, discount_amounts: [] },
    quantity: facts.quantity,
    quantity_decimal: String(facts.quantity),
    tax_rates: [],
    test_clock: subscription.test_clock,
  };
}
