import { describe, expect, test } from "vitest";
import type { Contract, License, Payment } from "../../../../src/contract/contract.ts";
import {
  makeFacts,
  makePayment,
  makePeriods,
  makeWorld,
  nextRenewalOn,
  noonOf,
  on,
  openFor,
  revokedFor,
  today,
} from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";

const takenAt = noonOf(today);
const third = makePayment({ period: 3, state: "unpaid" });
const paidBefore = makePeriods([0, 1, 2]);

interface Parts {
  readonly contract?: Partial<Contract>;
  readonly payments?: readonly Payment[];
  readonly licenses?: readonly License[];
  readonly params?: unknown;
}

/** A contract that was suspended in period 3, which is unpaid and shut; periods 0 to 2 are paid and open. */
function setup({ contract, payments, licenses, params = {} }: Parts = {}) {
  return makeFacts("resume", {
    world: makeWorld({
      contract: { status: "payment_unconfirmed", ...contract },
      payments: payments ?? [...paidBefore, third],
      licenses: licenses ?? [...openFor(paidBefore), revokedFor(third, "suspended")],
    }),
    params,
  });
}

const reserved = { terminationOn: nextRenewalOn, terminationSource: "person" } as const;

describe("who may resume, and from where", () => {
  test("only from payment_unconfirmed", () => {
    expect(statusesAllowed((status) => setup({ contract: { status } }))).toEqual(["payment_unconfirmed"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup(), [
      ["collected_by_stripe", withContract({ paymentMethod: "card" })],
      ["status_not_allowed", withContract({ status: "active" })],
      ["period_unpaid", (facts) => ({ ...facts, operation: { ...facts.operation, params: { paidPeriods: [] } } })],
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
  test("the unpaid period becomes paid, its license is restored, and the contract runs again", () => {
    const played = play(setup());
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "active",
      newPayments: [],
      paymentMoves: [{ id: third.id, from: "unpaid", to: "paid", paidAt: takenAt }],
      licenses: [{ type: "restored", paymentId: third.id, from: "suspended" }],
      notices: [
        { kind: "contract_running_again", recipient: "customer", detail: {} },
        { kind: "contract_running_again", recipient: "operators", detail: {} },
      ],
    });
  });

  test("periods that began while it was suspended become paid and open too", () => {
    const change = settled(play({ ...setup(), today: on("2025-03-08"), takenAt }));
    expect(change.paymentMoves).toEqual([{ id: third.id, from: "unpaid", to: "paid", paidAt: takenAt }]);
    expect(change.newPayments?.map(({ id, state, startsOn, paidAt }) => [id, state, startsOn, paidAt])).toEqual([
      ["c-1:period:4", "paid", "2025-02-08", takenAt],
      ["c-1:period:5", "paid", "2025-03-08", takenAt],
    ]);
    expect(change.licenses).toEqual([
      { type: "restored", paymentId: third.id, from: "suspended" },
      { type: "granted", paymentId: "c-1:period:4" },
      { type: "granted", paymentId: "c-1:period:5" },
    ]);
  });

  test("periods before the first unpaid one are none of its business, even without a row", () => {
    const change = settled(play(setup({ payments: [third], licenses: [] })));
    expect(change.newPayments).toEqual([]);
    expect(change.paymentMoves?.map(({ id }) => id)).toEqual([third.id]);
  });

  test("nor are periods without a row that began before the last one recorded", () => {
    const first = makePayment({ period: 1, state: "unpaid" });
    const facts = setup({ payments: [first, makePayment({ period: 4 })], licenses: [] });
    const change = settled(play({ ...facts, today: on("2025-03-08"), takenAt }));
    expect(change.paymentMoves?.map(({ id }) => id)).toEqual([first.id]);
    expect(change.newPayments?.map(({ period }) => period)).toEqual([5]);
  });

  test("an unpaid period of long ago is among them", () => {
    const first = makePayment({ period: 1, state: "unpaid" });
    const change = settled(
      play(setup({ payments: [makePayment({ period: 0 }), first, makePayment({ period: 2 }), third] })),
    );
    expect(change.paymentMoves?.map(({ id }) => id)).toEqual([first.id, third.id]);
  });

  test("a period that still waits for its money counts as unpaid", () => {
    const waiting = { ...third, state: "due" } as const;
    const first = makePayment({ period: 1, state: "unpaid" });
    const change = settled(
      play(setup({ payments: [makePayment({ period: 0 }), first, makePayment({ period: 2 }), waiting] })),
    );
    expect(change.paymentMoves?.map(({ id, from, to }) => [id, from, to])).toEqual([
      [first.id, "unpaid", "paid"],
      [waiting.id, "due", "paid"],
    ]);
  });

  test("a license that is missing is granted; one revoked for another reason stays revoked", () => {
    const second = makePayment({ period: 2, state: "unpaid" });
    const payments = [...makePeriods([0, 1]), second, third];
    const change = settled(play(setup({ payments, licenses: [revokedFor(third, "refunded")] })));
    expect(change.licenses).toEqual([{ type: "granted", paymentId: second.id }]);
    expect(change.paymentMoves?.map(({ id }) => id)).toEqual([second.id, third.id]);
  });

  test("only the named periods become paid; the others are written down as unpaid and stay shut", () => {
    const facts = { ...setup({ params: { paidPeriods: [5, 3, 5] } }), today: on("2025-03-20"), takenAt };
    const change = settled(play(facts));
    expect(change.status).toBe("active");
    expect(change.paymentMoves).toEqual([{ id: third.id, from: "unpaid", to: "paid", paidAt: takenAt }]);
    expect(change.newPayments?.map(({ period, state, paidAt }) => [period, state, paidAt])).toEqual([
      [4, "unpaid", null],
      [5, "paid", takenAt],
    ]);
    expect(change.licenses).toEqual([
      { type: "restored", paymentId: third.id, from: "suspended" },
      { type: "granted", paymentId: "c-1:period:5" },
    ]);
  });

  test("with an earlier period unpaid and the current one paid, it may run again without the earlier", () => {
    const first = makePayment({ period: 1, state: "unpaid" });
    const payments = [makePayment({ period: 0 }), first, ...makePeriods([2, 3])];
    const change = settled(play(setup({ payments, licenses: [], params: { paidPeriods: [] } })));
    expect(change).toMatchObject({ status: "active", paymentMoves: [], newPayments: [], licenses: [] });
  });

  test.each([
    [3, "active"],
    [4, "special_period"],
  ])("with %i special months it runs again in %s", (specialMonths, status) => {
    expect(settled(play(setup({ contract: { specialMonths, specialPriceMinor: 980 } }))).status).toBe(status);
  });

  test("with a standing reservation it is reserved again, and the reservation is left as it is", () => {
    const change = settled(play(setup({ contract: reserved })));
    expect(change.status).toBe("termination_reserved");
    expect(change).not.toHaveProperty("reservation");
  });

  test("no period on or after the termination date is charged", () => {
    const change = settled(play({ ...setup({ contract: reserved }), today: on("2025-02-20") }));
    expect(change).toMatchObject({ status: "termination_reserved", newPayments: [] });
    expect(change.paymentMoves?.map(({ id }) => id)).toEqual([third.id]);
  });
});

describe("what it refuses", () => {
  test.each([
    ["names none", [], "3"],
    ["names others only", [1], "3"],
  ])("a list without the current period that %s leaves it suspended", (_, paidPeriods, period) => {
    const first = makePayment({ period: 1, state: "unpaid" });
    const payments = [makePayment({ period: 0 }), first, makePayment({ period: 2 }), third];
    expect(rejected(play(setup({ payments, params: { paidPeriods } })))).toEqual({
      code: "period_unpaid",
      detail: { period },
    });
  });

  test("the current period is the one of the day, not the one that was suspended", () => {
    const facts = { ...setup({ params: { paidPeriods: [3] } }), today: nextRenewalOn };
    expect(rejected(play(facts))).toEqual({ code: "period_unpaid", detail: { period: "4" } });
  });

  test.each([
    ["is paid", 2],
    ["has not begun", 4],
  ])("a period that %s is not unpaid", (_, period) => {
    expect(rejected(play(setup({ params: { paidPeriods: [3, period] } })))).toMatchObject({
      code: "invalid_request",
      detail: { field: "params.paidPeriods", problem: expect.stringContaining(`period ${period}`) },
    });
  });
});
