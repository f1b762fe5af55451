import { describe, expect, test } from "vitest";
import type { Contract, License, Payment, Refund } from "../../../../src/contract/contract.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import { makePayment, makePeriods, makeRefund, makeWorld, on, revokedFor } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { commonSpoilersOfEvents, expectRefusalsInOrder, statusesAllowed, withContract } from "../support/refusals.ts";
import { makeScheduled, onDate } from "../support/scheduled.ts";
import { missing, subscriptionEnded, subscriptionSeen } from "../support/stripe-answers.ts";

interface Parts {
  readonly contract?: Partial<Contract>;
  readonly payments?: readonly Payment[];
  readonly refunds?: readonly Refund[];
  readonly licenses?: readonly License[];
}

const startOn = on("2025-01-31");
const fee = makePayment({ subject: "initial_fee" });
const price = makePayment({ subject: "one_time_price" });
const first = makePayment({ period: 0 });

/** A contract that begins on 31 January, on that day. */
function setup({ contract, ...rows }: Parts = {}) {
  const world = makeWorld({ ...rows, contract: { status: "not_started", startOn, ...contract } });
  return makeScheduled("start", world, startOn);
}

const oneTime = { kind: "one_time" } as const;
const byCard = { paymentMethod: "card" } as const;

describe("when it is due", () => {
  test.each([
    ["monthly", "bank_transfer"],
    ["monthly", "card"],
    ["one_time", "other"],
    ["one_time", "card"],
  ] as const)("only from not_started: %s, paid by %s", (kind, paymentMethod) => {
    expect(statusesAllowed((status) => setup({ contract: { kind, paymentMethod, status } }))).toEqual(["not_started"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(
      setup(),
      [
        ["status_not_allowed", withContract({ status: "active" })],
        ["not_due", withContract({ startOn: on("2025-02-01") })],
      ],
      commonSpoilersOfEvents,
    );
  });

  test("not on the day before, which the refusal names", () => {
    expect(rejected(play(onDate(setup(), "2025-01-30")))).toEqual({ code: "not_due", detail: { date: "2025-01-30" } });
  });
});

describe("the status", () => {
  test("of a one-time contract is established", () => {
    const played = play(setup({ contract: oneTime, payments: [fee, price] }));
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "established",
      licenses: [{ type: "granted", paymentId: price.id }],
    });
  });

  test.each([
    [0, "2025-01-31", "active"],
    [1, "2025-01-31", "special_period"],
    [1, "2025-02-27", "special_period"],
    [1, "2025-02-28", "active"],
    [2, "2025-02-28", "special_period"],
    [2, "2025-03-31", "active"],
  ])("of a monthly one with %i special months, started on %s, is %s", (specialMonths, date, status) => {
    const contract = { specialMonths, specialPriceMinor: specialMonths > 0 ? 980 : null };
    expect(settled(play(onDate(setup({ contract }), date))).status).toBe(status);
  });

  test.each(["bank_transfer", "other"] as const)("is one that runs, paid by %s, looking nowhere", (paymentMethod) => {
    const played = play(setup({ contract: { paymentMethod } }));
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({ status: "active", licenses: [] });
  });
});

describe("by card", () => {
  function startedWith(subscription: Answer) {
    return settled(play(setup({ contract: byCard }), { subscription }));
  }

  test.each([
    ["runs on", subscriptionSeen()],
    ["has ended", subscriptionEnded],
    ["is not there", missing],
    ["ends on the start date itself", subscriptionSeen({ cancelAt: "2025-01-31T03:00:00Z" })],
  ])("it runs when its subscription %s", (_, subscription) => {
    expect(startedWith(subscription)).toEqual({ status: "active", licenses: [] });
  });

  test("an end that Stripe was told of before the start is mirrored", () => {
    expect(startedWith(subscriptionSeen({ cancelAt: "2025-02-28T03:00:00Z" }))).toEqual({
      status: "termination_reserved",
      reservation: { terminationOn: "2025-02-28", terminationSource: "stripe" },
      licenses: [],
    });
  });
});

describe("the licenses", () => {
  function licensesOf(parts: Parts) {
    const answers = parts.contract === byCard ? { subscription: subscriptionSeen() } : {};
    return settled(play(setup(parts), answers)).licenses;
  }

  test("of everything paid are granted; an initial fee opens nothing", () => {
    expect(licensesOf({ payments: [fee, first, makePayment({ period: 1 })] })).toEqual([
      { type: "granted", paymentId: "c-1:period:0" },
      { type: "granted", paymentId: "c-1:period:1" },
    ]);
  });

  test("of a contract by card need the first period's own payment, not only its initial fee", () => {
    expect(licensesOf({ contract: byCard, payments: [fee] })).toEqual([]);
    expect(licensesOf({ contract: byCard, payments: [fee, { ...first, state: "due", paidAt: null }] })).toEqual([]);
    expect(licensesOf({ contract: byCard, payments: [fee, first] })).toEqual([
      { type: "granted", paymentId: first.id },
    ]);
  });

  test.each(["due", "unpaid", "never_charged", "refunded"] as const)("are not of a row that is %s", (state) => {
    expect(licensesOf({ payments: makePeriods([0], { state }) })).toEqual([]);
  });

  test("leave a row that is due to the renewal of the same day", () => {
    const change = settled(play(setup({ payments: makePeriods([0], { state: "due" }) })));
    expect(change.paymentMoves).toBeUndefined();
    expect(change.newPayments).toBeUndefined();
  });

  test.each(["pending", "requires_action", "succeeded", "manual_due", "manual_done"] as const)(
    "are not of a payment that is given back: its refund is %s",
    (state) => {
      expect(licensesOf({ payments: [first], refunds: [makeRefund(first, { state })] })).toEqual([]);
    },
  );

  test.each(["failed", "canceled", "waived", "due"] as const)(
    "are of a payment that was kept after all: its refund is %s",
    (state) => {
      expect(licensesOf({ payments: [first], refunds: [makeRefund(first, { state })] })).toHaveLength(1);
    },
  );

  test("are of a month that costs nothing, too", () => {
    expect(licensesOf({ payments: [{ ...first, amountMinor: 0 }] })).toHaveLength(1);
  });

  test("that were revoked for good stay so", () => {
    expect(licensesOf({ payments: [first], licenses: [revokedFor(first, "refunded")] })).toEqual([]);
  });
});
