import { setTimeout as pause } from "node:timers/promises";
import { sql } from "drizzle-orm";
import postgres from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { createEmptyDatabase } from "../../support/database.ts";
import { eventually } from "../../support/eventually.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { addressOf } from "../../support/test-database.ts";
import type { DeadTransactionSight } from "./support/dead-transaction.ts";
import { runScript } from "./support/run-script.ts";

/*
 * What the driver does when things break: the reasons why the store writes single guarded statements under deadlines of
 * its own. A test here that fails after an update of the driver may be good news; then the reasons are to be read again.
 */

async function emptyDatabase(): Promise<string> {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

describe("an interactive transaction of postgres.js whose backend dies", () => {
  async function lookAt(scene: "alone" | "with_successor"): Promise<DeadTransactionSight> {
    return JSON.parse(
      await runScript(new URL("./support/dead-transaction.ts", import.meta.url), await emptyDatabase(), scene),
    ) as DeadTransactionSight;
  }

  it("ends for its caller while its code goes on, and that code's next statement throws where nobody can catch it", async () => {
    expect(await lookAt("alone")).toEqual({
      first: "CONNECTION_CLOSED",
      nextStatement: "unanswered",
      second: null,
      uncaught: [expect.stringContaining("null")],
      written: [],
    });
  });

  it("writes on in another transaction that has begun on the same connection since, and is told that all is well", async () => {
    expect(await lookAt("with_successor")).toEqual({
      first: "CONNECTION_CLOSED",
      nextStatement: "done",
      second: "done",
      uncaught: [],
      written: ["second", "first, after its death"],
    });
  });
});

/** A proxy before an empty database with a table, and our access through it. */
async function setup({ poolSize = 1, deadlineMs = 700 } = {}) {
  const url = await emptyDatabase();
  const observer = postgres(url, { max: 1, onnotice: () => undefined });
  await observer`create table written (id integer primary key)`;
  const behind = addressOf(url);
  const proxy = await startTcpProxy({ host: behind.host, port: behind.port });
  const address = { ...behind, host: "127.0.0.1", port: proxy.port };
  const db = new Database({ address, poolSize, applicationName: "behind the proxy", deadlineMs });
  onTestFinished(async () => {
    await db.close(100);
    await observer.end();
    await proxy.stop();
  });
  const write = (id: number) => db.run("write", sql`insert into written values (${id})`);
  const backendPid = async () => (await db.run<{ pid: number }>("pid", sql`select pg_backend_pid() as pid`))[0]?.pid;
  return { proxy, address, observer, db, write, backendPid };
}

/** The error with which a call ended. */
async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no error",
    (error: unknown) => error,
  );
}

describe("a black hole between us and the server", () => {
  it("keeps the bare driver waiting for as long as anyone cares to watch", async () => {
    const { proxy, address } = await setup();
    const { host, port, user, database } = address;
    const client = postgres({ host, port, user, database, max: 1, connect_timeout: 1, onnotice: () => undefined });
    await client`select 1`;
    await proxy.setMode("blackHole");
    const answer = errorOf(client`select 1`);

    expect(await Promise.race([answer, pause(2_500, "still waiting")])).toBe("still waiting");
    await client.end({ timeout: 0 });
    expect(await answer).toMatchObject({ code: "CONNECTION_DESTROYED" });
  });

  it("ends a call of ours at its deadline as unreachable, and the next call works on another connection", async () => {
    const { proxy, db, backendPid, observer } = await setup();
    const before = await backendPid();
    await proxy.setMode("blackHole");
    const beganMs = performance.now();
    const error = await errorOf(db.run("into the hole", sql`select 1 as one`));
    const tookMs = performance.now() - beganMs;
    await proxy.setMode("pass");

    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ fault: "unreachable", code: "deadline", statement: "into the hole" });
    expect(tookMs).toBeGreaterThanOrEqual(690);
    expect(tookMs).toBeLessThan(3_000);
    const after = await backendPid();
    expect(after).not.toBe(before);
    await eventually(
      async () => (await observer`select from pg_stat_activity where pid = ${before ?? 0}`).length === 0,
      { withinMs: 5_000, describe: "the connection that missed the deadline to be closed" },
    );
    expect(await backendPid()).toBe(after);
  });

  it("takes a call's own deadline where one is given, and counts the wait for a connection", async () => {
    const { db } = await setup({ poolSize: 1, deadlineMs: 10_000 });
    const slow = errorOf(db.run("slow", sql`select pg_sleep(20)`));
    const error = await errorOf(db.run("behind it", sql`select 1 as one`, { deadlineMs: 200 }));

    expect(error).toMatchObject({ fault: "unreachable", code: "deadline", statement: "behind it" });
    // What the discarded client had in flight gets a moment, and then ends too.
    expect(await slow).toMatchObject({ fault: "unreachable", code: "CONNECTION_DESTROYED", statement: "slow" });
  });

  it("is left behind by many calls at once that all miss their deadline", async () => {
    const { proxy, db } = await setup({ poolSize: 4 });
    await Promise.all(Array.from({ length: 8 }, () => db.run("warm", sql`select 1 as one`)));
    await proxy.setMode("blackHole");
    const errors = await Promise.all(Array.from({ length: 8 }, () => errorOf(db.run("lost", sql`select 1 as one`))));
    await proxy.setMode("pass");

    for (const error of errors) expect(error).toMatchObject({ fault: "unreachable" });
    const answers = await Promise.all(Array.from({ length: 8 }, () => db.run("again", sql`select 1 as one`)));
    expect(answers).toEqual(Array.from({ length: 8 }, () => [{ one: 1 }]));
  });
});

describe("a connection that is cut", () => {
  it("after the server heard the write: the call is unreachable although the row is there", async () => {
    const { proxy, write, observer } = await setup();
    await write(1);
    await proxy.setMode("cutAfterForward");
    const error = await errorOf(write(2));

    expect(error).toMatchObject({ fault: "unreachable", statement: "write" });
    await eventually(async () => (await observer`select from written where id = 2`).length === 1, {
      withinMs: 5_000,
      describe: "the row of the call that got no answer",
    });
    await write(3);
    expect(await observer`select id from written order by id`).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it("before the server heard the write: the call is unreachable too, and the row is not there", async () => {
    const { proxy, write, observer } = await setup();
    await write(1);
    await proxy.setMode("cutBefore");
    const error = await errorOf(write(2));

    expect(error).toMatchObject({ fault: "unreachable", statement: "write" });
    await write(3);
    expect(await observer`select id from written order by id`).toEqual([{ id: 1 }, { id: 3 }]);
  });

  it("ends every call in flight, and later calls work", async () => {
    const { proxy, db, write, observer } = await setup({ poolSize: 4, deadlineMs: 10_000 });
    const calls = Array.from({ length: 4 }, () => errorOf(db.run("sleep", sql`select pg_sleep(20)`)));
    await eventually(
      async () => {
        const rows =
          await observer`select from pg_stat_activity where query like '%pg_sleep(20)%' and pid <> pg_backend_pid()`;
        return rows.length === calls.length;
      },
      { withinMs: 10_000, describe: "all calls to have arrived" },
    );
    proxy.cutAll();

    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ fault: "unreachable" });
    await write(1);
  });

  it("is refused: the call ends as unreachable at once, not at its deadline", async () => {
    const { proxy, write } = await setup({ deadlineMs: 10_000 });
    await proxy.setMode("refuse");
    const beganMs = performance.now();

    expect(await errorOf(write(1))).toMatchObject({ fault: "unreachable", code: "ECONNREFUSED" });
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    await proxy.setMode("pass");
    await write(1);
  });
});
