import { sql } from "drizzle-orm";
import { check, integer, text } from "drizzle-orm/pg-core";
import { instant, keiyaku } from "./keiyaku-schema.ts";

/** How far Stripe's own list of events has been read: one row. */
export const eventBackfills = keiyaku.table(
  "event_backfills",
  {
    /** Always `stripe`: there is one list. */
    source: text("source").primaryKey(),
    /** Every event that Stripe made before this moment, and listed, is in the inbox. */
    listedUntil: instant("listed_until").notNull(),
    /** When the list was last read to its end. */
    finishedAt: instant("finished_at").notNull(),
    /** How many events that reading brought which had not arrived. */
    missed: integer("missed").notNull(),
  },
  (table) => [
    check("event_backfills_one_row", sql`${table.source} = 'stripe'`),
    check("event_backfills_missed_counts_up", sql`${table.missed} >= 0`),
  ],
);
