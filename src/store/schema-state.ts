import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/*
 * What every command and every start of a worker asks first. It stands apart from what migrates, which loads the queue and its
 * driver: three hundred modules of which most commands need none.
 */

/** Where drizzle-kit's journal of migrations lies: found upwards from here, since built code lies a folder deeper. */
export function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "drizzle", "meta", "_journal.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("the folder drizzle/ with the migrations is missing from this installation");
    folder = parent;
  }
  return join(folder, "drizzle");
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
}

/** Reads how far the database is migrated. Locks nothing. */
export async function readSchemaState(db: Database): Promise<SchemaState> {
  const known = knownMigrations();
  const state = { applied: 0, known: known.length, isCurrent: false };
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
