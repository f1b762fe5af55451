import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** How many migrations of ours the database has had; 0 for one that has never been migrated. Locks nothing. */
export async function countMigrations(db: Database): Promise<number> {
  const [there] = await db.run<{ there: boolean }>(
    "count_migrations",
    sql`select to_regclass('keiyaku.__drizzle_migrations') is not null as there`,
  );
  if (there?.there !== true) return 0;
  const [row] = await db.run<{ applied: number }>(
    "count_migrations",
    sql`select count(*)::int as applied from keiyaku.__drizzle_migrations`,
  );
  return row?.applied ?? 0;
}
