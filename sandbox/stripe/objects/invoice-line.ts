import type { Period } from "../billing/periods.ts";
import { newId } from "../core/ids.ts";
import type { StoredInvoiceLine } from "../core/stored.ts";

/** A line for a period of a subscription's item, or for something charged once beside it. */
export interface LineFacts {
  readonly id?: string | undefined;
  /** Of all units together, in minor units. */
  readonly amount: number;
  readonly quantity: number;
  readonly description: string;
  readonly period: Period;
  readonly subscription: string | null;
  /** The item whose period this is; null for a line that was added to the invoice, as an initial fee is. */
  readonly subscriptionItem: string | null;
  /** The invoice item behind a proration. */
  readonly prorationItem?: string;
  /** Null where nothing is known of a price. */
  readonly price: { readonly id: string; readonly product: string; readonly unitAmount: number } | null;
}

export function lineObject(invoice: string, currency: string, facts: LineFacts): StoredInvoiceLine {
  return {
    id: facts.id ?? newId("invoiceLine"),
    object: "line_item",
    amount: facts.amount,
    currency,
    description: facts.description,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice,
    livemode: false,
    metadata: {},
    parent: parentOf(facts),
    period: { start: facts.period.start, end: facts.period.end },
    pretax_credit_amounts: [],
    pricing:
      facts.price === null
        ? null
        : {
            price_details: { price: facts.price.id, product: facts.price.product },
            type: "price_details",
            unit_amount_decimal: String(facts.price.unitAmount),
          },
    quantity: facts.quantity,
    quantity_decimal: String(facts.quantity),
    subscription: facts.subscription,
    subtotal: facts.amount,
    taxes: [],
  };
}

function parentOf({ subscription, subscriptionItem, prorationItem }: LineFacts): StoredInvoiceLine["parent"] {
  if (subscriptionItem === null) {
    return {
      invoice_item_details: {
        invoice_item: newId("invoiceItem"),
        proration: false,
        proration_details: { credited_items: null },
        subscription,
      },
      subscription_item_details: null,
      type: "invoice_item_details",
    };
  }
  return {
    invoice_item_details: null,
    subscription_item_details: {
      invoice_item: prorationItem ?? null,
      proration: prorationItem !== undefined,
      proration_details: { credited_items: null },
      subscription,
      subscription_item: subscriptionItem,
    },
    type: "subscription_item_details",
  };
}
