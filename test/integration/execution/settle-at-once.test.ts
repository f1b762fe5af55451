import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OperationKind, OperationRequest } from "../../../src/contract/operation.ts";
import { createSettleAtOnce } from "../../../src/execution/settle-at-once.ts";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { Database, type Row } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { addOperations, everythingOf, insertRows, operationRow } from "../../support/store-rows.ts";
import { addressOf } from "../../support/test-database.ts";

let bench: ExecutionBench;
let count = 0;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());

const queuedAtMs = () => Date.now();
const asked = new Date(Date.now() - 3_600_000).toISOString();

function requestOf(contractId: string, kind: OperationKind, params = {}): OperationRequest {
  count += 1;
  const actor = { type: "operator" as const, id: "alice" };
  return {
    id: `at-once-${count}`,
    kind,
    contractId,
    actor,
    params,
    reason: "asked for",
    requestedAt: asked,
  };
}

const oneTime = {
  kind: "one_time",
  productId: "course",
  product: { id: "course", kind: "one_time", priceMinor: 19_800 },
  priceMinor: 19_800,
};

/** A contract by bank transfer on which these operations have been carried out the whole way. */
async function contract(before: readonly OperationKind[] = ["confirm_payment"], terms = {}): Promise<string> {
  count += 1;
  const contractId = `at-once-contract-${count}`;
  await bench.perform({ id: `r-${contractId}`, kind: "register", contractId, params: monthlyTerms(terms) });
  for (const kind of before) {
    const done = await bench.perform({ id: `${kind}-${contractId}`, kind, contractId, reason: "asked for" });
    expect(done).toMatchObject({ state: "succeeded" });
  }
  return contractId;
}

/** The short way as a worker of its own takes it, with something that happens before one of its statements. */
async function withWorker<T>(
  work: (settle: ReturnType<typeof createSettleAtOnce>, statements: readonly string[]) => Promise<T>,
  before: (statement: string) => Promise<unknown> | undefined = () => undefined,
  after: (statement: string) => Promise<unknown> | undefined = () => undefined,
): Promise<T> {
  const statements: string[] = [];
  const db = new (class extends Database {
    override async run<T extends Row>(...asked: Parameters<Database["run"]>): Promise<T[]> {
      const [name] = asked;
      statements.push(name);
      await before(name);
      const rows = await super.run<T>(...asked);
      await after(name);
      return rows;
    }
  })({ address: addressOf(bench.url), poolSize: 4, applicationName: "keiyaku-test" });
  try {
    return await work(createSettleAtOnce({ ...bench.deps, db }), statements);
  } finally {
    await db.close();
  }
}

const settle = (request: unknown) => withWorker((short) => short({ request, queuedAtMs: queuedAtMs() }));

/** What happens between the look at a request's contract and the statement that settles it. */
const settleMeanwhile = (request: unknown, meddle: () => Promise<unknown>) => {
  let done = false;
  return withWorker(
    (short) => short({ request, queuedAtMs: queuedAtMs() }),
    (statement) => {
      if (statement !== "settle_requests" || done) return undefined;
      done = true;
      return meddle();
    },
  );
};

/** All that a contract consists of, with whatever differs between two of them and between two moments taken away. */
async function comparable(contractId: string): Promise<unknown> {
  const text = JSON.stringify(await everythingOf(bench.sql, contractId))
    .replaceAll(/at-once-(contract-)?\d+/g, "X")
    .replaceAll(/"(sequence|id|content_hash)":("?)[^",}]*\2/g, '"$1":0');
  return JSON.parse(text, (key, value) => (key.endsWith("_at") && value !== null ? "some time" : value));
}

