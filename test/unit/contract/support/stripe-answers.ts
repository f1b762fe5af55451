import type {
  CallAnswer,
  InvoiceSeen,
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
    lines: [],
    ...overrides,
  } satisfies FoundInvoice;
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
