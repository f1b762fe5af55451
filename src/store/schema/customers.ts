import { sql } from "drizzle-orm";
import { check, integer, text } from "drizzle-orm/pg-core";
import { instant, isId, keiyaku } from "./keiyaku-schema.ts";

/** Who buys: where personal data is at home. Requests that bring a customer along hold it too. */
export const customers = keiyaku.table(
  "customers",
  {
    /** The platform's own id. */
    id: text("id").primaryKey(),
    /** Where mail goes. */
    email: text("email").notNull(),
    /** How a mail addresses them. */
    name: text("name").notNull(),
    /** The language of their mail: `ja` or `en`. */
    locale: text("locale", { enum: ["ja", "en"] }).notNull(),
    /** Grows with every update. */
    version: integer("version").notNull().default(1),
    /** When they became known here. */
    createdAt: instant("created_at").notNull().default(sql`clock_timestamp()`),
    /** When they were last changed here. */
    updatedAt: instant("updated_at").notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    check("customers_id_form", isId(table.id)),
    check("customers_locale_is_known", sql`${table.locale} in ('ja', 'en')`),
    check("customers_version_counts_from_one", sql`${table.version} >= 1`),
    check("customers_email_is_one_address", sql`${table.email} ~ '^[^@\\s]+@[^@\\s]+$'`),
  ],
);
