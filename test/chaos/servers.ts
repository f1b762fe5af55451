import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import { type StripeProcess, startStripeProcess } from "../../bench/stripe-process.ts";
import { prepareBinaries } from "../../sandbox/postgres/binaries.ts";
import { startEmbeddedPostgres } from "../../sandbox/postgres/embedded-postgres.ts";
import { launchServer } from "../../sandbox/postgres/launch.ts";
import { chooseServerUser } from "../../sandbox/postgres/server-user.ts";
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

/**
 * PostgreSQL with its durability: what it has acknowledged is there after it was killed. In memory that costs little. It is started
 * again without what a first start looks after, which takes its time on a crowded machine.
 */
async function startPostgres(dataDir: string): Promise<Restartable & { stop(): Promise<void> }> {
  const server = await startEmbeddedPostgres({ dataDir, durable: true, maxConnections: connectionsMax });
  const user = await chooseServerUser(dataDir);
  const binDir = await prepareBinaries({ user, onNotice: () => undefined });
  const { port } = server;
  let running: { pid: number; stop(): Promise<void> } = { pid: server.pid, stop: () => server.end() };
  const start = async () => {
    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      max_connections: String(connectionsMax),
      timezone: "UTC",
    };
    for (;;) {
      const deadline = performance.now() + startedWithinMs;
      const launch = await launchServer({ dataDir, binDir, user, settings, port, deadline });
      if (launch.type === "running") return launch;
    }
  };
  return {
    port,
    get pid() {
      return running.pid;
    },
    restart: oneAtATime(async (downMs: number) => {
      const { pid } = running;
      // Immediate shutdown: no connection is told, nothing is written, and the next start recovers.
      process.kill(pid, "SIGQUIT");
      await eventually(() => !isAlive(pid), { withinMs: startedWithinMs, describe: "PostgreSQL to be gone" });
      await pause(downMs);
      running = await start();
    }),
    said: () => readFile(`${dataDir}.log`, "utf8").catch(() => ""),
    stop: () => running.stop(),
  };
}

/** It takes a fraction of a second on an idle machine. */
const startedWithinMs = 60_000;

/** Of several calls each waits for the one before: a server that is away already cannot go away. */
function oneAtATime(work: (downMs: number) => Promise<void>): (downMs: number) => Promise<void> {
  let before: Promise<unknown> = Promise.resolve();
  return (downMs) => {
    const own = before.then(() => work(downMs));
    before = own.catch(() => undefined);
    return own;
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
    restart: oneAtATime(async (downMs: number) => {
      process.kill(server.pid, "SIGKILL");
      await server.stop();
      await pause(downMs);
      server = await startRedisServer({ appendOnly: true, dir, port });
    }),
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
