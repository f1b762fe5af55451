/** What Stripe knows of a contract and our books do not. */
export type StripeHistory =
  | { readonly type: "refunded_on_dashboard"; readonly amountMinor: number | "all" }
  | { readonly type: "disputed" }
  | { readonly type: "ended_at_stripe" }
  | { readonly type: "unknown_to_stripe" }
  | { readonly type: "newest_invoice_is_draft" };

/**
 * Contracts whose history at Stripe differs from the books, and what the requests make of it. Everything else at the
 * stand-in is as the books say.
 */
export const stripeHistories: Readonly<Record<string, StripeHistory>> = {
  /** Cancelled with refund: only what is left goes back. */
  "K-0001": { type: "refunded_on_dashboard", amountMinor: 1_000 },
  /** Cancelled with refund: nothing is left to refund, and that is an answer. */
  "K-0002": { type: "refunded_on_dashboard", amountMinor: "all" },
  /** Cancelled with refund: Stripe refuses, so the money stays owed, visibly. */
  "K-0003": { type: "disputed" },
  /** Nobody asks for anything: the books do not know of it yet. */
  "K-0004": { type: "refunded_on_dashboard", amountMinor: 1_500 },
  /** Terminated: the open invoice is voided, the draft is stopped. */
  "K-0007": { type: "newest_invoice_is_draft" },
  /** Terminated: the subscription has ended already, its invoice is voided all the same. */
  "K-0008": { type: "ended_at_stripe" },
  /** Terminated: there is nothing at Stripe to end. */
  "K-0009": { type: "unknown_to_stripe" },
  /** Its customer reserves the termination of what has ended: refused. */
  "K-0010": { type: "ended_at_stripe" },
};
