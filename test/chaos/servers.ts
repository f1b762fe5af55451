import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import { type StripeProcess, startStripeProcess } from "../../bench/stripe-process.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../sandbox/postgres/embedded-postgres.ts";
import { migrate } from "../../src/store/migrate.ts";
import { eventually } from "../support/eventually.ts";
import { makeDataFolder } from "../support/make-data-folder.ts";
import { type OtlpCollector, startOtlpCollector } from "../support/otlp-collector.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { databasePassword } from "./canaries.ts";
import { type MailSink, openMailSink } from "./mail-sink.ts";
import type { QueueType } from "./schedule.ts";

/** A server that can be made to go away and come back on its port. */
export interface Restartable {
  readonly port: number;
  readonly pid: number;
  /** Ends it the hard way, and starts it again over what it had acknowledged. */
  restart(downMs: number): Promise<void>;
  /** What it has written into its log, for whoever wonders. */
  said(): Promise<string>;
}

/** The servers of a run: each of its own, on 127.0.0.1. */
export interface Servers {
  readonly postgres: Restartable;
  /** The judge's own way to the tables, and the producers': by no proxy. */
  readonly databaseUrl: string;
  readonly sql: postgres.Sql;
  /** Undefined where the queue lives in PostgreSQL. */
  readonly redis: Restartable | undefined;
  readonly stripe: StripeProcess;
  readonly mail: MailSink;
  readonly traces: OtlpCollector;
  stop(): Promise<void>;
}

/** How many connections three workers, a relay, command lines and the judge may have at most. */
const connectionsMax = 300;

/** Starts the servers one after the other; those that run are stopped again when one does not start. */
export async function startServers(queue: QueueType): Promise<Servers> {
  const undos: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const undo of undos.splice(0).reverse()) await undo();
  };
  try {
    const folder = await makeDataFolder("keiyaku-chaos-");
    undos.push(() => rm(folder, { recursive: true, force: true }));
    // Started as root, PostgreSQL runs as another user, who is to find its folder by its name.
    await chmod(folder, 0o755);
    const database = await startPostgres(join(folder, "postgres"));
    undos.push(() => database.stop());
    const databaseUrl = urlFor(database.port);
    await migrate({ databaseUrl });
    const sql = postgres(databaseUrl, { max: 12, onnotice: () => undefined, connect_timeout: 3, backoff: () => 0.2 });
    undos.push(() => sql.end({ timeout: 1 }));
    const redis = queue === "redis" ? await startRedis(join(folder, "redis")) : undefined;
    if (redis !== undefined) undos.push(() => redis.stop());
    const stripe = await startStripeProcess({ refuseAutomaticKeys: true });
    undos.push(() => stripe.stop());
    const mail = await openMailSink();
    undos.push(() => mail.close());
    const traces = await startOtlpCollector();
    undos.push(() => traces.stop());
    return { postgres: database, databaseUrl, sql, redis, stripe, mail, traces, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The database through a port of 127.0.0.1: PostgreSQL's own, or a proxy's. */
export function urlFor(port: number): string {
  return `postgres://postgres:${databasePassword}@127.0.0.1:${port}/postgres`;
}

/** PostgreSQL with its durability: what it has acknowledged is there after it was killed. In memory that costs little. */
async function startPostgres(dataDir: string): Promise<Restartable & { stop(): Promise<void> }> {
  const start = (port?: number) =>
    startEmbeddedPostgres({
      dataDir,
      durable: true,
      maxConnections: connectionsMax,
      ...(port === undefined ? {} : { port }),
    });
  let server: EmbeddedPostgres = await start();
  const { port } = server;
  return {
    port,
    get pid() {
      return server.pid;
    },
    async restart(downMs) {
      const { pid } = server;
      // Immediate shutdown: no connection is told, nothing is written, and the next start recovers.
      process.kill(pid, "SIGQUIT");
      await eventually(() => !isAlive(pid), { withinMs: 20_000, describe: "PostgreSQL to be gone" });
      await pause(downMs);
      server = await start(port);
    },
    said: () => readFile(`${dataDir}.log`, "utf8").catch(() => ""),
    stop: () => server.end(),
  };
}

/** Redis with an append-only file, written before each answer. */
async function startRedis(dir: string): Promise<Restartable & { stop(): Promise<void> }> {
  await mkdir(dir);
  let server: RedisServer = await startRedisServer({ appendOnly: true, dir });
  const { port } = server;
  return {
    port,
    get pid() {
      return server.pid;
    },
    async restart(downMs) {
      process.kill(server.pid, "SIGKILL");
      await server.stop();
      await pause(downMs);
      server = await startRedisServer({ appendOnly: true, dir, port });
    },
    said: async () => "",
    stop: () => server.stop(),
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
