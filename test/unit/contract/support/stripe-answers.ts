import type {
  CallAnswer,
  InvoiceLineSeen,
  InvoiceSeen,
  PaidInvoicesSeen,
  PaymentIntentSeen,
  RefundSeen,
  RefundsSeen,
  RefusalCode,
  SubscriptionSeen,
  UnpaidInvoicesSeen,
} from "../../../../src/contract/step.ts";

/*
 * What Stripe might answer, for tests of rules. Each takes what its test is about; the rest is as the story of
 * `test/support/facts.ts` has it: `sub_1` is in the period from 8 January until 8 February 2025, Japanese time.
 */

export type FoundSubscription = Extract<SubscriptionSeen, { type: "found" }>;
export type FoundInvoice = Extract<InvoiceSeen, { type: "found" }>;

/** Nine in the morning of the 8th in Tokyo: the hour at which both calendars agree on the day. */
export const periodStartAt = "2025-01-08T00:00:00Z";
export const periodEndAt = "2025-02-08T00:00:00Z";

/** The subscription ended before anybody knew whether the call had changed it. */
export const overtaken = { type: "overtaken" } as const;
/** What an operation comes to whose call may have taken effect before its subscription ended: nothing, and it says so. */
export const endedMeanwhile = {
  superseded: true,
  attention: [{ code: "subscription_ended_meanwhile", detail: { subscriptionId: "sub_1" } }],
};

export const missing = { type: "missing" } as const;

export function subscriptionSeen(overrides: Partial<FoundSubscription> = {}): FoundSubscription {
  return {
    type: "found",
    id: "sub_1",
    customerId: "cus_1",
    stripeSubscriptionStatus: "active",
    cancelAtPeriodEnd: false,
    cancelAt: null,
    currentPeriodStartAt: periodStartAt,
    currentPeriodEndAt: periodEndAt,
    endedAt: null,
    ...overrides,
  };
}

export const subscriptionEnded = subscriptionSeen({ stripeSubscriptionStatus: "canceled", endedAt: periodEndAt });

export function invoiceSeen(id: string, stripeInvoiceStatus: string, overrides: Partial<FoundInvoice> = {}) {
  return {
    type: "found",
    id,
    stripeInvoiceStatus,
    amountDueMinor: 1_980,
    amountPaidMinor: 0,
    paidAt: null,
    paymentIntentId: null,
    subscriptionId: "sub_1",
    billingReason: "subscription_cycle",
    autoAdvance: true,
    nextAttemptAt: null,
    lines: [],
    ...overrides,
  } satisfies FoundInvoice;
}

/** A line for the period of `sub_1` that begins on a date, at nine in the morning in Tokyo. */
export function periodLine(startsOn: string, overrides: Partial<InvoiceLineSeen> = {}): InvoiceLineSeen {
  return {
    id: `il_${startsOn}`,
    amountMinor: 1_980,
    startsAt: `${startsOn}T00:00:00Z`,
    endsAt: `${startsOn}T00:00:00Z`,
    billsSubscription: true,
    isProration: false,
    ...overrides,
  };
}

/** A line beside the subscription's items, as an initial fee is. */
export function addedLine(amountMinor: number, overrides: Partial<InvoiceLineSeen> = {}): InvoiceLineSeen {
  return periodLine("2024-10-08", { id: "il_added", amountMinor, billsSubscription: false, ...overrides });
}

/** A paid invoice with these lines, of which all was paid: by `pi_<tail>`, at the beginning of 20 January in Tokyo. */
export function paidInvoiceSeen(
  id: string,
  lines: readonly InvoiceLineSeen[],
  overrides: Partial<FoundInvoice> = {},
): FoundInvoice & { readonly paidAt: string } {
  const amountMinor = lines.reduce((sum, line) => sum + line.amountMinor, 0);
  return {
    ...invoiceSeen(id, "paid", { amountDueMinor: amountMinor, amountPaidMinor: amountMinor, lines }),
    paidAt: "2025-01-19T15:00:00Z",
    paymentIntentId: `pi_${id.slice(3)}`,
    ...overrides,
  } as FoundInvoice & { readonly paidAt: string };
}

export function paidInvoices(...invoices: PaidInvoicesSeen["invoices"]): PaidInvoicesSeen {
  return { invoices };
}

/** Stripe has taken nothing for `sub_1` that our history does not know. */
export const nothingUnknown = { unpaid_invoices: unpaidInvoices(), "paid_invoices:sub_1": paidInvoices() };

/** An invoice as it stands in a list of the paid ones. */
export function listed({ id, amountPaidMinor, paidAt, paymentIntentId }: ReturnType<typeof paidInvoiceSeen>) {
  return { id, amountPaidMinor, paidAt, paymentIntentId };
}

export function intentSeen(amountReceivedMinor: number, paidAt: string | null = "2025-01-19T15:00:00Z") {
  return {
    type: "found",
    id: "pi_1",
    stripePaymentIntentStatus: paidAt === null ? "requires_payment_method" : "succeeded",
    amountReceivedMinor: paidAt === null ? 0 : amountReceivedMinor,
    paidAt,
  } satisfies PaymentIntentSeen;
}

/** The refunds of a charge, newest first as Stripe lists them: what they leave follows from them. */
export function refundsListed(chargedMinor: number, ...refunds: readonly RefundSeen[]): RefundsSeen {
  const leftMinor = refunds
    .filter(({ stripeRefundStatus }) => stripeRefundStatus !== "failed" && stripeRefundStatus !== "canceled")
    .reduce((left, { amountMinor }) => left - amountMinor, chargedMinor);
  return { type: "found", chargedMinor, leftMinor, disputed: false, refunds };
}

export function unpaidInvoices(...invoices: UnpaidInvoicesSeen["invoices"]): UnpaidInvoicesSeen {
  return { invoices };
}

/** The refunds of a charge of which `leftMinor` is left; nothing was given back unless told otherwise. */
export function refundsSeen(chargedMinor: number, leftMinor = chargedMinor): RefundsSeen {
  return { type: "found", chargedMinor, leftMinor, disputed: false, refunds: [] };
}

export function refundSeen(refundId: string, amountMinor: number, stripeRefundStatus = "succeeded"): RefundSeen {
  return { id: "re_1", amountMinor, stripeRefundStatus, refundId };
}

export function done<T>(value: T): CallAnswer<T> {
  return { type: "done", value };
}

export function refused(code: RefusalCode): CallAnswer<never> {
  return { type: "refused", code };
}
