import type { Change } from "../core/change.ts";
import type { Effect, EffectDetails } from "../core/ledger.ts";
import {
  type StoredCharge,
  type StoredInvoice,
  type StoredPaymentIntent,
  type StoredRefund,
  type StoredSubscription,
  subscriptionOf,
} from "../core/stored.ts";

/** Which invoice and subscription a PaymentIntent belongs to, as far as it belongs to any. */
function billedBy(change: Change, paymentIntent: string): Pick<EffectDetails, "invoice" | "subscription"> {
  const [payment] = change.objects.invoice_payment.newestFirst("payment_intent", paymentIntent);
  const invoice = payment === undefined ? undefined : change.objects.invoice.get(payment.invoice);
  if (invoice === undefined) return {};
  const subscription = subscriptionOf(invoice);
  return { invoice: invoice.id, ...(subscription === null ? {} : { subscription }) };
}

export function recordSubscription(change: Change, effect: Effect, subscription: StoredSubscription): void {
  change.record({
    effect,
    object: "subscription",
    objectId: subscription.id,
    status: subscription.status,
    customer: subscription.customer,
    subscription: subscription.id,
    metadata: subscription.metadata,
  });
}

/** The amount is what the invoice asks for, or, once it is paid, what was paid. */
export function recordInvoice(change: Change, effect: Effect, invoice: StoredInvoice): void {
  const subscription = subscriptionOf(invoice);
  change.record({
    effect,
    object: "invoice",
    objectId: invoice.id,
    amount: invoice.status === "paid" ? invoice.amount_paid : invoice.amount_due,
    status: invoice.status,
    customer: invoice.customer,
    ...(subscription === null ? {} : { subscription }),
    invoice: invoice.id,
    metadata: invoice.metadata,
  });
}

export function recordPaymentIntent(change: Change, effect: Effect, intent: StoredPaymentIntent): void {
  change.record({
    effect,
    object: "payment_intent",
    objectId: intent.id,
    amount: intent.amount,
    status: intent.status,
    ...(intent.customer === null ? {} : { customer: intent.customer }),
    ...billedBy(change, intent.id),
    paymentIntent: intent.id,
    metadata: intent.metadata,
  });
}

export function recordCharge(change: Change, effect: Effect, charge: StoredCharge): void {
  change.record({
    effect,
    object: "charge",
    objectId: charge.id,
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
  change.record({
    effect,
    object: "refund",
    objectId: refund.id,
    amount: refund.amount,
    status: refund.status,
    ...billedBy(change, refund.payment_intent),
    paymentIntent: refund.payment_intent,
    charge: refund.charge,
    metadata: refund.metadata,
  });
}
