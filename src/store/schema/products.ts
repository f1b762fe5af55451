import { sql } from "drizzle-orm";
import { char, check, index, integer, text } from "drizzle-orm/pg-core";
import { amountMinor, contractKind, instant, isAmount, isId, keiyaku, productAccess } from "./keiyaku-schema.ts";

/** What is sold. A product's terms are copied into each contract; only access and the month are read from here. */
export const products = keiyaku.table(
  "products",
  {
    /** The platform's own id. */
    id: text("id").primaryKey(),
    /** Whether it is sold once or by the month; its contracts are of the same kind. */
    kind: contractKind("kind").notNull(),
    /** Whether content stays viewable for each paid period, or only while the contract runs. */
    access: productAccess("access").notNull(),
    /** The normal price, once or a month. */
    priceMinor: amountMinor("price_minor").notNull(),
    /** The month `YYYY-MM` in which its contracts end by themselves; null when they do not. */
    automaticTerminationMonth: char("automatic_termination_month", { length: 7 }),
    /** Since when that month stands, or none does: a run of an earlier date goes on as if it did not. */
    automaticTerminationMonthSetAt: instant("automatic_termination_month_set_at")
      .notNull()
      .default(sql`clock_timestamp()`),
    /** Grows with every update; a rule that read the product is guarded by it. */
    version: integer("version").notNull().default(1),
    /** When it became known here. */
    createdAt: instant("created_at").notNull().default(sql`clock_timestamp()`),
    /** When it was last changed here. */
    updatedAt: instant("updated_at").notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    check("products_id_form", isId(table.id)),
    check("products_price_is_amount", isAmount(table.priceMinor)),
    check("products_month_form", sql`${table.automaticTerminationMonth} ~ '^\\d{4}-(0[1-9]|1[0-2])$'`),
    check("products_version_counts_from_one", sql`${table.version} >= 1`),
    index("products_ending")
      .on(table.automaticTerminationMonth)
      .where(sql`${table.automaticTerminationMonth} is not null`),
  ],
);
