import { Temporal } from "temporal-polyfill";
import { z } from "zod";
import type {
  InvoiceSeen,
  PaidInvoiceSeen,
  PaymentIntentSeen,
  RefundSeen,
  SubscriptionSeen,
} from "../contract/step.ts";

/*
 * What of Stripe's objects is read, checked as it arrives and put into our words. The SDK's types only promise what an
 * object of the pinned API version looks like; a proxy, a stand-in or a later Stripe may send another. What does not
 * agree is no answer: better a question to a person than `undefined` taken for a status or an amount.
 */

/** The names under which a refund carries our ids in its metadata. */
export const refundIdKey = "keiyaku_refund";
export const operationIdKey = "keiyaku_operation";

/** The last second that Temporal can tell. */
const secondMax = 8_640_000_000_000;

export const instant = z
  .int()
  .min(0)
  .max(secondMax)
  .transform((seconds) => Temporal.Instant.fromEpochMilliseconds(seconds * 1_000).toString());

/** An integer in the currency's minor unit. */
const amountMinor = z.int();

/** Another object, by its id or expanded. */
export const reference = z
  .union([z.string(), z.object({ id: z.string() })])
  .transform((value) => (typeof value === "string" ? value : value.id));

/** One page of a list. A page that has a next one has a last item, from which that goes on. */
export function pageOf<Item>(item: z.ZodType<Item>) {
  return z
    .object({ data: z.array(item), has_more: z.boolean() })
    .refine((page) => page.data.length > 0 || !page.has_more);
}

/**
 * A page of events, none of them read: one that nobody can read is no reason not to see the others. Only that the list goes
 * on from the last must be plain.
 */
export const listedEvents = z
  .object({ data: z.array(z.looseObject({})), has_more: z.boolean() })
  .transform(({ data, has_more }) => ({ events: data, nextAfter: has_more ? data.at(-1)?.id : null }))
  .refine((page): page is ListedEvents => page.nextAfter === null || typeof page.nextAfter === "string");

interface ListedEvents {
  readonly events: Record<string, unknown>[];
  readonly nextAfter: string | null;
}

const period = z.object({ current_period_start: instant, current_period_end: instant });

/** A subscription whose items share one period; ours have one item. With several periods, "the" period is a guess. */
export const subscriptionSeen: z.ZodType<Extract<SubscriptionSeen, { type: "found" }>> = z
  .object({
    id: z.string(),
    customer: reference,
    status: z.string(),
    cancel_at_period_end: z.boolean(),
    cancel_at: instant.nullable(),
    ended_at: instant.nullable(),
    items: z.object({ data: z.tuple([period], period) }),
  })
  .refine(({ items: { data } }) =>
    data.every(
      (item) =>
        item.current_period_start === data[0].current_period_start &&
        item.current_period_end === data[0].current_period_end,
    ),
  )
  .transform((subscription) => ({
    type: "found",
    id: subscription.id,
    customerId: subscription.customer,
    stripeSubscriptionStatus: subscription.status,
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
    cancelAt: subscription.cancel_at,
    currentPeriodStartAt: subscription.items.data[0].current_period_start,
    currentPeriodEndAt: subscription.items.data[0].current_period_end,
    endedAt: subscription.ended_at,
  }));

const invoicePayment = z.object({
  status: z.string(),
  payment: z.discriminatedUnion("type", [
    z.object({ type: z.literal("payment_intent"), payment_intent: reference }),
    // Recorded by hand, outside Stripe: there is no intent to refund.
    z.object({ type: z.literal("payment_record") }),
  ]),
});

const invoicePayments = z.object({ data: z.array(invoicePayment), has_more: z.literal(false) });

/** The one intent that paid an invoice; null for none, or one recorded by hand. Several are not readable in our words. */
function paidBy({ data }: z.output<typeof invoicePayments>, context: z.RefinementCtx): string | null {
  const intents = new Set(
    data.flatMap(({ status, payment }) =>
      status === "paid" && payment.type === "payment_intent" ? [payment.payment_intent] : [],
    ),
  );
  if (intents.size > 1) context.addIssue({ code: "custom", message: "paid through several intents" });
  const [paymentIntentId = null] = intents;
  return paymentIntentId;
}

