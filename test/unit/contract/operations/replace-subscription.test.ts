import { describe, expect, test } from "vitest";
import { businessDateOf } from "../../../../src/contract/calendar.ts";
import type { Contract } from "../../../../src/contract/contract.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import { makeCatalog, makeFacts, makeRunningWorld, on } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { expectRefusalsInOrder, statusesAllowed, withContract } from "../support/refusals.ts";
import { done, missing, subscriptionSeen } from "../support/stripe-answers.ts";

const next = subscriptionSeen({ id: "sub_2" });

function setup(contract: Partial<Contract> = {}, subscriptionId = "sub_2", stripeReferenceTaken = false): Facts {
  return makeFacts("replace_subscription", {
    world: makeRunningWorld({ paymentMethod: "card", ...contract }),
    catalog: makeCatalog({ stripeReferenceTaken }),
    params: { subscriptionId },
  });
}

describe("who may, and when", () => {
  test("the first of several refusals answers", () => {
    expectRefusalsInOrder(setup(), [
      ["not_monthly", withContract({ kind: "one_time" })],
      ["not_paid_by_card", withContract({ paymentMethod: "other" })],
      ["status_not_allowed", withContract({ status: "terminated" })],
      ["subscription_mismatch", withContract({ stripeSubscriptionId: "sub_2" })],
    ]);
  });

  test("it is for whatever has not ended", () => {
    expect(statusesAllowed((status) => setup({ status }))).toEqual([
      "awaiting_payment",
      "not_started",
      "established",
      "active",
      "special_period",
      "termination_reserved",
      "payment_unconfirmed",
    ]);
  });

  test.each([
    ["bills the contract already", setup({}, "sub_1")],
    ["billed it before", setup({ formerStripeSubscriptionIds: ["sub_2"] })],
    ["belongs to another contract", setup({}, "sub_2", true)],
  ])("one that %s is refused, and Stripe is not asked", (_, facts) => {
    const played = play(facts);
    expect(played.steps).toEqual([]);
    expect(rejected(played)).toMatchObject({ code: "subscription_mismatch" });
  });

  test.each([
    ["Stripe does not know", missing],
    ["belongs to another customer", subscriptionSeen({ id: "sub_2", customerId: "cus_2" })],
    ["has ended", subscriptionSeen({ id: "sub_2", stripeSubscriptionStatus: "canceled" })],
    ["never began", subscriptionSeen({ id: "sub_2", stripeSubscriptionStatus: "incomplete_expired" })],
  ])("one that %s is refused", (_, seen) => {
    expect(rejected(play(setup(), { new_subscription: seen }))).toMatchObject({ code: "subscription_mismatch" });
  });
});

describe("what it does", () => {
  test("from now on the new one bills the contract; nothing is called", () => {
    const played = play(setup(), { new_subscription: next });
    expect(played.steps).toEqual([
      { type: "look", name: "new_subscription", look: { verb: "read_subscription", subscriptionId: "sub_2" } },
    ]);
    expect(settled(played)).toEqual({ subscriptionId: "sub_2" });
  });

  const reserved = { status: "termination_reserved", terminationOn: on("2025-02-08") } as const;

  test.each(["person", "product_month"] as const)(
    "a reservation by %s ends the new one with its period, and stands for that day",
    (terminationSource) => {
      const ending = { ...next, cancelAtPeriodEnd: true };
      const played = play(setup({ ...reserved, terminationSource, terminationAskedBy: null }), {
        new_subscription: next,
        reserve: done(ending),
      });
      expect(played.steps.at(-1)).toEqual({
        type: "call",
        name: "reserve",
        call: { verb: "set_cancel_at_period_end", subscriptionId: "sub_2", cancelAtPeriodEnd: true },
      });
      const terminationOn = businessDateOf(next.currentPeriodEndAt, "Asia/Tokyo");
      expect(settled(played)).toEqual({ subscriptionId: "sub_2", reservation: { terminationOn, terminationSource } });
    },
  );

  test("a reservation stands for the day on which the new one ends by itself, and nothing is called", () => {
    const facts = setup({ ...reserved, terminationSource: "product_month", terminationAskedBy: "person" });
    const played = play(facts, { new_subscription: { ...next, cancelAt: "2025-03-08T03:00:00Z" } });
    expect(played.steps).toHaveLength(1);
    expect(settled(played).reservation).toEqual({
      terminationOn: "2025-03-08",
      terminationSource: "product_month",
      askedBy: "person",
    });
  });

  test.each([
    ["termination_reserved", { status: "active" }],
    ["payment_unconfirmed", {}],
  ] as const)("one made at Stripe is lifted where the new one goes on, of one that is %s", (status, becomes) => {
    const facts = setup({ ...reserved, status, terminationSource: "stripe", terminationAskedBy: null });
    const played = play(facts, { new_subscription: next });
    expect(settled(played)).toEqual({
      subscriptionId: "sub_2",
      reservation: null,
      ...becomes,
      attention: [{ code: "reservation_lifted_at_stripe", detail: { subscriptionId: "sub_2" } }],
    });
  });

  test("one that is renewed between look and call is left as it was, and refused", () => {
    const facts = setup({ ...reserved, terminationSource: "person", terminationAskedBy: null });
    const renewed = { ...next, cancelAtPeriodEnd: true, currentPeriodEndAt: "2025-04-08T03:00:00Z" };
    const played = play(facts, { new_subscription: next, reserve: done(renewed), undo_reserve: done(next) });
    expect(rejected(played)).toMatchObject({ code: "subscription_mismatch" });
  });
});
