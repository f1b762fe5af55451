import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { Database } from "./database.ts";

/**
 * How far Stripe's list of events has been read. Before the first time that is `firstUntil`, which stays: however long the
 * first back-fill fails, what happens meanwhile is not forgotten.
 */
export async function readListedUntil(db: Database, firstUntil: Instant): Promise<Instant> {
  const [row] = await db.run<{ listedUntil: Instant }>(
    "read_listed_until",
    // The update changes nothing. It lets the row be returned also when somebody else has written it at this moment.
    sql`insert into keiyaku.event_backfills as known (source, listed_until, finished_at, missed)
      values ('stripe', ${firstUntil}::timestamptz, ${firstUntil}::timestamptz, 0)
      on conflict (source) do update set source = known.source
      returning listed_until as "listedUntil"`,
  );
  if (row === undefined) throw new Error("how far the list of events was read is one row");
  return row.listedUntil;
}

/**
 * Notes that Stripe's list was read to its end: every event that it had by `listedUntil` is in the inbox. Of two that read at
 * once the later moment stands, whoever comes last: it never moves back. Repeating it changes nothing but the time.
 */
export async function noteListed(
  db: Database,
  { listedUntil, missed }: { readonly listedUntil: Instant; readonly missed: number },
): Promise<void> {
  await db.run(
    "note_listed",
    sql`update keiyaku.event_backfills
      set listed_until = greatest(listed_until, ${listedUntil}::timestamptz), finished_at = clock_timestamp(),
        missed = ${missed}
      where source = 'stripe'`,
  );
}
