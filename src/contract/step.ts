import type { Instant } from "./calendar.ts";
import type { Change, RefundIntent } from "./change.ts";
import type { Rejection } from "./rejection.ts";

/** Something to read at Stripe. Repeating a look costs a request and changes nothing. */
export type Look =
  | { readonly verb: "read_subscription"; readonly subscriptionId: string }
  | { readonly verb: "list_unpaid_invoices"; readonly subscriptionId: string }
  | { readonly verb: "read_invoice"; readonly invoiceId: string }
  | { readonly verb: "list_paid_invoices"; readonly subscriptionId: string }
  | { readonly verb: "read_payment_intent"; readonly paymentIntentId: string }
  | { readonly verb: "list_refunds"; readonly paymentIntentId: string };

/** Something to change at Stripe. Plain data, frozen in the journal before it is sent. */
export type Call =
  | { readonly verb: "cancel_subscription"; readonly subscriptionId: string }
  | {
      readonly verb: "set_cancel_at_period_end";
      readonly subscriptionId: string;
      readonly cancelAtPeriodEnd: boolean;
    }
  | { readonly verb: "clear_cancel_at"; readonly subscriptionId: string }
  | { readonly verb: "void_invoice"; readonly invoiceId: string }
  | { readonly verb: "stop_invoice"; readonly invoiceId: string }
  | {
      readonly verb: "refund_payment";
      readonly refundId: string;
      readonly paymentIntentId: string;
      readonly amountMinor: number;
    };

/** What Stripe knows of a subscription. `missing` when Stripe has none of this id. */
export type SubscriptionSeen =
  | { readonly type: "missing" }
  | {
      readonly type: "found";
      readonly id: string;
      readonly customerId: string;
      /** Stripe's own word: `active`, `past_due`, `canceled`, … An open set. */
      readonly stripeSubscriptionStatus: string;
      readonly cancelAtPeriodEnd: boolean;
      readonly cancelAt: Instant | null;
      readonly currentPeriodStartAt: Instant;
      readonly currentPeriodEndAt: Instant;
      readonly endedAt: Instant | null;
    };

/** One invoice, as far as rules ask. `stripeInvoiceStatus` is Stripe's word: draft, open, paid, uncollectible, void. */
export type InvoiceSeen =
  | { readonly type: "missing" }
  | {
      readonly type: "found";
      readonly id: string;
      readonly stripeInvoiceStatus: string;
      readonly amountDueMinor: number;
      readonly amountPaidMinor: number;
      readonly paidAt: Instant | null;
      /** The intent of its paid payment; null while unpaid, paid out of band, or paid by no single intent. */
      readonly paymentIntentId: string | null;
      /** Whether it was paid at Stripe by no single intent: several, or a charge without one. A person gives that back. */
      readonly isPaidOddly?: true;
      /** The subscription that it bills; null for one that bills none. */
      readonly subscriptionId: string | null;
      /** Stripe's word for why there is this invoice: subscription_create, subscription_cycle, manual, … An open set. */
      readonly billingReason: string | null;
      /** Whether Stripe finalizes and collects it by itself, as time goes by. */
      readonly autoAdvance: boolean;
      /** When Stripe tries to collect it next; null when it does not. */
      readonly nextAttemptAt: Instant | null;
      /** Whether its payment waits for the cardholder to confirm it (3-D Secure). */
      readonly awaitsConfirmation?: true;
      readonly lines: readonly InvoiceLineSeen[];
    };

/** One line of an invoice. */
export interface InvoiceLineSeen {
  readonly id: string;
  /** May be 0 (a trial), and less (a credit). */
  readonly amountMinor: number;
  /** The time that the line bills, which is not the invoice's. */
  readonly startsAt: Instant;
  readonly endsAt: Instant;
  /** Whether it bills a period of a subscription's item; otherwise it is an item added by itself, such as an initial fee. */
  readonly billsSubscription: boolean;
  /** Whether it makes up for a change in the middle of a period. */
  readonly isProration: boolean;
}

/** An invoice that was paid, as a list tells it. */
export interface PaidInvoiceSeen {
  readonly id: string;
  readonly amountPaidMinor: number;
  readonly paidAt: Instant;
  /** Null if it was paid out of band, so that there is nothing to refund at Stripe, or by no single intent. */
  readonly paymentIntentId: string | null;
  /** As of an invoice that is read by itself. */
  readonly isPaidOddly?: true;
}

/** Every paid invoice of a subscription, oldest first. */
export interface PaidInvoicesSeen {
  readonly invoices: readonly PaidInvoiceSeen[];
}

