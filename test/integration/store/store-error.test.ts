import { inspect } from "node:util";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { DatabaseOptions as DatabaseAddress } from "../../../src/database-url.ts";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { Database } from "../../../src/store/database.ts";
import { guardedStatement } from "../../../src/store/guarded-statement.ts";
import { StoreError, type StoreFault, toStoreError } from "../../../src/store/store-error.ts";
import { findFreePort } from "../../support/free-port.ts";
import { addContract, customerRow, insertRows } from "../../support/store-rows.ts";
import { addressOf, createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
  await addContract(store.sql);
});
afterAll(() => store.close());

/** An access with one connection, so that a setting made in one call is in force in the next. */
function connect(overrides: Partial<DatabaseAddress> = {}): Database {
  const address = { ...addressOf(store.url), ...overrides };
  const db = new Database({ address, poolSize: 1, applicationName: "store-error" });
  onTestFinished(() => db.close(100));
  return db;
}

async function errorOf(work: Promise<unknown>): Promise<StoreError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StoreError)) throw new Error(`not a store error: ${String(error)}`);
  return error;
}

/** A statement that fails with this SQLSTATE, for those that cannot be brought about in a test. */
const raised = (code: string) => sql.raw(`do $$ begin raise exception using errcode = '${code}'; end $$`);

describe("a statement that the server ends", () => {
  it.each<[string, StoreFault, string, (db: Database) => Promise<unknown>]>([
    [
      "a unique violation",
      "conflict",
      "23505",
      (db) => db.run("s", sql`insert into keiyaku.products select * from keiyaku.products`),
    ],
    [
      "a missing foreign key",
      "conflict",
      "23503",
      (db) => db.run("s", sql`update keiyaku.contracts set product_id = 'nowhere'`),
    ],
    [
      "a guarded part that met nothing",
      "conflict",
      "40001",
      (db) => db.run("s", guardedStatement([{ name: "none", rows: 1, statement: sql`select 1 where false` }])),
    ],
    [
      "its own time-out",
      "busy",
      "57014",
      async (db) => {
        await db.run("set", sql`set statement_timeout = '100ms'`);
        await db.run("s", sql`select pg_sleep(20)`);
      },
    ],
    [
      "a lock that somebody holds too long",
      "busy",
      "55P03",
      async (db) => {
        const holder = await store.sql.reserve();
        onTestFinished(async () => {
          await holder`rollback`;
          holder.release();
        });
        await holder`begin`;
        await holder`lock table keiyaku.signups`;
        await db.run("set", sql`set lock_timeout = '100ms'`);
        await db.run("s", sql`select from keiyaku.signups`);
      },
    ],
    [
      "an administrator's cancelling",
      "busy",
      "57014",
      async (db) => {
        const [row] = await db.run<{ pid: number }>("pid", sql`select pg_backend_pid() as pid`);
        const sleeping = db.run("s", sql`select pg_sleep(20)`);
        sleeping.catch(() => undefined);
        let cancelled = false;
        while (!cancelled) {
          const [seen] = await store.sql`select pg_cancel_backend(pid) as cancelled from pg_stat_activity
          where pid = ${row?.pid ?? 0} and state = 'active' and wait_event = 'PgSleep'`;
          cancelled = seen?.cancelled === true;
        }
        await sleeping;
      },
    ],
    [
      "being read-only",
      "busy",
      "25006",
      async (db) => {
        await db.run("set", sql`set default_transaction_read_only = on`);
        await db.run("s", sql`update keiyaku.contracts set version = 2`);
      },
    ],
    ["a full disk", "busy", "53100", (db) => db.run("s", raised("53100"))],
    ["want of memory", "busy", "53200", (db) => db.run("s", raised("53200"))],
    ["being shut down", "unreachable", "57P01", (db) => db.run("s", raised("57P01"))],
    [
      "ending our connection",
      "unreachable",
      "CONNECTION_CLOSED",
      (db) => db.run("s", sql`select pg_terminate_backend(pg_backend_pid())`),
    ],
    ["a crash beside it", "unreachable", "57P02", (db) => db.run("s", raised("57P02"))],
    ["starting up", "unreachable", "57P03", (db) => db.run("s", raised("57P03"))],
    ["a lost connection", "unreachable", "08006", (db) => db.run("s", raised("08006"))],
    ["an unknown table", "refused", "42P01", (db) => db.run("s", sql`select from keiyaku.nothing`)],
    ["a check", "refused", "23514", (db) => db.run("s", sql`update keiyaku.contracts set version = 0`)],
    [
      "a column that must not be empty",
      "refused",
      "23502",
      (db) => db.run("s", sql`update keiyaku.contracts set currency = null`),
    ],
    [
      "a word that is not of the vocabulary",
      "refused",
      "22P02",
      (db) => db.run("s", sql`update keiyaku.contracts set status = 'asleep'`),
    ],
    ["a character that it cannot store", "refused", "22P05", (db) => acceptRequest(db, { id: "\0" }, null)],
    ["half of a pair", "refused", "22P02", (db) => acceptRequest(db, { id: "\ud800" }, null)],
  ])("because of %s is %s (%s)", async (_, fault, code, work) => {
    expect(await errorOf(work(connect()))).toMatchObject({ fault, code });
  });
});

