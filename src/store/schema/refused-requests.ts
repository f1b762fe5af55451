import { sql } from "drizzle-orm";
import { bigint, char, check, index, integer, text, uniqueIndex } from "drizzle-orm/pg-core";
import { instant, keiyaku } from "./keiyaku-schema.ts";

/** Requests that never became operations: what did not parse, and ids that were used before for something else. */
export const refusedRequests = keiyaku.table(
  "refused_requests",
  {
    /** A number of its own. */
    id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity().primaryKey(),
    /** The id that the request gave itself, as far as it could be read. */
    requestId: text("request_id"),
    /** The contract that it was for, as far as that could be read. */
    contractId: text("contract_id"),
    /** Why it was refused. */
    code: text("code", { enum: ["invalid_request", "id_reused"] }).notNull(),
    /** The field that was at fault. */
    field: text("field"),
    /** What was wrong with it, as a sentence. */
    problem: text("problem").notNull(),
    /** SHA-256 of what arrived. */
    contentHash: char("content_hash", { length: 64 }).notNull(),
    /** The beginning of what arrived, made storable; empty once its contract has been deleted. */
    content: text("content").notNull(),
    /** How large it was in all, in bytes. */
    sizeBytes: integer("size_bytes").notNull(),
    /** How often the same was refused. */
    times: integer("times").notNull().default(1),
    /** When it was first refused. */
    firstRefusedAt: instant("first_refused_at").notNull().default(sql`clock_timestamp()`),
    /** When it was last refused. */
    lastRefusedAt: instant("last_refused_at").notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    check("refused_requests_code_is_known", sql`${table.code} in ('invalid_request', 'id_reused')`),
    check("refused_requests_content_is_an_excerpt", sql`octet_length(${table.content}) <= 8192`),
    uniqueIndex("refused_requests_once_each").on(table.contentHash, table.code),
    index("refused_requests_by_request").on(table.requestId),
    index("refused_requests_by_contract").on(table.contractId),
  ],
);
