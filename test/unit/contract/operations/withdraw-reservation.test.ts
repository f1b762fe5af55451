import { describe, expect, test } from "vitest";
import type { Contract, ContractWorld } from "../../../../src/contract/contract.ts";
import { makeFacts, makePeriods, makeRunningWorld, nextRenewalOn, on } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";
import {
  done,
  endedMeanwhile,
  missing,
  overtaken,
  periodEndAt,
  refused,
  subscriptionEnded,
  subscriptionSeen,
} from "../support/stripe-answers.ts";

/** A contract that is reserved to end on 8 February, unless its status says otherwise. */
function setup(contract: Partial<Contract> = {}, parts: Partial<ContractWorld> = {}) {
  const world = makeRunningWorld({ status: "termination_reserved", ...reservation, ...contract });
  return makeFacts("withdraw_reservation", { world: { ...world, ...parts } });
}

const reservation = { terminationOn: nextRenewalOn, terminationSource: "person" } as const;
const byCard = { paymentMethod: "card" } as const;
const reservedAtStripe = subscriptionSeen({ cancelAtPeriodEnd: true, cancelAt: periodEndAt });

describe("who may withdraw a reservation, and from where", () => {
  test.each(["bank_transfer", "card"] as const)(
    "a reserved contract, suspended or not, paid by %s",
    (paymentMethod) => {
      const allowed = statusesAllowed((status) => setup({ status, paymentMethod }));
      expect(allowed).toEqual(["termination_reserved", "payment_unconfirmed"]);
    },
  );

  test("a suspended contract without a reservation has none to withdraw", () => {
    const facts = setup({ status: "payment_unconfirmed", terminationOn: null, terminationSource: null });
    expect(rejected(play(facts))).toMatchObject({
      code: "status_not_allowed",
      detail: { status: "payment_unconfirmed" },
    });
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup(), [
      ["not_monthly", withContract({ kind: "one_time" })],
      ["status_not_allowed", withContract({ status: "active" })],
      ["renewal_date_reached", (facts) => ({ ...facts, today: nextRenewalOn })],
      ["reserved_by_product_month", withContract({ terminationSource: "product_month" })],
      [
        "renewal_already_processed",
        (facts) =>
          facts.world === null
            ? facts
            : { ...facts, world: { ...facts.world, payments: makePeriods([0, 1, 2, 3, 4, 5]) } },
      ],
    ]);
  });

  test("operators, services and the contract's own customer may ask; the schedule and Stripe may not", () => {
    const refusals = (["operator", "service", "schedule", "stripe"] as const).map((type) =>
      refusalOf(askedBy(type)(setup())),
    );
    expect(refusals).toEqual([undefined, undefined, "actor_not_allowed", "actor_not_allowed"]);
    expect(refusalOf(askedBy("customer", "cust-1")(setup()))).toBeUndefined();
    expect(refusalOf(askedBy("customer", "cust-2")(setup()))).toBe("actor_not_allowed");
  });

  test.each(["person", "stripe"] as const)("a reservation made by %s may be withdrawn", (terminationSource) => {
    expect(refusalOf(setup({ terminationSource }))).toBeUndefined();
  });
});

describe("the date", () => {
  test.each([
    ["2025-02-07", undefined],
    ["2025-02-08", "renewal_date_reached"],
    ["2025-02-09", "renewal_date_reached"],
  ] as const)("on %s, for a reservation on 2025-02-08: %s", (date, refusal) => {
    expect(refusalOf({ ...setup(), today: on(date) })).toBe(refusal);
  });

  test("that has come is named in the refusal", () => {
    expect(rejected(play({ ...setup(), today: on("2025-02-20") })).detail).toEqual({ date: "2025-02-08" });
  });
});

describe("without Stripe", () => {
  test.each([
    [0, "active"],
    [3, "active"],
    [4, "special_period"],
  ])("with %i special months a running contract goes on in %s", (specialMonths, status) => {
    const played = play(setup({ specialMonths, specialPriceMinor: specialMonths > 0 ? 980 : null }));
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({ reservation: null, status });
  });

  test("a suspended contract stays suspended", () => {
    expect(settled(play(setup({ status: "payment_unconfirmed" })))).toEqual({ reservation: null });
  });

  test("it is refused if a renewal has been processed since the request", () => {
    const facts = setup({ terminationOn: on("2025-03-08") }, { payments: makePeriods([0, 1, 2, 3, 4]) });
    expect(rejected(play(facts))).toEqual({ code: "renewal_already_processed", detail: {} });
  });
});

describe("by card", () => {
  test("the subscription is looked at, and its reservation lifted", () => {
    const played = play(setup(byCard), { subscription: reservedAtStripe, withdraw: done(subscriptionSeen()) });
    expect(played.steps).toEqual([
      { type: "look", name: "subscription", look: { verb: "read_subscription", subscriptionId: "sub_1" } },
      {
        type: "call",
        name: "withdraw",
        call: { verb: "set_cancel_at_period_end", subscriptionId: "sub_1", cancelAtPeriodEnd: false },
      },
    ]);
    expect(settled(played)).toEqual({ reservation: null, status: "active" });
  });

  test("a suspended contract stays suspended, with its reservation lifted at Stripe too", () => {
    const pastDue = subscriptionSeen({ ...reservedAtStripe, stripeSubscriptionStatus: "past_due" });
    const answers = { subscription: pastDue, withdraw: done(subscriptionSeen()) };
    expect(settled(play(setup({ ...byCard, status: "payment_unconfirmed" }), answers))).toEqual({ reservation: null });
  });

  test("a renewal that Stripe has processed since the request refuses it, and calls nothing", () => {
    const rolledOver = { currentPeriodStartAt: periodEndAt, currentPeriodEndAt: "2025-03-08T00:00:00Z" };
    const facts = setup({ ...byCard, terminationOn: on("2025-03-08") });
    const played = play(facts, { subscription: subscriptionSeen(rolledOver) });
    expect(rejected(played)).toEqual({ code: "renewal_already_processed", detail: {} });
    expect(played.steps).toHaveLength(1);
  });

  test("where Stripe renews before our date, its payment is no renewal after the request", () => {
    const second = { currentPeriodStartAt: "2025-03-28T15:30:00Z", currentPeriodEndAt: "2025-04-28T15:30:00Z" };
    const contract = { ...byCard, startOn: on("2025-03-01"), terminationOn: on("2025-04-29") };
    const facts = { ...setup(contract, { payments: makePeriods([0, 1]) }), today: on("2025-03-30") };
    const answers = { subscription: subscriptionSeen(second), withdraw: done(subscriptionSeen(second)) };
    expect(settled(play(facts, answers)).reservation).toBeNull();
  });

  test.each([
    ["Stripe does not know", missing],
    ["has ended", subscriptionEnded],
  ])("a subscription that %s cannot go on", (_, subscription) => {
    expect(rejected(play(setup(byCard), { subscription })).code).toBe("subscription_not_running");
  });

  test("nothing is refused of what may have been lifted before the subscription ended", () => {
    const played = play(setup(byCard), { subscription: reservedAtStripe, withdraw: overtaken });
    expect(settled(played)).toEqual(endedMeanwhile);
  });

  test.each([
    ["refused because it has ended meanwhile", refused("subscription_ended")],
    ["answered with nothing", done(missing)],
  ])("a call that is %s refuses the request", (_, withdraw) => {
    const played = play(setup(byCard), { subscription: reservedAtStripe, withdraw });
    expect(rejected(played).code).toBe("subscription_not_running");
  });
});
