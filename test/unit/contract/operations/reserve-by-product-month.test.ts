import { describe, expect, test } from "vitest";
import type { Contract, ContractWorld, Product } from "../../../../src/contract/contract.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import {
  inMonth,
  makePayment,
  makePeriods,
  makeProduct,
  makeRunningWorld,
  nextRenewalOn,
  on,
  today,
} from "../../../support/facts.ts";
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
  type FoundSubscription,
  missing,
  overtaken,
  periodEndAt,
  periodStartAt,
  refused,
  subscriptionEnded,
  subscriptionSeen,
} from "../support/stripe-answers.ts";

const february = inMonth("2025-02");
const byCard = { paymentMethod: "card" } as const;
const unreserved = { terminationOn: null, terminationSource: null } as const;

/** A contract in period 3, until 8 February, of a product whose contracts end by themselves from February on. */
function setup(contract: Partial<Contract> = {}, product: Partial<Product> = {}, parts: Partial<ContractWorld> = {}) {
  const world = makeRunningWorld(contract);
  const month = { automaticTerminationMonth: february };
  return makeScheduled(
    "reserve_by_product_month",
    { ...world, product: makeProduct({ ...month, ...product }), ...parts },
    today,
  );
}

function withProduct(product: Partial<Product>) {
  return (facts: Facts): Facts =>
    facts.world === null ? facts : { ...facts, world: { ...facts.world, product: makeProduct(product) } };
}

/** Stripe sees the subscription so, and takes the reservation. */
function takenAtStripe(overrides: Partial<FoundSubscription> = {}) {
  const seen = subscriptionSeen(overrides);
  return {
    subscription: seen,
    reserve: done({ ...seen, cancelAtPeriodEnd: true, cancelAt: seen.currentPeriodEndAt }),
  };
}

function namesOf({ steps }: Play): readonly string[] {
  return steps.map(({ name }) => name);
}

const made = { reservation: { terminationOn: nextRenewalOn, terminationSource: "product_month" } };
/** The same over a reservation that stood for that date, which is remembered. */
const madeOver = (askedBy: string) => ({ reservation: { ...made.reservation, askedBy } });

describe("when it is due", () => {
  test.each(["bank_transfer", "other", "card"] as const)(
    "for running and suspended contracts, paid by %s",
    (paymentMethod) => {
      expect(statusesAllowed((status) => setup({ status, paymentMethod }))).toEqual([
        "active",
        "special_period",
        "termination_reserved",
        "payment_unconfirmed",
      ]);
    },
  );

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(
      setup(),
      [
        ["not_monthly", withContract({ kind: "one_time" })],
        ["status_not_allowed", withContract({ status: "not_started" })],
        ["not_due", withProduct({ automaticTerminationMonth: null })],
      ],
      commonSpoilersOfEvents,
    );
  });

  test.each([
    ["2025-01", undefined],
    ["2025-02", undefined],
    ["2025-03", "not_due"],
  ] as const)("for a contract that renews on 2025-02-08, of a product that ends in %s: %s", (month, refusal) => {
    expect(refusalOf(setup({}, { automaticTerminationMonth: inMonth(month) }))).toBe(refusal);
  });

  test.each(["bank_transfer", "card"] as const)("not for a product without a month, paid by %s", (paymentMethod) => {
    const played = play(setup({ paymentMethod }, { automaticTerminationMonth: null }));
    expect(rejected(played)).toEqual({ code: "not_due", detail: { date: "2025-01-20" } });
    expect(played.steps).toEqual([]);
  });

  test.each([
    ["2025-01-20T14:59:59Z", undefined],
    ["2025-01-20T15:00:00Z", "not_due"],
  ] as const)("for 2025-01-20 by a month, and of a contract, that is there since %s: %s", (since, refusal) => {
    for (const paymentMethod of ["bank_transfer", "card"] as const) {
      expect(refusalOf(setup({ paymentMethod }, { automaticTerminationMonthSetAt: since }))).toBe(refusal);
      expect(refusalOf(setup({ paymentMethod, createdAt: since }))).toBe(refusal);
    }
  });

  test.each(["bank_transfer", "card"] as const)("not for one that an operator made, paid by %s", (paymentMethod) => {
    expect(refusalOf(setup({ origin: "operator", paymentMethod }))).toBe("not_due");
  });

  test.each(["2025-01-20", "2025-01-19"])("not while a reservation stands whose date, %s, has come", (date) => {
    const reserved = { status: "termination_reserved", terminationOn: on(date) } as const;
    expect(refusalOf(setup(reserved))).toBe("not_due");
    expect(refusalOf(setup({ ...reserved, ...byCard }))).toBe("not_due");
  });

  test("not again once it is made", () => {
    for (const status of ["termination_reserved", "payment_unconfirmed"] as const) {
      for (const paymentMethod of ["bank_transfer", "card"] as const) {
        const reserved = { status, paymentMethod, ...made.reservation, terminationSource: "product_month" } as const;
        expect(refusalOf(setup(reserved))).toBe("not_due");
      }
    }
  });

  test.each(["bank_transfer", "card"] as const)(
    "not for one suspended before its start, paid by %s",
    (paymentMethod) => {
      const contract = { paymentMethod, status: "payment_unconfirmed", startOn: on("2025-01-21") } as const;
      expect(refusalOf(setup(contract))).toBe("not_due");
    },
  );
});

