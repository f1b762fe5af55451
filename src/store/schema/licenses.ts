import { sql } from "drizzle-orm";
import { check, index, text } from "drizzle-orm/pg-core";
import { contracts } from "./contracts.ts";
import { instant, keiyaku, licenseRevocation } from "./keiyaku-schema.ts";
import { payments } from "./payments.ts";

/** What a payment opened to the customer: at most one license per payment, and so known by it. */
export const licenses = keiyaku.table(
  "licenses",
  {
    /** The payment that granted it. */
    paymentId: text("payment_id")
      .primaryKey()
      .references(() => payments.id),
    /** The contract that it belongs to. */
    contractId: text("contract_id")
      .notNull()
      .references(() => contracts.id),
    /** When it was first granted. */
    grantedAt: instant("granted_at").notNull().default(sql`clock_timestamp()`),
    /** When it was revoked; null while it is open. */
    revokedAt: instant("revoked_at"),
    /** Why it was revoked; only what suspension took comes back with the payment. */
    revokedBecause: licenseRevocation("revoked_because"),
  },
  (table) => [
    check("licenses_revocation_is_whole", sql`(${table.revokedAt} is null) = (${table.revokedBecause} is null)`),
    index("licenses_by_contract").on(table.contractId),
  ],
);
