import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type Acceptance, acceptRequest } from "../../../src/store/accept-request.ts";
import { Database } from "../../../src/store/database.ts";
import { eventually } from "../../support/eventually.ts";
import { rowOf } from "../../support/store-rows.ts";
import { addressOf, createTestStore, type TestStore } from "../../support/test-database.ts";
import { untilWaitingForLocks } from "./support/until-waiting.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore({ poolSize: 10 });
});
afterAll(() => store.close());
beforeEach(() => store.sql`truncate keiyaku.operations, keiyaku.refused_requests cascade`);

const first = {
  id: "op-1",
  kind: "reserve_termination",
  contractId: "c-1",
  actor: { type: "customer", id: "cust-1" },
  params: { on: "2025-02-08" },
  reason: "moving away",
};

const ask = (request: unknown): Promise<Acceptance> => acceptRequest(store.db, request, null);

/** As a worker takes it from a queue. */
const take = (request: unknown): Promise<Acceptance> => acceptRequest(store.db, request, Date.now());

/** What was asked first, with other fields in the place of some. */
function but(overrides: Partial<typeof first>): typeof first {
  return { ...first, ...overrides };
}

const refusals = () => store.sql`select code from keiyaku.refused_requests order by id`;

describe("one contract at the same moment", () => {
  it("has what queues bring accepted one after the other, and other contracts do not wait", async () => {
    const taker = await store.sql.reserve();
    // Left open by a test that failed, it would keep the next one waiting for ever.
    onTestFinished(async () => {
      await taker`rollback`;
      taker.release();
    });
    await taker`begin`;
    await taker`select keiyaku.accept(${store.sql.json(first)}, clock_timestamp())`;

    const second = take(but({ id: "op-2" }));
    await untilWaitingForLocks(store.sql, 1);
    const waiting = await store.sql`select locktype, classid::bigint::int as key
      from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()`;
    const elsewhere = await take(but({ id: "op-3", contractId: "c-2" }));
    await untilWaitingForLocks(store.sql, 1);
    await taker`commit`;

    expect(waiting).toEqual([{ locktype: "advisory", key: 1_262_840_145 }]);
    expect(elsewhere).toMatchObject({ answer: "accepted" });
    expect(await second).toMatchObject({ answer: "accepted" });
    const ofContract = await store.sql`select id from keiyaku.operations where contract_id = 'c-1' order by sequence`;
    expect(ofContract).toEqual([{ id: "op-1" }, { id: "op-2" }]);
  });

  it("does not wait for a producer's transaction that stays open", async () => {
    const producer = await store.sql.reserve();
    await producer`begin`;
    await producer`select keiyaku.request(${store.sql.json(first)})`;

    expect(await take(but({ id: "op-2" }))).toMatchObject({ answer: "accepted" });

    await producer`commit`;
    producer.release();
  });
});

describe("one id at the same moment", () => {
  it("finds nothing in PostgreSQL when it is inserted or found in one statement while another inserts it", async () => {
    const writer = await store.sql.reserve();
    await writer`begin`;
    await writer`insert into keiyaku.maintenance_runs (business_date, state, phase) values ('2025-01-20', 'running', 'start')`;
    const insertOrFind = store.sql`
      with inserted as (insert into keiyaku.maintenance_runs (business_date, state, phase) values ('2025-01-20', 'running', 'start')
        on conflict do nothing returning business_date)
      select business_date from inserted
      union all select business_date from keiyaku.maintenance_runs where business_date = '2025-01-20'`.execute();
    await untilWaitingForLocks(store.sql, 1);
    await writer`commit`;
    writer.release();

    expect(await insertOrFind).toHaveLength(0);
    expect(await store.sql`select from keiyaku.maintenance_runs`).toHaveLength(1);
  });

  it("is a duplicate once the transaction that accepts it has committed", async () => {
    const producer = await store.sql.reserve();
    await producer`begin`;
    await producer`select keiyaku.request(${store.sql.json(first)})`;
    const asking = ask(first);
    await untilWaitingForLocks(store.sql, 1);
    await producer`commit`;
    producer.release();

    expect(await asking).toMatchObject({ answer: "duplicate", operation: { id: "op-1", state: "requested" } });
  });

  it("is accepted once the transaction that was to accept it has rolled back", async () => {
    const producer = await store.sql.reserve();
    await producer`begin`;
    await producer`select keiyaku.request(${store.sql.json(first)})`;
    const asking = ask(but({ reason: "other" }));
    await untilWaitingForLocks(store.sql, 1);
    await producer`rollback`;
    producer.release();

    expect(await asking).toMatchObject({ answer: "accepted", operation: { id: "op-1" } });
    expect(await rowOf(store.sql, "operations", "op-1")).toMatchObject({ reason: "other" });
  });

  it("is a conflict, and not nothing, for a transaction whose snapshot is older than the acceptance", async () => {
    const producer = await store.sql.reserve();
    await producer`begin isolation level repeatable read`;
    await producer`select 1`;
    await ask(first);
    await expect(producer`select keiyaku.request(${store.sql.json(first)})`).rejects.toMatchObject({ code: "40001" });
    await producer`rollback`;
    producer.release();
  });

  it("is accepted once, whoever asks: twelve ids, each forty times at once, through two processes' pools", async () => {
    const other = new Database({ address: addressOf(store.url), poolSize: 10, applicationName: "another" });
    onTestFinished(() => other.close());
    const ids = Array.from({ length: 12 }, (_, n) => `op-${n}`);
    const answers = await Promise.all(
      ids.flatMap((id) =>
        Array.from({ length: 40 }, (_, n) => acceptRequest(n % 2 === 0 ? store.db : other, but({ id }), null)),
      ),
    );

    for (const id of ids) {
      const own = answers.filter((acceptance) => "operation" in acceptance && acceptance.operation.id === id);
      expect(own.filter(({ answer }) => answer === "accepted")).toHaveLength(1);
      expect(own.filter(({ answer }) => answer === "duplicate")).toHaveLength(39);
    }
    expect(await store.sql`select from keiyaku.operations`).toHaveLength(ids.length);
  });

  it("is accepted once when two different contents race for it, and the other is refused", async () => {
    const contents = Array.from({ length: 20 }, (_, n) => but({ reason: n % 2 === 0 ? "even" : "odd" }));
    const answers = await Promise.all(contents.map(ask));
    const { reason } = await rowOf(store.sql, "operations", "op-1");

    expect(answers.filter(({ answer }) => answer === "accepted")).toHaveLength(1);
    expect(answers.filter(({ answer }) => answer === "duplicate")).toHaveLength(9);
    expect(answers.filter(({ answer }) => answer === "id_reused")).toHaveLength(10);
    expect(answers.map(({ answer }, n) => answer !== "id_reused" && contents[n]?.reason !== reason)).not.toContain(
      true,
    );
  });
});

