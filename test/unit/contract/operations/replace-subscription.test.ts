import { describe, expect, test } from "vitest";
import type { Contract } from "../../../../src/contract/contract.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import { makeCatalog, makeFacts, makeRunningWorld } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { expectRefusalsInOrder, statusesAllowed, withContract } from "../support/refusals.ts";
import { missing, subscriptionSeen } from "../support/stripe-answers.ts";

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
});
