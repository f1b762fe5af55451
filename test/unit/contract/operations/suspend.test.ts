import { describe, expect, test } from "vitest";
import type { Contract, Payment } from "../../../../src/contract/contract.ts";
import {
  makeFacts,
  makePayment,
  makePeriods,
  makeRefund,
  makeRunningWorld,
  makeWorld,
  nextRenewalOn,
  noonOf,
  on,
  openFor,
  revokedFor,
} from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";

/** A contract in period 3 with periods 0 to 3 paid and open. */
function setup(contract: Partial<Contract> = {}, params: unknown = {}) {
  return makeFacts("suspend", { world: makeRunningWorld(contract), params });
}

const notices = (period: number) => [
  { kind: "contract_suspended", recipient: "customer", detail: { period } },
  { kind: "contract_suspended", recipient: "operators", detail: { period } },
];

describe("who may suspend, and from where", () => {
  test("a running contract", () => {
    const allowed = statusesAllowed((status) => setup({ status }));
    expect(allowed).toEqual(["active", "special_period", "termination_reserved"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup(), [
      ["not_monthly", withContract({ kind: "one_time" })],
      ["collected_by_stripe", withContract({ paymentMethod: "card" })],
      ["status_not_allowed", withContract({ status: "established" })],
      ["invalid_request", (facts) => ({ ...facts, operation: { ...facts.operation, params: { period: 4 } } })],
    ]);
  });

  test("operators and services may ask; customers, the schedule and Stripe may not", () => {
    const refusals = (["operator", "service", "schedule", "stripe"] as const).map((type) =>
      refusalOf(askedBy(type)(setup())),
    );
    expect(refusals).toEqual([undefined, undefined, "actor_not_allowed", "actor_not_allowed"]);
    expect(refusalOf(askedBy("customer", "cust-1")(setup()))).toBe("actor_not_allowed");
  });
});

describe("what it does", () => {
  test("the current period becomes unpaid and its license is revoked; earlier ones stay", () => {
    const played = play(setup());
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "payment_unconfirmed",
      newPayments: [],
      paymentMoves: [{ id: "c-1:period:3", from: "paid", to: "unpaid" }],
      refundMoves: [],
      licenses: [{ type: "revoked", paymentId: "c-1:period:3", because: "suspended" }],
      notices: notices(3),
    });
  });

  test("what was to be paid back of that period is waived, and of no other", () => {
    const [second, third] = makePeriods([2, 3]) as [Payment, Payment];
    const refunds = [second, third].map((payment) => makeRefund(payment, { state: "manual_due" }));
    const world = makeWorld({ payments: [...makePeriods([0, 1]), second, third], refunds });
    expect(settled(play(makeFacts("suspend", { world }))).refundMoves).toEqual([
      { id: "c-1:period:3:refund:1", from: "manual_due", to: "waived" },
    ]);
  });

  test.each([
    ["on the day that a period begins, that period", "2025-01-08", 3],
    ["on the day before, the one before", "2025-01-07", 2],
    ["on the first day, period 0", "2024-10-08", 0],
  ])("%s", (_, date, period) => {
    const change = settled(play({ ...setup(), today: on(date) }));
    expect(change.paymentMoves).toEqual([{ id: `c-1:period:${period}`, from: "paid", to: "unpaid" }]);
    expect(change.notices).toEqual(notices(period));
  });

  test("an earlier period may be named; the current one stays paid and open", () => {
    const change = settled(play(setup({}, { period: 1 })));
    expect(change).toMatchObject({
      status: "payment_unconfirmed",
      paymentMoves: [{ id: "c-1:period:1", from: "paid", to: "unpaid" }],
      licenses: [{ type: "revoked", paymentId: "c-1:period:1", because: "suspended" }],
    });
  });

  test("a period without a row gets one, unpaid, at its own price, and shuts nothing", () => {
    const world = makeWorld({
      contract: { status: "special_period", specialMonths: 6, specialPriceMinor: 980 },
      payments: makePeriods([0, 1, 2]),
    });
    const change = settled(play(makeFacts("suspend", { world })));
    expect(change).toMatchObject({ paymentMoves: [], licenses: [] });
    expect(change.newPayments).toEqual([
      {
        id: "c-1:period:3",
        subject: "period",
        period: 3,
        startsOn: "2025-01-08",
        amountMinor: 980,
        state: "unpaid",
        paidAt: null,
        stripePaymentIntentId: null,
        stripeInvoiceId: null,
      },
    ]);
  });

  test("a row that waits becomes unpaid; one that is unpaid stays", () => {
    const moves = (["due", "unpaid"] as const).map((state) => {
      const world = makeWorld({ payments: [makePayment({ period: 3, state })] });
      return settled(play(makeFacts("suspend", { world }))).paymentMoves;
    });
    expect(moves).toEqual([[{ id: "c-1:period:3", from: "due", to: "unpaid" }], []]);
  });

  test("a license that was revoked before keeps its reason", () => {
    const payments = makePeriods([2, 3]);
    const [second, third] = [makePayment({ period: 2 }), makePayment({ period: 3 })];
    const world = makeWorld({ payments, licenses: [...openFor([second]), revokedFor(third, "refunded")] });
    expect(settled(play(makeFacts("suspend", { world }))).licenses).toEqual([]);
  });

  test("a reservation stays noted beside the suspension", () => {
    const change = settled(play(setup({ status: "termination_reserved" })));
    expect(change).not.toHaveProperty("reservation");
    expect(change.status).toBe("payment_unconfirmed");
  });

  test("after the termination date the last period before it is the current one", () => {
    const facts = setup({ status: "termination_reserved", terminationOn: nextRenewalOn });
    const change = settled(play({ ...facts, today: on("2025-02-10") }));
    expect(change.paymentMoves).toEqual([{ id: "c-1:period:3", from: "paid", to: "unpaid" }]);
  });
});

