import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** How far back, and how many at the most: enough for each endpoint to have sent something, and read by the index of time. */
const readDays = 7;
const readMax = 1_000;

/**
 * Reads in which API versions the events of the last week are written that an endpoint has sent, each once. Locks nothing. What a
 * back-fill has listed is in the account's own version, which no endpoint can be blamed for.
 */
export async function readEventVersions(db: Database, deadlineMs: number): Promise<readonly string[]> {
  const rows = await db.run<{ apiVersion: string }>(
    "read_event_versions",
    sql`select distinct api_version as "apiVersion" from (
        select api_version from keiyaku.stripe_events
        where created_at > clock_timestamp() - ${readDays} * interval '1 day' and arrived_by <> 'backfill'
        order by created_at desc limit ${readMax}) as late
      order by 1`,
    { deadlineMs },
  );
  return rows.map(({ apiVersion }) => apiVersion);
}
