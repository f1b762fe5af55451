import { sql } from "drizzle-orm";
import { type AnyPgColumn, bigint, check, index, integer, jsonb, text, uniqueIndex } from "drizzle-orm/pg-core";
import { instant, isObject, keiyaku } from "./keiyaku-schema.ts";

/**
 * The outbox: a mail to be sent, written in the statement that causes it. One per cause and recipient, ever; where there are
 * several operators, the senders make one of it for each of them.
 */
export const notifications = keiyaku.table(
  "notifications",
  {
    /** A number of its own. */
    id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity().primaryKey(),
    /** What caused it: the operation's id, or what it is sent once for, such as `payment_failed:<invoice>:<attempt>`. */
    cause: text("cause").notNull(),
    /** Which mail. */
    kind: text("kind").notNull(),
    /** To whom: the customer or the operators. */
    recipient: text("recipient", { enum: ["customer", "operators"] }).notNull(),
    /** To which of several operators; null until a sender has told them apart, where there is one, and for the customer. */
    address: text("address"),
    /** The mail as it was caused, of which this is another operator's, and with which it is erased; null for that itself. */
    copyOf: bigint("copy_of", { mode: "number" }).references((): AnyPgColumn => notifications.id, {
      onDelete: "cascade",
    }),
    /** About which contract; null for an event of Stripe's that belongs to none. */
    contractId: text("contract_id"),
    /** Ids, dates and amounts that the mail mentions; no names, no addresses. */
    detail: jsonb("detail").notNull(),
    /** Whether it waits, is being sent, was sent, was refused for good, or nobody knows whether it was sent. */
    state: text("state", { enum: ["waiting", "claimed", "sent", "refused", "unknown"] })
      .notNull()
      .default("waiting"),
    /** When it was caused. */
    createdAt: instant("created_at").notNull().default(sql`clock_timestamp()`),
    /** How often a sender took it; names the one that may write. */
    attempt: integer("attempt").notNull().default(0),
    /** Not before this moment will it be sent; null unless it waits. */
    nextAttemptAt: instant("next_attempt_at").default(sql`clock_timestamp()`),
    /** Why it was not sent the last time: a code of the mail server's or a word of ours, never an address. */
    problem: text("problem"),
    /** Each time that a person had it sent again: who, why and when, oldest first. */
    resends: jsonb("resends").notNull().default([]),
    /** When a sender took it. */
    claimedAt: instant("claimed_at"),
    /** When the mail server accepted it. */
    sentAt: instant("sent_at"),
  },
  (table) => [
    check("notifications_detail_is_object", isObject(table.detail)),
    check("notifications_recipient_is_known", sql`${table.recipient} in ('customer', 'operators')`),
    check(
      "notifications_only_operators_have_an_address",
      sql`${table.address} is null or ${table.recipient} = 'operators'`,
    ),
    check("notifications_copy_has_an_address", sql`${table.copyOf} is null or ${table.address} is not null`),
    check("notifications_state_is_known", sql`${table.state} in ('waiting', 'claimed', 'sent', 'refused', 'unknown')`),
    check("notifications_refused_has_a_problem", sql`${table.state} <> 'refused' or ${table.problem} is not null`),
    check("notifications_attempts_count_up", sql`${table.attempt} >= 0`),
    check("notifications_resends_is_list", sql`jsonb_typeof(${table.resends}) = 'array'`),
    check("notifications_waiting_has_a_time", sql`(${table.state} = 'waiting') = (${table.nextAttemptAt} is not null)`),
    check("notifications_sent_has_a_time", sql`(${table.state} = 'sent') = (${table.sentAt} is not null)`),
    check("notifications_claimed_has_a_time", sql`(${table.state} = 'waiting') = (${table.claimedAt} is null)`),
    uniqueIndex("notifications_one_per_cause_and_recipient")
      .on(table.cause, table.kind, table.recipient)
      .where(sql`${table.copyOf} is null`),
    uniqueIndex("notifications_one_copy_per_address")
      .on(table.copyOf, table.address)
      .where(sql`${table.copyOf} is not null`),
    index("notifications_waiting").on(table.nextAttemptAt).where(sql`${table.state} = 'waiting'`),
    index("notifications_claimed").on(table.claimedAt).where(sql`${table.state} = 'claimed'`),
    index("notifications_for_a_person").on(table.id).where(sql`${table.state} in ('refused', 'unknown')`),
    index("notifications_of_contract").on(table.contractId),
  ],
);
