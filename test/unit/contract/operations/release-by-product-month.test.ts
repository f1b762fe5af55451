import { describe, expect, test } from "vitest";
import type { Contract, Product } from "../../../../src/contract/contract.ts";
import { inMonth, makeProduct, makeRunningWorld, nextRenewalOn, on, today } from "../../../support/facts.ts";
import { type Play, play, rejected, settled } from "../support/play.ts";
import {
  commonSpoilersOfEvents,
  expectRefusalsInOrder,
  refusalOf,
  statusesAllowed,
  withContract,
} from "../support/refusals.ts";
import { makeScheduled, onDate } from "../support/scheduled.ts";
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

const reservation = { terminationOn: nextRenewalOn, terminationSource: "product_month" } as const;
const byCard = { paymentMethod: "card" } as const;
const suspended = { status: "payment_unconfirmed" } as const;
const reservedAtStripe = subscriptionSeen({ cancelAtPeriodEnd: true, cancelAt: periodEndAt });

/** A contract that its product had reserved to end on 8 February, before the product's month was cleared. */
function setup(contract: Partial<Contract> = {}, product: Partial<Product> = {}) {
  const world = makeRunningWorld({ status: "termination_reserved", ...reservation, ...contract });
  return makeScheduled("release_by_product_month", { ...world, product: makeProduct(product) }, today);
}

function namesOf({ steps }: Play): readonly string[] {
  return steps.map(({ name }) => name);
}

describe("when it is due", () => {
  test.each(["bank_transfer", "other", "card"] as const)(
    "while such a reservation stands, beside a suspension too, paid by %s",
    (paymentMethod) => {
      const allowed = statusesAllowed((status) => setup({ status, paymentMethod }));
      expect(allowed).toEqual(["termination_reserved", "payment_unconfirmed"]);
    },
  );

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(
      setup(),
      [
        ["not_monthly", withContract({ kind: "one_time" })],
        ["status_not_allowed", withContract({ status: "active" })],
        ["not_due", withContract({ terminationSource: "person" })],
      ],
      commonSpoilersOfEvents,
    );
  });

  test.each(["person", "stripe"] as const)("not for a reservation that %s made", (terminationSource) => {
    expect(rejected(play(setup({ terminationSource })))).toEqual({ code: "not_due", detail: { date: "2025-01-20" } });
    expect(refusalOf(setup({ ...suspended, terminationSource }))).toBe("not_due");
  });

  test.each([
    ["2025-01-20T14:59:59Z", undefined],
    ["2025-01-20T15:00:00Z", "not_due"],
  ] as const)("for 2025-01-20 of a product that has no month since %s: %s", (since, refusal) => {
    for (const paymentMethod of ["bank_transfer", "card"] as const) {
      expect(refusalOf(setup({ paymentMethod }, { automaticTerminationMonthSetAt: since }))).toBe(refusal);
    }
  });

  test("not for a suspended contract without a reservation", () => {
    expect(refusalOf(setup({ ...suspended, terminationOn: null, terminationSource: null }))).toBe("not_due");
  });

  test.each([
    [null, undefined],
    ["2025-03", undefined],
    ["2025-02", "not_due"],
    ["2025-01", "not_due"],
  ] as const)("of a reservation for 2025-02-08, once the product's month is %s: %s", (month, refusal) => {
    const automaticTerminationMonth = month === null ? null : inMonth(month);
    expect(refusalOf(setup({}, { automaticTerminationMonth }))).toBe(refusal);
    const atStripe = { subscription: reservedAtStripe, withdraw: done(subscriptionSeen()) };
    const played = play(setup(byCard, { automaticTerminationMonth }), refusal === undefined ? atStripe : {});
    expect(played.end.type).toBe(refusal === undefined ? "settle" : "reject");
  });

  test.each([
    ["2025-02-07", undefined],
    ["2025-02-08", "not_due"],
    ["2025-02-09", "not_due"],
  ] as const)("on %s: %s, since on its date the contract ends", (date, refusal) => {
    expect(refusalOf(onDate(setup(), date))).toBe(refusal);
  });
});

describe("without Stripe", () => {
  test.each([
    [0, "2025-01-20", "active"],
    [3, "2025-01-20", "active"],
    [4, "2025-01-20", "special_period"],
    [3, "2025-01-07", "special_period"],
    [3, "2025-01-08", "active"],
  ])("with %i special months the contract goes on, on %s, in %s", (specialMonths, date, status) => {
    const facts = setup({ specialMonths, specialPriceMinor: specialMonths > 0 ? 980 : null });
    const played = play(onDate(facts, date));
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({ reservation: null, status });
  });

  test("a suspended one stays suspended", () => {
    expect(settled(play(setup(suspended)))).toEqual({ reservation: null });
  });

  test("a month's end that a shorter month has moved is of that month", () => {
    const reserved = { startOn: on("2024-12-31"), terminationOn: on("2025-02-28") };
    expect(refusalOf(setup(reserved, { automaticTerminationMonth: inMonth("2025-02") }))).toBe("not_due");
    expect(refusalOf(setup(reserved, { automaticTerminationMonth: inMonth("2025-03") }))).toBeUndefined();
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

  test.each(["person", "stripe"] as const)(
    "one that %s had made before for that date stands again as theirs, and Stripe is not asked",
    (terminationAskedBy) => {
      for (const contract of [{}, suspended, byCard, { ...byCard, ...suspended }]) {
        expect(settled(play(setup({ ...contract, terminationAskedBy })))).toEqual({
          reservation: { terminationOn: nextRenewalOn, terminationSource: terminationAskedBy },
        });
      }
    },
  );

  test("an end that was set as a moment is lifted as one", () => {
    const subscription = subscriptionSeen({ cancelAt: "2025-02-08T12:00:00Z" });
    const played = play(setup(byCard), { subscription, withdraw: done(subscriptionSeen()) });
    expect(played.steps.at(-1)).toMatchObject({ call: { verb: "clear_cancel_at", subscriptionId: "sub_1" } });
  });

  test("a suspended one stays suspended, with its reservation lifted at Stripe too", () => {
    const pastDue = subscriptionSeen({ ...reservedAtStripe, stripeSubscriptionStatus: "past_due" });
    const played = play(setup({ ...byCard, ...suspended }), { subscription: pastDue, withdraw: done(pastDue) });
    expect(namesOf(played)).toEqual(["subscription", "withdraw"]);
    expect(settled(played)).toEqual({ reservation: null });
  });

  test("one that Stripe no longer shows is lifted without a call", () => {
    const played = play(setup(byCard), { subscription: subscriptionSeen() });
    expect(namesOf(played)).toEqual(["subscription"]);
    expect(settled(played)).toEqual({ reservation: null, status: "active" });
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
  ])("a call that is %s refuses it", (_, withdraw) => {
    const played = play(setup(byCard), { subscription: reservedAtStripe, withdraw });
    expect(rejected(played).code).toBe("subscription_not_running");
  });
});