describe("a server that does not let us in", () => {
  it.each<[string, StoreFault, string, () => Promise<Partial<DatabaseAddress>>]>([
    ["nobody listens", "unreachable", "ECONNREFUSED", async () => ({ port: await findFreePort() })],
    ["the database does not exist", "refused", "3D000", async () => ({ database: "no_such_database" })],
    ["the user does not exist", "refused", "28000", async () => ({ user: "nobody_of_this_name" })],
    [
      "there are too many connections",
      "unreachable",
      "53300",
      async () => {
        const role = `narrow_${process.pid}`;
        await store.sql.unsafe(`create role ${role} login connection limit 0`);
        onTestFinished(async () => void (await store.sql.unsafe(`drop role ${role}`)));
        return { user: role };
      },
    ],
  ])("because %s is %s (%s)", async (_, fault, code, address) => {
    expect(await errorOf(connect(await address()).run("s", sql`select 1 as one`))).toMatchObject({ fault, code });
  });

  it("is unreachable once our access is closed", async () => {
    const db = connect();
    await db.run("s", sql`select 1 as one`);
    await db.close();
    expect(await errorOf(db.run("s", sql`select 1 as one`))).toMatchObject({
      fault: "unreachable",
      code: "CONNECTION_ENDED",
    });
  });
});

describe("an error that is not the server's", () => {
  const withCode = (code: string) => Object.assign(new Error("somebody's secret"), { code });

  it.each([
    "ECONNRESET",
    "EPIPE",
    "EPERM",
    "EBUSY",
    "ETIMEDOUT",
    "CONNECTION_CLOSED",
    "CONNECT_TIMEOUT",
    "CONNECTION_DESTROYED",
  ])("is unreachable for %s: the connection is gone, and with it the answer", (code) => {
    expect(toStoreError(withCode(code), "s")).toMatchObject({ fault: "unreachable", code });
  });

  it("is found inside the error that wraps it", () => {
    const wrapped = new Error("Failed query: … params: hanako@example.com", { cause: withCode("42501") });
    const error = toStoreError(wrapped, "migrate");

    expect(error).toMatchObject({ fault: "refused", code: "42501" });
    expect(error.message).toBe("migrate: refused (42501)");
  });
});

describe("a store error", () => {
  const planted = "planted.canary@example.com";
  const password = "planted-password-7261";

  /** Everything of an error that could reach a log, a job or a terminal. */
  function everythingSaidBy(error: StoreError): string {
    return [
      error.message,
      error.stack ?? "",
      String(error),
      JSON.stringify(error),
      JSON.stringify(Object.getOwnPropertyDescriptors(error)),
      inspect(error, { depth: null, showHidden: true }),
    ].join("\n");
  }

  it.each<[string, (db: Database) => Promise<unknown>]>([
    [
      "a key that is taken",
      (db) =>
        db.run(
          "s",
          sql`insert into keiyaku.customers (id, email, name, locale)
        values (${"cust-1"}, ${planted}, ${planted}, 'ja')`,
        ),
    ],
    [
      "a check that quotes the whole row",
      (db) =>
        db.run(
          "s",
          sql`insert into keiyaku.customers (id, email, name, locale)
        values (${planted}, ${planted}, ${planted}, 'ja')`,
        ),
    ],
    ["a value that cannot be cast", (db) => db.run("s", sql`select ${planted}::integer`)],
    ["a message that a function made of it", (db) => db.run("s", sql`select ${planted}::text::jsonb`)],
    ["a deadline", (db) => db.run("s", sql`select pg_sleep(5), ${planted}::text`, { deadlineMs: 50 })],
    ["a lost connection", (db) => db.run("s", sql`select pg_terminate_backend(pg_backend_pid()), ${planted}::text`)],
  ])("about %s says nothing of the parameters, nor where and as whom we connect", async (_, work) => {
    const { Secret } = await import("../../../src/secret.ts");
    const address = addressOf(store.url);
    const error = await errorOf(work(connect({ password: new Secret(password) })));
    const said = everythingSaidBy(error);

    expect(said).toContain(error.code);
    for (const secret of [planted, password, address.host, String(address.port), address.database]) {
      expect(said).not.toContain(secret);
    }
  });

  it("is made of a driver's error that does say all that", async () => {
    const thrown = await insertRows(
      store.sql,
      "customers",
      customerRow({ id: "cust-2", email: planted, locale: planted }),
    ).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(inspect(thrown, { depth: null, showHidden: true })).toContain(planted);
    expect(everythingSaidBy(toStoreError(thrown, "s"))).not.toContain(planted);
  });

  it("names the statement, what it means, its code, and the constraint", async () => {
    const error = await errorOf(store.db.run("spoil", sql`update keiyaku.contracts set version = 0`));
    expect(error.message).toBe("spoil: refused (23514, contracts_version_counts_from_one)");
    expect(error).toMatchObject({
      name: "StoreError",
      statement: "spoil",
      constraint: "contracts_version_counts_from_one",
    });
  });
});
