import type { BusinessDate, Instant } from "./calendar.ts";
import type {
  AskedReservationSource,
  BuriedPayment,
  Contract,
  ContractStatus,
  DisputeState,
  LicenseRevocation,
  PaymentState,
  PaymentSubject,
  Product,
  RefundState,
  ReservationSource,
} from "./contract.ts";
import type { CustomerNoticeKind, NoticeDetail } from "./notices.ts";

/** A payment to be written into the purchase history. */
export interface NewPayment {
  readonly id: string;
  readonly subject: PaymentSubject;
  readonly period: number | null;
  /** The first day of the period that it pays; null for an initial fee or a one-time price. */
  readonly startsOn: BusinessDate | null;
  readonly amountMinor: number;
  readonly state: PaymentState;
  readonly paidAt: Instant | null;
  readonly stripePaymentIntentId: string | null;
  readonly stripeInvoiceId: string | null;
}

/** A payment that goes from one state to another. The store refuses the whole change unless it is still in `from`. */
export interface PaymentMove {
  readonly id: string;
  readonly from: PaymentState;
  readonly to: PaymentState;
  /**
   * When it was paid, for a move to `paid`, or to `refunded` where we learn of both at once. Left out, a move between these
   * two keeps the time that is known; any other clears it.
   */
  readonly paidAt?: Instant;
  /** The intent that paid it, where the move is how we learn of it. */
  readonly stripePaymentIntentId?: string;
  /** The invoice that it is a line of, where the move is how we learn of it. */
  readonly stripeInvoiceId?: string;
  /** What was paid, where that is not what was agreed. */
  readonly amountMinor?: number;
}

/**
 * A refund row that is `due` together with the journal's intent to call Stripe: written, or taken over from an earlier
 * operation that was abandoned or refused.
 */
export interface RefundIntent {
  readonly isNew: boolean;
  readonly refundId: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly stripePaymentIntentId: string;
  /** The failed refunds of the same payment whose place it takes. */
  readonly supersedes: readonly string[];
}

/** A refund for which Stripe is not called: owed back by hand, owed because Stripe cannot give it, or made by others at Stripe. */
export interface NewRefund {
  readonly id: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly state: RefundState;
  readonly stripePaymentIntentId: string | null;
  readonly stripeRefundId: string | null;
  /** The failed refunds of the same payment whose place it takes. */
  readonly supersedes: readonly string[];
}

/** A refund that goes from one state to another. The store refuses the whole change unless it is still in `from`. */
export interface RefundMove {
  readonly id: string;
  readonly from: RefundState;
  readonly to: RefundState;
  /** Stripe's refund, where the move is how we learn of it. */
  readonly stripeRefundId?: string;
  /** What is still owed of it, where others have given back the rest. */
  readonly amountMinor?: number;
}

/** What is known of a payment's dispute from now on. */
export interface DisputeMove {
  readonly paymentId: string;
  readonly dispute: DisputeState;
}

/** A license that the change opens (`granted`, `restored`) or shuts. Known by its payment's id. */
export type LicenseMove =
  | { readonly type: "granted"; readonly paymentId: string }
  | { readonly type: "restored"; readonly paymentId: string; readonly from: LicenseRevocation }
  | { readonly type: "revoked"; readonly paymentId: string; readonly because: LicenseRevocation };

