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
  stop(): Promise<void>;
}

export async function startBenchServers(): Promise<BenchServers> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-bench-"));
  const server = await startEmbeddedPostgres({ dataDir: join(folder, "postgres"), durable: true });
  const redis = findRedisServer() === undefined ? undefined : await startRedisServer();
  const parsed = parseDatabaseUrl(server.url);
  if (parsed.type === "mistaken") throw new Error(parsed.mistakes.join(" "));
  await migrate({ address: parsed.options });
  const sql = postgres(server.url, { max: 34, onnotice: () => undefined, fetch_types: false });
  return {
    databaseUrl: server.url,
    address: parsed.options,
    redisUrl: redis?.url,
    sql,
    async stop() {
      await sql.end({ timeout: 1 });
      await redis?.stop();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Adds all jobs, so many at a time that none waits for longer than a producer does. */
export async function addAll(queue: Queue, jobs: Parameters<Queue["addBulk"]>[0]): Promise<void> {
  for (let first = 0; first < jobs.length; first += 500) await queue.addBulk(jobs.slice(first, first + 500));
}
