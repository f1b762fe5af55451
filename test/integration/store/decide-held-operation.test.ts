import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { admitOperation } from "../../../src/store/admit-operation.ts";
import { abandonHeldOperation, retryHeldOperation } from "../../../src/store/decide-held-operation.ts";
import { type HeldQuestion, holdOperation } from "../../../src/store/hold-operation.ts";
import { journalAnswer, journalResend } from "../../../src/store/journal.ts";
import type { Guard } from "../../../src/store/operation-parts.ts";
import { putBackOperation } from "../../../src/store/put-back-operation.ts";
import { takeSilentOperations } from "../../../src/store/ring-list.ts";
import { isConflict } from "../../../src/store/store-error.ts";
import {
  addContract,
  addOperations,
  callRow,
  everythingOf,
  insertRows,
  lookRow,
  refundRow,
  rowOf,
} from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

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
const held: Guard & { state: "held" } = { operationId: "op-1", state: "held", attempt: 1 };
const question: HeldQuestion = { code: "attempts_exhausted", detail: { attempts: 10, lastReason: "refused" } };
const decision = { operatorId: "alice", reason: "settled by telephone" };

const hold = () => holdOperation(store.db, executing, "c-1", question);
const operation = (id: string) => rowOf(store.sql, "operations", id);

async function expectConflict(write: () => Promise<unknown>): Promise<void> {
  const before = await everythingOf(store.sql, "c-1");
  await expect(write()).rejects.toSatisfy(isConflict);
  expect(await everythingOf(store.sql, "c-1")).toEqual(before);
}

describe("retryHeldOperation", () => {
  beforeEach(hold);

  it("lets the operation be tried again at once, its attempts counted anew", async () => {
    await store.sql`update keiyaku.operations set attempts_counted = 1 where id = 'op-1'`;
    await retryHeldOperation(store.db, held, decision);

    expect(await operation("op-1")).toMatchObject({
      state: "requested",
      attempt: 1,
      attempts_counted: 0,
      next_attempt_at: null,
      wait_reason: "retried_by_operator",
    });
    expect(await takeSilentOperations(store.db, 10)).toMatchObject([{ operationId: "op-1" }]);
  });

  it("notes who decided so, why and when, each time", async () => {
    await retryHeldOperation(store.db, held, decision);
    await store.sql`update keiyaku.operations set state = 'held', ring_at = null`;
    await retryHeldOperation(store.db, held, { operatorId: "bob", reason: "the key was renewed" });

    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\+00:00$/);
    expect((await operation("op-1")).retries).toEqual([
      { ...decision, at, question },
      { operatorId: "bob", reason: "the key was renewed", at, question },
    ]);
  });

  it("keeps the contract occupied if it was", async () => {
    await store.sql`update keiyaku.operations set occupies = true where id = 'op-1'`;
    await retryHeldOperation(store.db, held, decision);
    expect(await operation("op-1")).toMatchObject({ occupies: true });
  });

  it("is a conflict for an operation that is held no longer, and for another hold than the one that was seen", async () => {
    await expectConflict(() => retryHeldOperation(store.db, { ...held, attempt: 0 }, decision));
    await retryHeldOperation(store.db, held, decision);
    await expectConflict(() => retryHeldOperation(store.db, held, decision));
  });

  it("has the operators told again when it is held again", async () => {
    await retryHeldOperation(store.db, held, decision);
    const contract = { contractId: "c-1", version: 1 };
    await admitOperation(store.db, { ...held, state: "requested" }, contract);
    expect(await operation("op-1")).toMatchObject({ attempt: 2, attempts_counted: 1 });
    await holdOperation(store.db, { ...executing, attempt: 2 }, "c-1", question);

    expect(await store.sql`select cause from keiyaku.notifications order by id`).toHaveLength(2);
  });
});

describe("abandonHeldOperation", () => {
  beforeEach(
    () => store.sql`insert into keiyaku.payments (id, contract_id, subject, amount_minor, state, paid_at)
    values ('c-1:one_time_price', 'c-1', 'one_time_price', 1980, 'paid', now())`,
  );

  it("ends the operation undone, with who and why, and frees the contract", async () => {
    await insertRows(store.sql, "stripe_calls", callRow({ answer: { type: "refused", code: "charge_disputed" } }));
    await hold();
    await abandonHeldOperation(store.db, held, decision);

    expect(await operation("op-1")).toMatchObject({
      state: "abandoned",
      occupies: false,
      abandonment: decision,
      concluded_at: expect.any(Date),
      ring_at: null,
      outcome: null,
    });
    await addOperations(store.sql, { id: "next", state: "executing" });
  });

  it("leaves the journal, the contract, and refunds that are owed, as they are", async () => {
    await insertRows(store.sql, "refunds", refundRow({ payment_id: "c-1:one_time_price", state: "due" }));
    await insertRows(store.sql, "stripe_calls", lookRow(), callRow({ answer: { type: "done", value: {} } }));
    await hold();
    const before = (await everythingOf(store.sql, "c-1")) as Record<string, unknown>;
    await abandonHeldOperation(store.db, held, decision);

    const { operations: _, ...kept } = before;
    expect(await everythingOf(store.sql, "c-1")).toMatchObject(kept);
  });

  it("is a conflict while the result of a call is unknown", async () => {
    await insertRows(store.sql, "stripe_calls", lookRow(), callRow());
    await hold();
    await expectConflict(() => abandonHeldOperation(store.db, held, decision));
  });

  it("is a conflict for an operation that is not held, or held anew since it was looked at", async () => {
    await expectConflict(() => abandonHeldOperation(store.db, held, decision));
    await hold();
    await expectConflict(() => abandonHeldOperation(store.db, { ...held, attempt: 0 }, decision));
    await abandonHeldOperation(store.db, held, decision);
    await expectConflict(() => abandonHeldOperation(store.db, held, decision));
  });

  it("of several decisions at once, one is carried out", async () => {
    await hold();
    const endings = await Promise.allSettled([
      abandonHeldOperation(store.db, held, decision),
      retryHeldOperation(store.db, held, decision),
      abandonHeldOperation(store.db, held, decision),
      retryHeldOperation(store.db, held, decision),
    ]);
    expect(endings.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("leaves nothing that the attempt of a paused process could still write", async () => {
    await insertRows(store.sql, "stripe_calls", callRow({ answer: { type: "done", value: {} } }));
    await hold();
    await abandonHeldOperation(store.db, held, decision);
    const contract = { contractId: "c-1", version: 1 };
    const answered = {
      name: "cancel_subscription",
      answer: { type: "done", value: {} } as never,
      learnedBy: "reply",
    } as const;

    await expectConflict(() =>
      journalAnswer(store.db, executing, contract, { ...answered, requestId: null, refund: undefined }),
    );
    await expectConflict(() => journalResend(store.db, executing, { name: "cancel_subscription", keyNumber: 1 }));
    await expectConflict(() => putBackOperation(store.db, executing, { reason: "late", delayMs: 0, counted: true }));
    await expectConflict(hold);
  });
});
