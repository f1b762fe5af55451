import { Temporal } from "temporal-polyfill";
import { z } from "zod";
import type {
  InvoiceLineSeen,
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

/**
 * A subscription whose items share one period; ours have one item. With several periods, "the" period is a guess, and no
 * matter once the subscription has ended.
 */
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
  .refine(
    ({ ended_at: endedAt, items: { data } }) =>
      endedAt !== null ||
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

/** A payment of an invoice, its intent by id or expanded. Stripe's set of types is open. */
const invoicePayment = z.object({
  status: z.string(),
  payment: z
    .object({ type: z.string(), payment_intent: z.unknown().optional() })
    .transform(({ type, payment_intent: intent }) => ({
      type,
      payment_intent: reference.optional().catch(undefined).parse(intent),
      intentStatus: z.object({ status: z.string() }).safeParse(intent).data?.status ?? null,
    })),
});

const invoicePayments = z.object({ data: z.array(invoicePayment), has_more: z.boolean() });

/**
 * The one intent that paid an invoice; null for none, or one recorded by hand. An invoice that several intents paid, or a
 * charge without an intent, or what Stripe does not list at once, has none either, and says so.
 */
function paidBy({ data, has_more: goesOn }: z.output<typeof invoicePayments>): {
  readonly paymentIntentId: string | null;
  readonly isPaidOddly?: true;
} {
  // What was recorded by hand came outside Stripe: there is nothing to refund.
  const paid = data.filter(({ status, payment }) => status === "paid" && payment.type !== "payment_record");
  const intents = new Set(
    paid.map(({ payment }) => (payment.type === "payment_intent" ? payment.payment_intent : undefined)),
  );
  const [paymentIntentId = null] = intents;
  const isOdd = goesOn || intents.size > 1 || intents.has(undefined);
  return isOdd ? { paymentIntentId: null, isPaidOddly: true } : { paymentIntentId };
}

/** Whether a payment that is still open waits for the cardholder: the word of its intent, where that is expanded. */
function awaitsConfirmation({ data }: z.output<typeof invoicePayments>): boolean {
  return data.some(({ status, payment }) => status === "open" && payment.intentStatus === "requires_action");
}

export const invoiceLine: z.ZodType<InvoiceLineSeen> = z
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

/** An invoice with its payments expanded, and with as many of its lines as Stripe gives at once. */
export interface InvoicePage {
  readonly invoice: Extract<InvoiceSeen, { type: "found" }>;
  readonly hasMoreLines: boolean;
}

export const invoicePage: z.ZodType<InvoicePage> = z
  .object({
    id: z.string(),
    status: z.string(),
    amount_due: amountMinor,
    amount_paid: amountMinor,
    billing_reason: z.string().nullable(),
    auto_advance: z.boolean().default(true),
    next_payment_attempt: instant.nullable().default(null),
    status_transitions: z.object({ paid_at: instant.nullable() }),
    parent: z.object({ subscription_details: z.object({ subscription: reference }).nullish() }).nullable(),
    lines: pageOf(invoiceLine),
    payments: invoicePayments,
  })
  .transform((invoice) => ({
    invoice: {
      type: "found",
      id: invoice.id,
      stripeInvoiceStatus: invoice.status,
      amountDueMinor: invoice.amount_due,
      amountPaidMinor: invoice.amount_paid,
      paidAt: invoice.status_transitions.paid_at,
      ...paidBy(invoice.payments),
      subscriptionId: invoice.parent?.subscription_details?.subscription ?? null,
      billingReason: invoice.billing_reason,
      autoAdvance: invoice.auto_advance,
      nextAttemptAt: invoice.next_payment_attempt,
      ...(awaitsConfirmation(invoice.payments) ? { awaitsConfirmation: true as const } : {}),
      lines: invoice.lines.data,
    },
    hasMoreLines: invoice.lines.has_more,
  }));

/** A paid invoice of a list, with its payments expanded. */
export const paidInvoice: z.ZodType<PaidInvoiceSeen> = z
  .object({
    id: z.string(),
    amount_paid: amountMinor,
    status_transitions: z.object({ paid_at: instant }),
    payments: invoicePayments,
  })
  .transform((invoice) => ({
    id: invoice.id,
    amountPaidMinor: invoice.amount_paid,
    paidAt: invoice.status_transitions.paid_at,
    ...paidBy(invoice.payments),
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
    // Stripe may leave it out. The refund is there, so it counts as on its way until Stripe says how it ended.
    status: z.string().nullable(),
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .transform((refund) => ({
    id: refund.id,
    amountMinor: refund.amount,
    stripeRefundStatus: refund.status ?? "pending",
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
