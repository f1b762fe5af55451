import { text } from "drizzle-orm/pg-core";
import { contracts } from "./contracts.ts";
import { instant, keiyaku } from "./keiyaku-schema.ts";

/** The application that led to a contract (申し込み履歴). A contract that an operator made by hand has none. */
export const signups = keiyaku.table("signups", {
  /** The contract that it led to. */
  contractId: text("contract_id")
    .primaryKey()
    .references(() => contracts.id),
  /** When the customer applied. */
  appliedAt: instant("applied_at").notNull(),
  /** Through which page or campaign, in the platform's own words. */
  channel: text("channel").notNull(),
});
