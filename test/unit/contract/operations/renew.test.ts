import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { type BusinessDate, renewalDate } from "../../../../src/contract/calendar.ts";
import type { Contract, License, Payment } from "../../../../src/contract/contract.ts";
import { makePayment, makePeriods, makeWorld, nextRenewalOn, on, openFor, revokedFor } from "../../../support/facts.ts";
import { applyChange } from "../support/apply-change.ts";
import { play, rejected, settled } from "../support/play.ts";
import {
  commonSpoilersOfEvents,
  expectRefusalsInOrder,
  refusalOf,
  statusesAllowed,
  withContract,
} from "../support/refusals.ts";
import { makeScheduled, onDate, takenAt } from "../support/scheduled.ts";

const paidBefore = makePeriods([0, 1, 2]);

/** A contract since 8 October whose periods 0 to 2 are paid, on 8 January, when period 3 begins. */
function setup(
  contract: Partial<Contract> = {},
  rows: readonly Payment[] = [],
  licenses: readonly License[] = openFor(paidBefore),
) {
  const world = makeWorld({ contract, payments: [...paidBefore, ...rows], licenses });
  return makeScheduled("renew", world, on("2025-01-08"));
}

describe("when it is due", () => {
  test.each(["bank_transfer", "other"] as const)("only while the contract runs, paid by %s", (paymentMethod) => {
    const allowed = statusesAllowed((status) => setup({ status, paymentMethod }));
    expect(allowed).toEqual(["active", "special_period", "termination_reserved"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(
      setup(),
      [
        ["not_monthly", withContract({ kind: "one_time" })],
        ["collected_by_stripe", withContract({ paymentMethod: "card" })],
        ["status_not_allowed", withContract({ status: "payment_unconfirmed" })],
        ["not_due", withContract({ startOn: on("2025-01-09") })],
      ],
      commonSpoilersOfEvents,
    );
  });

  test.each(["paid", "refunded", "unpaid", "never_charged"] as const)(
    "not again for a period whose row is %s; the refusal names the date",
    (state) => {
      const facts = setup({}, [makePayment({ period: 3, state })]);
      expect(rejected(play(facts))).toEqual({ code: "not_due", detail: { date: "2025-01-08" } });
    },
  );

  test("not before the start", () => {
    expect(refusalOf(onDate(setup({}, []), "2024-10-07"))).toBe("not_due");
  });

  test.each([
    ["2025-02-07", undefined],
    ["2025-02-08", "not_due"],
    ["2025-02-20", "not_due"],
    ["2025-03-08", "not_due"],
  ])("on %s, for a contract reserved to end on 2025-02-08: %s", (date, refusal) => {
    const facts = setup({ status: "termination_reserved", terminationOn: nextRenewalOn });
    expect(refusalOf(onDate(facts, date))).toBe(refusal);
  });
});

describe("what it does", () => {
  test("the period that has begun gets a paid row with its fee, and a license; nothing else changes", () => {
    const played = play(setup());
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      newPayments: [
        {
          id: "c-1:period:3",
          subject: "period",
          period: 3,
          startsOn: "2025-01-08",
          amountMinor: 1_980,
          state: "paid",
          paidAt: takenAt,
          stripePaymentIntentId: null,
          stripeInvoiceId: null,
        },
      ],
      paymentMoves: [],
      licenses: [{ type: "granted", paymentId: "c-1:period:3" }],
    });
  });

  test("a row that was waiting becomes paid, with its license: as period 0 does on the start date", () => {
    const due = makePayment({ period: 0, state: "due" });
    const world = makeWorld({ payments: [due] });
    expect(settled(play(makeScheduled("renew", world, on("2024-10-08"))))).toEqual({
      newPayments: [],
      paymentMoves: [{ id: due.id, from: "due", to: "paid", paidAt: takenAt }],
      licenses: [{ type: "granted", paymentId: due.id }],
    });
  });

  test("a license that suspension took from the waiting period comes back; one revoked for good does not", () => {
    const due = makePayment({ period: 3, state: "due" });
    expect(settled(play(setup({}, [due], [revokedFor(due, "suspended")]))).licenses).toEqual([
      { type: "restored", paymentId: due.id, from: "suspended" },
    ]);
    expect(settled(play(setup({}, [due], [revokedFor(due, "refunded")]))).licenses).toEqual([]);
  });

  test.each([
    [0, 1_980],
    [3, 1_980],
    [4, 980],
  ])("with %i special months, period 3 costs %i", (specialMonths, amountMinor) => {
    const facts = setup({ specialMonths, specialPriceMinor: 980 });
    expect(settled(play(facts)).newPayments).toMatchObject([{ period: 3, amountMinor }]);
  });

  test.each(["special_period", "termination_reserved"] as const)("a contract that is %s goes on as it is", (status) => {
    expect(settled(play(setup({ status }))).status).toBeUndefined();
  });

  test.each([
    ["2025-01-31", "2025-02-27", 0],
    ["2025-01-31", "2025-02-28", 1],
    ["2025-01-31", "2025-03-30", 1],
    ["2025-01-31", "2025-03-31", 2],
    ["2024-01-31", "2024-02-28", 0],
    ["2024-01-31", "2024-02-29", 1],
  ])("of a contract since %s the run of %s bills period %i", (start, date, period) => {
    const createdAt = `${start}T03:00:00Z`;
    const contract = { startOn: on(start), createdAt, renewalDueOn: renewalDate(on(start), period) };
    const facts = makeScheduled("renew", makeWorld({ contract }), on(date));
    expect(settled(play(facts)).newPayments).toMatchObject([{ period }]);
  });
});

