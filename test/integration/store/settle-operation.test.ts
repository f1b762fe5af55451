import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Change, Registration } from "../../../src/contract/change.ts";
import { type Settlement, settleOperation } from "../../../src/store/settle-operation.ts";
import { isConflict } from "../../../src/store/store-error.ts";
import { makeContract, on } from "../../support/facts.ts";
import {
  addContract,
  addOperations,
  everythingOf,
  insertRows,
  licenseRow,
  notificationRow,
  paymentRow,
  productRow,
  refundRow,
  rowOf,
} from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

let count = 0;
let contractId: string;
let operationId: string;
const period = (index: number) => `${contractId}:period:${index}`;

/** A running contract under an executing operation: period 0 paid and open, 1 due, 2 paid and shut by suspension. */
beforeEach(async () => {
  count += 1;
  contractId = `c-${count}`;
  operationId = `op-${count}`;
  const of = { contract_id: contractId };
  await addContract(store.sql, { id: contractId, version: 3 });
  await store.sql`update keiyaku.products set version = 1`;
  await addOperations(store.sql, { id: operationId, contract_id: contractId, state: "executing" });
  await insertRows(
    store.sql,
    "payments",
    paymentRow({ ...of, period: 0 }),
    paymentRow({ ...of, period: 1, state: "due" }),
    paymentRow({ ...of, period: 2 }),
  );
  await insertRows(
    store.sql,
    "licenses",
    licenseRow({ ...of, payment_id: period(0) }),
    licenseRow({ ...of, payment_id: period(2), revoked_at: "2025-01-20T03:00:00Z", revoked_because: "suspended" }),
  );
});

const paidAt = "2025-01-19T03:00:00Z";

/** A change that writes something of every sort. */
function changeOfEverything(): Change {
  return {
    status: "termination_reserved",
    reservation: { terminationOn: on("2025-02-08"), terminationSource: "person" },
    newPayments: [
      {
        id: period(3),
        subject: "period",
        period: 3,
        startsOn: on("2025-01-08"),
        amountMinor: 1_980,
        state: "due",
        paidAt: null,
        stripePaymentIntentId: null,
        stripeInvoiceId: null,
      },
    ],
    paymentMoves: [{ id: period(1), from: "due", to: "paid", paidAt }],
    newRefunds: [
      {
        id: `${period(0)}:refund:1`,
        paymentId: period(0),
        amountMinor: 980,
        state: "manual_due",
        stripePaymentIntentId: null,
        stripeRefundId: null,
        supersedes: [],
      },
    ],
    licenses: [
      { type: "granted", paymentId: period(1) },
      { type: "restored", paymentId: period(2), from: "suspended" },
      { type: "revoked", paymentId: period(0), because: "refunded" },
    ],
    notices: [
      { kind: "contract_running_again", recipient: "customer", detail: {} },
      { kind: "refund_refused", recipient: "operators", detail: { refunds: 1, owedMinor: 980 } },
    ],
  };
}

function settlement(overrides: Partial<Settlement> = {}): Settlement {
  return {
    guard: { operationId, state: "executing", attempt: 1 },
    contractId,
    contract: { contractId, version: 3 },
    product: { id: "p-1", version: 1 },
    change: changeOfEverything(),
    outcome: { statusBefore: "active", statusAfter: "termination_reserved", attention: [] },
    ...overrides,
  };
}

/** Settles, and requires a conflict that wrote nothing. */
async function expectConflict(overrides: Partial<Settlement> = {}): Promise<void> {
  const before = await everythingOf(store.sql, contractId);
  const ending = await settleOperation(store.db, settlement(overrides)).catch((error: unknown) => error);
  expect(isConflict(ending)).toBe(true);
  expect(await everythingOf(store.sql, contractId)).toEqual(before);
}

