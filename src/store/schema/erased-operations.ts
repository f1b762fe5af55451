import { text } from "drizzle-orm/pg-core";
import { keiyaku } from "./keiyaku-schema.ts";

/** The bare ids of the operations that were erased with their contract, so that none of them is used again. */
export const erasedOperations = keiyaku.table("erased_operations", {
  /** The id that it had in the ledger. */
  id: text("id").primaryKey(),
  /** The contract that was deleted. */
  contractId: text("contract_id").notNull(),
});
