import { sql } from "drizzle-orm";
import { bigint, check, index, integer, jsonb, text } from "drizzle-orm/pg-core";
import { instant, isObject, keiyaku } from "./keiyaku-schema.ts";

/** A look through all of our books: held against Stripe's (`reconcile`), or against themselves (`audit`). */
export const bookChecks = keiyaku.table(
  "book_checks",
  {
    /** A number of its own. */
    id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity().primaryKey(),
    /** Which of the two. */
    kind: text("kind", { enum: ["reconcile", "audit"] }).notNull(),
    /** Whether a person began it by a command, or the night. */
    askedBy: text("asked_by", { enum: ["command", "nightly"] }).notNull(),
    /** Whether it has come to its end. One that was interrupted is still running, and goes on when somebody resumes it. */
    state: text("state", { enum: ["running", "done"] })
      .notNull()
      .default("running"),
    /** How far it has come: the last key that was looked at. */
    cursor: text("cursor").notNull().default(""),
    /** How many contracts there were to look at when it began. */
    total: integer("total").notNull(),
    /** How many it has looked at. */
    looked: integer("looked").notNull().default(0),
    /** What it found, counted by type. */
    counts: jsonb("counts").notNull().default({}),
    /** The first of what it found, by ids and amounts. */
    findings: jsonb("findings").notNull().default([]),
    /** When it began. */
    startedAt: instant("started_at").notNull().default(sql`clock_timestamp()`),
    /** When it came to its end. */
    doneAt: instant("done_at"),
  },
  (table) => [
    check("book_checks_kind_is_known", sql`${table.kind} in ('reconcile', 'audit')`),
    check("book_checks_asked_by_is_known", sql`${table.askedBy} in ('command', 'nightly')`),
    check("book_checks_state_is_known", sql`${table.state} in ('running', 'done')`),
    check("book_checks_done_has_a_time", sql`(${table.state} = 'done') = (${table.doneAt} is not null)`),
    check("book_checks_looked_counts_up", sql`${table.looked} >= 0 and ${table.total} >= 0`),
    check("book_checks_counts_is_object", isObject(table.counts)),
    check("book_checks_findings_is_list", sql`jsonb_typeof(${table.findings}) = 'array'`),
    index("book_checks_by_kind").on(table.kind, table.id),
  ],
);