describe("without Stripe", () => {
  test.each(["active", "special_period"] as const)("a contract that is %s ends at its next renewal date", (status) => {
    const played = play(setup({ status }));
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({ status: "termination_reserved", ...made });
  });

  test("a suspended one stays suspended, with the reservation beside it", () => {
    expect(settled(play(setup({ status: "payment_unconfirmed" })))).toEqual(made);
  });

  test.each([
    ["2024-10-08", "2025-01-07", undefined],
    ["2024-10-08", "2025-01-08", "2025-02-08"],
    ["2024-10-08", "2025-02-07", "2025-02-08"],
    ["2024-10-08", "2025-02-08", "2025-03-08"],
    ["2024-12-31", "2025-01-30", undefined],
    ["2024-12-31", "2025-01-31", "2025-02-28"],
    ["2024-12-31", "2025-02-28", "2025-03-31"],
    ["2024-12-30", "2025-02-27", "2025-02-28"],
  ])("of a contract since %s, asked on %s, it is for %s", (startOn, date, terminationOn) => {
    const facts = onDate(setup({ startOn: on(startOn) }, {}, { payments: [] }), date);
    const { end } = play(facts);
    if (terminationOn === undefined) expect(refusalOf(facts)).toBe("not_due");
    else expect(end).toMatchObject({ type: "settle", change: { reservation: { terminationOn } } });
  });

  test.each(["paid", "unpaid"] as const)(
    "a late date reserves nothing that has been renewed since: the next period is %s",
    (state) => {
      const payments = [...makePeriods([0, 1, 2, 3]), makePayment({ period: 4, state })];
      expect(refusalOf(setup({}, {}, { payments }))).toBe("not_due");
    },
  );
});

