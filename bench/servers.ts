import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Queue } from "bullmq";
import postgres from "postgres";
import { startEmbeddedPostgres } from "../sandbox/postgres/embedded-postgres.ts";
import { type DatabaseOptions as DatabaseAddress, parseDatabaseUrl } from "../src/database-url.ts";
import { migrate } from "../src/store/migrate.ts";
import { findRedisServer, startRedisServer } from "../test/support/redis-server.ts";

/** The servers of a bench: a durable PostgreSQL, since a commit that reaches no disk costs nothing, and a Redis if found. */
export interface BenchServers {
  readonly databaseUrl: string;
  readonly address: DatabaseAddress;
  readonly redisUrl: string | undefined;
  readonly sql: postgres.Sql;
  /** Whose processor time is whose. */
  readonly pids: { readonly postgres: number; readonly redis: number | undefined };
  stop(): Promise<void>;
}

/** `watched` loads `pg_stat_statements`, which costs every statement a little. */
export async function startBenchServers({ watched = false } = {}): Promise<BenchServers> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-bench-"));
  const dataDir = join(folder, "postgres");
  if (watched) await loadStatementStatistics(dataDir);
  const server = await startEmbeddedPostgres({ dataDir, durable: true });
  const redis = findRedisServer() === undefined ? undefined : await startRedisServer();
  const parsed = parseDatabaseUrl(server.url);
  if (parsed.type === "mistaken") throw new Error(parsed.mistakes.join(" "));
  await migrate({ address: parsed.options });
  const sql = openSql(server.url);
  if (watched) await sql`create extension pg_stat_statements`;
  return {
    databaseUrl: server.url,
    address: parsed.options,
    redisUrl: redis?.url,
    sql,
    pids: { postgres: server.pid, redis: redis?.pid },
    async stop() {
      await sql.end({ timeout: 1 });
      await redis?.stop();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As many connections as anybody has operations at work, and two for the bench itself. */
export function openSql(databaseUrl: string, applicationName = "keiyaku-bench"): postgres.Sql {
  return postgres(databaseUrl, {
    max: 34,
    onnotice: () => undefined,
    fetch_types: false,
    connection: { application_name: applicationName },
  });
}

/** The library has to be there when the server starts, and is asked for in a setting that the server keeps. */
async function loadStatementStatistics(dataDir: string): Promise<void> {
  const server = await startEmbeddedPostgres({ dataDir, durable: true });
  const sql = postgres(server.url, { max: 1 });
  await sql`alter system set shared_preload_libraries = 'pg_stat_statements'`;
  // Also those that run inside a function.
  await sql`alter system set pg_stat_statements.track = 'all'`;
  await sql.end();
  await server.stop();
}

/** Adds all jobs, so many at a time that none waits for longer than a producer does. */
export async function addAll(queue: Queue, jobs: Parameters<Queue["addBulk"]>[0]): Promise<void> {
  for (let first = 0; first < jobs.length; first += 500) await queue.addBulk(jobs.slice(first, first + 500));
}