describe("the named period", () => {
  test.each([
    ["has not begun", setup({}, { period: 4 })],
    [
      "would begin on the termination date",
      { ...setup({ status: "termination_reserved" }, { period: 4 }), today: on("2025-02-10") },
    ],
  ])("is refused if it %s", (_, facts) => {
    expect(rejected(play(facts))).toMatchObject({ code: "invalid_request", detail: { field: "params.period" } });
  });

  test("is refused if it has been refunded", () => {
    const world = makeWorld({ payments: [makePayment({ period: 3, state: "refunded" })] });
    expect(rejected(play(makeFacts("suspend", { world, params: { period: 3 } })))).toMatchObject({
      code: "invalid_request",
      detail: { field: "params.period" },
    });
  });

  test.each([{ period: -1 }, { period: 1.5 }, { period: "3" }, { Period: 3 }])(
    "must be a count from 0: %j is not",
    (params) => {
      expect(refusalOf(setup({ kind: "one_time" }, params))).toBe("invalid_request");
    },
  );
});

describe("while no run has recorded what began", () => {
  /** Periods 0 to 2 are recorded; 3 began on 8 January, and 4 on 8 February. */
  const lateRun = (params: unknown = {}, contract: Partial<Contract> = {}, rows: readonly Payment[] = []) => {
    const payments = [...makePeriods([0, 1, 2]), ...rows];
    const world = makeWorld({
      contract: { renewalDueOn: on("2025-01-08"), ...contract },
      payments,
      licenses: openFor(makePeriods([0, 1, 2])),
    });
    return makeFacts("suspend", { world, params, today: on("2025-02-10") });
  };
  const written = (facts: ReturnType<typeof lateRun>) =>
    settled(play(facts)).newPayments?.map(({ period, state }) => `${period} ${state}`);

  test("the period before the unpaid one is taken as paid, as a run in time would have", () => {
    const facts = lateRun();
    expect(written(facts)).toEqual(["3 paid", "4 unpaid"]);
    const change = settled(play(facts));
    expect(change.licenses).toEqual([{ type: "granted", paymentId: "c-1:period:3" }]);
    expect(change.newPayments?.[0]?.paidAt).toBe(facts.takenAt);
  });

  test("so is the period after the one that is named", () => {
    expect(written(lateRun({ period: 3 }))).toEqual(["4 paid", "3 unpaid"]);
    expect(written(lateRun({ period: 1 }))).toEqual(["3 paid", "4 paid"]);
  });

  test("a waiting row of it becomes paid, too", () => {
    const change = settled(play(lateRun({}, {}, [makePayment({ period: 3, state: "due" })])));
    expect(change.paymentMoves).toEqual([
      { id: "c-1:period:3", from: "due", to: "paid", paidAt: noonOf(on("2025-02-10")) },
    ]);
  });

  test("the history that an import lacks is not made up", () => {
    expect(written(lateRun({}, { renewalDueOn: on("2024-10-08"), createdAt: "2025-02-09T03:00:00Z" }))).toEqual([
      "4 unpaid",
    ]);
  });

  test("nothing is from the termination date on", () => {
    const reserved = { status: "termination_reserved", terminationOn: on("2025-02-08") } as const;
    expect(written(lateRun({ period: 1 }, reserved))).toEqual(["3 paid"]);
  });
});
