import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, text } from "drizzle-orm/pg-core";
import { instant, isObject, keiyaku } from "./keiyaku-schema.ts";

/** The inbox: every event that Stripe reported, once each and for good. */
export const stripeEvents = keiyaku.table(
  "stripe_events",
  {
    /** Stripe's id of the event. */
    id: text("id").primaryKey(),
    /** Stripe's type, such as `invoice.paid`. */
    type: text("type").notNull(),
    /** Whether it speaks of real money. */
    livemode: boolean("livemode").notNull(),
    /** The API version in which its body is written. */
    apiVersion: text("api_version").notNull(),
    /** The object that it is about. */
    objectId: text("object_id"),
    /** The whole event; null once it has been pruned or its contract erased. */
    body: jsonb("body"),
    /** By what the body is found when a contract is erased (`stripe/mentions.ts`); null once it is gone, or its contract is known. */
    mentions: text("mentions").array(),
    /** When Stripe made it. */
    createdAt: instant("created_at").notNull(),
    /** When it arrived here. */
    receivedAt: instant("received_at").notNull().default(sql`clock_timestamp()`),
    /** How it arrived first: sent to our relay, sent to the queue by somebody else's, or listed by us. */
    arrivedBy: text("arrived_by", { enum: ["relay", "queue", "backfill"] }).notNull(),
    /** Whether it waits to be applied, was applied or ignored, has no contract, or waits for a person. */
    state: text("state", { enum: ["received", "applied", "ignored", "unmatched", "held"] })
      .notNull()
      .default("received"),
    /** Why it was ignored, is held, or waits; null otherwise. */
    stateReason: text("state_reason"),
    /** The contract that it is about, once that is known; kept when the contract is erased. */
    contractId: text("contract_id"),
    /** The operation that it became, or that it found open and not begun, for the same. */
    operationId: text("operation_id"),
    /** How often it was looked at without being applied or ignored. */
    looks: integer("looks").notNull().default(0),
    /** When it will be looked at by itself; null when nothing of that kind will happen. */
    lookAt: instant("look_at").default(sql`clock_timestamp()`),
    /** When it was applied or ignored. */
    concludedAt: instant("concluded_at"),
  },
  (table) => [
    check("stripe_events_body_is_object", isObject(table.body)),
    check("stripe_events_mentions_are_of_a_body", sql`${table.mentions} is null or ${table.body} is not null`),
    check("stripe_events_arrived_by_is_known", sql`${table.arrivedBy} in ('relay', 'queue', 'backfill')`),
    check(
      "stripe_events_state_is_known",
      sql`${table.state} in ('received', 'applied', 'ignored', 'unmatched', 'held')`,
    ),
    check(
      "stripe_events_concluded_has_a_time",
      sql`(${table.state} in ('applied', 'ignored')) = (${table.concludedAt} is not null)`,
    ),
    check(
      "stripe_events_reason_where_needed",
      sql`${table.state} not in ('ignored', 'held') or ${table.stateReason} is not null`,
    ),
    check(
      "stripe_events_applied_names_operation",
      sql`(${table.state} = 'applied') = (${table.operationId} is not null)`,
    ),
    check(
      "stripe_events_looked_at_while_waiting",
      sql`case ${table.state} when 'received' then ${table.lookAt} is not null when 'unmatched' then true
        else ${table.lookAt} is null end`,
    ),
    check("stripe_events_looks_count_up", sql`${table.looks} >= 0`),
    index("stripe_events_to_look_at").on(table.lookAt).where(sql`${table.lookAt} is not null`),
    index("stripe_events_created").on(table.createdAt),
    index("stripe_events_of_object").on(table.objectId),
    index("stripe_events_of_contract").on(table.contractId).where(sql`${table.contractId} is not null`),
    index("stripe_events_by_mention").using("gin", table.mentions).where(sql`${table.mentions} is not null`),
    index("stripe_events_to_prune")
      .on(table.receivedAt)
      .where(sql`${table.body} is not null and ${table.state} in ('applied', 'ignored')`),
    // chr(59) is the semicolon: drizzle-kit takes a written one for the end of its own field.
    index("stripe_events_of_reason")
      .on(sql`split_part(${table.stateReason}, chr(59), 1)`)
      .where(sql`${table.stateReason} is not null`),
    index("stripe_events_for_a_person").on(table.receivedAt).where(sql`${table.state} in ('unmatched', 'held')`),
  ],
);
