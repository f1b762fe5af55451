import type postgres from "postgres";
import { eventually } from "../../../support/eventually.ts";

/** Resolves once this many connections to the same database stand still because of a lock that somebody else holds. */
export async function untilWaitingForLocks(sql: postgres.Sql, count: number, withinMs = 10_000): Promise<void> {
  await eventually(
    async () => {
      const [row] = await sql`select count(*)::int as waiting from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return row?.waiting === count;
    },
    { withinMs, describe: `${count} connections to wait for a lock` },
  );
}
