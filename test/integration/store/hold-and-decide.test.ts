import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { admitOperation } from "../../../src/store/admit-operation.ts";
import { type HeldQuestion, holdOperation } from "../../../src/store/hold-operation.ts";
import type { Guard } from "../../../src/store/operation-parts.ts";
import { putBackOperation } from "../../../src/store/put-back-operation.ts";
import { readOperation } from "../../../src/store/read-operation.ts";
import { takeSilentOperations } from "../../../src/store/ring-list.ts";
import { isConflict } from "../../../src/store/store-error.ts";
import {
  addContract,
  addOperations,
  callRow,
  everythingOf,
  insertRows,
  lookRow,
  rowOf,
} from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";
import { untilWaitingForLocks } from "./support/until-waiting.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

/** A contract with an executing operation of its own, `op-1`, at its first attempt. */
beforeEach(async () => {
  await store.sql`truncate keiyaku.operations, keiyaku.contracts, keiyaku.notifications cascade`;
  await addContract(store.sql);
  await addOperations(store.sql, { id: "op-1", state: "executing" });
});

const executing: Guard = { operationId: "op-1", state: "executing", attempt: 1 };
const _held: Guard & { state: "held" } = { operationId: "op-1", state: "held", attempt: 1 };
const question: HeldQuestion = { code: "attempts_exhausted", detail: { attempts: 10, lastReason: "refused" } };
const _decision = { operatorId: "alice", reason: "settled by telephone" };

const hold = () => holdOperation(store.db, executing, "c-1", question);
const operation = (id: string) => rowOf(store.sql, "operations", id);

async function expectConflict(write: () => Promise<unknown>): Promise<void> {
  const before = await everythingOf(store.sql, "c-1");
  await expect(write()).rejects.toSatisfy(isConflict);
  expect(await everythingOf(store.sql, "c-1")).toEqual(before);
}

describe("holdOperation", () => {
  it("asks its question, rings for nobody any more, and tells the operators once", async () => {
    await hold();

    expect(await operation("op-1")).toMatchObject({
      state: "held",
      held_question: question,
      ring_at: null,
      attempt: 1,
    });
    expect(await takeSilentOperations(store.db, 10)).toEqual([]);
    const mails = await store.sql`select kind, recipient, contract_id, detail from keiyaku.notifications`;
    expect(mails).toEqual([
      {
        kind: "operation_held",
        recipient: "operators",
        contract_id: "c-1",
        detail: { operationId: "op-1", question: "attempts_exhausted" },
      },
    ]);
  });

  it("happens once when many hold at once", async () => {
    const endings = await Promise.allSettled(Array.from({ length: 8 }, hold));

    expect(endings.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const ending of endings) if (ending.status === "rejected") expect(isConflict(ending.reason)).toBe(true);
    expect(await store.sql`select from keiyaku.notifications`).toHaveLength(1);
  });

  it("writes nothing for an attempt that another has taken over from", async () => {
    await addOperations(store.sql, { id: "waiting" });
    await store.sql`update keiyaku.operations set attempt = 2 where id = 'op-1'`;
    await expectConflict(hold);
  });

  it("rejects what people have asked of the contract meanwhile, and says because of whom", async () => {
    await addOperations(
      store.sql,
      { id: "operator", actor_type: "operator", next_attempt_at: "2125-01-01T00:00:00Z", wait_reason: "rate_limited" },
      { id: "customer", actor_type: "customer" },
      { id: "service", actor_type: "service" },
    );
    await hold();

    for (const id of ["operator", "customer", "service"]) {
      expect(await operation(id)).toMatchObject({
        state: "rejected",
        rejection_code: "operation_held",
        rejection_detail: { operationId: "op-1" },
        concluded_at: expect.any(Date),
        next_attempt_at: null,
        wait_reason: null,
        ring_at: null,
      });
    }
  });

  it("leaves waiting what the schedule and Stripe brought, and what concerns another contract", async () => {
    await addOperations(
      store.sql,
      { id: "schedule", actor_type: "schedule" },
      { id: "stripe", actor_type: "stripe" },
      { id: "elsewhere", contract_id: "c-2" },
      { id: "concluded", state: "succeeded" },
    );
    await hold();

    for (const id of ["schedule", "stripe", "elsewhere"])
      expect(await operation(id)).toMatchObject({ state: "requested" });
    expect(await operation("concluded")).toMatchObject({ state: "succeeded" });
  });

  it("does not reject the held operation itself, although a person asked for it and it was put back", async () => {
    await putBackOperation(store.db, executing, { reason: "rate_limited", delayMs: 0, counted: false });
    await holdOperation(store.db, { ...executing, state: "requested" }, "c-1", question);

    expect(await operation("op-1")).toMatchObject({ state: "held", actor_type: "operator", rejection_code: null });
  });

  it("leaves a waiting request alone that somebody else is concluding at this moment", async () => {
    await addOperations(store.sql, { id: "waiting" });
    const other = await store.sql.reserve();
    await other`begin`;
    await other`update keiyaku.operations set state = 'rejected', rejection_code = 'period_unpaid', concluded_at = now(),
      ring_at = null where id = 'waiting'`;
    const holding = hold();
    await untilWaitingForLocks(store.sql, 1);
    await other`commit`;
    other.release();
    await holding;

    expect(await operation("op-1")).toMatchObject({ state: "held" });
    expect(await operation("waiting")).toMatchObject({ rejection_code: "period_unpaid" });
  });

  it("is seen by a request that was accepted at the same moment", async () => {
    await addOperations(store.sql, { id: "waiting" });
    const other = await store.sql.reserve();
    await other`begin`;
    await other`select from keiyaku.operations where id = 'waiting' for update`;
    const holding = hold();
    await untilWaitingForLocks(store.sql, 1);
    const late = { id: "late", kind: "resume", contractId: "c-1", actor: { type: "customer", id: "cust-1" } };
    await acceptRequest(store.db, late, null);
    await other`commit`;
    other.release();
    await holding;

    expect(await operation("late")).toMatchObject({ state: "requested" });
    expect(await readOperation(store.db, "late")).toMatchObject({ heldOperationId: "op-1" });
  });
});

