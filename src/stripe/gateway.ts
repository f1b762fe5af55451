import type {
  Call,
  CallResults,
  InvoiceSeen,
  Look,
  LookAnswers,
  PaidInvoicesSeen,
  PaymentIntentSeen,
  RefundSeen,
  RefundsSeen,
  RefusalCode,
  SubscriptionSeen,
  UnpaidInvoicesSeen,
} from "../contract/step.ts";

/** The key under which Stripe carries out a POST at most once, for at least 24 hours. Ours, journaled before sending. */
export type IdempotencyKey = string & { readonly __brand: "IdempotencyKey" };

/**
 * What became of a request to Stripe. A closed set: the gateway never throws for anything that Stripe or the network did.
 *
 * - `done`: it took effect, now or at an earlier sending.
 * - `refused`: it did not take effect and never will; the code is one that rules know.
 * - `not_now`: it did not take effect, and says nothing about the operation: rate limit, a lock, our key, or no route.
 * - `unknown`: it may or may not have taken effect. Never to be reported as a failure.
 * - `unexplained`: it did not take effect, for a reason that nobody has given a meaning yet. A person decides.
 */
export type GatewayReply<T> =
  | { readonly type: "done"; readonly value: T; readonly requestId: string | null }
  | { readonly type: "refused"; readonly code: RefusalCode; readonly requestId: string | null }
  | { readonly type: "not_now"; readonly reason: NotNowReason; readonly requestId: string | null }
  | { readonly type: "unknown"; readonly reason: UnknownReason; readonly requestId: string | null }
  | {
      readonly type: "unexplained";
      /** Stripe's `error.code`, or its type where it gave no code. */
      readonly code: string;
      readonly httpStatus: number | null;
      readonly requestId: string | null;
    };

/**
 * `unauthorized` (401) and `forbidden` (403) speak of our key; `unreachable` says that nothing left this machine, and so
 * does `process_paused`: it stood still for so long that what was decided may not be right any more.
 */
export type NotNowReason =
  | "rate_limited"
  | "lock_timeout"
  | "unauthorized"
  | "forbidden"
  | "unreachable"
  | "process_paused";

/** `conflict`: a request under the same key is still running (409). */
export type UnknownReason = "connection_lost" | "timeout" | "server_error" | "unreadable_reply" | "conflict";

/** What a refund carries to Stripe. The refund row's id goes into the metadata: the only thing by which it is found. */
export interface RefundPayment {
  readonly refundId: string;
  readonly operationId: string;
  readonly paymentIntentId: string;
  /** Integer, in the currency's minor unit; for JPY, yen. */
  readonly amountMinor: number;
}

/**
 * How long a verb may take in all: its requests, their repetitions, and every wait of theirs. Long enough for two sendings
 * of which neither has an answer within 20 seconds. Together with what follows a request without an answer (a probe of some
 * seconds, and a statement) it stays below the minute after which a silent attempt is taken over.
 */
export const answerWithinMs = 40_000;

/** What is said of an invoice that Stripe would not void, and that is open all the same: as a rule a payment is under way. */
export const stillOpen = "invoice_still_open";

/**
 * Whether a call may leave still. Asked at the last moment before each of its sendings, however long it waited for its
 * turn, for a connection or to be repeated; once it says no, the rest is `not_now` for `process_paused`, or `unknown` if an
 * earlier sending may have taken effect.
 */
export type MayBeSent = () => boolean;

/**
 * Stripe in our words. Every verb that changes something says what repeating it does. A repeated `done` carries the
 * value as it is now or as it was then; rules must not care which. Each answers within
 * {@link answerWithinMs}.
 */
export interface StripeGateway {
  /** Reads a subscription, canceled ones included. One that Stripe does not know is `missing`, not an error. */
  readSubscription(subscriptionId: string): Promise<GatewayReply<SubscriptionSeen>>;

  /** Lists the drafts and open invoices of a subscription, all pages. An unknown subscription has none. */
  listUnpaidInvoices(subscriptionId: string): Promise<GatewayReply<UnpaidInvoicesSeen>>;

  /** Reads an invoice with the intent that paid it. One that Stripe does not know is `missing`. */
  readInvoice(invoiceId: string): Promise<GatewayReply<InvoiceSeen>>;

  /** Lists the paid invoices of a subscription, canceled ones included, all pages, oldest first. An unknown one has none. */
  listPaidInvoices(subscriptionId: string): Promise<GatewayReply<PaidInvoicesSeen>>;

  /** Reads a payment intent and when its charge succeeded. One that Stripe does not know is `missing`. */
  readPaymentIntent(paymentIntentId: string): Promise<GatewayReply<PaymentIntentSeen>>;

  /** Lists every refund of a payment intent, all pages, beside what its charge has left. */
  listRefunds(paymentIntentId: string): Promise<GatewayReply<RefundsSeen>>;

