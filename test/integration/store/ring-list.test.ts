import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { admitOperation } from "../../../src/store/admit-operation.ts";
import { Database } from "../../../src/store/database.ts";
import { readOperation } from "../../../src/store/read-operation.ts";
import { nextOperationOf, takeSilentOperations } from "../../../src/store/ring-list.ts";
import { addContract, addOperations, callRow, insertRows, rowOf } from "../../support/store-rows.ts";
import { addressOf, createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore({ poolSize: 8 });
});
afterAll(() => store.close());
beforeEach(() => store.sql`truncate keiyaku.operations, keiyaku.contracts cascade`);

const longAgo = "2025-01-20T03:00:00Z";
const farAhead = "2125-01-20T03:00:00Z";

const databaseName = () => new URL(store.url).pathname.slice(1);

/** Another process's access. */
function connect(): Database {
  const db = new Database({ address: addressOf(store.url), poolSize: 1, applicationName: "sweep" });
  onTestFinished(() => db.close());
  return db;
}

/** Who is rung for, in the order given. */
async function rungFor(limit = 100): Promise<string[]> {
  return (await takeSilentOperations(store.db, limit)).map(({ operationId }) => operationId);
}

describe("takeSilentOperations", () => {
  it("rings for what is due and silent, the longest silent first, and for nothing else", async () => {
    await addOperations(
      store.sql,
      { id: "later", contract_id: "c1", ring_at: "2025-01-20T03:00:02Z" },
      { id: "silent", contract_id: "c2", state: "executing", ring_at: "2025-01-20T03:00:01Z" },
      { id: "first", contract_id: "c3", ring_at: longAgo },
      { id: "last", contract_id: "c4", ring_at: "2025-01-20T03:00:03Z" },
      { id: "not-due", contract_id: "c5", ring_at: farAhead },
      { id: "alive", contract_id: "c6", state: "executing", ring_at: farAhead },
      { id: "held", contract_id: "c7", state: "held" },
      { id: "done", contract_id: "c8", state: "succeeded" },
    );
    expect(await rungFor()).toEqual(["first", "silent", "later", "last"]);
  });

  it("tells attempt and ring, so that each ring is told from the one before", async () => {
    await addOperations(store.sql, { state: "executing", attempt: 3, rings: 4 });
    expect(await takeSilentOperations(store.db, 1)).toEqual([{ operationId: "op-1", attempt: 3, ring: 5 }]);
  });

  it("tells what the calendar asked for, which is rung for behind people's", async () => {
    await addOperations(
      store.sql,
      { id: "op-1", contract_id: "c1" },
      { id: "op-2", contract_id: "c2", kind: "renew", actor_type: "schedule", actor_id: "2025-01-20" },
    );
    expect(await takeSilentOperations(store.db, 2)).toEqual([
      { operationId: "op-1", attempt: 0, ring: 1 },
      { operationId: "op-2", attempt: 0, ring: 1, behindPeople: true },
    ]);
  });

  it("does not ring twice within the gap, which doubles from half a minute up to an hour", async () => {
    await addOperations(store.sql, {});
    const gapsS: number[] = [];
    for (let ring = 0; ring < 10; ring += 1) {
      expect(await rungFor()).toEqual(["op-1"]);
      expect(await rungFor()).toEqual([]);
      const [row] =
        await store.sql`select extract(epoch from ring_at - clock_timestamp())::float8 as gap from keiyaku.operations`;
      gapsS.push(Math.round((row?.gap ?? 0) / 10) * 10);
      await store.sql`update keiyaku.operations set ring_at = ${longAgo}`;
    }
    expect(gapsS).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
  });

  it("begins anew with the gap once an attempt has given a sign of life", async () => {
    await addContract(store.sql);
    await addOperations(store.sql, { rings: 7 });
    await admitOperation(
      store.db,
      { operationId: "op-1", state: "requested", attempt: 0 },
      { contractId: "c-1", version: 1 },
    );
    expect(await rowOf(store.sql, "operations", "op-1")).toMatchObject({ rings: 0, state: "executing" });
    expect(await rungFor()).toEqual([]);
  });

  it("rings for at most as many as asked for, whatever plan the server chooses", async () => {
    await addOperations(store.sql, ...Array.from({ length: 40 }, (_, n) => ({ id: `op-${n}`, contract_id: `c-${n}` })));
    expect(await rungFor(7)).toHaveLength(7);
    // A limit inside a join that is carried out row by row would be no limit. Statistics may one day favour such a plan.
    for (const strategy of ["hashjoin", "hashagg", "mergejoin", "sort", "material"]) {
      await store.sql.unsafe(`alter database ${databaseName()} set enable_${strategy} = off`);
    }
    onTestFinished(async () => void (await store.sql.unsafe(`alter database ${databaseName()} reset all`)));

    const sweep = connect();
    expect(await sweep.run("plan", sql`show enable_hashjoin`)).toEqual([{ enable_hashjoin: "off" }]);
    expect(await takeSilentOperations(sweep, 7)).toHaveLength(7);
    expect(await store.sql`select from keiyaku.operations where rings > 0`).toHaveLength(14);
  });

  it("gives different operations to sweeps at once, and all of them to somebody", async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `op-${n}`);
    await addOperations(store.sql, ...ids.map((id, n) => ({ id, contract_id: `c-${n}` })));
    const sweeps = await Promise.all(
      [connect(), connect(), connect(), connect()].map((db) => takeSilentOperations(db, 10)),
    );

    expect(sweeps.map((taken) => taken.length)).toEqual([10, 10, 10, 10]);
    expect(sweeps.flatMap((taken) => taken.map(({ operationId }) => operationId)).sort()).toEqual(ids.sort());
  });

  it("does not wait for an operation that somebody is writing at this moment", async () => {
    await addOperations(store.sql, { id: "locked", contract_id: "c1" }, { id: "free", contract_id: "c2" });
    const writer = await store.sql.reserve();
    await writer`begin`;
    await writer`select from keiyaku.operations where id = 'locked' for update`;
    try {
      expect(await rungFor()).toEqual(["free"]);
    } finally {
      await writer`rollback`;
      writer.release();
    }
    expect(await rungFor()).toEqual(["locked"]);
  });

  it("leaves out what waits behind an open operation of its contract, whenever that one rings", async () => {
    await addOperations(
      store.sql,
      { id: "executing", contract_id: "c1", state: "executing", ring_at: farAhead },
      { id: "behind-executing", contract_id: "c1" },
      { id: "put-back", contract_id: "c2", ring_at: farAhead, next_attempt_at: farAhead },
      { id: "behind-put-back", contract_id: "c2" },
      { id: "final", contract_id: "c3", state: "rejected" },
      { id: "behind-final", contract_id: "c3" },
    );
    expect(await rungFor()).toEqual(["behind-final"]);
  });

  it.each(["operator", "customer", "service"])(
    "rings for the request of a %s behind a held one, to be refused",
    async (actor_type) => {
      await addOperations(store.sql, { id: "held", state: "held" }, { id: "behind", actor_type });
      expect(await rungFor()).toEqual(["behind"]);
    },
  );

  it.each(["schedule", "stripe"])("lets what the %s asked for wait behind a held one", async (actor_type) => {
    await addOperations(store.sql, { id: "held", state: "held" }, { id: "behind", actor_type });
    expect(await rungFor()).toEqual([]);
  });

  it("rings for a person's request although the schedule's waits between it and the held one", async () => {
    await addOperations(
      store.sql,
      { id: "held", state: "held" },
      { id: "scheduled", actor_type: "schedule" },
      { id: "person", actor_type: "operator" },
    );
    expect(await rungFor()).toEqual(["person"]);
  });
});

