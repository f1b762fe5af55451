import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** The subscriptions of at most `limit` contracts that have not ended, whichever are found first. Locks nothing. */
export async function findSubscriptions(db: Database, limit: number, deadlineMs: number): Promise<readonly string[]> {
  const rows = await db.run<{ id: string }>(
    "find_subscriptions",
    sql`select stripe_subscription_id as id from keiyaku.contracts
      where stripe_subscription_id is not null and ended_at is null limit ${limit}`,
    { deadlineMs },
  );
  return rows.map(({ id }) => id);
}
