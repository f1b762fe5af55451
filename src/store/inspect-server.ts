import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** What a PostgreSQL server tells of itself. */
export interface PostgresState {
  /** As in 150004 for 15.4. */
  readonly versionNumber: number;
  readonly version: string;
  /** Whether it only follows another server, and takes no writes. */
  readonly isStandby: boolean;
  readonly connections: number;
  readonly connectionsMax: number;
  /** Connections of our workers to this database, as far as this user may see them. */
  readonly workerConnections: number;
}

/** Asks the server about itself, in one statement. Reads views only, and needs no rights. */
export async function inspectPostgres(db: Database, deadlineMs: number): Promise<PostgresState> {
  const [row] = await db.run<{ state: PostgresState }>(
    "inspect_server",
    sql`select json_build_object(
        'versionNumber', current_setting('server_version_num')::int,
        'version', current_setting('server_version'),
        'isStandby', pg_is_in_recovery(),
        'connectionsMax', current_setting('max_connections')::int,
        'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
        'workerConnections', (select count(*) from pg_stat_activity
          where datname = current_database() and application_name = 'keiyaku-worker')) as state`,
    { deadlineMs },
  );
  if (row === undefined) throw new Error("the server's state is one row");
  return row.state;
}