describe("settleOperation", () => {
  it("writes status, payments, refunds, licenses, mail and outcome together, and frees the contract", async () => {
    await settleOperation(store.db, settlement());
    const { sql } = store;

    expect(await rowOf(sql, "contracts", contractId)).toMatchObject({
      status: "termination_reserved",
      termination_source: "person",
      version: 4,
      changed_by_operation_id: operationId,
    });
    expect(
      await sql`select id, state, paid_at is not null as paid from keiyaku.payments where contract_id = ${contractId}
      order by id`,
    ).toEqual([
      { id: period(0), state: "paid", paid: true },
      { id: period(1), state: "paid", paid: true },
      { id: period(2), state: "paid", paid: true },
      { id: period(3), state: "due", paid: false },
    ]);
    expect(
      await sql`select payment_id, revoked_because from keiyaku.licenses where contract_id = ${contractId}
      order by payment_id`,
    ).toEqual([
      { payment_id: period(0), revoked_because: "refunded" },
      { payment_id: period(1), revoked_because: null },
      { payment_id: period(2), revoked_because: null },
    ]);
    expect(
      await sql`select payment_id, amount_minor, state, operation_id from keiyaku.refunds
      where contract_id = ${contractId}`,
    ).toEqual([{ payment_id: period(0), amount_minor: "980", state: "manual_due", operation_id: operationId }]);
    expect(
      await sql`select kind, recipient, detail, state from keiyaku.notifications where cause = ${operationId}
      order by kind`,
    ).toEqual([
      { kind: "contract_running_again", recipient: "customer", detail: {}, state: "waiting" },
      { kind: "refund_refused", recipient: "operators", detail: { refunds: 1, owedMinor: 980 }, state: "waiting" },
    ]);
    const operation = await rowOf(sql, "operations", operationId);
    expect(operation).toMatchObject({ state: "succeeded", occupies: false, ring_at: null, attempt: 1 });
    expect(operation.outcome).toEqual(settlement().outcome);
  });

  it("counts the attempt of an operation that is settled with its admission", async () => {
    await store.sql`delete from keiyaku.operations where id = ${operationId}`;
    await addOperations(store.sql, { id: operationId, contract_id: contractId });
    await settleOperation(store.db, settlement({ guard: { operationId, state: "requested", attempt: 0 } }));

    expect(await rowOf(store.sql, "operations", operationId)).toMatchObject({
      state: "succeeded",
      attempt: 1,
      attempts_counted: 1,
    });
  });

  it("happens once when many settle the same at once", async () => {
    const endings = await Promise.allSettled(Array.from({ length: 8 }, () => settleOperation(store.db, settlement())));

    expect(endings.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const ending of endings) if (ending.status === "rejected") expect(isConflict(ending.reason)).toBe(true);
    expect(await rowOf(store.sql, "contracts", contractId)).toMatchObject({ version: 4 });
  });
});

describe("a settlement writes nothing when meanwhile", () => {
  it.each<[string, (sql: TestStore["sql"]) => Promise<unknown>]>([
    ["another attempt took over", (sql) => sql`update keiyaku.operations set attempt = 2 where id = ${operationId}`],
    [
      "the attempt was put back",
      (sql) => sql`update keiyaku.operations set state = 'requested', occupies = false where id = ${operationId}`,
    ],
    ["the contract changed", (sql) => sql`update keiyaku.contracts set version = 4 where id = ${contractId}`],
    ["the product changed", (sql) => sql`update keiyaku.products set version = 2`],
    ["a payment moved", (sql) => sql`update keiyaku.payments set state = 'unpaid' where id = ${period(1)}`],
    [
      "a new payment was there",
      (sql) => insertRows(sql, "payments", paymentRow({ contract_id: contractId, period: 3 })),
    ],
    [
      "a refund of the payment became owed",
      (sql) => insertRows(sql, "refunds", refundRow({ id: "another", contract_id: contractId, payment_id: period(0) })),
    ],
    [
      "the license to grant was granted",
      (sql) => insertRows(sql, "licenses", licenseRow({ contract_id: contractId, payment_id: period(1) })),
    ],
    [
      "the license to restore was restored",
      (sql) =>
        sql`update keiyaku.licenses set revoked_at = null, revoked_because = null where payment_id = ${period(2)}`,
    ],
    [
      "the license to restore was shut for another reason",
      (sql) => sql`update keiyaku.licenses set revoked_because = 'canceled' where payment_id = ${period(2)}`,
    ],
    [
      "the license to revoke was revoked",
      (sql) =>
        sql`update keiyaku.licenses set revoked_at = now(), revoked_because = 'canceled' where payment_id = ${period(0)}`,
    ],
    [
      "the same mail was caused",
      (sql) =>
        insertRows(
          sql,
          "notifications",
          notificationRow({ cause: operationId, contract_id: contractId, kind: "contract_running_again" }),
        ),
    ],
  ])("%s", async (_, meddle) => {
    await meddle(store.sql);
    await expectConflict();
  });
});

