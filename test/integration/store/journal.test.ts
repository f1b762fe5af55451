import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type AnsweredRefund, journalAnswer, journalIntent } from "../../../src/store/journal.ts";
import { addContract, addOperations, callRow, insertRows, paymentRow, refundRow } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

const refundId = "c-1:period:0:refund:1";
const guard = { operationId: "op-1", state: "executing", attempt: 1 } as const;
const refunded = { id: "re_1", amountMinor: 1_980, stripeRefundStatus: "succeeded", refundId };

/** A refund of `c-1` at work: sent, and not answered. */
beforeEach(async () => {
  await store.sql`truncate keiyaku.contracts, keiyaku.operations, keiyaku.refunds, keiyaku.products, keiyaku.customers cascade`;
  await addContract(store.sql, { payment_method: "card" });
  await insertRows(store.sql, "payments", paymentRow());
  await addOperations(store.sql, { state: "executing" });
  await insertRows(
    store.sql,
    "stripe_calls",
    callRow({
      name: "refund",
      request: { verb: "refund_payment", refundId, paymentIntentId: "pi_1", amountMinor: 1_980 },
    }),
  );
});

const addRefund = (state: string) =>
  insertRows(store.sql, "refunds", refundRow({ state, stripe_payment_intent_id: "pi_1" }));

function answer(refund: AnsweredRefund | undefined, version = 1) {
  return journalAnswer(
    store.db,
    guard,
    { contractId: "c-1", version },
    {
      name: "refund",
      answer: { type: "done", value: refunded },
      learnedBy: "reply",
      requestId: "req_1",
      refund,
    },
  );
}

/** Journals the intent to send a refund that this operation takes to be a new one. */
function intend() {
  const [paymentId, paymentIntentId, amountMinor] = ["c-1:period:0", "pi_1", 1_980] as const;
  return journalIntent(
    store.db,
    guard,
    { contractId: "c-1", version: 1 },
    {
      name: "refund_again",
      call: { verb: "refund_payment", refundId, paymentIntentId, amountMinor },
      idempotencyKey: "key",
      refund: { isNew: true, refundId, paymentId, amountMinor, stripePaymentIntentId: paymentIntentId, supersedes: [] },
      frozen: null,
    },
  );
}

const succeeded = { refundId, to: "succeeded", stripeRefundId: "re_1" } as const;
const refused = { refundId, to: "due", refusalCode: "charge_disputed" } as const;

async function written() {
  const [call] = await store.sql`select answer, request_id from keiyaku.stripe_calls`;
  const [refund] = await store.sql`select state, stripe_refund_id, refusal_code from keiyaku.refunds`;
  return { call, refund };
}

it("an answer is written with the move of its refund", async () => {
  await addRefund("due");

  await answer(succeeded);

  expect(await written()).toEqual({
    call: { answer: { type: "done", value: refunded }, request_id: "req_1" },
    refund: { state: "succeeded", stripe_refund_id: "re_1", refusal_code: null },
  });
});

it("a call is answered once and for all: a second answer is a conflict and changes nothing", async () => {
  await answer(undefined);
  await store.sql`update keiyaku.stripe_calls set request_id = 'the first'`;

  await expect(answer(undefined)).rejects.toMatchObject({ fault: "conflict" });

  expect(await written()).toMatchObject({ call: { request_id: "the first" } });
});

it.each([
  ["succeeded", succeeded],
  ["succeeded", refused],
  ["waived", succeeded],
] as const)(
  "a refund that is %s is not moved by an answer: a conflict, and nothing is written",
  async (state, move) => {
    await addRefund(state);
    const before = await written();

    await expect(answer(move)).rejects.toMatchObject({ fault: "conflict" });

    expect(await written()).toEqual(before);
    expect(before.call).toMatchObject({ answer: null });
  },
);

it.each([
  ["its own, written when it was held", "op-1", "due", 1],
  ["another operation's", "op-0", "due", 0],
  ["on its way", "op-1", "pending", 0],
])("a new refund takes over a row that is %s, or is a conflict", async (_, operation_id, state, calls) => {
  await insertRows(store.sql, "refunds", refundRow({ state, operation_id, stripe_payment_intent_id: "pi_1" }));

  const intended = intend();

  await (calls === 1 ? intended : expect(intended).rejects.toMatchObject({ fault: "conflict" }));
  const rows = await store.sql`select from keiyaku.stripe_calls where name = 'refund_again'`;
  expect(rows).toHaveLength(calls);
});
