import type { Change } from "../core/change.ts";
import type { Effect, EffectDetails } from "../core/ledger.ts";
import {
  type ObjectKind,
  type StoredCharge,
  type StoredDispute,
  type StoredInvoice,
  type StoredInvoiceItem,
  type StoredObjects,
  type StoredPaymentIntent,
  type StoredRefund,
  type StoredSubscription,
  subscriptionOf,
} from "../core/stored.ts";

/**
 * The events that Stripe makes of an effect, in their order; of an effect that is missing here, the one of its own name.
 * Events beside these are made where their order is decided.
 */
const EVENTS: Partial<Record<Effect, readonly string[]>> = {
  seeded: [],
  "subscription.created": ["customer.subscription.created"],
  "subscription.updated": ["customer.subscription.updated"],
  "subscription.canceled": ["customer.subscription.deleted"],
  "subscription.paused": ["customer.subscription.paused"],
  "subscription.resumed": ["customer.subscription.resumed"],
  "payment_method.created": [],
  "webhook_endpoint.created": [],
  "webhook_endpoint.updated": [],
  "webhook_endpoint.deleted": [],
  "test_clock.created": ["test_helpers.test_clock.created"],
  "test_clock.advanced": ["test_helpers.test_clock.ready"],
  "invoice.paid": ["invoice.paid", "invoice.payment_succeeded"],
  "charge.disputed": ["charge.dispute.created"],
  "dispute.closed": ["charge.dispute.closed"],
  "refund.updated": ["refund.updated", "charge.refund.updated"],
  "refund.succeeded": ["refund.updated", "charge.refund.updated"],
  "refund.canceled": ["refund.updated", "charge.refund.updated"],
  "refund.failed": ["refund.failed", "refund.updated"],
};

/** Enters an effect into the ledger and makes the events that tell of it. */
export function record(
  change: Change,
  effect: Effect,
  object: StoredObjects[ObjectKind],
  details: Omit<EffectDetails, "effect" | "object" | "objectId">,
  types: readonly string[] = EVENTS[effect] ?? [effect],
): void {
  change.record({ effect, object: object.object, objectId: object.id, ...details });
  for (const type of types) change.emit(type, object);
}

/** Which invoice and subscription a PaymentIntent belongs to, as far as it belongs to any. */
function billedBy(change: Change, paymentIntent: string): Pick<EffectDetails, "invoice" | "subscription"> {
  const [payment] = change.objects.invoice_payment.newestFirst("payment_intent", paymentIntent);
  const invoice = payment === undefined ? undefined : change.objects.invoice.get(payment.invoice);
  if (invoice === undefined) return {};
  const subscription = subscriptionOf(invoice);
  return { invoice: invoice.id, ...(subscription === null ? {} : { subscription }) };
}

export function recordSubscription(change: Change, effect: Effect, subscription: StoredSubscription): void {
  record(change, effect, subscription, {
    status: subscription.status,
    customer: subscription.customer,
    subscription: subscription.id,
    metadata: subscription.metadata,
  });
}

/** The amount is what the invoice asks for, or, once it is paid, what was paid. */
export function recordInvoice(change: Change, effect: Effect, invoice: StoredInvoice): void {
  const subscription = subscriptionOf(invoice);
  const isFirst = invoice.billing_reason === "subscription_create";
  record(
    change,
    effect,
    invoice,
    {
      amount: invoice.status === "paid" ? invoice.amount_paid : invoice.amount_due,
      status: invoice.status,
      customer: invoice.customer,
      ...(subscription === null ? {} : { subscription }),
      invoice: invoice.id,
      metadata: invoice.metadata,
    },
    effect === "invoice.paid" && isFirst ? ["invoice.payment_succeeded", "invoice.paid"] : undefined,
  );
}

/** The amount is below zero for a credit. */
export function recordInvoiceItem(change: Change, effect: Effect, item: StoredInvoiceItem): void {
  const subscription = item.parent?.subscription_details?.subscription;
  record(change, effect, item, {
    amount: item.amount,
    customer: item.customer,
    ...(subscription === undefined ? {} : { subscription }),
    ...(item.invoice === null ? {} : { invoice: item.invoice }),
    metadata: item.metadata ?? {},
  });
}

export function recordPaymentIntent(change: Change, effect: Effect, intent: StoredPaymentIntent): void {
  record(change, effect, intent, {
    amount: intent.amount,
    status: intent.status,
    ...(intent.customer === null ? {} : { customer: intent.customer }),
    ...billedBy(change, intent.id),
    paymentIntent: intent.id,
    metadata: intent.metadata,
  });
}

export function recordCharge(change: Change, effect: Effect, charge: StoredCharge): void {
  record(change, effect, charge, {
    amount: charge.amount,
    status: charge.status,
    ...(charge.customer === null ? {} : { customer: charge.customer }),
    ...billedBy(change, charge.payment_intent),
    paymentIntent: charge.payment_intent,
    charge: charge.id,
    metadata: charge.metadata,
  });
}

export function recordRefund(change: Change, effect: Effect, refund: StoredRefund): void {
  recordOfCharge(change, effect, refund);
}

/** The amount is what is disputed. */
export function recordDispute(change: Change, effect: Effect, dispute: StoredDispute): void {
  recordOfCharge(change, effect, dispute);
}

function recordOfCharge(change: Change, effect: Effect, object: StoredRefund | StoredDispute): void {
  record(change, effect, object, {
    amount: object.amount,
    status: object.status,
    ...billedBy(change, object.payment_intent),
    paymentIntent: object.payment_intent,
    charge: object.charge,
    metadata: object.metadata,
  });
}
