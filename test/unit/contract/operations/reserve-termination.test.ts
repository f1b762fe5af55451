import { describe, expect, test } from "vitest";
import type { Contract, ContractWorld, Product } from "../../../../src/contract/contract.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import {
  inMonth,
  makeContract,
  makeFacts,
  makePayment,
  makePeriods,
  makeProduct,
  makeRunningWorld,
  makeWorld,
  nextRenewalOn,
  on,
} from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";
import {
  done,
  endedMeanwhile,
  type FoundSubscription,
  missing,
  overtaken,
  periodEndAt,
  refused,
  subscriptionEnded,
  subscriptionSeen,
} from "../support/stripe-answers.ts";

/** A contract in period 3, from 8 January until 8 February. */
function setup(contract: Partial<Contract> = {}, parts: Partial<ContractWorld> = {}) {
  return makeFacts("reserve_termination", { world: { ...makeRunningWorld(contract), ...parts } });
}

const byCard = { paymentMethod: "card" } as const;

/** Stripe sees the subscription so, and takes the reservation. */
function takenAtStripe(overrides: Partial<FoundSubscription> = {}) {
  const seen = subscriptionSeen(overrides);
  return {
    subscription: seen,
    reserve: done({ ...seen, cancelAtPeriodEnd: true, cancelAt: seen.currentPeriodEndAt }),
  } satisfies Record<string, Answer>;
}

