import type Stripe from "stripe";

/**
 * The objects as the stand-in keeps them: Stripe's own wire form, with every reference as a plain id.
 *
 * What is kept is what is sent, so an answer needs no mapping; `expand` replaces ids by objects on the way out. The
 * types extend the SDK's, which is how the compiler checks the serializers. Decimals are strings on the wire and become
 * objects only inside the SDK, hence the `Omit`s.
 *
 * A stored object is never changed in place: `Change.put` receives a new one.
 */

export type Metadata = Record<string, string>;

export interface StoredCustomer extends Stripe.Customer {
  invoice_settings: Stripe.Customer.InvoiceSettings & { default_payment_method: string | null };
}

export interface StoredProduct extends Stripe.Product {
  default_price: string | null;
}

export type StoredPrice = Omit<Stripe.Price, "unit_amount_decimal"> & {
  product: string;
  unit_amount: number;
  unit_amount_decimal: string | null;
};

type StoredPlan = Omit<Stripe.Plan, "amount_decimal"> & { amount_decimal: string | null };

export type StoredSubscriptionItem = Omit<Stripe.SubscriptionItem, "price" | "plan"> & {
  price: StoredPrice;
  plan: StoredPlan;
  quantity: number;
};

export type StoredSubscription = Omit<Stripe.Subscription, "items"> & {
  customer: string;
  default_payment_method: string | null;
  latest_invoice: string | null;
  cancellation_details: Stripe.Subscription.CancellationDetails;
  items: Stripe.ApiList<StoredSubscriptionItem>;
};

export type StoredInvoiceLine = Omit<Stripe.InvoiceLineItem, "pricing" | "quantity_decimal"> & {
  pricing:
    | (Omit<Stripe.InvoiceLineItem.Pricing, "unit_amount_decimal"> & { unit_amount_decimal: string | null })
    | null;
  quantity_decimal: string | null;
};

export const INVOICE_STATUSES = ["draft", "open", "paid", "uncollectible", "void"] as const;
export type InvoiceStatus = (typeof INVOICE_STATUSES)[number];

export type StoredInvoice = Omit<Stripe.Invoice, "lines" | "payments"> & {
  status: InvoiceStatus;
  customer: string;
  metadata: Metadata;
  auto_advance: boolean;
  default_payment_method: string | null;
  lines: Stripe.ApiList<StoredInvoiceLine>;
};

/** An amount that waits for an invoice (`invoice` is null) or is on one. */
export type StoredInvoiceItem = Omit<Stripe.InvoiceItem, "pricing" | "quantity_decimal"> & {
  customer: string;
  invoice: string | null;
  pricing: {
    price_details: { price: string; product: string };
    type: "price_details";
    unit_amount_decimal: string | null;
  };
  quantity_decimal: string;
};

export interface StoredInvoicePayment extends Stripe.InvoicePayment {
  status: "open" | "paid" | "canceled";
  invoice: string;
  payment: { type: "payment_intent"; payment_intent: string };
}

export interface StoredPaymentIntent extends Stripe.PaymentIntent {
  customer: string | null;
  latest_charge: string | null;
  payment_method: string | null;
}

export interface StoredCharge extends Stripe.Charge {
  customer: string | null;
  payment_intent: string;
  status: "succeeded" | "failed";
}

export const REFUND_STATUSES = ["pending", "requires_action", "succeeded", "failed", "canceled"] as const;
export type RefundStatus = (typeof REFUND_STATUSES)[number];

/** The statuses that a refund can begin with. */
export const REFUND_OUTCOMES = ["pending", "requires_action", "succeeded", "failed"] as const;
export type RefundOutcome = (typeof REFUND_OUTCOMES)[number];

export interface StoredRefund extends Stripe.Refund {
  charge: string;
  payment_intent: string;
  status: RefundStatus;
  metadata: Metadata;
}

export interface StoredDispute extends Stripe.Dispute {
  charge: string;
  payment_intent: string;
  status: DisputeStatus;
  metadata: Metadata;
}

export const DISPUTE_STATUSES = ["needs_response", "under_review", "won", "lost", "warning_needs_response"] as const;
export type DisputeStatus = (typeof DISPUTE_STATUSES)[number];

export interface StoredPaymentMethod extends Stripe.PaymentMethod {
  customer: string | null;
  card: Stripe.PaymentMethod.Card;
  metadata: Metadata;
}

/** Part of an endpoint that no answer shows. */
interface Unsent {
  /** The newest first. `until` is in milliseconds on the stand-in's own clock; null for the one that stays. */
  readonly secrets: readonly { readonly secret: string; readonly until: number | null }[];
  /** Seconds on the stand-in's own clock from each failed attempt to the next. */
  readonly retryAfterSeconds: readonly number[];
  readonly timeoutMs: number;
}

export interface StoredWebhookEndpoint extends Stripe.WebhookEndpoint {
  /** A deleted one is kept and shown to nobody. */
  status: "enabled" | "disabled" | "deleted";
  unsent: Unsent;
}

export interface StoredTestClock extends Stripe.TestHelpers.TestClock {
  status: "ready" | "advancing" | "internal_failure";
}

/** What happened, with the object as it was at that moment: never rendered again, never expanded. */
export type StoredEvent = Omit<Stripe.Event, "data" | "type" | "request"> & {
  data: {
    object: StoredObjects[ObjectKind];
    previous_attributes?: Record<string, unknown>;
  };
  request: Stripe.Event.Request;
  type: string;
};

/** Every kind of object, by the word that Stripe writes into its `object` field. */
export interface StoredObjects {
  customer: StoredCustomer;
  product: StoredProduct;
  price: StoredPrice;
  subscription: StoredSubscription;
  invoice: StoredInvoice;
  invoiceitem: StoredInvoiceItem;
  invoice_payment: StoredInvoicePayment;
  payment_intent: StoredPaymentIntent;
  charge: StoredCharge;
  refund: StoredRefund;
  dispute: StoredDispute;
  payment_method: StoredPaymentMethod;
  event: StoredEvent;
  "test_helpers.test_clock": StoredTestClock;
  webhook_endpoint: StoredWebhookEndpoint;
}

export type ObjectKind = keyof StoredObjects;

/** The id of the subscription that an invoice bills, or null for a one-off invoice. */
export function subscriptionOf(invoice: StoredInvoice): string | null {
  const subscription = invoice.parent?.subscription_details?.subscription;
  return typeof subscription === "string" ? subscription : null;
}
