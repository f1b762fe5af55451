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
import { type ChargeAttempt, chargeIntent } from "./charging.ts";
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

/** draft → open, with its PaymentIntent; an invoice over nothing is paid at once and has none. */
export function finalizeInvoice(change: Change, draft: StoredInvoice): StoredInvoice {
  const invoice = change.put(openedInvoice(draft, change.now));
  recordInvoice(change, "invoice.finalized", invoice);
  if (invoice.amount_due === 0) return settleInvoice(change, invoice);
  requestPayment(change, invoice);
  return invoice;
}

/** One attempt to collect an open invoice from a card. */
export function collectInvoice(
  change: Change,
  invoice: StoredInvoice,
  paymentMethod: string,
): { invoice: StoredInvoice; attempt: ChargeAttempt } {
  const attempt = chargeIntent(change, intentOf(change, invoice), paymentMethod);
  // Only the first attempt by hand counts: the later ones leave the schedule of retries alone.
  const tried = { ...invoice, attempted: true, attempt_count: Math.max(1, invoice.attempt_count) };
  if (attempt.decline === null) return { invoice: settleInvoice(change, tried), attempt };
  change.put(tried);
  recordInvoice(change, "invoice.payment_failed", tried);
  return { invoice: tried, attempt };
}

/** open → paid, and what follows from it for the subscription. */
export function settleInvoice(change: Change, invoice: StoredInvoice): StoredInvoice {
  const paid = change.put(paidInvoice(invoice, change.now));
  for (const payment of change.objects.invoice_payment.oldestFirst("invoice", invoice.id)) {
    change.put({
      ...payment,
      amount_paid: payment.amount_requested,
      status: "paid",
      status_transitions: { canceled_at: null, paid_at: change.now },
    });
  }
  recordInvoice(change, "invoice.paid", paid);
  reactivate(change, paid);
  return paid;
}

/** open → void. The PaymentIntent is canceled with it. */
export function voidInvoice(change: Change, invoice: StoredInvoice): StoredInvoice {
  const voided = change.put(voidedInvoice(invoice, change.now));
  recordInvoice(change, "invoice.voided", voided);
  for (const payment of change.objects.invoice_payment.oldestFirst("invoice", invoice.id)) {
    change.put({
      ...payment,
      status: "canceled",
      status_transitions: { canceled_at: change.now, paid_at: null },
    });
    cancelIntent(change, payment.payment.payment_intent);
  }
  reactivate(change, voided);
  return voided;
}

/** The PaymentIntent of a final invoice. */
export function intentOf(change: Change, invoice: StoredInvoice): StoredPaymentIntent {
  const [payment] = change.objects.invoice_payment.newestFirst("invoice", invoice.id);
  const intent = payment === undefined ? undefined : change.objects.payment_intent.get(payment.payment.payment_intent);
  if (intent === undefined) throw new Error(`${invoice.id} has no PaymentIntent`);
  return intent;
}

export function openedInvoice(draft: StoredInvoice, at: number): StoredInvoice {
  return {
    ...draft,
    automatically_finalizes_at: null,
    effective_at: at,
    ending_balance: 0,
    number: numberOf(draft.id),
    status: "open",
    status_transitions: { ...draft.status_transitions, finalized_at: at },
  };
}

export function paidInvoice(invoice: StoredInvoice, at: number): StoredInvoice {
  return {
    ...invoice,
    amount_paid: invoice.amount_due,
    amount_remaining: 0,
    attempted: true,
    auto_advance: false,
    next_payment_attempt: null,
    status: "paid",
    status_transitions: { ...invoice.status_transitions, paid_at: at },
  };
}

export function voidedInvoice(invoice: StoredInvoice, at: number): StoredInvoice {
  return {
    ...invoice,
    auto_advance: false,
    next_payment_attempt: null,
    status: "void",
    status_transitions: { ...invoice.status_transitions, voided_at: at },
  };
}

export function canceledIntent(intent: StoredPaymentIntent, at: number): StoredPaymentIntent {
  return { ...intent, canceled_at: at, cancellation_reason: "void_invoice", status: "canceled" };
}

function cancelIntent(change: Change, id: string): void {
  const intent = change.objects.payment_intent.get(id);
  if (intent === undefined) return;
  recordPaymentIntent(change, "payment_intent.canceled", change.put(canceledIntent(intent, change.now)));
}

/** Paying or voiding the latest invoice of a subscription that waits for it makes the subscription active. */
function reactivate(change: Change, invoice: StoredInvoice): void {
  const id = subscriptionOf(invoice);
  const subscription = id === null ? undefined : change.objects.subscription.get(id);
  if (subscription === undefined || subscription.latest_invoice !== invoice.id) return;
  if (!waitsFor(subscription, invoice)) return;
  recordSubscription(change, "subscription.updated", change.put({ ...subscription, status: "active" }));
}

function waitsFor({ status }: StoredSubscription, invoice: StoredInvoice): boolean {
  if (status === "past_due" || status === "unpaid") return true;
  return status === "incomplete" && invoice.status === "paid";
}
