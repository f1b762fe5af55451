import type { Decline } from "../objects/charge.ts";
import type { RefundOutcome } from "./stored.ts";

/** What Stripe does with an invoice that its card does not pay. The default is what the documentation recommends. */
export interface Dunning {
  /** Days from each failed attempt to the next one; as many retries as there are entries. */
  readonly retryAfterDays: readonly number[];
  /** What becomes of the subscription when the last retry has failed. */
  readonly subscription: "cancel" | "mark_unpaid" | "leave_past_due" | "pause";
  /** What becomes of the invoice then. */
  readonly invoice: "leave_open" | "mark_uncollectible";
}

/** The next payments of a customer, or with a card, that are going to be refused. */
export interface DeclineToCome {
  readonly customer: string | null;
  readonly paymentMethod: string | null;
  readonly decline: Decline;
  readonly times: number;
}

/**
 * The circumstances under which requests are executed: the account's settings at Stripe, and what the outside world is
 * going to do. Set through the control; lives in memory only.
 */
export interface World {
  /** The statuses of the refunds to come, first first; none left means that card and balance decide. */
  refundOutcomes: readonly RefundOutcome[];
  declines: readonly DeclineToCome[];
  dunning: Dunning;
  /** How many days before a renewal `invoice.upcoming` tells of it; null for never. */
  upcomingDays: number | null;
  /** What refunds can be taken from, in minor units; null for more than enough. */
  availableBalance: number | null;
  /** Whether a dispute ends the subscription that its charge paid for. */
  disputeCancelsSubscription: boolean;
}

export function initialWorld(): World {
  return {
    refundOutcomes: [],
    declines: [],
    dunning: { retryAfterDays: [3, 5, 7], subscription: "cancel", invoice: "leave_open" },
    upcomingDays: 7,
    availableBalance: null,
    disputeCancelsSubscription: false,
  };
}