describe("a request that nothing stands in the way of", () => {
  it.each<[OperationKind, readonly OperationKind[], object]>([
    ["confirm_payment", [], {}],
    ["suspend", ["confirm_payment"], {}],
    ["resume", ["confirm_payment", "suspend"], {}],
    ["reserve_termination", ["confirm_payment"], {}],
    ["withdraw_reservation", ["confirm_payment", "reserve_termination"], {}],
    ["terminate", ["confirm_payment", "suspend"], {}],
    ["cancel", [], {}],
    ["confirm_payment", [], oneTime],
  ])("%s leaves the same behind as on the whole way, in two round trips", async (kind, before, terms) => {
    const [short, whole] = [await contract(before, terms), await contract(before, terms)];
    const request = requestOf(short, kind);
    const [settled, statements] = await withWorker(async (settleOne, ran) => [
      await settleOne({ request, queuedAtMs: queuedAtMs() }),
      ran,
    ]);
    await bench.perform({ ...requestOf(whole, kind), requestedAt: asked });

    expect(settled).toEqual({ id: request.id, kind });
    expect(statements.filter((name) => name !== "notify_soon")).toEqual(["view_to_settle", "settle_requests"]);
    expect(await comparable(short)).toEqual(await comparable(whole));
    expect(await bench.operation(request.id)).toMatchObject({ state: "succeeded", attempt: 1, attempts_counted: 1 });
  });

  it("is the same to a repetition and to other content under its id as one that went the whole way", async () => {
    const request = requestOf(await contract(), "suspend");
    await settle(request);
    const again = (other: object) => acceptRequest(bench.db, { ...request, ...other }, queuedAtMs());
    expect(await again({ requestedAt: new Date().toISOString() })).toMatchObject({
      answer: "duplicate",
      operation: { state: "succeeded" },
    });
    expect(await again({ reason: "another" })).toMatchObject({ answer: "id_reused" });
  });

  it("is dated by when the queue took it, in its row as in what was decided", async () => {
    const request = requestOf(await contract(), "suspend");
    await withWorker((short) => short({ request, queuedAtMs: Date.parse("2025-01-20T03:00:00.123Z") }));
    const [row] =
      await bench.sql`select taken_at = '2025-01-20T03:00:00.123Z' as taken, accepted_at > now() - interval '1 minute' as accepted
      from keiyaku.operations where id = ${request.id}`;
    expect(row).toEqual({ taken: true, accepted: true });
  });

  it("shares its statements with all that are under way at the same time", async () => {
    const contracts = await Promise.all(Array.from({ length: 40 }, () => contract([])));
    const requests = contracts.map((contractId) => requestOf(contractId, "confirm_payment"));
    const ran = await withWorker(async (short, statements) => {
      const settled = await Promise.all(requests.map((request) => short({ request, queuedAtMs: queuedAtMs() })));
      expect(settled.map((one) => one?.id)).toEqual(requests.map(({ id }) => id));
      return statements;
    });

    expect(ran.length).toBeLessThan(10);
    for (const contractId of contracts) {
      expect(await bench.sql`select state from keiyaku.payments where contract_id = ${contractId}`).not.toContainEqual({
        state: "due",
      });
    }
  });

  it("is not held up by one beside it that conflicts", async () => {
    const contracts = await Promise.all(Array.from({ length: 10 }, () => contract()));
    const stale = contracts[4] ?? "";
    // Two lanes take the first two alone; the third look is at all the others.
    let looks = 0;
    const settled = await withWorker(
      (short) =>
        Promise.all(
          contracts.map((contractId) => short({ request: requestOf(contractId, "suspend"), queuedAtMs: queuedAtMs() })),
        ),
      undefined,
      (statement) => {
        if (statement !== "view_to_settle") return undefined;
        looks += 1;
        return looks === 3
          ? bench.sql`update keiyaku.contracts set version = version + 1 where id = ${stale}`
          : undefined;
      },
    );
    expect(settled.filter((one) => one === undefined)).toHaveLength(1);
    expect(settled[4]).toBeUndefined();
    const [suspended] = await bench.sql`select count(*)::int as count from keiyaku.operations
      where kind = 'suspend' and state = 'succeeded' and contract_id = any (${contracts})`;
    expect(suspended).toEqual({ count: 9 });
  });
});

