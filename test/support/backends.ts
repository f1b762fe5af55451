import { createPostgresBackend, Queue, withBackend } from "bullmq";
import { Redis } from "ioredis";
import type postgres from "postgres";
import { describe, inject } from "vitest";
import type { QueueName } from "../../src/queue/payloads.ts";
import type { QueueBackend } from "../../src/queue/queue-backend.ts";
import { readRedisKey } from "./read-redis-key.ts";
import { type RedisServer, startRedisServer } from "./redis-server.ts";
import { addressOf } from "./test-database.ts";

/** Where a queue can live. */
export const backendTypes = ["postgres", "redis"] as const;
export type BackendType = (typeof backendTypes)[number];

/** Runs the same tests on each backend. On a machine without Redis those on Redis are skipped; the run's setup says so aloud. */
export function describeOnBackends(name: string, tests: (type: BackendType) => void): void {
  for (const type of backendTypes) describeOnBackend(`${name}, queue on ${type}`, type, tests);
}

/** Runs tests on one backend: for what only that one can show. */
export function describeOnBackend(name: string, type: BackendType, tests: (type: BackendType) => void): void {
  describe.skipIf(type === "redis" && inject("redisUrl") === "")(name, () => tests(type));
}

/** How many jobs there are in each of BullMQ's states. */
export type JobCounts = Readonly<Record<string, number>>;

/** A queue's home of one test's own: the test's database, or a Redis beside it. */
export interface TestQueue {
  readonly backend: QueueBackend;
  /** Of its Redis; undefined on PostgreSQL. */
  readonly redisUrl: string | undefined;
  /** What the client connects with. */
  readonly clientOptions: { readonly redisUrl: string } | { readonly databaseUrl: string };
  /** The queue as a producer that knows nothing of our code opens it, by its name and prefix alone. */
  readonly foreign: Queue;
  counts(): Promise<JobCounts>;
  /** Everything that the queue holds, of whatever kind, as one text. */
  contents(): Promise<string>;
  /**
   * Makes the locks of the jobs at work run out and be noticed at the next start of a worker: what the half minute after
   * a worker's death does.
   */
  expireLocks(): Promise<void>;
  /** Loses every job and whatever else the queue knows: what FLUSHALL does. */
  wipe(): Promise<void>;
  /** Kills the Redis as by `kill -9`; resolves when it is gone. What it held is lost: it writes nothing to disk. */
  killRedis(): Promise<void>;
  /** Starts an empty Redis on the port of the one that was killed. */
  startRedisAgain(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a queue's home for a test, on the database given or on a Redis of its own. */
export async function createTestQueue(
  type: BackendType,
  store: { readonly url: string; readonly sql: postgres.Sql },
  name: QueueName = "operations",
): Promise<TestQueue> {
  return type === "postgres" ? onPostgres(store, name) : onRedis(await startRedisServer(), name);
}

const states = ["waiting", "active", "delayed", "prioritized", "completed", "failed"] as const;

function onPostgres({ url, sql }: { readonly url: string; readonly sql: postgres.Sql }, name: QueueName): TestQueue {
  const foreign = new (withBackend(createPostgresBackend).Queue)(name, {
    connection: { connectionString: url, max: 1 },
  });
  foreign.on("error", () => undefined);
  return {
    backend: { type: "postgres", address: addressOf(url) },
    redisUrl: undefined,
    clientOptions: { databaseUrl: url },
    foreign: foreign as unknown as Queue,
    counts: () => foreign.getJobCounts(...states),
    async contents() {
      const tables = await sql<{ name: string }[]>`
        select table_name as name from information_schema.tables where table_schema = 'bullmq'`;
      const texts = tables.map(
        ({ name: table }) => sql`select row_to_json(t)::text as row from bullmq.${sql(table)} t`,
      );
      return (await Promise.all(texts)).flatMap((rows) => rows.map(({ row }) => String(row))).join("\n");
    },
    async expireLocks() {
      await sql`update bullmq.job set stalled_marked = true, locked_until_ms = 0 where state = 'active'`;
      await sql`delete from bullmq.meta where field = 'stalled-check'`;
    },
    async wipe() {
      await sql`truncate bullmq.job, bullmq.event, bullmq.meta cascade`;
    },
    killRedis: () => Promise.reject(new Error("This queue is not on Redis.")),
    startRedisAgain: () => Promise.reject(new Error("This queue is not on Redis.")),
    close: () => foreign.close(),
  };
}

function onRedis(first: RedisServer, name: QueueName): TestQueue {
  let server = first;
  const prefix = `{keiyaku-${name}}`;
  const keyOf = (rest: string) => `${prefix}:${name}:${rest}`;
  const foreign = new Queue(name, { prefix, connection: { url: server.url } });
  foreign.on("error", () => undefined);
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  const activeIds = () => redis.lrange(keyOf("active"), 0, -1);
  return {
    backend: { type: "redis", url: server.url },
    redisUrl: server.url,
    clientOptions: { redisUrl: server.url },
    foreign,
    counts: () => foreign.getJobCounts(...states),
    async contents() {
      const keys = await redis.keys("*");
      return (await Promise.all(keys.map(async (key) => `${key} ${await readKey(redis, key)}`))).join("\n");
    },
    async expireLocks() {
      for (const id of await activeIds()) {
        await redis.sadd(keyOf("stalled"), id);
        await redis.del(keyOf(`${id}:lock`));
      }
      await redis.del(keyOf("stalled-check"));
    },
    async wipe() {
      await redis.flushall();
    },
    async killRedis() {
      process.kill(server.pid, "SIGKILL");
      await server.stop();
    },
    async startRedisAgain() {
      server = await startRedisServer({ port: first.port });
    },
    async close() {
      // While the server still answers, since a close waits for it.
      await foreign.close();
      redis.disconnect();
      await server.stop();
    },
  };
}

async function readKey(redis: Redis, key: string): Promise<string> {
  const content = await readRedisKey(redis, key);
  if (content === undefined) throw new Error(`The queue's key ${key} went while it was read.`);
  return content;
}
