import { sql } from "drizzle-orm";
import { bigint, check, integer, jsonb, text } from "drizzle-orm/pg-core";
import { businessDate, instant, isObject, keiyaku, operationKind } from "./keiyaku-schema.ts";

/** The daily run, a row for each business date: how far it has come, and what it could not finish. */
export const maintenanceRuns = keiyaku.table(
  "maintenance_runs",
  {
    /** The date whose work it does; each date once. */
    businessDate: businessDate("business_date").primaryKey(),
    /** The phase at work, by the kind of operation that it requests; null once it is done. */
    phase: operationKind("phase"),
    /** How far the phase has come: the key of the last contract that was looked at; null once all that is due is requested. */
    cursor: jsonb("cursor"),
    /** How many operations the phase has requested so far. */
    requested: integer("requested").notNull().default(0),
    /** Up to which number of acceptance the phase's operations were rung for. */
    rungUpTo: bigint("rung_up_to", { mode: "number" }).notNull().default(0),
    /** Whether it is under way or done. */
    state: text("state", { enum: ["running", "done"] }).notNull(),
    /** When it began. */
    startedAt: instant("started_at").notNull().default(sql`clock_timestamp()`),
    /** When its last phase ended. */
    doneAt: instant("done_at"),
    /** Counts per kind and outcome, and what is held; null before it is done. */
    result: jsonb("result"),
  },
  (table) => [
    check("maintenance_runs_result_is_object", isObject(table.result)),
    check("maintenance_runs_cursor_is_list", sql`jsonb_typeof(${table.cursor}) = 'array'`),
    check("maintenance_runs_requested_counts_up", sql`${table.requested} >= 0`),
    check("maintenance_runs_state_is_known", sql`${table.state} in ('running', 'done')`),
    check("maintenance_runs_running_has_a_phase", sql`(${table.state} = 'running') = (${table.phase} is not null)`),
    check("maintenance_runs_done_looks_no_further", sql`${table.state} = 'running' or ${table.cursor} is null`),
    check("maintenance_runs_done_has_a_time", sql`(${table.state} = 'done') = (${table.doneAt} is not null)`),
    check("maintenance_runs_done_has_result", sql`(${table.state} = 'done') = (${table.result} is not null)`),
  ],
);