describe("a request goes the whole way, and nothing is written,", () => {
  const expectNothing = async (contractId: string, work: () => Promise<unknown>) => {
    const before = await everythingOf(bench.sql, contractId);
    expect(await work()).toBeUndefined();
    expect(await everythingOf(bench.sql, contractId)).toEqual(before);
  };

  it.each<[string, (request: OperationRequest) => unknown]>([
    ["its envelope is not in order", (request) => ({ ...request, surplus: 1 })],
    ["it has no actor", (request) => ({ ...request, actor: undefined })],
    ["it is held against a plan", (request) => ({ ...request, expectedPlan: "0".repeat(64) })],
    ["its contract is not known", (request) => ({ ...request, contractId: "nowhere" })],
    ["a rule says no", (request) => ({ ...request, kind: "resume" })],
    ["its parameters are not its kind's", (request) => ({ ...request, params: { surplus: true } })],
    ["it registers", (request) => ({ ...request, kind: "register", params: monthlyTerms() })],
    ["it deletes", (request) => ({ ...request, kind: "delete" })],
  ])("when %s", async (_, change) => {
    const contractId = await contract();
    await expectNothing(contractId, () => settle(change(requestOf(contractId, "suspend"))));
  });

  it("when its contract is paid by card", async () => {
    const { contractId } = await monthlyByCard(bench);
    await expectNothing(contractId, () => settle(requestOf(contractId, "suspend")));
  });

  it("when its id is known", async () => {
    const contractId = await contract();
    const request = requestOf(contractId, "suspend");
    await addOperations(bench.sql, { id: request.id, contract_id: "another", state: "succeeded" });
    await expectNothing(contractId, () => settle(request));
  });

  it("when its id was one of a contract that has been deleted", async () => {
    const contractId = await contract();
    const request = requestOf(contractId, "suspend");
    await bench.sql`insert into keiyaku.erased_operations (id, contract_id) values (${request.id}, 'gone')`;
    await expectNothing(contractId, () => settle(request));
  });

  it.each(["requested", "executing", "held"])("when another operation of its contract is %s", async (state) => {
    const contractId = await contract();
    await insertRows(
      bench.sql,
      "operations",
      operationRow({ id: `open-${contractId}`, contract_id: contractId, state }),
    );
    await expectNothing(contractId, () => settle(requestOf(contractId, "suspend")));
  });

  it.each<[string, (contractId: string, id: string) => Promise<unknown>]>([
    [
      "the contract changed",
      (contractId) => bench.sql`update keiyaku.contracts set version = version + 1 where id = ${contractId}`,
    ],
    [
      "another operation of it was accepted",
      (contractId) => bench.accept({ id: `b-${contractId}`, kind: "suspend", contractId }),
    ],
    ["the same request was accepted", (contractId, id) => bench.accept({ id, kind: "suspend", contractId })],
    [
      "another contract's was accepted under its id",
      (_, id) => addOperations(bench.sql, { id, contract_id: "another", state: "succeeded" }),
    ],
    [
      "its id became one of a deleted contract",
      (_, id) => bench.sql`insert into keiyaku.erased_operations (id, contract_id) values (${id}, 'gone')`,
    ],
  ])("when meanwhile %s", async (_, meddle) => {
    const contractId = await contract();
    const request = requestOf(contractId, "suspend");
    let meddled: unknown;
    const settled = await settleMeanwhile(request, async () => {
      await meddle(contractId, request.id);
      meddled = await everythingOf(bench.sql, contractId);
    });
    expect(settled).toBeUndefined();
    expect(await everythingOf(bench.sql, contractId)).toEqual(meddled);
  });

  it("when the product from whose month it was decided changed meanwhile", async () => {
    const contractId = await contract();
    const settled = await settleMeanwhile(
      requestOf(contractId, "reserve_termination"),
      () => bench.sql`update keiyaku.products set version = version + 1`,
    );
    expect(settled).toBeUndefined();
    expect(await bench.sql`select termination_on from keiyaku.contracts where id = ${contractId}`).toEqual([
      { termination_on: null },
    ]);
  });

  it("when the database was out of reach, which is not tried twice", async () => {
    const contractId = await contract();
    const outage = new StoreError("unreachable", "ECONNRESET", "settle_requests");
    const ran = await withWorker(
      async (short, statements) => {
        expect(await short({ request: requestOf(contractId, "suspend"), queuedAtMs: queuedAtMs() })).toBeUndefined();
        return statements;
      },
      (statement) => (statement === "settle_requests" ? Promise.reject(outage) : undefined),
    );
    expect(ran).toEqual(["view_to_settle", "settle_requests"]);
  });
});

describe("turns on the short way", () => {
  it("wait for a request that is being accepted, and come behind it", async () => {
    const contractId = await contract();
    const accepting = await bench.sql.reserve();
    await accepting`begin`;
    const first = { id: `first-${contractId}`, kind: "suspend", contractId, actor: { type: "operator", id: "bob" } };
    const settled = await settleMeanwhile(requestOf(contractId, "suspend"), async () => {
      await accepting`select keiyaku.accept(${JSON.stringify(first)}::text::jsonb, clock_timestamp())`;
      // Its commit comes once the other waits for it.
      void expect
        .poll(async () => {
          const [waits] =
            await bench.sql`select count(*)::int as count from pg_locks where locktype = 'advisory' and not granted`;
          return waits?.count;
        })
        .toBe(1)
        .then(() => accepting`commit`);
    });
    accepting.release();
    expect(settled).toBeUndefined();
    expect(
      await bench.sql`select id, state from keiyaku.operations where contract_id = ${contractId} order by sequence desc limit 1`,
    ).toEqual([{ id: first.id, state: "requested" }]);
  });

  it("of many workers at one contract never let two take effect from the same version", async () => {
    const contractId = await contract();
    const kinds = Array.from({ length: 12 }, (_, index): OperationKind => (index % 2 === 0 ? "suspend" : "resume"));
    await Promise.all(kinds.map((kind) => settle(requestOf(contractId, kind))));

    const [found] = await bench.sql`select c.version, count(o.id)::int as settled from keiyaku.contracts c
      join keiyaku.operations o on o.contract_id = c.id and o.state = 'succeeded' where c.id = ${contractId} group by c.version`;
    expect(found?.version).toBe(found?.settled);
  });
});