describe("who may reserve the termination, and from where", () => {
  test.each(["bank_transfer", "card"] as const)("from active and special_period, paid by %s", (paymentMethod) => {
    const allowed = statusesAllowed((status) => setup({ status, paymentMethod }));
    expect(allowed).toEqual(["active", "special_period"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup(), [
      ["not_monthly", withContract({ kind: "one_time" })],
      ["status_not_allowed", withContract({ status: "termination_reserved" })],
      ["renewal_date_today", (facts) => ({ ...facts, today: on("2024-12-08") })],
      [
        "renewal_already_processed",
        (facts) =>
          facts.world === null
            ? facts
            : { ...facts, world: { ...facts.world, payments: makePeriods([0, 1, 2, 3, 4]) } },
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
});

describe("without Stripe", () => {
  test("it ends at the next renewal date; nothing else changes", () => {
    const played = play(setup());
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "termination_reserved",
      reservation: { terminationOn: "2025-02-08", terminationSource: "person" },
    });
  });

  test.each([
    ["2024-10-08", "2024-11-08"],
    ["2025-02-07", "2025-02-08"],
    ["2025-02-09", "2025-03-08"],
    ["2024-10-01", "2024-11-08"],
  ])("asked for on %s it ends on %s", (date, terminationOn) => {
    const facts = { ...setup({}, { payments: [] }), today: on(date) };
    expect(settled(play(facts)).reservation).toMatchObject({ terminationOn });
  });

  test.each(["2024-11-08", "2025-01-08", "2025-02-08"])("on a renewal date such as %s it is refused", (date) => {
    const facts = { ...setup({}, { payments: [] }), today: on(date) };
    expect(rejected(play(facts))).toEqual({ code: "renewal_date_today", detail: { date } });
  });

  test("a renewal date that a shorter month has moved counts too", () => {
    const facts = setup({ startOn: on("2025-01-31") }, { payments: [] });
    expect(refusalOf({ ...facts, today: on("2025-02-28") })).toBe("renewal_date_today");
    expect(settled(play({ ...facts, today: on("2025-02-27") })).reservation).toMatchObject({
      terminationOn: "2025-02-28",
    });
  });

  test.each(["paid", "unpaid", "never_charged", "refunded"] as const)(
    "it is refused if the next renewal has been processed meanwhile: its row is %s",
    (state) => {
      const payments = [...makePeriods([0, 1, 2, 3]), makePayment({ period: 4, state })];
      expect(rejected(play(setup({}, { payments })))).toEqual({ code: "renewal_already_processed", detail: {} });
    },
  );

  test("a row that only waits for the next period is no renewal", () => {
    const payments = [...makePeriods([0, 1, 2, 3]), makePayment({ period: 4, state: "due" })];
    expect(refusalOf(setup({}, { payments }))).toBeUndefined();
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
    expect(settled(played)).toEqual({
      status: "termination_reserved",
      reservation: { terminationOn: nextRenewalOn, terminationSource: "person" },
    });
  });

  test.each([
    ["the period's end, before Stripe has rolled over", "2025-02-08", {}],
    ["the period's start, after Stripe has rolled over", "2025-01-08", {}],
    ["an end that is still the day before in UTC", "2025-02-08", { currentPeriodEndAt: "2025-02-07T15:00:00Z" }],
    [
      "an end that is the last minute of the day in Tokyo",
      "2025-02-08",
      { currentPeriodEndAt: "2025-02-08T14:59:59Z" },
    ],
  ])("on %s it is refused after the look", (_, date, seen) => {
    const played = play({ ...setup(byCard), today: on(date) }, { subscription: subscriptionSeen(seen) });
    expect(rejected(played)).toEqual({ code: "renewal_date_today", detail: { date } });
  });

  test.each(["2025-02-07", "2025-01-09"])("on %s, a day beside a renewal date, it is taken", (date) => {
    expect(settled(play({ ...setup(byCard), today: on(date) }, takenAtStripe())).status).toBe("termination_reserved");
  });

  test("on the first day of period 0, which is no renewal, it is taken", () => {
    const first = { currentPeriodStartAt: "2024-10-08T00:00:00Z", currentPeriodEndAt: "2024-11-08T00:00:00Z" };
    const facts = { ...setup(byCard, { payments: makePeriods([0]) }), today: on("2024-10-08") };
    expect(settled(play(facts, takenAtStripe(first))).reservation).toMatchObject({ terminationOn: "2024-11-08" });
  });

  test("where Stripe's boundary and ours differ, Stripe's decides what a renewal date is", () => {
    // Begun on 31 January, 00:30 in Tokyo: a 30th in UTC, so Stripe renews on 1 March where we count 28 February.
    const first = { currentPeriodStartAt: "2025-01-30T15:30:00Z", currentPeriodEndAt: "2025-02-28T15:30:00Z" };
    const facts = setup({ ...byCard, startOn: on("2025-01-31") }, { payments: makePeriods([0]) });
    const onOurs = play({ ...facts, today: on("2025-02-28") }, takenAtStripe(first));
    expect(settled(onOurs)).toMatchObject({
      reservation: { terminationOn: "2025-03-01" },
      attention: [{ code: "renewal_date_differs", detail: { computedOn: "2025-02-28", stripeOn: "2025-03-01" } }],
    });
    const onTheirs = play({ ...facts, today: on("2025-03-01") }, { subscription: subscriptionSeen(first) });
    expect(rejected(onTheirs).code).toBe("renewal_date_today");
  });

  test("where Stripe renews before our date, its payment is no renewal after the request", () => {
    // Begun on 1 March, 00:30 in Tokyo: a 28th in UTC, so Stripe renews on 29 March where we count 1 April.
    const second = { currentPeriodStartAt: "2025-03-28T15:30:00Z", currentPeriodEndAt: "2025-04-28T15:30:00Z" };
    const facts = setup({ ...byCard, startOn: on("2025-03-01") }, { payments: makePeriods([0, 1]) });
    const played = play({ ...facts, today: on("2025-03-30") }, takenAtStripe(second));
    expect(settled(played).reservation).toMatchObject({ terminationOn: "2025-04-29" });
  });

  test("a renewal that Stripe has processed since the request refuses it, and calls nothing", () => {
    const rolledOver = { currentPeriodStartAt: periodEndAt, currentPeriodEndAt: "2025-03-08T00:00:00Z" };
    const played = play(setup(byCard), { subscription: subscriptionSeen(rolledOver) });
    expect(rejected(played)).toEqual({ code: "renewal_already_processed", detail: {} });
    expect(played.steps).toHaveLength(1);
  });

  const rolledOver = subscriptionSeen({
    currentPeriodStartAt: periodEndAt,
    currentPeriodEndAt: "2025-03-08T00:00:00Z",
    cancelAtPeriodEnd: true,
  });

  test("if Stripe rolls over between look and call, the call is undone and the request refused", () => {
    const played = play(setup(byCard), {
      subscription: subscriptionSeen(),
      reserve: done(rolledOver),
      undo_reserve: done(subscriptionSeen()),
    });
    expect(played.steps.at(-1)).toEqual({
      type: "call",
      name: "undo_reserve",
      call: { verb: "set_cancel_at_period_end", subscriptionId: "sub_1", cancelAtPeriodEnd: false },
    });
    expect(rejected(played)).toEqual({ code: "renewal_already_processed", detail: {} });
  });

  test.each([
    ["the call was told of no more", { reserve: overtaken }],
    ["it could be undone", { reserve: done(rolledOver), undo_reserve: refused("subscription_ended") }],
    ["its undoing was told of", { reserve: done(rolledOver), undo_reserve: overtaken }],
  ])("nothing is refused of what may have ended the subscription before %s", (_, answers) => {
    const played = play(setup(byCard), { subscription: subscriptionSeen(), ...answers });
    expect(settled(played)).toEqual(endedMeanwhile);
  });

  test.each([
    ["Stripe does not know", missing],
    ["has ended", subscriptionEnded],
    ["never began", subscriptionSeen({ stripeSubscriptionStatus: "incomplete_expired" })],
  ])("a subscription that %s cannot be reserved to end", (_, subscription) => {
    expect(rejected(play(setup(byCard), { subscription })).code).toBe("subscription_not_running");
  });

  test.each([
    ["refused as ended", refused("subscription_ended")],
    ["refused as unknown", refused("not_found")],
    ["answered with nothing", done(missing)],
  ])("a call that is %s refuses the request", (_, reserve) => {
    const played = play(setup(byCard), { subscription: subscriptionSeen(), reserve });
    expect(rejected(played).code).toBe("subscription_not_running");
  });
});

describe("the product's automatic-termination month", () => {
  function sourceWith(product: Partial<Product>, contract: Partial<Contract> = {}) {
    const world = makeWorld({ contract: makeContract(contract), product: makeProduct(product) });
    return settled(play(makeFacts("reserve_termination", { world }))).reservation?.terminationSource;
  }

  test.each([
    [null, "person"],
    [inMonth("2025-03"), "person"],
    [inMonth("2025-02"), "product_month"],
    [inMonth("2025-01"), "product_month"],
  ])("%s makes a reservation for 2025-02-08 one by %s", (automaticTerminationMonth, source) => {
    expect(sourceWith({ automaticTerminationMonth })).toBe(source);
  });

  test("does not reach contracts that an operator made", () => {
    expect(sourceWith({ automaticTerminationMonth: inMonth("2025-02") }, { origin: "operator" })).toBe("person");
  });

  test("reaches those by card by Stripe's date", () => {
    const facts = setup(byCard, { product: makeProduct({ automaticTerminationMonth: inMonth("2025-02") }) });
    expect(settled(play(facts, takenAtStripe())).reservation).toEqual({
      terminationOn: "2025-02-08",
      terminationSource: "product_month",
      askedBy: "person",
    });
  });
});