  /**
   * Ends a subscription at once, without proration and without a last invoice. Open invoices stay open.
   * Stripe takes no key here. Repeating it is answered 404 by Stripe; the gateway then reads the subscription and
   * answers `done` if it is canceled. One that never existed is refused as `not_found`.
   */
  cancelSubscription(subscriptionId: string, mayBeSent?: MayBeSent): Promise<GatewayReply<SubscriptionSeen>>;

  /**
   * Sets or lifts the end at the period's end. Repeating it, with or without the same key, leaves the same state.
   * A subscription that has ended is refused as `subscription_ended`, one that never existed as `not_found`.
   */
  setCancelAtPeriodEnd(
    subscriptionId: string,
    cancelAtPeriodEnd: boolean,
    key: IdempotencyKey,
    mayBeSent?: MayBeSent,
  ): Promise<GatewayReply<SubscriptionSeen>>;

  /**
   * Lifts an end that was set at a moment of its own (`cancel_at`), which lifting the end at the period's end leaves as it
   * is. Repeating it leaves the same state. Refused as {@link setCancelAtPeriodEnd} is.
   */
  clearCancelAt(
    subscriptionId: string,
    key: IdempotencyKey,
    mayBeSent?: MayBeSent,
  ): Promise<GatewayReply<SubscriptionSeen>>;

  /**
   * Voids an open invoice, as if it had never been owed. Repeating it with the same key returns the first answer; with
   * another key an invoice that is void already is `done`. A paid, draft or uncollectible one is `invoice_not_open`. Refused,
   * and yet open, it is `unexplained` as {@link stillOpen}.
   */
  voidInvoice(invoiceId: string, key: IdempotencyKey, mayBeSent?: MayBeSent): Promise<GatewayReply<InvoiceSeen>>;

  /**
   * Keeps a draft from being advanced. Repeating it leaves the same state. One that is final by now may be answered as what it
   * is, or be `invoice_not_open`.
   */
  stopInvoice(invoiceId: string, key: IdempotencyKey, mayBeSent?: MayBeSent): Promise<GatewayReply<InvoiceSeen>>;

  /**
   * Refunds an amount of a payment. Repeating it with the same key returns the first refund while Stripe remembers the
   * key, and would make a *second refund* after that: whoever repeats it later must look first. A charge that has
   * nothing left, or less than the amount, is refused.
   */
  refundPayment(refund: RefundPayment, key: IdempotencyKey, mayBeSent?: MayBeSent): Promise<GatewayReply<RefundSeen>>;
}

/** Carries out a look of a rule. */
export function look<L extends Look>(gateway: StripeGateway, wanted: L): Promise<GatewayReply<LookAnswers[L["verb"]]>>;
export function look(gateway: StripeGateway, wanted: Look): Promise<GatewayReply<LookAnswers[Look["verb"]]>> {
  switch (wanted.verb) {
    case "read_subscription":
      return gateway.readSubscription(wanted.subscriptionId);
    case "list_unpaid_invoices":
      return gateway.listUnpaidInvoices(wanted.subscriptionId);
    case "read_invoice":
      return gateway.readInvoice(wanted.invoiceId);
    case "list_paid_invoices":
      return gateway.listPaidInvoices(wanted.subscriptionId);
    case "read_payment_intent":
      return gateway.readPaymentIntent(wanted.paymentIntentId);
    case "list_refunds":
      return gateway.listRefunds(wanted.paymentIntentId);
  }
}

/** For whom a call is sent. */
export interface Sender {
  readonly operationId: string;
  /** The key that the journal names. */
  readonly key: IdempotencyKey;
  readonly mayBeSent: MayBeSent;
}

/** Sends a call of a rule. */
export function send(
  gateway: StripeGateway,
  call: Call,
  { operationId, key, mayBeSent }: Sender,
): Promise<GatewayReply<CallResults[Call["verb"]]>> {
  switch (call.verb) {
    case "cancel_subscription":
      return gateway.cancelSubscription(call.subscriptionId, mayBeSent);
    case "set_cancel_at_period_end":
      return gateway.setCancelAtPeriodEnd(call.subscriptionId, call.cancelAtPeriodEnd, key, mayBeSent);
    case "clear_cancel_at":
      return gateway.clearCancelAt(call.subscriptionId, key, mayBeSent);
    case "void_invoice":
      return gateway.voidInvoice(call.invoiceId, key, mayBeSent);
    case "stop_invoice":
      return gateway.stopInvoice(call.invoiceId, key, mayBeSent);
    case "refund_payment": {
      const { refundId, paymentIntentId, amountMinor } = call;
      return gateway.refundPayment({ refundId, operationId, paymentIntentId, amountMinor }, key, mayBeSent);
    }
  }
}
