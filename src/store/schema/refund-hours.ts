import { check } from "drizzle-orm/pg-core";
import { amountMinor, instant, isAmount, keiyaku } from "./keiyaku-schema.ts";

/** What was sent to Stripe as refunds in each clock hour, for the limit of all of them together. Kept only while it is set. */
export const refundHours = keiyaku.table(
  "refund_hours",
  {
    /** The full hour at which it begins. */
    hour: instant("hour").primaryKey(),
    /** The sum of the refunds that were journaled to be sent in it, in the currency's minor unit. */
    amountMinor: amountMinor("amount_minor").notNull(),
  },
  (table) => [check("refund_hours_amount_is_positive", isAmount(table.amountMinor, 1))],
);