describe("a reservation that stands", () => {
  test.each(["person", "stripe"] as const)("by %s for that very date becomes one by product month", (source) => {
    for (const status of ["termination_reserved", "payment_unconfirmed"] as const) {
      const reserved = { status, terminationOn: nextRenewalOn, terminationSource: source };
      expect(settled(play(setup(reserved)))).toEqual(madeOver(source));
    }
  });

  test("for an earlier date stays as it is", () => {
    const reserved = { status: "termination_reserved", terminationOn: on("2025-02-07") } as const;
    expect(refusalOf(setup(reserved))).toBe("not_due");
    for (const subscription of [subscriptionSeen(), subscriptionSeen({ cancelAt: "2025-02-06T15:00:00Z" })]) {
      expect(rejected(play(setup({ ...reserved, ...byCard }), { subscription })).code).toBe("not_due");
      const unknownHere = play(setup(byCard), { subscription: subscriptionSeen({ cancelAt: "2025-02-06T15:00:00Z" }) });
      expect(rejected(unknownHere).code).toBe("not_due");
    }
  });

  test("for a later date gives way: the contract does not outlive the product's month", () => {
    const later = {
      status: "termination_reserved",
      terminationOn: on("2025-06-08"),
      terminationSource: "stripe",
    } as const;
    const reservation = { terminationOn: nextRenewalOn, terminationSource: "product_month" };
    expect(settled(play(setup(later)))).toEqual({ reservation });
    const played = play(setup({ ...later, ...byCard }), takenAtStripe({ cancelAt: "2025-06-08T00:00:00Z" }));
    expect(namesOf(played)).toEqual(["subscription", "reserve"]);
    expect(settled(played)).toEqual({ reservation });
    const unreported = play(setup(byCard), takenAtStripe({ cancelAt: "2025-06-08T00:00:00Z" }));
    expect(settled(unreported)).toEqual({ status: "termination_reserved", reservation });
  });

  test("for a date before the product's month stays a person's", () => {
    const reserved = { status: "termination_reserved", terminationOn: nextRenewalOn } as const;
    expect(refusalOf(setup(reserved, { automaticTerminationMonth: inMonth("2025-03") }))).toBe("not_due");
  });

  test.each(["person", "stripe"] as const)("by %s, by card, becomes one without a call", (terminationSource) => {
    const reserved = { ...byCard, status: "termination_reserved", terminationSource } as const;
    const subscription = subscriptionSeen({ cancelAtPeriodEnd: true, cancelAt: periodEndAt });
    const played = play(setup(reserved), { subscription });
    expect(namesOf(played)).toEqual(["subscription"]);
    expect(settled(played)).toEqual(madeOver(terminationSource));
  });

  test("by a person, of which Stripe shows nothing, is set there too", () => {
    const played = play(setup({ ...byCard, status: "termination_reserved" }), takenAtStripe());
    expect(namesOf(played)).toEqual(["subscription", "reserve"]);
    expect(settled(played)).toEqual(madeOver("person"));
  });
});