/** A payment intent that no invoice belongs to. `stripePaymentIntentStatus` is Stripe's word: succeeded, canceled, … */
export type PaymentIntentSeen =
  | { readonly type: "missing" }
  | {
      readonly type: "found";
      readonly id: string;
      readonly stripePaymentIntentStatus: string;
      readonly amountReceivedMinor: number;
      /** When its charge succeeded; null before. */
      readonly paidAt: Instant | null;
    };

/** The invoices of a subscription that are neither paid nor void: drafts and open ones, newest first. */
export interface UnpaidInvoicesSeen {
  readonly invoices: readonly { readonly id: string; readonly stripeInvoiceStatus: "draft" | "open" }[];
}

export interface RefundSeen {
  readonly id: string;
  readonly amountMinor: number;
  /** Stripe's word: pending, requires_action, succeeded, failed, canceled. Pending where it does not say. */
  readonly stripeRefundStatus: string;
  /** Our refund row, as we named it in the metadata; null for one that is not ours. Only this is a match. */
  readonly refundId: string | null;
}

/** The charge behind a payment intent with every refund that Stripe lists for it. */
export type RefundsSeen =
  | { readonly type: "missing" }
  | {
      readonly type: "found";
      readonly chargedMinor: number;
      /** What was charged less every refund that has not failed. Pending ones count as refunded. */
      readonly leftMinor: number;
      readonly disputed: boolean;
      readonly refunds: readonly RefundSeen[];
    };

/** What each look answers. */
export interface LookAnswers {
  readonly read_subscription: SubscriptionSeen;
  readonly list_unpaid_invoices: UnpaidInvoicesSeen;
  readonly read_invoice: InvoiceSeen;
  readonly list_paid_invoices: PaidInvoicesSeen;
  readonly read_payment_intent: PaymentIntentSeen;
  readonly list_refunds: RefundsSeen;
}

/**
 * Why Stripe refused a call for good. Definitely not done, and a rule knows what it means:
 * `charge_already_refunded`, `charge_disputed`, `amount_exceeds_left`, `charge_not_refundable`, `balance_insufficient`,
 * `not_found`, `invoice_not_open`, `subscription_ended`. `refund_refused`: for a reason that only Stripe's own code names.
 */
export const refusalCodes = [
  "charge_already_refunded",
  "charge_disputed",
  "amount_exceeds_left",
  "charge_not_refundable",
  "balance_insufficient",
  "refund_refused",
  "not_found",
  "invoice_not_open",
  "subscription_ended",
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

/** The answer to a call: it took effect (now, or at an earlier sending), or Stripe refused it for good. */
export type CallAnswer<Done> =
  | { readonly type: "done"; readonly value: Done }
  | {
      readonly type: "refused";
      readonly code: RefusalCode;
      /** Stripe's own word, of what no code of ours names. */
      readonly stripeCode?: string;
    };

/**
 * The subscription that a call was to change has ended before it was known whether the call took effect, and nothing there
 * tells any more. It may have, so no rule may report a failure.
 */
export interface Overtaken {
  readonly type: "overtaken";
}

/** The answer to a call that changes how a subscription is to end. */
export type ChangeAnswer = CallAnswer<SubscriptionSeen> | Overtaken;

/** What each call answers once it is done. */
export interface CallResults {
  readonly cancel_subscription: SubscriptionSeen;
  readonly set_cancel_at_period_end: SubscriptionSeen;
  readonly clear_cancel_at: SubscriptionSeen;
  readonly void_invoice: InvoiceSeen;
  readonly stop_invoice: InvoiceSeen;
  readonly refund_payment: RefundSeen;
}

/** An answer of the journal: what a look saw or a call answered, under the step's name. */
export type Answer = LookAnswers[Look["verb"]] | CallAnswer<CallResults[Call["verb"]]> | Overtaken;

/** The answers so far, by step name. Order does not matter; a name is answered once. */
export type Answers = ReadonlyMap<string, Answer>;

/**
 * What a rule says comes next: read something, change something, write the end, or refuse.
 *
 * `name` is unique within the operation and the same on every attempt, since answers are found by it and a call's
 * idempotency key is made of it.
 */
export type Step =
  | { readonly type: "look"; readonly name: string; readonly look: Look }
  | { readonly type: "call"; readonly name: string; readonly call: Call; readonly refund?: RefundIntent }
  | { readonly type: "settle"; readonly change: Change }
  | { readonly type: "reject"; readonly rejection: Rejection };

/** A step that changes something at Stripe. */
export type CallStep = Extract<Step, { type: "call" }>;
