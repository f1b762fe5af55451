import type { Change } from "../core/change.ts";
import {
  type StoredInvoice,
  type StoredPaymentIntent,
  type StoredSubscription,
  subscriptionOf,
} from "../core/stored.ts";
import { numberOf } from "../objects/invoice.ts";
import { invoicePaymentObject } from "../objects/invoice-payment.ts";
import { paymentIntentObject } from "../objects/payment-intent.ts";
import { returnBalance, withBalance } from "./balance.ts";
import { notCollected } from "./canceling.ts";
import { recordInvoice, recordPaymentIntent, recordSubscription } from "./effects.ts";

/** Makes the PaymentIntent that collects an invoice, and the invoice payment that links the two. */
export function requestPayment(change: Change, invoice: StoredInvoice): StoredPaymentIntent {
  const { amount_due: amount, currency, customer } = invoice;
  const intent = change.put(
    paymentIntentObject({ created: change.now, amount, currency, customer, paymentMethod: null }),
  );
  change.put(
    invoicePaymentObject({
      created: change.now,
      invoice: invoice.id,
      paymentIntent: intent.id,
      amount,
      currency,
    }),
  );
  recordPaymentIntent(change, "payment_intent.created", intent);
  return intent;
}

/** draft → open, with its PaymentIntent; an invoice of which nothing is due is paid at once and has none. */
export function finalizeInvoice(change: Change, draft: StoredInvoice): StoredInvoice {
  const invoice = change.put(withBalance(change, withMetadataOfNow(change, openedInvoice(draft, change.now))));
  recordInvoice(change, "invoice.finalized", invoice);
  change.emit("invoice.updated", invoice);
  if (invoice.amount_due === 0) return settleInvoice(change, invoice);
  requestPayment(change, invoice);
  return invoice;
}

/** open or uncollectible → paid, and what follows from it for the subscription. */
export function settleInvoice(change: Change, invoice: StoredInvoice): StoredInvoice {
  const paid = change.put(paidInvoice(invoice, change.now));
  for (const payment of change.objects.invoice_payment.oldestFirst("invoice", invoice.id)) {
    const settled = change.put({
      ...payment,
      amount_paid: payment.amount_requested,
      status: "paid",
      status_transitions: { canceled_at: null, paid_at: change.now },
    });
    change.emit("invoice_payment.paid", settled);
  }
  recordInvoice(change, "invoice.paid", paid);
  reactivate(change, paid);
  return paid;
}

/** Paid elsewhere: Stripe takes nothing, and its PaymentIntent is given up. */
export function settleOutOfBand(change: Change, invoice: StoredInvoice): StoredInvoice {
  const paid = change.put({ ...paidInvoice(invoice, change.now), amount_paid_off_stripe: invoice.amount_due });
  giveUpPayment(change, invoice);
  recordInvoice(change, "invoice.paid", paid);
  reactivate(change, paid);
  return paid;
}

/** open → void. The PaymentIntent is canceled with it. */
export function voidInvoice(change: Change, invoice: StoredInvoice): StoredInvoice {
  const voided = change.put(voidedInvoice(invoice, change.now));
  recordInvoice(change, "invoice.voided", voided);
  giveUpPayment(change, invoice);
  returnBalance(change, invoice);
  reactivate(change, voided);
  return voided;
}

type UncollectibleReason = "max_payment_attempts" | "user_forgiven" | "subscription_paused";

/** open → uncollectible: written off, but still payable. */
export function writeOffInvoice(change: Change, invoice: StoredInvoice, reason: UncollectibleReason): StoredInvoice {
  const writtenOff = change.put(uncollectibleInvoice(invoice, change.now, reason));
  recordInvoice(change, "invoice.marked_uncollectible", writtenOff);
  return writtenOff;
}

/** The PaymentIntent of a final invoice. */
export function intentOf(change: Change, invoice: StoredInvoice): StoredPaymentIntent {
  const [payment] = change.objects.invoice_payment.newestFirst("invoice", invoice.id);
  const intent = payment === undefined ? undefined : change.objects.payment_intent.get(payment.payment.payment_intent);
  if (intent === undefined) throw new Error(`${invoice.id} has no PaymentIntent`);
  return intent;
}