describe("by card", () => {
  test("the subscription is looked at, then reserved to end with its period, on Stripe's date", () => {
    const played = play(setup(byCard), takenAtStripe());
    expect(played.steps).toEqual([
      { type: "look", name: "subscription", look: { verb: "read_subscription", subscriptionId: "sub_1" } },
      {
        type: "call",
        name: "reserve",
        call: { verb: "set_cancel_at_period_end", subscriptionId: "sub_1", cancelAtPeriodEnd: true },
      },
    ]);
    expect(settled(played)).toEqual({ status: "termination_reserved", ...made });
  });

  test("a suspended one is reserved at Stripe too, and stays suspended", () => {
    const pastDue = takenAtStripe({ stripeSubscriptionStatus: "past_due" });
    expect(settled(play(setup({ ...byCard, status: "payment_unconfirmed", ...unreserved }), pastDue))).toEqual(made);
  });

  test.each([
    ["2025-02-08", {}],
    ["2025-02-09", {}],
    ["2025-02-08", { currentPeriodEndAt: "2025-02-07T15:00:00Z" }],
    ["2025-02-08", { currentPeriodEndAt: "2025-02-08T14:59:59Z" }],
  ])("on a renewal date, %s, it waits until Stripe has rolled over", (date, seen) => {
    const played = play(onDate(setup(byCard), date), { subscription: subscriptionSeen(seen) });
    expect(rejected(played)).toEqual({ code: "renewal_date_today", detail: { date } });
    expect(played.steps).toHaveLength(1);
  });

  test("on a renewal date, once Stripe has rolled over, it is for the end of the period that has begun", () => {
    const next = { currentPeriodStartAt: periodEndAt, currentPeriodEndAt: "2025-03-08T00:00:00Z" };
    const played = play(onDate(setup(byCard), "2025-02-08"), takenAtStripe(next));
    expect(settled(played).reservation).toEqual({ terminationOn: "2025-03-08", terminationSource: "product_month" });
  });

  test("a late date whose period Stripe has left behind is not due, and calls nothing", () => {
    const next = { currentPeriodStartAt: periodEndAt, currentPeriodEndAt: "2025-03-08T00:00:00Z" };
    const played = play(setup(byCard), { subscription: subscriptionSeen(next) });
    expect(rejected(played)).toEqual({ code: "not_due", detail: { date: "2025-01-20" } });
    expect(namesOf(played)).toEqual(["subscription"]);
  });

  test("where Stripe's boundary and ours differ, the month of Stripe's decides", () => {
    // Begun on 31 January, 00:30 in Tokyo: a 30th in UTC, so Stripe renews on 1 March where we count 28 February.
    const first = { currentPeriodStartAt: "2025-01-30T15:30:00Z", currentPeriodEndAt: "2025-02-28T15:30:00Z" };
    const march = { automaticTerminationMonth: inMonth("2025-03") };
    const facts = setup({ ...byCard, startOn: on("2025-01-31") }, march, { payments: makePeriods([0]) });
    expect(settled(play(onDate(facts, "2025-02-28"), takenAtStripe(first)))).toEqual({
      status: "termination_reserved",
      reservation: { terminationOn: "2025-03-01", terminationSource: "product_month" },
      attention: [{ code: "renewal_date_differs", detail: { computedOn: "2025-02-28", stripeOn: "2025-03-01" } }],
    });
  });

  test("a period that ends before the product's month is not its last", () => {
    const facts = setup(byCard, { automaticTerminationMonth: inMonth("2025-03") });
    const played = play(facts, { subscription: subscriptionSeen() });
    expect(rejected(played)).toEqual({
      code: "not_due",
      detail: { date: "2025-01-20", askAgainOn: "2025-02-08" },
    });
  });

  test("if Stripe rolls over between look and call, the call is undone, and it is asked again later", () => {
    const moved = subscriptionSeen({ currentPeriodStartAt: periodEndAt, currentPeriodEndAt: "2025-03-08T00:00:00Z" });
    const played = play(setup(byCard), {
      subscription: subscriptionSeen(),
      reserve: done({ ...moved, cancelAtPeriodEnd: true }),
      undo_reserve: done(subscriptionSeen()),
    });
    expect(played.steps.at(-1)).toEqual({
      type: "call",
      name: "undo_reserve",
      call: { verb: "set_cancel_at_period_end", subscriptionId: "sub_1", cancelAtPeriodEnd: false },
    });
    expect(rejected(played)).toEqual({ code: "not_due", detail: { date: "2025-01-20" } });
  });

  test.each([
    ["with its period", { cancelAtPeriodEnd: true }],
    ["at a moment of its own", { cancelAt: "2025-02-08T12:00:00Z" }],
  ])("an end on that date, %s, which Stripe shows already needs no call", (_, seen) => {
    const played = play(setup(byCard), { subscription: subscriptionSeen(seen) });
    expect(namesOf(played)).toEqual(["subscription"]);
    expect(settled(played)).toEqual({ status: "termination_reserved", ...madeOver("stripe") });
  });

  test.each([periodStartAt, "2025-02-01T00:00:00Z"])(
    "an end at %s, which somebody set at Stripe, is left to its report",
    (cancelAt) => {
      const played = play(setup(byCard), { subscription: subscriptionSeen({ cancelAt }) });
      expect(rejected(played).code).toBe("not_due");
    },
  );

  test.each([
    ["Stripe does not know", missing],
    ["has ended", subscriptionEnded],
  ])("a subscription that %s cannot be reserved to end", (_, subscription) => {
    expect(rejected(play(setup(byCard), { subscription })).code).toBe("subscription_not_running");
  });

  test("nothing is refused of what may have ended the subscription", () => {
    const played = play(setup(byCard), { subscription: subscriptionSeen(), reserve: overtaken });
    expect(settled(played)).toEqual(endedMeanwhile);
  });

  test.each([
    ["refused as ended", refused("subscription_ended")],
    ["answered with nothing", done(missing)],
  ])("a call that is %s refuses it", (_, reserve) => {
    const played = play(setup(byCard), { subscription: subscriptionSeen(), reserve });
    expect(rejected(played).code).toBe("subscription_not_running");
  });
});