describe("the product that was read", () => {
  const reserved = { terminationOn: on("2025-02-08"), terminationSource: "product_month" } as const;

  it.each<[string, Change]>([
    ["makes", { status: "termination_reserved", reservation: reserved }],
    ["lifts", { reservation: null }],
  ])("must be the same still for a change that %s a reservation", async (_, change) => {
    await store.sql`update keiyaku.products set version = 2`;
    await expectConflict({ change });
  });

  it.each<[string, Change]>([
    ["makes and lifts no reservation", { status: "special_period" }],
    ["ends the contract, and its reservation with it", { status: "terminated", reservation: null }],
  ])("does not matter to a change that %s", async (_, change) => {
    await store.sql`update keiyaku.products set version = 2`;
    await settleOperation(store.db, settlement({ change }));
    expect(await rowOf(store.sql, "contracts", contractId)).toMatchObject({ status: change.status });
  });
});

describe("a change that contradicts itself or strays", () => {
  it("cannot shut and open the same license", async () => {
    const change: Change = {
      licenses: [
        { type: "restored", paymentId: period(2), from: "suspended" },
        { type: "revoked", paymentId: period(2), because: "canceled" },
      ],
    };
    await expectConflict({ change });
  });

  it("cannot move a payment twice", async () => {
    const move = { id: period(1), from: "due", to: "unpaid" } as const;
    await expectConflict({ change: { paymentMoves: [move, { ...move, to: "never_charged" }] } });
  });

  it.each<[string, (of: string) => Change]>([
    ["a payment", (of) => ({ paymentMoves: [{ id: `${of}:period:1`, from: "due", to: "unpaid" }] })],
    [
      "an open license",
      (of) => ({ licenses: [{ type: "revoked", paymentId: `${of}:period:0`, because: "canceled" }] }),
    ],
    ["a shut license", (of) => ({ licenses: [{ type: "restored", paymentId: `${of}:period:2`, from: "suspended" }] })],
  ])("cannot reach %s of another contract", async (_, change) => {
    await expectConflict({ change: change(`c-${count - 1}`) });
  });
});

describe("refunds of one payment", () => {
  const id = (number: number) => `${period(0)}:refund:${number}`;
  const failed = (number: number) =>
    refundRow({
      id: id(number),
      contract_id: contractId,
      payment_id: period(0),
      amount_minor: 1_000,
      state: "failed",
      stripe_refund_id: `re_${contractId}_${number}`,
    });

  const third = () =>
    ({
      id: id(3),
      paymentId: period(0),
      amountMinor: 1_980,
      state: "due",
      stripePaymentIntentId: "pi_1",
      stripeRefundId: null,
      supersedes: [id(1), id(2)],
    }) as const;

  it("are superseded together by the one that takes their place", async () => {
    await insertRows(store.sql, "refunds", failed(1), failed(2));
    await settleOperation(store.db, settlement({ change: { newRefunds: [third()] } }));

    expect(await rowOf(store.sql, "refunds", id(1))).toMatchObject({ superseded_by: id(3) });
    expect(await rowOf(store.sql, "refunds", id(2))).toMatchObject({ superseded_by: id(3) });
  });

  it("are not superseded unless all still can be", async () => {
    await insertRows(store.sql, "refunds", failed(1), { ...failed(2), superseded_by: "another" });
    await expectConflict({ change: { newRefunds: [third()] } });
  });

  it("may owe less than they did", async () => {
    await insertRows(store.sql, "refunds", failed(1));
    const move = { id: id(1), from: "failed", to: "failed", amountMinor: 300 } as const;
    await settleOperation(store.db, settlement({ change: { refundMoves: [move] } }));

    expect(await rowOf(store.sql, "refunds", id(1))).toMatchObject({ state: "failed", amount_minor: "300" });
  });
});

