import { pino } from "pino";
import postgres from "postgres";
import { parseDatabaseUrl } from "../../src/database-url.ts";
import { Database, type StatementHook } from "../../src/store/database.ts";
import { pingDatabase } from "../../src/store/ping.ts";
import { createTestDatabase } from "./database.ts";

/** A migrated database of the test's own, our access to it, and the test's own way of looking at it. */
export interface TestStore {
  readonly url: string;
  readonly db: Database;
  /** A connection that shares nothing with our access layer. */
  readonly sql: postgres.Sql;
  close(): Promise<void>;
}

/** The test's own way of looking, in the server's list of sessions. */
const eyeName = "keiyaku-test-eye";

/** Reads a URL of the test servers; they are ours, so it can be read. */
export function addressOf(url: string) {
  const parsed = parseDatabaseUrl(url);
  if (parsed.type === "mistaken") throw new Error(parsed.mistakes.join(" "));
  return parsed.options;
}

interface TestStoreOptions {
  readonly onStatement?: StatementHook;
  readonly poolSize?: number;
}

/**
 * A migrated store of a test's own. Without options perhaps one that another test has given back: emptied, with sessions that
 * are warm already, which saves most of what a test waits for. It is given back when it is closed, unless the test has left
 * more behind than rows; then it is dropped.
 */
export async function createTestStore(options?: TestStoreOptions): Promise<TestStore> {
  if (options !== undefined) return makeTestStore(options);
  const lent = idleStores.pop() ?? (await makeLentStore());
  return {
    ...lent.store,
    async close() {
      const isAsBefore = await giveBack(lent).catch(() => false);
      if (isAsBefore) idleStores.push(lent);
      else await lent.store.close();
    },
  };
}

/** A store that one test has after the other, and what was defined in it when it was made. */
interface LentStore {
  readonly store: TestStore;
  readonly shape: string;
}

/** Stores that no test has now. The files of a worker share its modules, and so these. */
const idleStores: LentStore[] = [];

async function makeLentStore(): Promise<LentStore> {
  const store = await makeTestStore();
  return { store, shape: await readShape(store.sql) };
}

async function makeTestStore(options: TestStoreOptions = {}): Promise<TestStore> {
  const database = await createTestDatabase();
  const { poolSize = 8, ...rest } = options;
  const db = new Database({ address: addressOf(database.url), poolSize, applicationName: "keiyaku-test", ...rest });
  const sql = postgres(database.url, {
    max: 4,
    onnotice: () => undefined,
    connection: { application_name: eyeName },
  });
  return {
    url: database.url,
    db,
    sql,
    async close() {
      await db.close(1_000);
      await sql.end({ timeout: 1 });
      await database.drop();
    },
  };
}

/** Empties a store and says whether the next test can have it. */
async function giveBack({ store: { sql, db }, shape }: LentStore): Promise<boolean> {
  // Sessions of others, such as a worker's, of somebody who listens, or in the midst of something, and locks.
  const [left] = await sql`select
    (select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
      and (application_name not in ('keiyaku-test', ${eyeName}) or state <> 'idle' or query ilike 'listen%')) as sessions,
    (select count(*)::int from pg_locks l join pg_database d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory') as locks`;
  if (left?.sessions !== 0 || left.locks !== 0 || (await readShape(sql)) !== shape) return false;
  await emptyTables(sql);
  await pingDatabase(db, 1_000);
  return true;
}

/** What is defined in a database beside rows: changes with every definition, not with what is emptied or analysed. */
async function readShape(sql: postgres.Sql): Promise<string> {
  const [row] = await sql<{ shape: string }[]>`select concat_ws(' ',
    (select count(*) from pg_class),
    (select count(*) || '/' || max(xmin::text::bigint) from pg_attribute),
    (select count(*) || '/' || max(xmin::text::bigint) from pg_constraint),
    (select count(*) || '/' || max(xmin::text::bigint) from pg_proc),
    (select count(*) || '/' || max(xmin::text::bigint) from pg_trigger),
    (select count(*) from pg_db_role_setting),
    (select count(*) from keiyaku.__drizzle_migrations)) as shape`;
  return row?.shape ?? "";
}

/** How often each database was emptied: row by row, and anew from time to time, lest the dead rows add up. */
const emptied = new WeakMap<postgres.Sql, number>();
const emptiedAnewEvery = 200;

/**
 * Removes every row of ours and of the queue's, and lets ids begin anew. Where there are few rows, deleting them takes a
 * twentieth of the time that truncating a hundred files takes.
 */
export async function emptyTables(sql: postgres.Sql): Promise<void> {
  const times = (emptied.get(sql) ?? 0) + 1;
  emptied.set(sql, times);
  const tables = await sql<{ name: string }[]>`
    select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
    where schemaname = 'keiyaku' and tablename not like '\\_\\_%' or schemaname = 'bullmq' and tablename <> 'migration'`;
  const names = tables.map(({ name }) => name);
  // No foreign key is checked meanwhile: all rows go.
  await sql.unsafe(`set local session_replication_role = replica;
    ${times % emptiedAnewEvery === 0 ? `truncate ${names.join(", ")}` : names.map((name) => `delete from ${name}`).join(";\n")};
    select setval(seqrelid, seqstart, false) from pg_sequence where seqrelid::regclass::text not like '%\\_\\_drizzle%'`);
}

export const silentLog = pino({ level: "silent" });
