import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { factsOf, readOperation } from "../../../src/store/read-operation.ts";
import { viewUnrequested } from "../../../src/store/view-unrequested.ts";
import { policy } from "../../support/facts.ts";
import {
  addContract,
  addOperations,
  everythingOf,
  insertRows,
  licenseRow,
  paymentRow,
  refundRow,
  someTime,
} from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
  await addContract(store.sql);
  await insertRows(store.sql, "payments", paymentRow(), paymentRow({ period: 1, starts_on: "2024-11-08" }));
  await insertRows(store.sql, "licenses", licenseRow());
  await insertRows(store.sql, "refunds", refundRow());
});
afterAll(() => store.close());

const business = { zone: "Asia/Tokyo", policy };
const asked = {
  kind: "suspend",
  contractId: "c-1",
  actor: { type: "operator", id: "alice" },
  params: { period: 0 },
  reason: "no money",
} as const;

describe("the view of an operation that nobody has requested", () => {
  it("has the facts that the ledger gives to a requested one, but for its id", async () => {
    await addOperations(store.sql, { id: "op-1", params: asked.params, reason: asked.reason, taken_at: someTime });
    const requested = await readOperation(store.db, "op-1");
    if (requested === undefined) throw new Error("op-1 is in the ledger");
    const expected = factsOf(requested, business);
    const facts = factsOf(await viewUnrequested(store.db, asked, someTime), business);
    expect({ ...facts, takenAt: Date.parse(facts.takenAt) }).toEqual({
      ...expected,
      takenAt: Date.parse(expected.takenAt),
      operation: { ...expected.operation, id: expect.not.stringMatching(/^[A-Za-z0-9._-]{1,64}$/) },
    });
    expect(facts.world?.payments).toHaveLength(2);
    await store.sql`delete from keiyaku.operations where id = 'op-1'`;
  });

  it("comes after whatever is open, sees what is held, and writes nothing", async () => {
    await addOperations(
      store.sql,
      { id: "op-2", kind: "resume" },
      { id: "op-3", kind: "resume", state: "held", ring_at: null },
    );
    const before = await everythingOf(store.sql, "c-1");
    const view = await viewUnrequested(store.db, asked, someTime);
    expect(view).toMatchObject({ olderOperationId: "op-2", heldOperationId: "op-3", journal: [], isDue: true });
    expect(await everythingOf(store.sql, "c-1")).toEqual(before);
  });

  it("reads the catalog for a registration", async () => {
    const params = { productId: "p-1", customerId: "nobody", stripe: { subscriptionId: "sub_9" } };
    const view = await viewUnrequested(store.db, { ...asked, kind: "register", contractId: "new", params }, someTime);
    expect(view.world).toBeNull();
    expect(view.catalog).toMatchObject({
      product: { id: "p-1" },
      customerKnown: false,
      stripeReferenceTaken: false,
    });
  });

  it("waits for nobody who has the contract locked", async () => {
    const writer = await store.sql.reserve();
    try {
      await writer`begin`;
      await writer`update keiyaku.contracts set version = version + 1 where id = 'c-1'`;
      expect((await viewUnrequested(store.db, asked, someTime)).world?.contract.version).toBe(1);
    } finally {
      await writer`rollback`;
      writer.release();
    }
  });
});
