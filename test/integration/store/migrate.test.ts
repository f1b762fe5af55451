import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { Database } from "../../../src/store/database.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { schemaIsCurrent } from "../../../src/store/schema-state.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { createEmptyDatabase } from "../../support/database.ts";
import { findFreePort } from "../../support/free-port.ts";
import { addressOf } from "../../support/test-database.ts";
import { runScript } from "./support/run-script.ts";
import { untilWaitingForLocks } from "./support/until-waiting.ts";

const root = join(import.meta.dirname, "..", "..", "..");

/** Six processes that compile and connect share two cores with the tests beside them. */
const processesWithinMs = 60_000;

let url: string;
let sql: postgres.Sql;
let db: Database;
beforeEach(async () => {
  const database = await createEmptyDatabase();
  url = database.url;
  sql = postgres(url, { max: 3, onnotice: () => undefined });
  db = new Database({ address: addressOf(url), poolSize: 1, applicationName: "migrate" });
  onTestFinished(async () => {
    await db.close();
    await sql.end();
    await database.drop();
  });
});

/** Everything that migrating makes: relations, functions, types and constraints, by their numbers; and what drizzle notes. */
async function everythingMade(): Promise<unknown> {
  const ours = sql`in ('keiyaku'::regnamespace, 'bullmq'::regnamespace)`;
  return {
    relations: await sql`select oid, relname from pg_class where relnamespace ${ours} order by oid`,
    functions: await sql`select oid, proname, proacl from pg_proc where pronamespace ${ours} order by oid`,
    types: await sql`select oid, typname from pg_type where typnamespace ${ours} order by oid`,
    constraints: await sql`select oid, conname from pg_constraint where connamespace ${ours} order by oid`,
    applied: await sql`select * from keiyaku.__drizzle_migrations order by id`,
  };
}

async function journalEntries(): Promise<{ when: number }[]> {
  return JSON.parse(await readFile(join(root, "drizzle", "meta", "_journal.json"), "utf8")).entries;
}

describe("migrate", () => {
  it(
    "succeeds for each of six processes at once, which do the work once",
    async () => {
      const gate = 7_261;
      const holder = await sql.reserve();
      await holder`select pg_advisory_lock(${gate})`;
      const processes = Array.from({ length: 6 }, () =>
        runScript(new URL("./support/migrate-child.ts", import.meta.url), url, `${gate}`),
      );
      await untilWaitingForLocks(sql, 6, processesWithinMs);
      await holder`select pg_advisory_unlock(${gate})`;
      holder.release();

      expect(await Promise.all(processes)).toEqual(Array.from({ length: 6 }, () => "migrated"));
      const applied = await sql`select created_at from keiyaku.__drizzle_migrations order by created_at`;
      expect(applied.map((row) => Number(row.created_at))).toEqual((await journalEntries()).map(({ when }) => when));
      expect(await schemaIsCurrent(db)).toBe(true);
    },
    processesWithinMs + 30_000,
  );

  it("changes nothing when it is run again, with data there", async () => {
    await migrate({ databaseUrl: url });
    await sql`insert into keiyaku.products (id, kind, access, price_minor) values ('p', 'monthly', 'per_period', 1)`;
    const before = await everythingMade();
    await migrate({ databaseUrl: url });

    expect(await everythingMade()).toEqual(before);
    expect(await sql`select id from keiyaku.products`).toEqual([{ id: "p" }]);
  });

  it("waits for another that is at work", async () => {
    const other = await sql.reserve();
    // Spells KEIY, as in `migrate.ts`.
    await other`select pg_advisory_lock(${0x4b454959})`;
    const migrating = migrate({ address: addressOf(url) });
    await untilWaitingForLocks(sql, 1);
    expect(await schemaIsCurrent(db)).toBe(false);
    await other`select pg_advisory_unlock_all()`;
    other.release();

    await migrating;
    expect(await schemaIsCurrent(db)).toBe(true);
  });

  it("makes the queue's schema good again when that alone was lost", async () => {
    await migrate({ databaseUrl: url });
    await sql`drop schema bullmq cascade`;
    await migrate({ databaseUrl: url });
    expect((await sql`select from pg_class where relnamespace = 'bullmq'::regnamespace`).length).toBeGreaterThan(0);
  });

  it("lives in a database beside another service's tables, and leaves them alone", async () => {
    await sql`create table contracts (id integer primary key)`;
    await migrate({ databaseUrl: url });
    expect(
      await sql`select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`,
    ).toEqual([{ relname: "contracts" }]);
  });
});

