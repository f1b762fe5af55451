import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../sandbox/postgres/embedded-postgres.ts";
import { makeDataFolder } from "./make-data-folder.ts";
import { findRedisServer, startRedisServer } from "./redis-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A superuser's URL of the run's PostgreSQL, to its `postgres` database. */
    postgresUrl: string;
    /** Name of the migrated database that a test's own is cloned from. Nobody can connect to it. */
    templateDatabase: string;
    /** URL of the run's Redis; empty when the machine has none, and then what needs Redis skips itself. */
    redisUrl: string;
  }
}

const TEMPLATE_DATABASE = "keiyaku_template";

type Undo = () => Promise<void>;

interface Servers {
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly stop: Undo;
}

const run = globalThis as { keiyakuServers?: Promise<Servers> };

/**
 * Starts the servers of a run, whichever of its projects asks first, and tells each project where they are: a PostgreSQL without
 * durability (the npm package's, or that of the folder in TEST_POSTGRES_BIN) with a migrated template, and a Redis when the machine
 * has one. They stop with the run.
 *
 * A missing Redis is said aloud once; with REQUIRE_REDIS=1 it ends the run, so that no CI believes in tests that never ran.
 */
export default async function setup(project: TestProject): Promise<Undo> {
  run.keiyakuServers ??= startServers();
  const { postgresUrl, redisUrl, stop } = await run.keiyakuServers;
  project.provide("postgresUrl", postgresUrl);
  project.provide("templateDatabase", TEMPLATE_DATABASE);
  project.provide("redisUrl", redisUrl);
  return stop;
}

async function startServers(): Promise<Servers> {
  const undos: Undo[] = [];
  const undoAll = async () => {
    for (const undo of undos.splice(0).reverse()) await undo();
  };
  try {
    // Both are waited for before either's failure is told: what still starts then could not be stopped.
    const [postgresReady, redisReady] = await Promise.allSettled([preparePostgres(undos), prepareRedis(undos)]);
    return { postgresUrl: unwrap(postgresReady), redisUrl: unwrap(redisReady), stop: undoAll };
  } catch (error) {
    await undoAll();
    throw error;
  }
}

function unwrap<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === "rejected") throw settled.reason;
  return settled.value;
}

async function preparePostgres(undos: Undo[]): Promise<string> {
  const folder = await makeDataFolder("keiyaku-test-");
  undos.push(() => rm(folder, { recursive: true, force: true }));
  // Started as root, the server runs as another user, who is to find its folder by its name.
  await chmod(folder, 0o755);
  const binDir = process.env.TEST_POSTGRES_BIN;
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, "postgres"),
    durable: false,
    ...(binDir === undefined || binDir === "" ? {} : { binDir }),
  });
  undos.push(() => server.stop());
  await prepareTemplate(server.url);
  return server.url;
}

async function prepareTemplate(postgresUrl: string): Promise<void> {
  const sql = postgres(postgresUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`create database ${sql(TEMPLATE_DATABASE)}`;
    const url = new URL(postgresUrl);
    url.pathname = TEMPLATE_DATABASE;
    const { migrate } = await import("../../src/store/migrate.ts");
    await migrate({ databaseUrl: url.href });
    // A template with someone connected cannot be cloned.
    await sql`alter database ${sql(TEMPLATE_DATABASE)} allow_connections false`;
  } finally {
    await sql.end();
  }
}

async function prepareRedis(undos: Undo[]): Promise<string> {
  if (findRedisServer() === undefined) {
    const sentence = "There is no redis-server on the PATH";
    if (process.env.REQUIRE_REDIS === "1") throw new Error(`${sentence}, and REQUIRE_REDIS=1 asks for one.`);
    console.warn(
      `\n!!! ${sentence}: ALL TESTS THAT NEED REDIS ARE SKIPPED. REQUIRE_REDIS=1 makes this an error. !!!\n`,
    );
    return "";
  }
  const server = await startRedisServer();
  undos.push(() => server.stop());
  return server.url;
}
