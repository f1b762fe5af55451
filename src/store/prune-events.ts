import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/**
 * For half as long again as Stripe keeps its own list of events, whatever is looked into can be held against what was
 * sent.
 */
const bodiesKeptForDays = 45;

/** As many rows as are written in a moment; whoever prunes goes on while there are more. */
export const prunedAtOnceMax = 1_000;

/**
 * Forgets the bodies of at most {@link prunedAtOnceMax} events that were applied or ignored and arrived long enough ago, the
 * oldest first, and says of how many. Ids, types and what became of them stay for good. What waits for a person keeps its
 * body until they have decided.
 */
export async function pruneEvents(db: Database): Promise<number> {
  const pruned = await db.run(
    "prune_events",
    sql`update keiyaku.stripe_events set body = null, mentions = null where id in (
        select id from keiyaku.stripe_events
        where body is not null and state in ('applied', 'ignored')
          and received_at < clock_timestamp() - ${bodiesKeptForDays}::integer * interval '1 day'
        order by received_at limit ${prunedAtOnceMax} for update skip locked)
      returning id`,
  );
  return pruned.length;
}
