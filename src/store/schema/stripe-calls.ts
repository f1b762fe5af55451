import { sql } from "drizzle-orm";
import { check, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import { instant, isObject, keiyaku } from "./keiyaku-schema.ts";
import { operations } from "./operations.ts";

/**
 * The journal: what each operation saw and did at Stripe, from its first call on. A call's row is written before it is
 * sent, with everything that is sent; its answer follows. A killed attempt goes on where the journal ends.
 */
export const stripeCalls = keiyaku.table(
  "stripe_calls",
  {
    /** The operation that looked or called. */
    operationId: text("operation_id")
      .notNull()
      .references(() => operations.id),
    /** The step's name, unique within the operation. */
    name: text("name").notNull(),
    /** A `look` reads, a `call` changes. */
    type: text("type", { enum: ["look", "call"] }).notNull(),
    /** What was asked, frozen: repeated as it stands, also by another version of the code. */
    request: jsonb("request").notNull(),
    /** The Stripe idempotency key under which it is sent; null for looks. */
    idempotencyKey: text("idempotency_key"),
    /** Counts the keys of this call: a second one is used only when the first is surely forgotten. */
    keyNumber: integer("key_number"),
    /**
     * When it was first sent under this key; the key is trusted for 23 hours from here. Null for looks, and while every
     * sending was turned away before anything was done.
     */
    firstSentAt: instant("first_sent_at"),
    /** When it was last sent under this key; null like the first. */
    lastSentAt: instant("last_sent_at"),
    /** What Stripe answered; null while that is unknown. */
    answer: jsonb("answer"),
    /** When the answer was written down. */
    answeredAt: instant("answered_at"),
    /** How the answer was learned: from the reply, or by looking for the effect afterwards. */
    learnedBy: text("learned_by", { enum: ["reply", "look"] }),
    /** Stripe's id of the request that answered, for its support. */
    requestId: text("request_id"),
    /** The version of the code that wrote the row. */
    codeVersion: text("code_version").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.operationId, table.name] }),
    check("stripe_calls_request_is_object", isObject(table.request)),
    check("stripe_calls_answer_is_object", isObject(table.answer)),
    check("stripe_calls_learned_by_is_known", sql`${table.learnedBy} in ('reply', 'look')`),
    check("stripe_calls_type_is_known", sql`${table.type} in ('look', 'call')`),
    check(
      "stripe_calls_call_has_key",
      sql`case when ${table.type} = 'call' then num_nulls(${table.idempotencyKey}, ${table.keyNumber}) = 0 and num_nulls(${table.firstSentAt}, ${table.lastSentAt}) in (0, 2)
        else num_nonnulls(${table.idempotencyKey}, ${table.keyNumber}, ${table.firstSentAt}, ${table.lastSentAt}) = 0 end`,
    ),
    check("stripe_calls_look_is_answered", sql`${table.type} = 'call' or ${table.answer} is not null`),
    check(
      "stripe_calls_answer_is_whole",
      sql`(${table.answer} is null) = (${table.answeredAt} is null) and (${table.answer} is null) = (${table.learnedBy} is null)`,
    ),
    check("stripe_calls_key_counts_from_one", sql`${table.keyNumber} >= 1`),
    check("stripe_calls_last_follows_first", sql`${table.lastSentAt} >= ${table.firstSentAt}`),
  ],
);
