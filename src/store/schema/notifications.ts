import { sql } from "drizzle-orm";
import { bigint, check, index, jsonb, text, uniqueIndex } from "drizzle-orm/pg-core";
import { instant, isObject, keiyaku } from "./keiyaku-schema.ts";

/** The outbox: a mail to be sent, written in the statement that causes it. One per cause and recipient, ever. */
export const notifications = keiyaku.table(
  "notifications",
  {
    /** A number of its own. */
    id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity().primaryKey(),
    /** What caused it: the operation's id. */
    cause: text("cause").notNull(),
    /** Which mail. */
    kind: text("kind").notNull(),
    /** To whom: the customer or the operators. */
    recipient: text("recipient", { enum: ["customer", "operators"] }).notNull(),
    /** About which contract. */
    contractId: text("contract_id").notNull(),
    /** Ids, dates and amounts that the mail mentions; no names, no addresses. */
    detail: jsonb("detail").notNull(),
    /** Whether it waits, is being sent, was sent, or nobody knows whether it was. */
    state: text("state", { enum: ["waiting", "claimed", "sent", "unknown"] })
      .notNull()
      .default("waiting"),
    /** When it was caused. */
    createdAt: instant("created_at").notNull().default(sql`clock_timestamp()`),
    /** When a sender took it. */
    claimedAt: instant("claimed_at"),
    /** When the mail server accepted it. */
    sentAt: instant("sent_at"),
  },
  (table) => [
    check("notifications_detail_is_object", isObject(table.detail)),
    check("notifications_recipient_is_known", sql`${table.recipient} in ('customer', 'operators')`),
    check("notifications_state_is_known", sql`${table.state} in ('waiting', 'claimed', 'sent', 'unknown')`),
    check("notifications_sent_has_a_time", sql`(${table.state} = 'sent') = (${table.sentAt} is not null)`),
    check("notifications_claimed_has_a_time", sql`(${table.state} = 'waiting') = (${table.claimedAt} is null)`),
    uniqueIndex("notifications_one_per_cause_and_recipient").on(table.cause, table.kind, table.recipient),
    index("notifications_waiting").on(table.id).where(sql`${table.state} = 'waiting'`),
    index("notifications_of_contract").on(table.contractId),
  ],
);
