import { sql } from "drizzle-orm";
import postgres from "postgres";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { Database } from "../../../src/store/database.ts";
import { json } from "../../../src/store/guarded-statement.ts";
import { eventually } from "../../support/eventually.ts";
import { addContract, addOperations } from "../../support/store-rows.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { addressOf, createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeEach(async () => {
  const made = await createTestStore();
  onTestFinished(() => made.close());
  store = made;
});

describe("a connection of ours", () => {
  it("lets the server give up before we do, and names itself", async () => {
    const settings = await store.db.run(
      "settings",
      sql`select name, setting from pg_settings
        where name in ('statement_timeout', 'lock_timeout', 'application_name', 'TimeZone') order by lower(name)`,
    );
    expect(settings).toEqual([
      { name: "application_name", setting: "keiyaku-test" },
      { name: "lock_timeout", setting: "3000" },
      { name: "statement_timeout", setting: "10000" },
      { name: "TimeZone", setting: "UTC" },
    ]);
  });

  it("speaks UTC whatever the zone of the database and of this process", async () => {
    await store.sql.unsafe(`alter database ${new URL(store.url).pathname.slice(1)} set timezone to 'Asia/Tokyo'`);
    const zone = process.env.TZ;
    process.env.TZ = "America/New_York";
    onTestFinished(() => {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    });
    const db = new Database({ address: addressOf(store.url), poolSize: 1, applicationName: "zoned" });
    onTestFinished(() => db.close());
    const bare = postgres(store.url, { max: 1 });
    onTestFinished(() => bare.end());

    const moment = sql`select '2025-01-20T12:00:00.123+09:00'::timestamptz as at`;
    expect(await bare`show timezone`).toEqual([{ TimeZone: "Asia/Tokyo" }]);
    expect(await db.run("moment", moment)).toEqual([{ at: "2025-01-20 03:00:00.123+00" }]);
  });

  it("gives big integers as numbers, dates and moments as text", async () => {
    const [row] = await store.db.run(
      "types",
      sql`select 999999999999::bigint as amount, '2024-02-29'::date as day, '2025-01-20T03:00:00.120Z'::timestamptz(3) as at,
        null::bigint as nothing, true as yes, '{"n": 1}'::jsonb as value`,
    );
    expect(row).toEqual({
      amount: 999_999_999_999,
      day: "2024-02-29",
      at: "2025-01-20 03:00:00.12+00",
      nothing: null,
      yes: true,
      value: { n: 1 },
    });
  });

  it("writes back the moment that it read, to the millisecond", async () => {
    await addContract(store.sql);
    const [read] = await store.db.run("read", sql`select updated_at as at from keiyaku.contracts`);
    const found = await store.db.run(
      "find",
      sql`select id from keiyaku.contracts where updated_at = ${read?.at}::text::timestamptz`,
    );
    expect(found).toEqual([{ id: "c-1" }]);
  });
});

describe("a value in a jsonb column", () => {
  it("would become a JSON string if JSON text were handed to the driver as it is, and the table refuses that", async () => {
    const [trap] = await store.sql`select jsonb_typeof(${JSON.stringify({ a: 1 })}::jsonb) as type`;
    expect(trap).toEqual({ type: "string" });
    await expect(addOperations(store.sql, { params: JSON.stringify({ a: 1 }) })).rejects.toMatchObject({
      code: "23514",
      constraint_name: "operations_params_is_object",
    });
  });

  it.each([
    ["object", { a: [1, "two", null, { three: "山田" }] }],
    ["array", [1, 2]],
    ["string", 'a text with "quotes" and \\ backslashes'],
    ["number", 1_980],
    ["boolean", false],
    ["null", null],
  ])("is an %s when it was one", async (type, value) => {
    const rows = await store.db.run("json", sql`select jsonb_typeof(${json(value)}) as type, ${json(value)} as value`);
    expect(rows).toEqual([{ type, value }]);
  });
});

