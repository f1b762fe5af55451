import { LATEST_SCHEMA_VERSION, runMigrations } from "bullmq";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as applyMigrations } from "drizzle-orm/postgres-js/migrator";
import pg from "pg";
import postgres from "postgres";
import { type DatabaseOptions as DatabaseAddress, parseDatabaseUrl, pgOptions } from "../database-url.ts";
import { driverOptions } from "./database.ts";
import { migrationsFolder } from "./schema-state.ts";
import { toStoreError } from "./store-error.ts";

/** The version that the queue's schema has after {@link migrate}. */
export const queueVersionKnown = LATEST_SCHEMA_VERSION;

/** Spells `KEIY`: the advisory lock that lets one process at a time migrate a database. */
const migrationLockKey = 0x4b454959;

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
