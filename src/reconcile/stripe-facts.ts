import type {
  InvoiceSeen,
  PaidInvoiceSeen,
  PaymentIntentSeen,
  RefundsSeen,
  SubscriptionSeen,
} from "../contract/step.ts";

/** A live subscription of the contract's customer that is of no contract of ours. */
export interface Stranger {
  readonly id: string;
  /** The contract that it says it is for. */
  readonly claimedContractId: string | null;
  /** Whether it sells what the contract's own subscription sells. */
  readonly sellsTheSame: boolean;
}

/** A paid invoice, with its lines where our rows do not come to all of it. */
export interface SeenInvoice extends PaidInvoiceSeen {
  readonly lines: InvoiceSeen | null;
}

/** What Stripe says of a contract. */
export interface StripeFacts {
  /** The subscription that bills it; null for a one-time contract. */
  readonly subscription: SubscriptionSeen | null;
  /** Its former subscriptions that still run. */
  readonly formerRunning: readonly { readonly id: string; readonly stripeSubscriptionStatus: string }[];
  readonly strangers: readonly Stranger[];
  /** What was paid for any of its subscriptions. */
  readonly invoices: readonly SeenInvoice[];
  /** The intent that pays it; null for a monthly contract. */
  readonly paymentIntent: PaymentIntentSeen | null;
  /** For every payment intent that our rows name: what it charged, and what was refunded of it. */
  readonly refunds: ReadonlyMap<string, RefundsSeen>;
}