describe("a request in a producer's own transaction", () => {
  /** A listener of its own for what the door announces. */
  async function listen(): Promise<string[]> {
    const listener = postgres(store.url, { max: 1 });
    onTestFinished(() => listener.end());
    const heard: string[] = [];
    await listener.listen("keiyaku_accepted", (id) => void heard.push(id));
    return heard;
  }

  /** Waits until an announcement of ours, sent after everything else, has been heard. */
  async function untilHeard(heard: readonly string[]): Promise<void> {
    await store.sql.notify("keiyaku_accepted", "end");
    await eventually(() => heard.includes("end"), { withinMs: 5_000, describe: "the last announcement" });
  }

  it("is an operation, and announced, only once the transaction has committed", async () => {
    const heard = await listen();
    const producer = await store.sql.reserve();
    await producer`begin`;
    const [row] = await producer`select keiyaku.request(${store.sql.json(first)}) as answer`;
    expect(row?.answer).toMatchObject({ answer: "accepted" });
    expect(await store.sql`select from keiyaku.operations`).toHaveLength(0);
    await untilHeard(heard);
    expect(heard).toEqual(["end"]);

    await producer`commit`;
    producer.release();
    expect(await store.sql`select from keiyaku.operations`).toHaveLength(1);
    await eventually(() => heard.length === 2, { withinMs: 5_000, describe: "the announcement" });
    expect(heard).toEqual(["end", "op-1"]);
  });

  it("is gone when the transaction rolls back, and so is what was refused in it", async () => {
    const heard = await listen();
    const producer = await store.sql.reserve();
    await producer`begin`;
    await producer`select keiyaku.request(${store.sql.json(first)})`;
    await producer`select keiyaku.request(${store.sql.json(but({ kind: "explode" }))})`;
    await producer`rollback`;
    producer.release();
    await untilHeard(heard);

    expect(await store.sql`select from keiyaku.operations`).toHaveLength(0);
    expect(await refusals()).toHaveLength(0);
    expect(heard).toEqual(["end"]);
  });

  it("leaves the transaction usable whatever the door answers", async () => {
    await ask(first);
    const answers = await store.sql.begin(async (sql) => {
      const said: unknown[] = [];
      for (const request of [first, but({ reason: "other" }), but({ kind: "explode" }), but({ id: "op-2" })]) {
        const [row] = await sql`select keiyaku.request(${store.sql.json(request)}) ->> 'answer' as answer`;
        said.push(row?.answer);
      }
      return said;
    });
    expect(answers).toEqual(["duplicate", "id_reused", "invalid_request", "accepted"]);
    expect(await store.sql`select from keiyaku.operations`).toHaveLength(2);
  });

  it("is announced once: not when it is repeated or refused, and not when a worker has taken it from a queue", async () => {
    const heard = await listen();
    await ask(first);
    await ask(first);
    await ask(but({ reason: "other" }));
    await ask(but({ kind: "explode" }));
    await acceptRequest(store.db, but({ id: "op-2" }), Date.now());
    await untilHeard(heard);

    expect(heard).toEqual(["op-1", "end"]);
  });
});
