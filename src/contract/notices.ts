import { z } from "zod";
import type { NoticeKind } from "./change.ts";

const id = z.string().min(1);
const amountMinor = z.int();
/** Numbers rather than truth values: the form in which details have always been kept. */
const flag = z.literal([0, 1]);

/**
 * What each kind of notice carries: ids, dates and amounts, in the currency of its contract; never a name or an address.
 * Rules are held to it by its types, and what lies in the outbox by its schemas.
 */
export const noticeDetails = {
  /** The period whose payment is missing. */
  contract_suspended: z.strictObject({ period: z.int().min(0) }),
  contract_running_again: z.strictObject({}),
  contract_terminated: z.strictObject({}),
  /** What is given back in all, and what of that a person has to: by hand, or since Stripe would not. */
  contract_canceled: z.strictObject({ refundMinor: amountMinor, owedMinor: amountMinor }),
  /** How many refunds Stripe would not make, and what they come to. */
  refund_refused: z.strictObject({ refunds: z.int().min(1), owedMinor: amountMinor }),
  refund_failed: z.strictObject({ stripeRefundId: id, amountMinor }),
  payment_failed: z.strictObject({
    invoiceId: id,
    /** Stripe's count; 0 while it has only asked the customer to act. */
    attempt: z.int().min(0),
    /** What has become of the invoice since: it is still to be paid, was paid, or is asked for no longer. */
    invoice: z.enum(["open", "paid", "over"]),
    /** When Stripe tries again; null when it does not. */
    nextAttemptAt: z.iso.datetime({ offset: true }).nullable(),
    amountMinor,
    /** Whether the customer has to confirm the payment, as by 3-D Secure. */
    actionRequired: flag,
    /** Whether the contract was suspended with it. */
    suspended: flag,
  }),
  payment_disputed: z.strictObject({
    paymentIntentId: id,
    disputeId: id,
    /** An inquiry is the bank's question, before there is a dispute. */
    state: z.enum(["inquiry", "inquiry_closed", "open", "won", "lost"]),
    amountMinor,
  }),
  /** What came after the end, and what of it goes back. */
  late_payment: z.strictObject({ source: id, amountMinor, refundMinor: amountMinor }),
  subscription_odd: z.strictObject({ subscriptionId: id, stripeSubscriptionStatus: id }),
  operation_held: z.strictObject({ operationId: id, question: id }),
  /** The first event of a type and day that has waited long enough for its contract; `reference`: what it is about, by Stripe's id. */
  event_unmatched: z.strictObject({ eventId: id, eventType: id, reference: id }),
  /** An event of Stripe's that could not be made into an operation, and why, in the inbox's words. */
  event_held: z.strictObject({ eventId: id, eventType: id, reason: id }),
} as const satisfies Record<NoticeKind, z.ZodObject>;

export type NoticeDetail<Kind extends NoticeKind> = z.output<(typeof noticeDetails)[Kind]>;

/** The kinds of which the customer is told, beside the operators. All others are the operators' own. */
export const customerNoticeKinds = [
  "contract_suspended",
  "contract_running_again",
  "contract_terminated",
  "contract_canceled",
  "payment_failed",
] as const satisfies readonly NoticeKind[];
export type CustomerNoticeKind = (typeof customerNoticeKinds)[number];