export const noticeKinds = [
  "contract_suspended",
  "contract_running_again",
  "contract_terminated",
  "contract_canceled",
  "refund_refused",
  "refund_failed",
  "payment_failed",
  "payment_disputed",
  "late_payment",
  "subscription_odd",
  "operation_held",
  "event_unmatched",
  "event_held",
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** A mail of one kind to be sent because of the change. Carries ids and amounts, never a name or an address. */
export interface NoticeOf<Kind extends NoticeKind> {
  readonly kind: Kind;
  readonly recipient: Kind extends CustomerNoticeKind ? "customer" | "operators" : "operators";
  readonly detail: NoticeDetail<Kind>;
  /**
   * What the mail is sent once for, if that is not this operation: `payment_failed:<invoice>:<attempt>`. A second notice
   * of the same cause to the same recipient is left out.
   */
  readonly cause?: string;
}

export type Notice = { [Kind in NoticeKind]: NoticeOf<Kind> }[NoticeKind];

/** Something that a person should know although the operation succeeded: money owed, or an odd sight at Stripe. */
export interface Attention {
  readonly code: AttentionCode;
  readonly detail: Readonly<Record<string, string | number>>;
}

export const attentionCodes = [
  "refund_owed",
  "refund_pending",
  "refund_owed_by_hand",
  "refunded_elsewhere",
  "subscription_missing",
  "missing_at_stripe",
  "subscription_ended_meanwhile",
  "invoice_paid_meanwhile",
  "invoice_not_voided",
  "late_payment",
  "payment_unknown",
  "payment_paid_oddly",
  "period_paid_twice",
  "payment_disputed",
  "refund_failed",
  "reservation_lifted_at_stripe",
  "renewal_date_differs",
  "subscription_unpaid",
  "subscription_paused",
] as const;
export type AttentionCode = (typeof attentionCodes)[number];

/** A reservation to end on a renewal date, and who made it. */
export interface Reservation {
  readonly terminationOn: BusinessDate;
  readonly terminationSource: ReservationSource;
  /** Who else asked for it, of one by product month. */
  readonly askedBy?: AskedReservationSource;
}

/** The rows that `register` brings into being beside the payments. */
export interface Registration {
  readonly contract: Omit<Contract, "version" | "renewalDueOn" | "createdAt">;
  /** Written only if the catalog does not know the product yet. */
  readonly product: Omit<Product, "version" | "automaticTerminationMonthSetAt"> | null;
  /** Written only if the customer is not known yet. */
  readonly customer: {
    readonly id: string;
    readonly email: string;
    readonly name: string;
    readonly locale: "ja" | "en";
  } | null;
  readonly signup: { readonly appliedAt: Instant; readonly channel: string } | null;
}

/** The erasure of a contract and of everything that belongs to it, and what remains. */
export interface Deletion {
  /** Kept while a refund by hand is owed to them; null otherwise. */
  readonly customerId: string | null;
  /** Its customer, subscriptions, invoices and payment intents at Stripe. */
  readonly stripeIds: readonly string[];
  readonly payments: readonly BuriedPayment[];
}

/** What changes on the tombstone of a deleted contract. */
export interface Burial {
  /** True when the customer's id is no longer needed. */
  readonly forgetCustomer?: boolean;
  /** Late money, and what became of it. */
  readonly latePayments?: readonly BuriedPayment[];
  /** The ids that this money has at Stripe; those that the tombstone has already, it keeps. */
  readonly stripeIds?: readonly string[];
}

/**
 * What a settled operation changes: contract, payments, refunds, licenses, mail. What is left out stays as it is.
 *
 * The store writes all of it in one guarded statement or none of it.
 */
export interface Change {
  readonly registration?: Registration;
  readonly status?: ContractStatus;
  /**
   * When the contract ended, by Stripe's clock, which also dates what was paid: what came later is late money. Left out
   * where Stripe does not tell: then it is the moment at which the end is written.
   */
  readonly endedAt?: Instant;
  /** A reservation made, or null for one that is lifted or has lost its meaning. */
  readonly reservation?: Reservation | null;
  readonly newPayments?: readonly NewPayment[];
  readonly paymentMoves?: readonly PaymentMove[];
  readonly newRefunds?: readonly NewRefund[];
  readonly refundMoves?: readonly RefundMove[];
  readonly disputes?: readonly DisputeMove[];
  /** The subscription that bills the contract from now on; the present one becomes a former one. */
  readonly subscriptionId?: string;
  readonly licenses?: readonly LicenseMove[];
  readonly notices?: readonly Notice[];
  readonly attention?: readonly Attention[];
  /** Erases the contract. Beside it only refunds that stay owed, and notices, may change. */
  readonly deletion?: Deletion;
  /** For a deleted contract: nothing else but refunds, notices and attention may change with it. */
  readonly burial?: Burial;
  /** Whether what Stripe reported is older than what is known, so that it changes nothing. */
  readonly superseded?: boolean;
}
