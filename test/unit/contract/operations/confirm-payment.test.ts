import { describe, expect, test } from "vitest";
import type { Contract, Payment } from "../../../../src/contract/contract.ts";
import { makeFacts, makePayment, makeWorld, noonOf, on, today } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";

const fee = makePayment({ subject: "initial_fee", amountMinor: 5_000, state: "due" });
const firstDue = makePayment({ period: 0, state: "due" });
const priceDue = makePayment({ subject: "one_time_price", amountMinor: 9_800, state: "due" });
const takenAt = noonOf(today);

/** A contract that waits for its payment by bank transfer; monthly, and begun on 8 October, unless told otherwise. */
function setup(contract: Partial<Contract> = {}, payments: readonly Payment[] = [fee, firstDue], params: unknown = {}) {
  return makeFacts("confirm_payment", {
    world: makeWorld({ contract: { status: "awaiting_payment", ...contract }, payments }),
    params,
  });
}

describe("who may confirm a payment, and from where", () => {
  test("only from awaiting_payment", () => {
    expect(statusesAllowed((status) => setup({ status }))).toEqual(["awaiting_payment"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup(), [
      ["collected_by_stripe", withContract({ paymentMethod: "card" })],
      ["status_not_allowed", withContract({ status: "active" })],
      ["invalid_request", (facts) => ({ ...facts, operation: { ...facts.operation, params: { paidPeriods: [99] } } })],
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

describe("a one-time contract", () => {
  test("that has started is established: fee and price become paid, and the price opens", () => {
    const played = play(setup({ kind: "one_time" }, [fee, priceDue]));
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "established",
      newPayments: [],
      paymentMoves: [
        { id: fee.id, from: "due", to: "paid", paidAt: takenAt },
        { id: priceDue.id, from: "due", to: "paid", paidAt: takenAt },
      ],
      licenses: [{ type: "granted", paymentId: priceDue.id }],
    });
  });

  test("whose start lies ahead is not started, and opens nothing yet", () => {
    const change = settled(play(setup({ kind: "one_time", startOn: on("2025-01-21") }, [priceDue])));
    expect(change).toMatchObject({ status: "not_started", licenses: [] });
    expect(change.paymentMoves).toEqual([{ id: priceDue.id, from: "due", to: "paid", paidAt: takenAt }]);
  });

  test("that starts today has started", () => {
    expect(settled(play(setup({ kind: "one_time", startOn: today }, [priceDue]))).status).toBe("established");
  });

  test("has no periods to name", () => {
    expect(rejected(play(setup({ kind: "one_time" }, [priceDue], { paidPeriods: [0] })))).toMatchObject({
      code: "invalid_request",
      detail: { field: "params.paidPeriods" },
    });
  });
});

describe("a monthly contract", () => {
  test("that begins today is active: the fee and period 0 become paid, and the period opens", () => {
    const change = settled(play(setup({ startOn: today })));
    expect(change).toEqual({
      status: "active",
      newPayments: [],
      paymentMoves: [
        { id: fee.id, from: "due", to: "paid", paidAt: takenAt },
        { id: firstDue.id, from: "due", to: "paid", paidAt: takenAt },
      ],
      licenses: [{ type: "granted", paymentId: firstDue.id }],
    });
  });

  test("that waited for months: every period that has begun becomes paid and opens, missing rows are written", () => {
    const change = settled(play(setup()));
    expect(change.status).toBe("active");
    expect(change.paymentMoves?.map(({ id, to }) => [id, to])).toEqual([
      [fee.id, "paid"],
      [firstDue.id, "paid"],
    ]);
    expect(change.newPayments).toEqual(
      [
        { period: 1, startsOn: "2024-11-08" },
        { period: 2, startsOn: "2024-12-08" },
        { period: 3, startsOn: "2025-01-08" },
      ].map((row) => ({
        ...row,
        id: `c-1:period:${row.period}`,
        subject: "period",
        amountMinor: 1_980,
        state: "paid",
        paidAt: takenAt,
        stripePaymentIntentId: null,
        stripeInvoiceId: null,
      })),
    );
    expect(change.licenses).toEqual(
      [0, 1, 2, 3].map((period) => ({ type: "granted", paymentId: `c-1:period:${period}` })),
    );
  });

  test("whose start lies ahead is not started: only the fee becomes paid, and nothing opens", () => {
    const change = settled(play(setup({ startOn: on("2025-01-21") })));
    expect(change).toEqual({
      status: "not_started",
      newPayments: [],
      paymentMoves: [{ id: fee.id, from: "due", to: "paid", paidAt: takenAt }],
      licenses: [],
    });
  });

  test("whose start lies ahead may have its first period confirmed with the fee; it opens with the start", () => {
    const change = settled(play(setup({ startOn: on("2025-01-21") }, [fee, firstDue], { paidPeriods: [0] })));
    expect(change).toMatchObject({ status: "not_started", licenses: [] });
    expect(change.paymentMoves?.map(({ id }) => id)).toEqual([fee.id, firstDue.id]);
  });

  test.each([
    ["2025-01-20", 1, "special_period"],
    ["2024-11-20", 2, "active"],
    ["2024-11-21", 2, "special_period"],
    ["2024-11-20", 1, "active"],
    ["2024-10-08", 3, "active"],
    ["2024-10-08", 4, "special_period"],
  ] as const)("begun on %s with %i special months is in %s", (startOn, specialMonths, status) => {
    const contract = { startOn: on(startOn), specialMonths, specialPriceMinor: 980 };
    expect(settled(play(setup(contract))).status).toBe(status);
  });

  test("bills the special price for the special months and the normal one from renewal k on", () => {
    const change = settled(play(setup({ specialMonths: 2, specialPriceMinor: 980 }, [])));
    expect(change.newPayments?.map(({ amountMinor }) => amountMinor)).toEqual([980, 980, 1_980, 1_980]);
  });

  test("whose current period is not among the paid is suspended; what is missing is unpaid and stays shut", () => {
    const change = settled(play(setup({}, [fee, firstDue], { paidPeriods: [2, 0, 2] })));
    expect(change.status).toBe("payment_unconfirmed");
    expect(change.newPayments?.map(({ period, state, paidAt }) => [period, state, paidAt])).toEqual([
      [1, "unpaid", null],
      [2, "paid", takenAt],
      [3, "unpaid", null],
    ]);
    expect(change.licenses).toEqual([
      { type: "granted", paymentId: "c-1:period:0" },
      { type: "granted", paymentId: "c-1:period:2" },
    ]);
  });

  test("of which no period is paid is suspended, its waiting row unpaid", () => {
    const change = settled(play(setup({ startOn: today }, [fee, firstDue], { paidPeriods: [] })));
    expect(change).toMatchObject({ status: "payment_unconfirmed", licenses: [] });
    expect(change.paymentMoves).toEqual([
      { id: fee.id, from: "due", to: "paid", paidAt: takenAt },
      { id: firstDue.id, from: "due", to: "unpaid" },
    ]);
  });

  test.each([
    ["a period that has not begun", "2024-10-08", [3, 4]],
    ["a period after the first before the start", "2025-01-21", [1]],
  ])("refuses %s", (_, startOn, paidPeriods) => {
    expect(rejected(play(setup({ startOn: on(startOn) }, [fee, firstDue], { paidPeriods })))).toMatchObject({
      code: "invalid_request",
      detail: { field: "params.paidPeriods" },
    });
  });

  test.each([
    [{ paidPeriods: [-1] }],
    [{ paidPeriods: [0.5] }],
    [{ paidPeriods: "all" }],
    [{ paidperiods: [0] }],
    [[]],
  ])("refuses the parameters %j before it looks at anything else", (params) => {
    expect(refusalOf(setup({ paymentMethod: "card" }, [], params))).toBe("invalid_request");
  });
});
