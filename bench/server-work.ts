import { setTimeout as pause } from "node:timers/promises";
import type postgres from "postgres";

/** What PostgreSQL has done, as it counts it: since some moment, or between two. */
export interface ServerWork {
  readonly calls: number;
  readonly commits: number;
  readonly executionMs: number;
  readonly walBytes: number;
  readonly fullPageImages: number;
  readonly walSyncs: number;
  /** By statement, what took the longest in all first. */
  readonly statements: readonly StatementWork[];
}

interface StatementWork {
  readonly id: string;
  /** Its beginning, on one line. */
  readonly text: string;
  /** Whether a client sent it; otherwise a function ran it, whose time its own is part of. */
  readonly isSent: boolean;
  readonly calls: number;
  readonly executionMs: number;
  /** Of the quickest run: on a busy machine the mean is mostly that of waiting for a processor. */
  readonly leastMs: number;
  readonly walBytes: number;
}

/**
 * Reads what the server has counted so far, without this bench's own looks. What a connection did is counted when it ends,
 * at the latest: see {@link untilGone}.
 */
export async function readServerWork(sql: postgres.Sql): Promise<ServerWork> {
  const statements = await sql<
    StatementWork[]
  >`select queryid::text || toplevel as id, query as text, toplevel as "isSent", calls::float8 as calls,
      total_exec_time as "executionMs", min_exec_time as "leastMs", wal_bytes::float8 as "walBytes"
    from pg_stat_statements where query !~ 'pg_stat_|pg_relation|pg_current_wal'`;
  const [server] = await sql`select
      (select xact_commit::float8 from pg_stat_database where datname = current_database()) as commits,
      (select wal_fpi::float8 from pg_stat_wal) as "fullPageImages",
      (pg_current_wal_insert_lsn() - '0/0')::float8 as "walBytes",
      (select coalesce(sum(fsyncs), 0)::float8 from pg_stat_io where object = 'wal') as "walSyncs"`;
  return {
    ...sentOf(statements),
    commits: Number(server?.commits),
    walBytes: Number(server?.walBytes),
    fullPageImages: Number(server?.fullPageImages),
    walSyncs: Number(server?.walSyncs),
    statements: statements.map((statement) => ({
      ...statement,
      text: statement.text.replace(/\s+/g, " ").slice(0, 110),
    })),
  };
}

/** Resolves once no connection of that name is left, so that all that they did is counted. */
export async function untilGone(sql: postgres.Sql, applicationName: string): Promise<void> {
  for (;;) {
    const [row] =
      await sql`select count(*)::int as left from pg_stat_activity where application_name = ${applicationName}`;
    if (row?.left === 0) return;
    await pause(20);
  }
}

export function workBetween(before: ServerWork, after: ServerWork): ServerWork {
  const earlier = new Map(before.statements.map((statement) => [statement.id, statement]));
  const statements = after.statements
    .map((statement) => {
      const was = earlier.get(statement.id);
      if (was === undefined) return statement;
      const less = (figure: "calls" | "executionMs" | "walBytes") => statement[figure] - was[figure];
      const figures = {
        calls: less("calls"),
        executionMs: less("executionMs"),
        walBytes: less("walBytes"),
      };
      return { ...statement, ...figures };
    })
    .filter(({ calls }) => calls > 0)
    .toSorted((a, b) => b.executionMs - a.executionMs);
  return {
    ...sentOf(statements),
    commits: after.commits - before.commits,
    walBytes: after.walBytes - before.walBytes,
    fullPageImages: after.fullPageImages - before.fullPageImages,
    walSyncs: after.walSyncs - before.walSyncs,
    statements,
  };
}

function sentOf(statements: readonly StatementWork[]): Pick<ServerWork, "calls" | "executionMs"> {
  const sent = statements.filter(({ isSent }) => isSent);
  return {
    calls: sent.reduce((sum, { calls }) => sum + calls, 0),
    executionMs: sent.reduce((sum, { executionMs }) => sum + executionMs, 0),
  };
}

/** What the tables of the schema take on the disk, and their indexes, in bytes. */
export async function sizesOf(sql: postgres.Sql): Promise<{ readonly heap: number; readonly indexes: number }> {
  const [row] = await sql`select sum(pg_table_size(oid))::float8 as heap, sum(pg_indexes_size(oid))::float8 as indexes
    from pg_class where relnamespace = 'keiyaku'::regnamespace and relkind = 'r'`;
  return { heap: Number(row?.heap), indexes: Number(row?.indexes) };
}
