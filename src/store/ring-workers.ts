import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/**
 * Tells the workers that listen at this moment to look at an operation. Promises nothing: what nobody hears is found by
 * the sweep.
 */
export async function ringWorkers(db: Database, operationId: string): Promise<void> {
  await db.run("ring_workers", sql`select pg_notify('keiyaku_accepted', ${operationId})`);
}
