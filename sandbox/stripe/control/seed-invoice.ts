import { recordInvoice, recordPaymentIntent } from "../billing/effects.ts";
import { canceledIntent, paidInvoice, voidedInvoice } from "../billing/invoicing.ts";
import { feeLine, periodLines } from "../billing/lines.ts";
import { type Period, periodAt } from "../billing/periods.ts";
import type { Change } from "../core/change.ts";
import type { StoredInvoice, StoredInvoicePayment, StoredSubscription } from "../core/stored.ts";
import { DRAFT_SECONDS, type InvoiceFacts, invoiceObject } from "../objects/invoice.ts";
import type { LineFacts } from "../objects/invoice-line.ts";
import { invoicePaymentObject } from "../objects/invoice-payment.ts";
import { paymentIntentObject } from "../objects/payment-intent.ts";
import { recurrenceOf } from "../objects/price.ts";
import { itemOf } from "../objects/subscription-item.ts";
import { CURRENCY } from "../resources/read-currency.ts";
import { existing, putNew, tailOf } from "./put-new.ts";
import { seedPaid } from "./seed-payment.ts";
import type { OneOffInvoiceSeed, SeededInvoice, SeededPayment, SubscriptionInvoiceSeed } from "./seed-schema.ts";

type StateSeed = Omit<OneOffInvoiceSeed, "customer" | "amount">;

export function seedSubscriptionInvoice(
  change: Change,
  subscription: StoredSubscription,
  seed: SubscriptionInvoiceSeed,
  initialFee: number,
): SeededInvoice {
  const item = itemOf(subscription);
  const recurrence = recurrenceOf(item.price);
  if (recurrence === null) throw new Error(`The price of ${subscription.id} does not recur`);
  const period = periodAt(subscription.billing_cycle_anchor, recurrence, seed.period);
  const id = seed.id ?? `in_${tailOf(subscription.id)}_${seed.period}`;
  const feePrice = { id: `price_fee_${tailOf(subscription.id)}`, product: item.price.product, unitAmount: initialFee };
  const fees = initialFee > 0 ? [feeLine(subscription, { price: feePrice, quantity: 1 }, period.start)] : [];
  return seedInvoice(
    change,
    { ...seed, id },
    {
      customer: subscription.customer,
      billingReason: seed.period === 0 ? "subscription_create" : "subscription_cycle",
      parent: { subscription: subscription.id, metadata: subscription.metadata },
      lines: [...periodLines(subscription, period), ...fees],
      begunAt: period.start,
      // As of every renewal, its own period is the one that ended when it was made.
      period:
        seed.period === 0
          ? { start: period.start, end: period.start }
          : periodAt(subscription.billing_cycle_anchor, recurrence, seed.period - 1),
    },
  );
}

export function seedOneOffInvoice(change: Change, { amount, customer, ...seed }: OneOffInvoiceSeed): SeededInvoice {
  const at = seed.createdAt ?? change.now;
  const period = { start: at, end: at };
  const line: LineFacts = {
    amount,
    quantity: 1,
    description: "One-off",
    period,
    subscription: null,
    subscriptionItem: null,
    price: null,
  };
  return seedInvoice(change, seed, {
    customer,
    billingReason: "manual",
    parent: null,
    lines: [line],
    begunAt: at,
    period,
  });
}

interface InvoiceContent {
  readonly customer: string;
  readonly billingReason: InvoiceFacts["billingReason"];
  readonly parent: InvoiceFacts["parent"];
  readonly lines: readonly LineFacts[];
  /** When it was made, unless the seed says otherwise. */
  readonly begunAt: number;
  readonly period: Period;
}

function seedInvoice(change: Change, seed: StateSeed, content: InvoiceContent): SeededInvoice {
  const created = seed.createdAt ?? content.begunAt;
  const isCollected = seed.status === "draft" || seed.status === "open";
  const base = invoiceObject({
    id: seed.id,
    created,
    customer: existing(change.objects.customer, "customer", content.customer),
    currency: CURRENCY,
    status: seed.status,
    billingReason: content.billingReason,
    parent: content.parent,
    lines: content.lines,
    periodStart: content.period.start,
    periodEnd: content.period.end,
    autoAdvance: seed.autoAdvance ?? isCollected,
    attemptCount: seed.attemptCount ?? (seed.status === "draft" ? 0 : 1),
    nextPaymentAttempt: seed.nextPaymentAttemptAt ?? (seed.status === "draft" ? created + DRAFT_SECONDS : null),
    metadata: seed.metadata,
  });
  const invoice = putNew(change, inFinalState(base, seed, created));
  const payment = hasPayment(invoice, seed) ? seedInvoicePayment(change, invoice, seed) : undefined;
  recordInvoice(change, "seeded", invoice);
  return { id: invoice.id, ...(payment === undefined ? {} : { payment }) };
}

function inFinalState(invoice: StoredInvoice, seed: StateSeed, created: number): StoredInvoice {
  if (invoice.status === "paid") {
    const paid = paidInvoice(invoice, seed.payment.paidAt ?? created);
    return seed.paidOutOfBand ? { ...paid, amount_paid_off_stripe: paid.amount_due } : paid;
  }
  if (invoice.status === "void") return voidedInvoice(invoice, created);
  if (invoice.status !== "uncollectible") return invoice;
  return {
    ...invoice,
    status_details: { uncollectible: { reason: "max_payment_attempts" } },
    status_transitions: { ...invoice.status_transitions, marked_uncollectible_at: created },
  };
}

function hasPayment(invoice: StoredInvoice, seed: StateSeed): boolean {
  return invoice.status !== "draft" && invoice.amount_due > 0 && !seed.paidOutOfBand;
}

/** The PaymentIntent of a final invoice and the link between the two, paid if the invoice is. */
function seedInvoicePayment(change: Change, invoice: StoredInvoice, { payment: seed }: StateSeed): SeededPayment {
  const { amount_due: amount, created, currency, customer } = invoice;
  const card = existing(change.objects.customer, "customer", customer).invoice_settings.default_payment_method;
  const id = seed.paymentIntent ?? `pi_${tailOf(invoice.id)}`;
  const intent = putNew(change, paymentIntentObject({ id, created, amount, currency, customer, paymentMethod: null }));
  const link = invoicePaymentObject({
    id: seed.invoicePayment ?? `inpay_${tailOf(invoice.id)}`,
    created,
    invoice: invoice.id,
    paymentIntent: id,
    amount,
    currency,
  });
  putNew(change, linkOf(link, invoice));
  if (invoice.status === "paid") return seedPaid(change, intent, seed, card);
  recordPaymentIntent(
    change,
    "seeded",
    invoice.status === "void" ? change.put(canceledIntent(intent, created)) : intent,
  );
  return { paymentIntent: id, refunds: [] };
}

function linkOf(link: StoredInvoicePayment, { status, status_transitions }: StoredInvoice): StoredInvoicePayment {
  if (status === "paid") {
    const transitions = { canceled_at: null, paid_at: status_transitions.paid_at };
    return { ...link, amount_paid: link.amount_requested, status: "paid", status_transitions: transitions };
  }
  if (status !== "void") return link;
  return {
    ...link,
    status: "canceled",
    status_transitions: { canceled_at: status_transitions.voided_at, paid_at: null },
  };
}