describe("a migration that fails", () => {
  async function failure(databaseUrl: string): Promise<StoreError> {
    const error = await migrate({ databaseUrl }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof StoreError)) throw new Error(`not a store error: ${String(error)}`);
    return error;
  }

  it("is refused with its reason and leaves nothing half made", async () => {
    await sql`create schema keiyaku`;
    await sql`create table keiyaku.tombstones (id integer)`;

    expect(await failure(url)).toMatchObject({ fault: "refused", code: "42P07", statement: "migrate" });
    expect(
      await sql`select relname from pg_class where relnamespace = 'keiyaku'::regnamespace and relkind = 'r'
      and relname <> '__drizzle_migrations'`,
    ).toEqual([{ relname: "tombstones" }]);
    expect(await schemaIsCurrent(db)).toBe(false);
    await sql`drop table keiyaku.tombstones`;
    await migrate({ databaseUrl: url });
    expect(await schemaIsCurrent(db)).toBe(true);
  });

  it("is refused to a user who may not make anything", async () => {
    const role = `narrow_${process.pid}`;
    await sql.unsafe(`create role ${role} login`);
    onTestFinished(async () => {
      const maintainer = postgres(url, { max: 1 });
      await maintainer.unsafe(`drop role ${role}`);
      await maintainer.end();
    });
    const asUser = new URL(url);
    asUser.username = role;
    const error = await failure(asUser.href);

    expect(error).toMatchObject({ fault: "refused", code: "42501" });
    expect(error.message).toBe("migrate: refused (42501)");
  });

  it("is unreachable when nobody answers", async () => {
    const elsewhere = new URL(url);
    elsewhere.port = `${await findFreePort()}`;
    expect(await failure(elsewhere.href)).toMatchObject({ fault: "unreachable", code: "ECONNREFUSED" });
  });
});

describe("schemaIsCurrent", () => {
  it("says no of an empty database, and of one that lacks the newest migration", async () => {
    expect(await schemaIsCurrent(db)).toBe(false);
    await migrate({ databaseUrl: url });
    expect(await schemaIsCurrent(db)).toBe(true);

    const newest = Math.max(...(await journalEntries()).map(({ when }) => when));
    await sql`delete from keiyaku.__drizzle_migrations where created_at = ${newest}`;
    expect(await schemaIsCurrent(db)).toBe(false);
    await sql`delete from keiyaku.__drizzle_migrations`;
    expect(await schemaIsCurrent(db)).toBe(false);
  });

  it("says yes of a database that a newer version has migrated further", async () => {
    await migrate({ databaseUrl: url });
    await sql`insert into keiyaku.__drizzle_migrations (hash, created_at) values ('later', ${Date.now() * 2})`;
    expect(await schemaIsCurrent(db)).toBe(true);
  });
});

describe("the migrations", () => {
  /** Runs drizzle-kit over a copy of the migrations and returns what it wrote beside them. */
  async function generate(meddle?: (folder: string) => Promise<void>): Promise<string[]> {
    const folder = await mkdtemp(join(tmpdir(), "keiyaku-migrations-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const copy = join(folder, "drizzle");
    await cp(join(root, "drizzle"), copy, { recursive: true });
    await meddle?.(copy);
    const before = await readdir(copy);
    const program = join(root, "node_modules", "drizzle-kit", "bin.cjs");
    const schema = join(root, "src", "store", "schema", "index.ts");
    // It reads an absolute `out` as one below the folder in which it runs.
    const options = ["generate", "--dialect", "postgresql", "--schema", schema, "--out", "./drizzle"];
    await promisify(execFile)(process.execPath, [program, ...options], { cwd: folder, timeout: 25_000 });
    return (await readdir(copy)).filter((file) => !before.includes(file));
  }

  it("say all that the schema files say: drizzle-kit would write no further one", async () => {
    expect(await generate()).toEqual([]);
  });

  it("would not, if they lacked a single check", async () => {
    const written = await generate(async (folder) => {
      const [newest] = (await readdir(join(folder, "meta")))
        .filter((file) => file.endsWith("_snapshot.json"))
        .sort()
        .reverse();
      const file = join(folder, "meta", `${newest}`);
      const snapshot = JSON.parse(await readFile(file, "utf8"));
      delete snapshot.tables["keiyaku.products"].checkConstraints.products_id_form;
      await writeFile(file, JSON.stringify(snapshot));
    });
    expect(written).toHaveLength(1);
  });
});