/** The subscription that an invoice bills, if it bills any. */
export function billedSubscription(change: Change, invoice: StoredInvoice): StoredSubscription | undefined {
  const id = subscriptionOf(invoice);
  return id === null ? undefined : change.objects.subscription.get(id);
}

export function openedInvoice(draft: StoredInvoice, at: number): StoredInvoice {
  return {
    ...draft,
    automatically_finalizes_at: null,
    effective_at: at,
    number: numberOf(draft.id),
    status: "open",
    status_transitions: { ...draft.status_transitions, finalized_at: at },
  };
}

export function paidInvoice(invoice: StoredInvoice, at: number): StoredInvoice {
  const { status_details: _, ...rest } = notCollected(invoice);
  return {
    ...rest,
    amount_paid: invoice.amount_due,
    amount_remaining: 0,
    attempted: true,
    status: "paid",
    status_transitions: { ...invoice.status_transitions, paid_at: at },
  };
}

export function voidedInvoice(invoice: StoredInvoice, at: number): StoredInvoice {
  return {
    ...notCollected(invoice),
    status: "void",
    status_transitions: { ...invoice.status_transitions, voided_at: at },
  };
}

export function uncollectibleInvoice(invoice: StoredInvoice, at: number, reason: UncollectibleReason): StoredInvoice {
  return {
    ...notCollected(invoice),
    status: "uncollectible",
    status_details: { uncollectible: { reason } },
    status_transitions: { ...invoice.status_transitions, marked_uncollectible_at: at },
  };
}

export function canceledIntent(
  intent: StoredPaymentIntent,
  at: number,
  reason: StoredPaymentIntent["cancellation_reason"] = "void_invoice",
): StoredPaymentIntent {
  return { ...intent, canceled_at: at, cancellation_reason: reason, next_action: null, status: "canceled" };
}

/** Paying, voiding or forgiving the latest open invoice of a subscription that waits for it makes the subscription active. */
export function reactivate(change: Change, invoice: StoredInvoice): void {
  const subscription = billedSubscription(change, invoice);
  if (subscription === undefined || !waitsFor(subscription, invoice)) return;
  if (latestUnsettled(change, subscription, invoice) !== invoice.id) return;
  recordSubscription(change, "subscription.updated", change.put({ ...subscription, status: "active" }));
}

function giveUpPayment(change: Change, invoice: StoredInvoice): void {
  for (const payment of change.objects.invoice_payment.oldestFirst("invoice", invoice.id)) {
    change.put({
      ...payment,
      status: "canceled",
      status_transitions: { canceled_at: change.now, paid_at: null },
    });
    const intent = change.objects.payment_intent.get(payment.payment.payment_intent);
    if (intent === undefined) continue;
    recordPaymentIntent(change, "payment_intent.canceled", change.put(canceledIntent(intent, change.now)));
  }
}

/** The subscription's metadata of the moment of finalization is kept on the invoice for good. */
function withMetadataOfNow(change: Change, invoice: StoredInvoice): StoredInvoice {
  const subscription = billedSubscription(change, invoice);
  if (subscription === undefined || invoice.parent === null) return invoice;
  const details = { subscription: subscription.id, metadata: { ...subscription.metadata } };
  return { ...invoice, parent: { ...invoice.parent, subscription_details: details } };
}

/** The newest invoice that was open until now: this one, or a newer one that is still open. */
function latestUnsettled(
  { objects }: Change,
  subscription: StoredSubscription,
  settled: StoredInvoice,
): string | undefined {
  for (const { id, status } of objects.invoice.newestFirst("subscription", subscription.id)) {
    if (status === "open" || id === settled.id) return id;
  }
  return undefined;
}

function waitsFor({ status }: StoredSubscription, invoice: StoredInvoice): boolean {
  if (status === "past_due" || status === "unpaid") return true;
  return status === "incomplete" && invoice.status === "paid";
}
