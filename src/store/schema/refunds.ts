import { sql } from "drizzle-orm";
import { check, index, text, uniqueIndex } from "drizzle-orm/pg-core";
import { amountMinor, instant, isAmount, keiyaku, refundState } from "./keiyaku-schema.ts";

/**
 * Money given back, or owed back: a row each, written before Stripe is asked.
 *
 * Without foreign keys: what is still owed when a contract is deleted stays here, and names a payment that is gone.
 */
export const refunds = keiyaku.table(
  "refunds",
  {
    /** Made of the payment and a number; Stripe carries it in the refund's metadata. */
    id: text("id").primaryKey(),
    /** The contract whose money it is. */
    contractId: text("contract_id").notNull(),
    /** The payment that is given back. */
    paymentId: text("payment_id").notNull(),
    /** How much, at most the payment's amount. */
    amountMinor: amountMinor("amount_minor").notNull(),
    /** Whether it is owed, on its way, settled, or waived. */
    state: refundState("state").notNull(),
    /** The payment intent whose charge is given back; null for money that did not come through Stripe. */
    stripePaymentIntentId: text("stripe_payment_intent_id"),
    /** Stripe's refund, once there is one. */
    stripeRefundId: text("stripe_refund_id"),
    /** The later refund of the same payment that took its place after it had failed; null while it counts itself. */
    supersededBy: text("superseded_by"),
    /** Why Stripe refused it for good; null unless it did. */
    refusalCode: text("refusal_code"),
    /** The operation that wanted it. */
    operationId: text("operation_id").notNull(),
    /** When it became owed. */
    createdAt: instant("created_at").notNull().default(sql`clock_timestamp()`),
    /** When the money was given back, or the debt waived. */
    settledAt: instant("settled_at"),
  },
  (table) => [
    check("refunds_amount_is_positive", isAmount(table.amountMinor, 1)),
    check(
      "refunds_stripe_id_fits_state",
      sql`case when ${table.state} in ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')
        then ${table.stripeRefundId} is not null
        when ${table.state} in ('due', 'manual_due') then ${table.stripeRefundId} is null else true end`,
    ),
    check(
      "refunds_only_failed_ones_are_superseded",
      sql`${table.supersededBy} is null or ${table.state} in ('failed', 'canceled')`,
    ),
    check(
      "refunds_by_hand_is_not_of_stripe",
      sql`${table.state} <> 'manual_due' or ${table.stripePaymentIntentId} is null`,
    ),
    check(
      "refunds_only_owed_ones_are_refused",
      sql`${table.refusalCode} is null or ${table.state} in ('due', 'waived')`,
    ),
    check(
      "refunds_settled_has_a_time",
      sql`(${table.state} in ('succeeded', 'manual_done', 'waived')) = (${table.settledAt} is not null)`,
    ),
    // One that others made of several payments of a charge has a row for each.
    uniqueIndex("refunds_one_per_stripe_refund_and_payment").on(table.stripeRefundId, table.paymentId),
    uniqueIndex("refunds_one_waiting_per_payment")
      .on(table.paymentId)
      .where(sql`${table.state} in ('due', 'manual_due')`),
    index("refunds_by_contract").on(table.contractId),
    index("refunds_by_payment_intent").on(table.stripePaymentIntentId),
    index("refunds_owed")
      .on(table.createdAt)
      .where(sql`${table.state} in ('due', 'failed', 'canceled', 'manual_due') and ${table.supersededBy} is null`),
  ],
);