const invoiceLine = z
  .object({
    id: z.string(),
    amount: amountMinor,
    period: z.object({ start: instant, end: instant }),
    parent: z
      .object({
        type: z.string(),
        subscription_item_details: z.object({ proration: z.boolean() }).nullish(),
        invoice_item_details: z.object({ proration: z.boolean() }).nullish(),
      })
      .nullable(),
  })
  .transform(({ id, amount, period: { start, end }, parent }) => ({
    id,
    amountMinor: amount,
    startsAt: start,
    endsAt: end,
    billsSubscription: parent?.type === "subscription_item_details",
    isProration: (parent?.subscription_item_details ?? parent?.invoice_item_details)?.proration ?? false,
  }));

/**
 * An invoice with its payments expanded. One paid through several intents, or by a charge without an intent, has no
 * intent that "paid it", and is not readable in our words; nor is one with more lines than Stripe gives at once.
 */
export const invoiceSeen: z.ZodType<Extract<InvoiceSeen, { type: "found" }>> = z
  .object({
    id: z.string(),
    status: z.string(),
    amount_due: amountMinor,
    amount_paid: amountMinor,
    billing_reason: z.string().nullable(),
    auto_advance: z.boolean().default(true),
    status_transitions: z.object({ paid_at: instant.nullable() }),
    parent: z.object({ subscription_details: z.object({ subscription: reference }).nullish() }).nullable(),
    lines: z.object({ data: z.array(invoiceLine), has_more: z.literal(false) }),
    payments: invoicePayments,
  })
  .transform(
    (invoice, context) =>
      ({
        type: "found",
        id: invoice.id,
        stripeInvoiceStatus: invoice.status,
        amountDueMinor: invoice.amount_due,
        amountPaidMinor: invoice.amount_paid,
        paidAt: invoice.status_transitions.paid_at,
        paymentIntentId: paidBy(invoice.payments, context),
        subscriptionId: invoice.parent?.subscription_details?.subscription ?? null,
        billingReason: invoice.billing_reason,
        autoAdvance: invoice.auto_advance,
        lines: invoice.lines.data,
      }) as const,
  );

/** A paid invoice of a list, with its payments expanded. */
export const paidInvoice: z.ZodType<PaidInvoiceSeen> = z
  .object({
    id: z.string(),
    amount_paid: amountMinor,
    status_transitions: z.object({ paid_at: instant }),
    payments: invoicePayments,
  })
  .transform((invoice, context) => ({
    id: invoice.id,
    amountPaidMinor: invoice.amount_paid,
    paidAt: invoice.status_transitions.paid_at,
    paymentIntentId: paidBy(invoice.payments, context),
  }));

/** A payment intent with its latest charge expanded. */
export const paymentIntentSeen: z.ZodType<Extract<PaymentIntentSeen, { type: "found" }>> = z
  .object({
    id: z.string(),
    status: z.string(),
    amount_received: amountMinor.min(0),
    latest_charge: z.object({ status: z.string(), created: instant }).nullable(),
  })
  .transform((intent) => ({
    type: "found",
    id: intent.id,
    stripePaymentIntentStatus: intent.status,
    amountReceivedMinor: intent.amount_received,
    paidAt: intent.latest_charge?.status === "succeeded" ? intent.latest_charge.created : null,
  }));

/** An invoice of a list: as far as telling it from others asks. */
export const listedInvoice = z.object({ id: z.string(), status: z.string(), created: z.int() });

export const refundSeen: z.ZodType<RefundSeen> = z
  .object({
    id: z.string(),
    amount: amountMinor.min(0),
    status: z.string(),
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .transform((refund) => ({
    id: refund.id,
    amountMinor: refund.amount,
    stripeRefundStatus: refund.status,
    refundId: refund.metadata?.[refundIdKey] ?? null,
  }));

/** What a payment intent collected, with its latest charge expanded; nothing while no charge has succeeded. */
export const chargeSeen: z.ZodType<{ readonly chargedMinor: number; readonly disputed: boolean }> = z
  .object({
    latest_charge: z
      .object({ status: z.string(), amount_captured: amountMinor.min(0), disputed: z.boolean() })
      .nullable(),
  })
  .transform(({ latest_charge: charge }) => ({
    chargedMinor: charge?.status === "succeeded" ? charge.amount_captured : 0,
    disputed: charge?.disputed ?? false,
  }));

/** What of a charge is left to refund: what was collected less every refund that has not come back. */
export function leftMinorOf(chargedMinor: number, refunds: readonly RefundSeen[]): number {
  return refunds
    .filter(({ stripeRefundStatus }) => stripeRefundStatus !== "failed" && stripeRefundStatus !== "canceled")
    .reduce((left, refund) => left - refund.amountMinor, chargedMinor);
}
