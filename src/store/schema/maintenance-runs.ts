import { sql } from "drizzle-orm";
import { check, jsonb, text } from "drizzle-orm/pg-core";
import { businessDate, instant, isObject, keiyaku } from "./keiyaku-schema.ts";

/** The daily run, a row for each business date: how far it has come, and what it could not finish. */
export const maintenanceRuns = keiyaku.table(
  "maintenance_runs",
  {
    /** The date whose work it does; each date once. */
    businessDate: businessDate("business_date").primaryKey(),
    /** The phase at work, by the kind of operation that it requests; null before the first and after the last. */
    phase: text("phase"),
    /** How far the phase has come: the last contract's id that was looked at. */
    cursor: text("cursor"),
    /** Whether it is under way or done. */
    state: text("state", { enum: ["running", "done"] }).notNull(),
    /** When it began. */
    startedAt: instant("started_at").notNull().default(sql`clock_timestamp()`),
    /** When its last phase ended. */
    doneAt: instant("done_at"),
    /** Counts per kind and what is held; null before it is done. */
    result: jsonb("result"),
  },
  (table) => [
    check("maintenance_runs_result_is_object", isObject(table.result)),
    check("maintenance_runs_state_is_known", sql`${table.state} in ('running', 'done')`),
    check("maintenance_runs_done_has_a_time", sql`(${table.state} = 'done') = (${table.doneAt} is not null)`),
    check("maintenance_runs_done_has_result", sql`(${table.state} = 'done') = (${table.result} is not null)`),
  ],
);