describe("a change that would write one row in two parts", () => {
  const dispute = { paymentId: "p", dispute: "open" } as const;
  const refund = {
    id: "r2",
    paymentId: "p",
    amountMinor: 1,
    state: "due",
    stripePaymentIntentId: "pi_1",
    stripeRefundId: null,
    supersedes: ["r1"],
  } as const;

  it.each([
    [
      "moves a payment and its dispute",
      { disputes: [dispute], paymentMoves: [{ id: "p", from: "paid", to: "refunded" }] },
    ],
    [
      "moves a refund and supersedes it",
      { newRefunds: [refund], refundMoves: [{ id: "r1", from: "failed", to: "waived" }] },
    ],
  ] as const)("is a mistake of ours, and nothing is sent: it %s", async (_, change) => {
    await expect(settleOperation(store.db, settlement({ change }))).rejects.toThrow("one statement cannot");
  });
});

describe("a registration", () => {
  function registrationOf(id: string, overrides: Partial<Registration> = {}): Settlement {
    const { version: _, ...contract } = makeContract({ id, productId: `p-${id}`, customerId: `cust-${id}` });
    const { price_minor } = productRow();
    const registration: Registration = {
      contract,
      product: {
        id: `p-${id}`,
        kind: "monthly",
        access: "per_period",
        priceMinor: Number(price_minor),
        automaticTerminationMonth: null,
      },
      customer: { id: `cust-${id}`, email: "taro@example.com", name: "太郎", locale: "ja" },
      signup: { appliedAt: "2024-10-01T00:00:00Z", channel: "autumn" },
      ...overrides,
    };
    return settlement({ contractId: id, contract: null, product: null, change: { registration } });
  }

  it("brings contract, product, customer and application into being", async () => {
    const id = `new-${count}`;
    await settleOperation(store.db, registrationOf(id));

    expect(await rowOf(store.sql, "contracts", id)).toMatchObject({ version: 1, changed_by_operation_id: operationId });
    expect(await rowOf(store.sql, "products", `p-${id}`)).toMatchObject({ version: 1, kind: "monthly" });
    expect(await rowOf(store.sql, "customers", `cust-${id}`)).toMatchObject({ name: "太郎", locale: "ja" });
    expect(await store.sql`select channel from keiyaku.signups where contract_id = ${id}`).toEqual([
      { channel: "autumn" },
    ]);
  });

  it("leaves a product and a customer as they are that are known already", async () => {
    const id = `new-${count}`;
    await insertRows(store.sql, "products", productRow({ id: `p-${id}`, price_minor: 5 }));
    await settleOperation(store.db, { ...registrationOf(id), product: { id: `p-${id}`, version: 1 } });

    expect(await rowOf(store.sql, "products", `p-${id}`)).toMatchObject({ price_minor: "5", version: 1 });
  });

  it("writes nothing when its product became known, or another, since it was decided", async () => {
    const id = `new-${count}`;
    await insertRows(store.sql, "products", productRow({ id: `p-${id}`, kind: "one_time" }));
    await expect(settleOperation(store.db, registrationOf(id))).rejects.toSatisfy(isConflict);
    const decidedBefore = { ...registrationOf(id), product: { id: `p-${id}`, version: 0 } };
    await expect(settleOperation(store.db, decidedBefore)).rejects.toSatisfy(isConflict);

    expect(await store.sql`select from keiyaku.contracts where id = ${id}`).toHaveLength(0);
  });

  it("writes nothing when the contract exists, or its product is unknown", async () => {
    const id = `new-${count}`;
    await expect(settleOperation(store.db, registrationOf(contractId))).rejects.toSatisfy(isConflict);
    await expect(settleOperation(store.db, registrationOf(id, { product: null }))).rejects.toSatisfy(isConflict);

    expect(
      await store.sql`select from keiyaku.customers where id in (${`cust-${id}`}, ${`cust-${contractId}`})`,
    ).toHaveLength(0);
    expect(await rowOf(store.sql, "operations", operationId)).toMatchObject({ state: "executing" });
  });
});
