import { describe, expect, test } from "vitest";
import type { Contract } from "../../../../src/contract/contract.ts";
import { makeFacts, makePayment, makeWorld, on, openFor } from "../../../support/facts.ts";
import { play, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";
import { done, intentSeen, refundSeen, refundsSeen, refused } from "../support/stripe-answers.ts";

const price = makePayment({ subject: "one_time_price", amountMinor: 9_800, stripePaymentIntentId: "pi_1" });
const lookName = `refunds_of:${price.id}`;
const callName = `refund:${price.id}`;
const refundId = `${price.id}:refund:1`;

/** Stripe took the price by the intent, and nothing beside it. */
const took = { payment_intent: intentSeen(9_800) };

/** A one-time contract paid by card, with its price paid and open. */
function setup(overrides: Partial<Contract> = {}) {
  const contract = { kind: "one_time", paymentMethod: "card", status: "established", ...overrides } as const;
  return makeFacts("cancel_with_refund", {
    world: makeWorld({ contract, payments: [price], licenses: openFor([price]) }),
  });
}

describe("who may cancel with a refund, and from where", () => {
  test("a one-time contract by card: established, or before its start", () => {
    const allowed = statusesAllowed((status) => setup({ status }));
    expect(allowed).toEqual(["not_started", "established"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup(), [
      ["not_one_time", withContract({ kind: "monthly" })],
      ["not_paid_by_card", withContract({ paymentMethod: "bank_transfer" })],
      ["status_not_allowed", withContract({ status: "canceled" })],
    ]);
  });

  test.each(["bank_transfer", "other"] as const)("a contract paid by %s is refused as not paid by card", (method) => {
    expect(refusalOf(setup({ paymentMethod: method }))).toBe("not_paid_by_card");
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
  test("the payment is looked at and refunded in full, its license revoked, everyone told", () => {
    const played = play(setup(), {
      ...took,
      [lookName]: refundsSeen(9_800),
      [callName]: done(refundSeen(refundId, 9_800)),
    });

    expect(played.steps).toEqual([
      { type: "look", name: "payment_intent", look: { verb: "read_payment_intent", paymentIntentId: "pi_1" } },
      { type: "look", name: lookName, look: { verb: "list_refunds", paymentIntentId: "pi_1" } },
      {
        type: "call",
        name: callName,
        call: { verb: "refund_payment", refundId, paymentIntentId: "pi_1", amountMinor: 9_800 },
        refund: {
          isNew: true,
          refundId,
          paymentId: price.id,
          amountMinor: 9_800,
          stripePaymentIntentId: "pi_1",
          supersedes: [],
        },
      },
    ]);
    expect(settled(played)).toEqual({
      status: "canceled",
      reservation: null,
      newPayments: [],
      paymentMoves: [{ id: price.id, from: "paid", to: "refunded" }],
      newRefunds: [],
      refundMoves: [],
      licenses: [{ type: "revoked", paymentId: price.id, because: "canceled" }],
      attention: [],
      notices: [
        { kind: "contract_canceled", recipient: "customer", detail: { refundMinor: 9_800, owedMinor: 0 } },
        { kind: "contract_canceled", recipient: "operators", detail: { refundMinor: 9_800, owedMinor: 0 } },
      ],
    });
  });

  test("before the start date it is the same, without a license to revoke", () => {
    const facts = setup({ status: "not_started", startOn: on("2025-02-01") });
    const world = facts.world === null ? null : { ...facts.world, licenses: [] };
    const played = play(
      { ...facts, world },
      { ...took, [lookName]: refundsSeen(9_800), [callName]: done(refundSeen(refundId, 9_800)) },
    );
    expect(settled(played)).toMatchObject({
      status: "canceled",
      licenses: [],
      paymentMoves: [{ id: price.id, from: "paid", to: "refunded" }],
    });
  });

  test("the initial fee is refunded too", () => {
    const fee = makePayment({ subject: "initial_fee", amountMinor: 5_000, stripePaymentIntentId: "pi_1" });
    const contract = { kind: "one_time", paymentMethod: "card", status: "established" } as const;
    const facts = makeFacts("cancel_with_refund", { world: makeWorld({ contract, payments: [fee, price] }) });
    const played = play(facts, {
      payment_intent: intentSeen(14_800),
      [`refunds_of:${fee.id}`]: refundsSeen(14_800),
      [`refund:${fee.id}`]: done(refundSeen(`${fee.id}:refund:1`, 5_000)),
      [lookName]: refundsSeen(14_800, 9_800),
      [callName]: done(refundSeen(refundId, 9_800)),
    });
    expect(settled(played).paymentMoves?.map(({ id }) => id)).toEqual([fee.id, price.id]);
    expect(settled(played).notices?.[0]?.detail).toEqual({ refundMinor: 14_800, owedMinor: 0 });
  });

  test("a refund that Stripe refuses cancels the contract all the same and is owed", () => {
    const played = play(setup(), {
      ...took,
      [lookName]: refundsSeen(9_800),
      [callName]: refused("charge_not_refundable"),
    });
    expect(settled(played)).toMatchObject({
      status: "canceled",
      paymentMoves: [],
      licenses: [{ type: "revoked", paymentId: price.id, because: "canceled" }],
      attention: [{ code: "refund_owed", detail: { refundId, refusal: "charge_not_refundable" } }],
    });
    expect(settled(played).notices?.map(({ kind }) => kind)).toContain("refund_refused");
    // Nobody is promised what Stripe will not send.
    expect(settled(played).notices?.[0]?.detail).toEqual({ refundMinor: 9_800, owedMinor: 9_800 });
  });

  test("what the charge holds beyond our rows goes back as well", () => {
    const played = play(setup(), {
      payment_intent: intentSeen(10_780),
      [lookName]: refundsSeen(10_780),
      [callName]: done(refundSeen(refundId, 9_800)),
      "refunds_of:pi_1": refundsSeen(10_780, 980),
      "refund:pi_1": done(refundSeen("pi_1:refund:1", 980)),
    });
    expect(settled(played)).toMatchObject({
      newPayments: [],
      paymentMoves: [{ id: price.id, from: "paid", to: "refunded" }],
      attention: [],
    });
    expect(settled(played).notices?.[0]?.detail).toEqual({ refundMinor: 10_780, owedMinor: 0 });
  });

  test("unless it was lost in a dispute", () => {
    const facts = setup();
    const lost = facts.world && { ...facts.world, payments: [{ ...price, dispute: "lost" as const }] };
    const played = play({ ...facts, world: lost }, { payment_intent: intentSeen(10_780) });
    expect(settled(played)).toMatchObject({ status: "canceled", paymentMoves: [], newRefunds: [] });
  });

  test("a second row of one charge that has nothing left was refunded elsewhere", () => {
    const played = play(setup(), { ...took, [lookName]: refundsSeen(9_800, 0) });
    expect(settled(played)).toMatchObject({
      paymentMoves: [{ id: price.id, from: "paid", to: "refunded" }],
      attention: [{ code: "refunded_elsewhere" }],
    });
  });
});
