import type { Metadata, ObjectKind } from "./stored.ts";

/** Everything that can take place at the stand-in. `seeded` is not an effect: it says what a test began with. */
export const EFFECTS = [
  "seeded",
  "customer.created",
  "customer.updated",
  "payment_method.created",
  "payment_method.attached",
  "payment_method.detached",
  "product.created",
  "price.created",
  "subscription.created",
  "subscription.updated",
  "subscription.canceled",
  "subscription.paused",
  "subscription.resumed",
  "invoiceitem.created",
  "invoiceitem.deleted",
  "invoice.created",
  "invoice.finalized",
  "invoice.updated",
  "invoice.paid",
  "invoice.payment_failed",
  "invoice.payment_action_required",
  "invoice.marked_uncollectible",
  "invoice.voided",
  "payment_intent.created",
  "payment_intent.succeeded",
  "payment_intent.payment_failed",
  "payment_intent.requires_action",
  "payment_intent.canceled",
  "charge.succeeded",
  "charge.failed",
  "charge.disputed",
  "dispute.closed",
  "refund.created",
  "refund.updated",
  "refund.succeeded",
  "refund.failed",
  "refund.canceled",
  "webhook_endpoint.created",
  "webhook_endpoint.updated",
  "webhook_endpoint.deleted",
  "test_clock.created",
  "test_clock.advanced",
] as const;

export type Effect = (typeof EFFECTS)[number];

/**
 * One thing that took place, exactly once.
 *
 * The ledger is the judge of every test of the worker: a request that was refused, replayed or lost before it was
 * executed leaves nothing here, and a request whose reply was lost leaves just what it did. A request that changes
 * nothing (the same flag set again) leaves nothing either.
 */
export interface LedgerEntry {
  /** Counts from 1 without gaps, in the order in which things took place. */
  readonly sequence: number;
  /** Milliseconds on the clock that dates the object: the stand-in's own, or a test clock. */
  readonly at: number;
  readonly effect: Effect;
  readonly object: ObjectKind;
  readonly objectId: string;
  /** Minor units: what was charged, refunded, paid, disputed; for a refund that failed, what went back. */
  readonly amount?: number;
  /** The object's status after the effect. */
  readonly status?: string;
  readonly customer?: string;
  readonly subscription?: string;
  readonly invoice?: string;
  readonly paymentIntent?: string;
  readonly charge?: string;
  /** A copy of the object's metadata after the effect. */
  readonly metadata: Metadata;
  readonly idempotencyKey?: string;
  /** The request that caused it; null for what came through the control, as from outside. */
  readonly requestId: string | null;
}

/** What an endpoint says of an effect; the rest is known from its request. */
export type EffectDetails = Omit<LedgerEntry, "sequence" | "at" | "idempotencyKey" | "requestId">;