describe("nextOperationOf", () => {
  const next = () => nextOperationOf(store.db, "c-1");

  it("is the oldest open operation of the contract, with its attempt and ring", async () => {
    await addOperations(
      store.sql,
      { id: "done", state: "succeeded" },
      { id: "of-another", contract_id: "c-2" },
      { id: "oldest", attempt: 2, rings: 3 },
      { id: "younger" },
    );
    expect(await next()).toEqual({ operationId: "oldest", attempt: 2, ring: 3 });
  });

  it.each([
    ["there is none", []],
    ["the oldest is at work", [{ id: "a", state: "executing" }, { id: "b" }]],
    ["the oldest waits for a person", [{ id: "a", state: "held" }, { id: "b" }]],
    ["the oldest waits for its time", [{ id: "a", next_attempt_at: farAhead }, { id: "b" }]],
    [
      "all are final",
      [
        { id: "a", state: "rejected" },
        { id: "b", state: "abandoned" },
      ],
    ],
  ])("is nobody when %s", async (_, rows) => {
    await addOperations(store.sql, ...rows);
    expect(await next()).toBeUndefined();
  });

  it("is one whose time has come", async () => {
    await addOperations(store.sql, { next_attempt_at: longAgo });
    expect(await next()).toMatchObject({ operationId: "op-1" });
  });
});

describe("an older operation that a long transaction shows late", () => {
  const request = (id: string, kind: string) => ({
    id,
    kind,
    contractId: "c-1",
    actor: { type: "operator", id: "alice" },
  });

  /** The younger one was admitted, made a call, and was put back, before the older one could be seen. */
  async function showLate(): Promise<void> {
    await addContract(store.sql);
    const producer = await store.sql.reserve();
    await producer`begin`;
    await producer`select keiyaku.request(${store.sql.json(request("older", "resume"))})`;
    await acceptRequest(store.db, request("younger", "suspend"), null);
    await store.sql`update keiyaku.operations set attempt = 1, occupies = true, ring_at = ${longAgo}, touched_at = ${longAgo}
      where id = 'younger'`;
    await insertRows(store.sql, "stripe_calls", callRow({ operation_id: "younger" }));
    await producer`commit`;
    producer.release();
    await store.sql`update keiyaku.operations set ring_at = ${longAgo} where id = 'older'`;
    const order = await store.sql`select id from keiyaku.operations order by sequence`;
    expect(order.map(({ id }) => id)).toEqual(["older", "younger"]);
  }

  it("comes after the younger one that occupies the contract already", async () => {
    await showLate();

    expect(await rungFor()).toEqual(["younger"]);
    expect(await nextOperationOf(store.db, "c-1")).toMatchObject({ operationId: "younger" });
    expect(await readOperation(store.db, "younger")).toMatchObject({
      olderOperationId: null,
      occupiedByOperationId: null,
    });
    expect(await readOperation(store.db, "older")).toMatchObject({ occupiedByOperationId: "younger" });
  });

  it("comes next once the contract is free, before others that are younger", async () => {
    await showLate();
    await acceptRequest(store.db, request("youngest", "suspend"), null);
    await store.sql`update keiyaku.operations set occupies = false, state = 'rejected', rejection_code = 'period_unpaid',
      ring_at = null, concluded_at = now() where id = 'younger'`;

    expect(await rungFor()).toEqual(["older"]);
    expect(await nextOperationOf(store.db, "c-1")).toMatchObject({ operationId: "older" });
    expect(await readOperation(store.db, "youngest")).toMatchObject({ olderOperationId: "older" });
  });
});
