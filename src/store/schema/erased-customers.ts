import { sql } from "drizzle-orm";
import { check, integer, text } from "drizzle-orm/pg-core";
import { isId, keiyaku } from "./keiyaku-schema.ts";

/** The bare ids of the customers who were erased with their last contract, so that a put that comes late brings nobody back. */
export const erasedCustomers = keiyaku.table(
  "erased_customers",
  {
    /** The platform's own id. */
    id: text("id").primaryKey(),
    /** The version in which they were known last: only a newer one makes them known again. */
    version: integer("version").notNull(),
  },
  (table) => [
    check("erased_customers_id_form", isId(table.id)),
    check("erased_customers_version_counts_from_one", sql`${table.version} >= 1`),
  ],
);
