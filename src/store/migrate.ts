import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LATEST_SCHEMA_VERSION, runMigrations } from "bullmq";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as applyMigrations } from "drizzle-orm/postgres-js/migrator";
import pg from "pg";
import postgres from "postgres";
import { type DatabaseOptions as DatabaseAddress, parseDatabaseUrl, pgOptions } from "../database-url.ts";
import { type Database, driverOptions } from "./database.ts";
import { toStoreError } from "./store-error.ts";

/** Spells `KEIY`: the advisory lock that lets one process at a time migrate a database. */
const migrationLockKey = 0x4b454959;

/** Where drizzle-kit's journal of migrations lies: found upwards from here, since built code lies a folder deeper. */
function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "drizzle", "meta", "_journal.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("the folder drizzle/ with the migrations is missing from this installation");
    folder = parent;
  }
  return join(folder, "drizzle");
}

/**
 * Brings the database up to date: our tables and functions in the schema `keiyaku`, and the queue's own schema `bullmq`.
 *
 * Any number of processes may do this at once: one does the work, the others wait for it and find nothing left to do.
 * Only forwards; there is no way back but a backup.
 */
export async function migrate(
  options: { readonly databaseUrl: string } | { readonly address: DatabaseAddress },
): Promise<void> {
  const address = "address" in options ? options.address : addressOf(options.databaseUrl);
  const folder = migrationsFolder();
  try {
    await migrateUnderLock(address, folder);
  } catch (error) {
    throw toStoreError(error, "migrate");
  }
}

function addressOf(databaseUrl: string): DatabaseAddress {
  const parsed = parseDatabaseUrl(databaseUrl);
  if (parsed.type === "mistaken") throw new Error(`the database URL ${parsed.mistakes.join(" ")}`);
  return parsed.options;
}

/** A server that does not even take the connection within this time is away. A migration itself may take as long as it takes. */
const connectTimeoutMs = 10_000;

/** drizzle's migrator takes no lock of its own; a session lock on this one connection makes late comers wait for both. */
async function migrateUnderLock(address: DatabaseAddress, folder: string): Promise<void> {
  const client = postgres({
    ...driverOptions(address),
    max: 1,
    connect_timeout: connectTimeoutMs / 1_000,
    onnotice: () => undefined,
  });
  try {
    await client`select pg_advisory_lock(${migrationLockKey})`;
    await applyMigrations(drizzle(client), { migrationsFolder: folder, migrationsSchema: "keiyaku" });
    await migrateQueue(address);
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function migrateQueue(address: DatabaseAddress): Promise<void> {
  const client = new pg.Client({ ...pgOptions(address), connectionTimeoutMillis: connectTimeoutMs });
  await client.connect();
  try {
    await runMigrations(client);
  } finally {
    await client.end();
  }
}

/** How far a database is migrated, beside what this version of the code brings along. */
export interface SchemaState {
  /** Migrations of ours that it has had; 0 for one that was never migrated. */
  readonly applied: number;
  readonly known: number;
  /** Whether it has every migration of ours. */
  readonly isCurrent: boolean;
  /** The version of the queue's schema; null when there is none. */
  readonly queueVersion: number | null;
  readonly queueVersionKnown: number;
}

/** Reads how far the database is migrated. Locks nothing. */
export async function readSchemaState(db: Database): Promise<SchemaState> {
  const known = knownMigrations();
  const state = { applied: 0, known: known.length, isCurrent: false, queueVersionKnown: LATEST_SCHEMA_VERSION };
  const [there] = await db.run<{ ours: boolean; queues: boolean }>(
    "schema_version",
    sql`select to_regclass('keiyaku.__drizzle_migrations') is not null as ours,
      to_regclass('bullmq.migration') is not null as queues`,
  );
  const queueVersion = there?.queues === true ? await readQueueVersion(db) : null;
  if (there?.ours !== true) return { ...state, queueVersion };
  const [row] = await db.run<{ applied: number; newest: number }>(
    "schema_version",
    sql`select count(*)::int as applied, coalesce(max(created_at), 0)::bigint as newest from keiyaku.__drizzle_migrations`,
  );
  const isCurrent = Number(row?.newest) >= Math.max(...known);
  return { ...state, applied: row?.applied ?? 0, isCurrent, queueVersion };
}

async function readQueueVersion(db: Database): Promise<number> {
  const statement = sql`select coalesce(max(version), 0)::int as version from bullmq.migration`;
  const [row] = await db.run<{ version: number }>("schema_version", statement);
  return row?.version ?? 0;
}

/** When each migration of this version was made, as drizzle-kit numbers them. */
function knownMigrations(): readonly number[] {
  const journal = JSON.parse(readFileSync(join(migrationsFolder(), "meta", "_journal.json"), "utf8")) as {
    entries: readonly { when: number }[];
  };
  return journal.entries.map((entry) => entry.when);
}

/** Whether the database has every migration that this version of the code brings along, and the queue's tables. */
export async function schemaIsCurrent(db: Database): Promise<boolean> {
  const { isCurrent, queueVersion } = await readSchemaState(db);
  return isCurrent && queueVersion !== null;
}
