import { sql } from "drizzle-orm";
import { boolean, check, index, jsonb, text } from "drizzle-orm/pg-core";
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
    /** When Stripe made it. */
    createdAt: instant("created_at").notNull(),
    /** When it arrived here. */
    receivedAt: instant("received_at").notNull().default(sql`clock_timestamp()`),
    /** Whether it waits, was applied or ignored, has no contract, or waits for a person. */
    state: text("state", { enum: ["received", "applied", "ignored", "unmatched", "held"] }).notNull(),
    /** Why it was ignored or is held; null otherwise. */
    stateReason: text("state_reason"),
    /** When it was applied or ignored. */
    concludedAt: instant("concluded_at"),
  },
  (table) => [
    check("stripe_events_body_is_object", isObject(table.body)),
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
    index("stripe_events_waiting").on(table.receivedAt).where(sql`${table.state} in ('received', 'unmatched')`),
  ],
);