describe("a date that comes late", () => {
  test("bills only the period that contains it: a history that is missing is not invented", () => {
    const world = makeWorld({ payments: [] });
    const change = settled(play(makeScheduled("renew", world, on("2025-01-20"))));
    expect(change.newPayments?.map(({ period }) => period)).toEqual([3]);
  });

  test("makes up for the periods of which no run was made in their time", () => {
    const contract = { renewalDueOn: on("2025-01-08") };
    const world = makeWorld({ contract, payments: paidBefore, licenses: openFor(paidBefore) });
    const change = settled(play(makeScheduled("renew", world, on("2025-03-10"))));
    expect(change.newPayments?.map(({ period, state, paidAt }) => [period, state, paidAt])).toEqual([
      [3, "paid", takenAt],
      [4, "paid", takenAt],
      [5, "paid", takenAt],
    ]);
    expect(change.licenses).toHaveLength(3);
  });

  test.each([
    // A gap that the import left, and the period in which it was registered, in Tokyo.
    ["2025-02-07T14:59:59Z", [3, 4, 5]],
    ["2025-02-07T15:00:00Z", [4, 5]],
    ["2025-03-09T00:00:00Z", [5]],
  ])("of a contract registered at %s it bills %j, and nothing from before", (createdAt, periods) => {
    const contract = { renewalDueOn: on("2024-10-08"), createdAt };
    const world = makeWorld({ contract, payments: [] });
    const change = settled(play(makeScheduled("renew", world, on("2025-03-10"))));
    expect(change.newPayments?.map(({ period }) => period)).toEqual(periods);
  });

  test("leaves what a person found unpaid, and what has been refunded since, as it is", () => {
    const rows = [makePayment({ period: 3, state: "unpaid" }), makePayment({ period: 4, state: "refunded" })];
    const world = makeWorld({ contract: { renewalDueOn: on("2025-01-08") }, payments: [...paidBefore, ...rows] });
    const change = settled(play(makeScheduled("renew", world, on("2025-03-10"))));
    expect(change.newPayments?.map(({ period }) => period)).toEqual([5]);
    expect(change.paymentMoves).toEqual([]);
  });

  test("in a run that catches up day by day bills each period once, on the day it begins", () => {
    let world = makeWorld({ payments: paidBefore, licenses: openFor(paidBefore) });
    const renewedOn: string[] = [];
    for (let date = on("2025-01-01"); date <= on("2025-03-10"); date = dayAfter(date)) {
      const { end } = play(makeScheduled("renew", world, date));
      if (end.type === "reject") continue;
      renewedOn.push(date);
      world = applyChange(world, end.change, takenAt);
    }
    expect(renewedOn).toEqual(["2025-01-08", "2025-02-08", "2025-03-08"]);
    expect(world.payments.map(({ period, state }) => [period, state])).toEqual(
      [0, 1, 2, 3, 4, 5].map((period) => [period, "paid"]),
    );
    expect(world.licenses).toEqual(openFor(world.payments));
  });
});

function dayAfter(date: BusinessDate): BusinessDate {
  return Temporal.PlainDate.from(date).add({ days: 1 }).toString() as BusinessDate;
}
