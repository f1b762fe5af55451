import { describe, expect, test } from "vitest";
import type { Contract } from "../../../../src/contract/contract.ts";
import { makeFacts, makePayment, makeWorld, on, openFor } from "../../../support/facts.ts";
import { play, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";

const price = makePayment({ subject: "one_time_price", amountMinor: 9_800 });

/** A one-time contract by bank transfer, paid, unless told otherwise. */
function setup(contract: Partial<Contract> = {}) {
  const terms = { kind: "one_time", status: "established", ...contract } as const;
  return makeFacts("cancel_manual_refund", {
    world: makeWorld({ contract: terms, payments: [price], licenses: openFor([price]) }),
  });
}

describe("who may, and when", () => {
  test("the first of several refusals answers", () => {
    expectRefusalsInOrder(setup(), [
      ["not_one_time", withContract({ kind: "monthly" })],
      ["paid_by_card", withContract({ paymentMethod: "card" })],
      ["status_not_allowed", withContract({ status: "canceled" })],
    ]);
  });

  test("it is for what is established, or has not started", () => {
    expect(statusesAllowed((status) => setup({ status }))).toEqual(["not_started", "established"]);
  });

  test("customers, the calendar and Stripe may not ask it", () => {
    for (const type of ["customer", "schedule", "stripe"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup()))).toBe("actor_not_allowed");
    }
  });
});

describe("what it does", () => {
  test.each(["bank_transfer", "other"] as const)("by %s, what was paid is noted as owed by hand", (paymentMethod) => {
    const refundId = `${price.id}:refund:1`;
    const played = play(setup({ paymentMethod }));
    expect(played.steps).toEqual([]);
    expect(settled(played)).toMatchObject({
      status: "canceled",
      paymentMoves: [],
      newRefunds: [{ id: refundId, paymentId: price.id, amountMinor: 9_800, state: "manual_due" }],
      licenses: [{ type: "revoked", paymentId: price.id, because: "canceled" }],
      attention: [{ code: "refund_owed_by_hand", detail: { refundId, amountMinor: 9_800 } }],
      notices: [
        { kind: "contract_canceled", recipient: "customer", detail: { refundMinor: 9_800, owedMinor: 9_800 } },
        { kind: "contract_canceled", recipient: "operators", detail: { refundMinor: 9_800, owedMinor: 9_800 } },
      ],
    });
  });

  test("before the start date there is no license to revoke", () => {
    const facts = setup({ status: "not_started", startOn: on("2025-02-01") });
    const world = facts.world === null ? null : { ...facts.world, licenses: [] };
    expect(settled(play({ ...facts, world }))).toMatchObject({ status: "canceled", licenses: [] });
  });
});
