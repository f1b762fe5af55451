import { sql } from "drizzle-orm";
import { check, index, integer, jsonb, text } from "drizzle-orm/pg-core";
import { instant, isId, keiyaku } from "./keiyaku-schema.ts";

/** What remains of a deleted contract: enough to recognise late money and late events, and what is still owed. */
export const tombstones = keiyaku.table(
  "tombstones",
  {
    /** The contract that was deleted. */
    contractId: text("contract_id").primaryKey(),
    /** The operation that deleted it. */
    operationId: text("operation_id").notNull(),
    /** The customer, only as long as a refund by hand is owed to them. */
    customerId: text("customer_id"),
    /** Its customer, subscriptions, invoices and payment intents at Stripe. */
    stripeIds: text("stripe_ids").array().notNull(),
    /** What became of each payment, late ones included: refunded, refused and why, before the cut-off, or by hand. */
    payments: jsonb("payments").notNull(),
    /** Grows with every change to what is still owed. */
    version: integer("version").notNull().default(1),
    /** When it was deleted. */
    deletedAt: instant("deleted_at").notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    check("tombstones_payments_is_list", sql`jsonb_typeof(${table.payments}) = 'array'`),
    check("tombstones_contract_id_form", isId(table.contractId)),
    check("tombstones_version_counts_from_one", sql`${table.version} >= 1`),
    index("tombstones_by_stripe_id").using("gin", table.stripeIds),
  ],
);