describe("the hook around a statement", () => {
  it("is called before and after it by its name, and after only when it has succeeded", async () => {
    const called: string[] = [];
    const db = new Database({
      address: addressOf(store.url),
      poolSize: 1,
      applicationName: "hooked",
      onStatement: (moment, statement) => void called.push(`${moment} ${statement}`),
    });
    onTestFinished(() => db.close());
    await db.run("one", sql`select 1 as one`);
    await expect(db.run("two", sql`select 1 / 0 as two`)).rejects.toMatchObject({ code: "22012" });

    expect(called).toEqual(["before one", "after one", "before two"]);
  });
});

describe("listening", () => {
  /** Our access through a proxy, and everything that it hears on a channel. */
  async function setUpListener() {
    const behind = addressOf(store.url);
    const proxy = await startTcpProxy({ host: behind.host, port: behind.port });
    const db = new Database({
      address: { ...behind, host: "127.0.0.1", port: proxy.port },
      poolSize: 1,
      applicationName: "listener",
      deadlineMs: 500,
    });
    onTestFinished(async () => {
      await db.close(100);
      await proxy.stop();
    });
    const heard: string[] = [];
    const unlisten = await db.listen("news", (payload) => void heard.push(payload));
    const tellUntilHeard = (news: string) =>
      eventually(
        async () => {
          await store.sql.notify("news", news);
          return heard.includes(news);
        },
        { withinMs: 10_000, everyMs: 100, describe: `${news} to be heard` },
      );
    return { proxy, db, heard, unlisten, tellUntilHeard };
  }

  it("hears what is told, until it is closed", async () => {
    const { heard, unlisten, tellUntilHeard } = await setUpListener();
    await tellUntilHeard("one");
    await unlisten();
    heard.length = 0;
    await store.sql.notify("news", "two");
    // A second listener hears it: by then the first would have.
    const other = await setUpListener();
    await other.tellUntilHeard("three");

    expect(heard).toEqual([]);
  });

  it("goes on over a lost connection, and can be closed after that too", async () => {
    const { proxy, unlisten, tellUntilHeard } = await setUpListener();
    await tellUntilHeard("one");
    proxy.cutAll();
    await tellUntilHeard("two");
    await unlisten();
    await eventually(
      async () =>
        (await store.sql`select from pg_stat_activity where application_name = 'listener' and query ilike 'listen%'`)
          .length === 0,
      { withinMs: 10_000, describe: "the connection that listens to be closed" },
    );
  });

  it("goes on over an outage in which it comes back in vain", async () => {
    const { proxy, tellUntilHeard, db } = await setUpListener();
    await tellUntilHeard("one");
    await proxy.setMode("refuse");
    proxy.cutAll();
    for (let tries = 0; tries < 3; tries += 1) {
      await expect(db.run("vain", sql`select 1 as one`)).rejects.toMatchObject({ fault: "unreachable" });
    }
    await proxy.setMode("pass");
    await tellUntilHeard("two");
  });

  it("goes on when a call has missed its deadline and the client was replaced", async () => {
    const { db, tellUntilHeard } = await setUpListener();
    await tellUntilHeard("one");
    const slow = db.run("slow", sql`select pg_sleep(20)`, { deadlineMs: 50 });
    const inFlight = db.run("in flight", sql`select pg_sleep(20)`, { deadlineMs: 10_000 });
    await expect(slow).rejects.toMatchObject({ code: "deadline" });
    // Once this has ended, the client that missed the deadline is gone with everything that was its own.
    await expect(inFlight).rejects.toMatchObject({ code: "CONNECTION_DESTROYED" });
    await tellUntilHeard("two");
  });

  it("has a deadline for its beginning", async () => {
    const { proxy, db } = await setUpListener();
    await proxy.setMode("blackHole");
    const listening = db.listen("other news", () => undefined);
    await expect(listening).rejects.toMatchObject({
      fault: "unreachable",
      code: "deadline",
      statement: "listen other news",
    });
    await proxy.setMode("pass");
  });
});
