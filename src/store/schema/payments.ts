import { sql } from "drizzle-orm";
import { check, index, integer, text, uniqueIndex } from "drizzle-orm/pg-core";
import { contracts } from "./contracts.ts";
import {
  amountMinor,
  businessDate,
  disputeState,
  instant,
  isAmount,
  keiyaku,
  paymentState,
  paymentSubject,
} from "./keiyaku-schema.ts";

/** The purchase history (購入履歴): the initial fee, the one-time price, or one period's fee, a row each. */
export const payments = keiyaku.table(
  "payments",
  {
    /** Made of the contract and what is paid. */
    id: text("id").primaryKey(),
    /** The contract that it pays for. */
    contractId: text("contract_id")
      .notNull()
      .references(() => contracts.id),
    /** What it pays. */
    subject: paymentSubject("subject").notNull(),
    /** Which period it pays, counted from 0; null for the other subjects. */
    period: integer("period"),
    /** The first day of that period. */
    startsOn: businessDate("starts_on"),
    /** How much, in the contract's currency. */
    amountMinor: amountMinor("amount_minor").notNull(),
    /** Whether it is waited for, made, missed, written off or given back. */
    state: paymentState("state").notNull(),
    /** When it was made; kept when it is given back. */
    paidAt: instant("paid_at"),
    /** The payment intent that brought it; rows of one invoice share it. Null for money that came by other ways. */
    stripePaymentIntentId: text("stripe_payment_intent_id"),
    /** The invoice that it is a line of. */
    stripeInvoiceId: text("stripe_invoice_id"),
    /** Where its dispute with the customer's bank stands; null while there is none. */
    dispute: disputeState("dispute"),
  },
  (table) => [
    check("payments_amount_is_amount", isAmount(table.amountMinor)),
    check("payments_period_is_whole", sql`(${table.subject} = 'period') = (${table.period} is not null)`),
    check("payments_period_has_a_start", sql`(${table.period} is null) = (${table.startsOn} is null)`),
    check("payments_period_counts_from_zero", sql`${table.period} >= 0`),
    check("payments_paid_has_a_time", sql`(${table.state} in ('paid', 'refunded')) = (${table.paidAt} is not null)`),
    uniqueIndex("payments_one_per_subject_by_hand")
      .on(table.contractId, table.subject, sql`coalesce(${table.period}, -1)`)
      .where(sql`${table.stripeInvoiceId} is null and ${table.stripePaymentIntentId} is null`),
    uniqueIndex("payments_one_per_subject_of_intent")
      .on(table.stripePaymentIntentId, table.contractId, table.subject, sql`coalesce(${table.period}, -1)`)
      .where(sql`${table.stripeInvoiceId} is null and ${table.stripePaymentIntentId} is not null`),
    uniqueIndex("payments_one_per_subject_of_invoice")
      .on(table.stripeInvoiceId, table.contractId, table.subject, sql`coalesce(${table.period}, -1)`)
      .where(sql`${table.stripeInvoiceId} is not null`),
    index("payments_by_contract").on(table.contractId),
    index("payments_by_payment_intent").on(table.stripePaymentIntentId),
  ],
);
