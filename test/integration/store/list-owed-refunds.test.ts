import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refundStates } from "../../../src/contract/contract.ts";
import { listOwedRefunds } from "../../../src/store/list-owed-refunds.ts";
import { addContract, insertRows, paymentRow, refundRow, type StoreRow } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

/** A contract with one refund for each of these, a payment each; owed longer the earlier it stands in the list. */
async function addRefunds(contractId: string, ...refunds: readonly StoreRow[]): Promise<void> {
  await addContract(store.sql, { id: contractId });
  for (const [index, refund] of refunds.entries()) {
    const payment = paymentRow({ contract_id: contractId, period: index });
    await insertRows(store.sql, "payments", payment);
    const id = `${contractId}:period:${index}:refund:1`;
    const stripeRefund = refundRow(refund).stripe_refund_id === null ? {} : { stripe_refund_id: `re_${id}` };
    const created_at = `2025-01-${String(index + 1).padStart(2, "0")}T03:00:00Z`;
    await insertRows(
      store.sql,
      "refunds",
      refundRow({ id, contract_id: contractId, payment_id: payment.id, created_at, ...stripeRefund, ...refund }),
    );
  }
}

describe("what is owed", () => {
  it("is every refund that is neither settled, waived nor superseded, the longest owed first", async () => {
    await addRefunds("owed-all", ...refundStates.map((state) => ({ state })));
    const { refunds, total } = await listOwedRefunds(store.db, { limit: 50, contractId: "owed-all" });
    expect(refunds.map(({ state }) => state)).toEqual(["due", "failed", "canceled", "manual_due"]);
    expect(total).toEqual({ count: 4, amountMinor: 4 * 1_980 });
  });

  it("is told apart from what Stripe has been told to give back and has not given back yet, which is no part of the sum", async () => {
    await addRefunds("on-its-way", ...refundStates.map((state) => ({ state, amount_minor: 500 })));
    const { total, onTheirWay } = await listOwedRefunds(store.db, { limit: 1, contractId: "on-its-way" });
    expect(total).toEqual({ count: 4, amountMinor: 2_000 });
    expect(onTheirWay.total).toEqual({ count: 2, amountMinor: 1_000 });
    const days = await listOwedRefunds(store.db, { limit: 5, contractId: "on-its-way" });
    expect(days.onTheirWay.refunds).toMatchObject([
      { state: "pending", by: "stripe", amountMinor: 500, ageSeconds: expect.any(Number) },
      { state: "requires_action", by: "stripe" },
    ]);
    expect(days.onTheirWay.refunds[0]?.owedSince).toMatch(/^2025-01-\d\dT03:00:00Z$/);
  });

  it("is not what a later refund has taken the place of", async () => {
    await addRefunds("superseded", { state: "failed", superseded_by: "later" }, { state: "failed" });
    const { refunds } = await listOwedRefunds(store.db, { limit: 50, contractId: "superseded" });
    expect(refunds.map(({ id }) => id)).toEqual(["superseded:period:1:refund:1"]);
  });

  it("tells whose money it is, how it goes back, why it has not, and for how long", async () => {
    await addRefunds("told", { state: "due", refusal_code: "charge_disputed", stripe_payment_intent_id: "pi_1" });
    const [refund] = (await listOwedRefunds(store.db, { limit: 1, contractId: "told" })).refunds;
    expect(refund).toEqual({
      id: "told:period:0:refund:1",
      contractId: "told",
      isDeleted: false,
      customerId: "cust-1",
      paymentId: "told:period:0",
      amountMinor: 1_980,
      currency: "jpy",
      state: "due",
      by: "stripe",
      refusalCode: "charge_disputed",
      stripePaymentIntentId: "pi_1",
      operationId: "op-1",
      owedSince: "2025-01-01T03:00:00Z",
      ageSeconds: expect.any(Number),
    });
    const [{ age } = { age: 0 }] = await store.sql`
      select extract(epoch from clock_timestamp() - '2025-01-01T03:00:00Z'::timestamptz)::float8 as age`;
    expect(Math.abs((refund?.ageSeconds ?? 0) - age)).toBeLessThan(60);
  });

  it("includes what a deletion left owed, with the customer only as long as a person has to find them", async () => {
    const tombstone = { operation_id: "d", stripe_ids: [], payments: [] };
    for (const [contract_id, customer_id, state] of [
      ["buried-by-hand", "cust-7", "manual_due"],
      ["buried-by-card", null, "due"],
    ] as const) {
      await insertRows(store.sql, "tombstones", { contract_id, customer_id, ...tombstone });
      const id = `${contract_id}:refund`;
      await insertRows(store.sql, "refunds", refundRow({ id, contract_id, payment_id: contract_id, state }));
    }
    const owed = async (contractId: string) => (await listOwedRefunds(store.db, { limit: 5, contractId })).refunds;
    expect(await owed("buried-by-hand")).toMatchObject([
      { isDeleted: true, customerId: "cust-7", by: "hand", currency: "jpy" },
    ]);
    expect(await owed("buried-by-card")).toMatchObject([{ isDeleted: true, customerId: null, by: "stripe" }]);
  });

  it("is told in pages, with the sum of all of it", async () => {
    await addRefunds("paged", ...Array.from({ length: 3 }, () => ({ state: "manual_due", amount_minor: 100 })));
    const page = await listOwedRefunds(store.db, { limit: 2, contractId: "paged" });
    expect(page.refunds.map(({ paymentId }) => paymentId)).toEqual(["paged:period:0", "paged:period:1"]);
    expect(page.total).toEqual({ count: 3, amountMinor: 300 });
    const all = await listOwedRefunds(store.db, { limit: 1_000 });
    expect(all.total.count).toBe(all.refunds.length);
    expect(all.refunds.filter(({ contractId }) => contractId === "paged")).toHaveLength(3);
  });

  it("is nothing for a contract that owes nothing", async () => {
    expect(await listOwedRefunds(store.db, { limit: 5, contractId: "nobody" })).toEqual({
      refunds: [],
      total: { count: 0, amountMinor: 0 },
      onTheirWay: { refunds: [], total: { count: 0, amountMinor: 0 } },
    });
  });

  it("waits for nobody who is writing, and shows what is committed", async () => {
    await addRefunds("writing", { state: "manual_due" });
    const writer = await store.sql.reserve();
    try {
      await writer`begin`;
      await writer`update keiyaku.refunds set state = 'waived', settled_at = now() where contract_id = 'writing'`;
      expect((await listOwedRefunds(store.db, { limit: 5, contractId: "writing" })).refunds).toHaveLength(1);
      await writer`commit`;
    } finally {
      writer.release();
    }
    expect((await listOwedRefunds(store.db, { limit: 5, contractId: "writing" })).refunds).toHaveLength(0);
  });
});