describe("a contract under a held operation", () => {
  it("is free while nothing was called at Stripe, whatever was looked at", async () => {
    await insertRows(store.sql, "stripe_calls", lookRow());
    await hold();
    expect(await operation("op-1")).toMatchObject({ occupies: false });
  });

  it("stays occupied once a call is journaled, and nothing else is admitted to it", async () => {
    await insertRows(store.sql, "stripe_calls", callRow({ answer: { type: "done", value: {} } }));
    await addOperations(store.sql, { id: "schedule", actor_type: "schedule" });
    await hold();

    expect(await operation("op-1")).toMatchObject({ occupies: true });
    const admitting = () =>
      admitOperation(
        store.db,
        { operationId: "schedule", state: "requested", attempt: 0 },
        { contractId: "c-1", version: 1 },
      );
    await expectConflict(admitting);
    await expect(admitting()).rejects.toMatchObject({
      code: "23505",
      constraint: "operations_one_occupies_a_contract",
    });
  });

  it.each([
    ["free while nothing was called", [lookRow()], false],
    ["occupied once a call is journaled", [callRow()], true],
  ])("was %s when its operation was put back, too", async (_, journal, occupies) => {
    await insertRows(store.sql, "stripe_calls", ...journal);
    await putBackOperation(store.db, executing, { reason: "rate_limited", delayMs: 60_000, counted: false });

    expect(await operation("op-1")).toMatchObject({ state: "requested", occupies, attempt: 1, attempts_counted: 0 });
  });
});

describe("putBackOperation", () => {
  it("counts a failure of the operation's own, and rings a little after its time if nobody did", async () => {
    await putBackOperation(store.db, executing, { reason: "conflict", delayMs: 60_000, counted: true });

    expect(await operation("op-1")).toMatchObject({ attempts_counted: 1, wait_reason: "conflict" });
    const [row] = await store.sql`select extract(epoch from next_attempt_at - clock_timestamp())::float8 as due,
      extract(epoch from ring_at - next_attempt_at)::float8 as later from keiyaku.operations`;
    expect(row?.due).toBeGreaterThan(50);
    expect(row?.due).toBeLessThanOrEqual(60);
    expect(row?.later).toBe(5);
  });
});
