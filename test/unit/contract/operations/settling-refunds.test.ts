import { describe, expect, test } from "vitest";
import { type Payment, type Refund, refundStates } from "../../../../src/contract/contract.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import { makeFacts, makePayment, makeRefund, makeTombstone, makeWorld } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { commonSpoilers, expectRefusalsInOrder, refusalOf } from "../support/refusals.ts";

const kinds = ["record_manual_refund", "waive_refund"] as const;
const outcomes = { record_manual_refund: "manual_done", waive_refund: "waived" } as const;
const paid = makePayment({ period: 2 });
const owed = makeRefund(paid, { state: "manual_due" });

function setup(kind: (typeof kinds)[number], refunds: readonly Refund[] = [owed], payment: Payment = paid): Facts {
  const world = makeWorld({ payments: [payment], refunds });
  return makeFacts(kind, { world, params: { refundId: owed.id } });
}

function deleted(
  kind: (typeof kinds)[number],
  refunds: readonly Refund[],
  customerId: string | null = "cust-1",
): Facts {
  const tombstone = makeTombstone({ customerId, refunds });
  return makeFacts(kind, { world: null, tombstone, params: { refundId: owed.id } });
}

describe.each(kinds)("%s", (kind) => {
  test("the first of several refusals answers", () => {
    expectRefusalsInOrder(
      setup(kind),
      [["refund_not_owed", (facts) => ({ ...facts, world: makeWorld({ payments: [paid] }) })]],
      // Of a deleted contract it may be asked; an unknown refund is not owed there either.
      commonSpoilers.filter(([code]) => code !== "contract_deleted"),
    );
  });

  test.each(refundStates)("one that is %s is owed, or is not", (state) => {
    const isOwed = ["due", "failed", "canceled", "manual_due"].includes(state);
    expect(refusalOf(setup(kind, [{ ...owed, state }]))).toBe(isOwed ? undefined : "refund_not_owed");
  });

  test("one that another took the place of is not owed", () => {
    const superseded = { ...owed, state: "failed", supersededBy: `${paid.id}:refund:2` } as const;
    expect(refusalOf(setup(kind, [superseded]))).toBe("refund_not_owed");
  });

  test("the row moves, from whatever it was owed as", () => {
    for (const state of ["due", "failed", "canceled", "manual_due"] as const) {
      expect(settled(play(setup(kind, [{ ...owed, state }]))).refundMoves).toEqual([
        { id: owed.id, from: state, to: outcomes[kind] },
      ]);
    }
  });

  test("of a deleted contract, the customer is forgotten with the last refund that a person owed them", () => {
    const other = makeRefund(makePayment({ period: 1 }), { state: "manual_due" });
    const atStripe = makeRefund(makePayment({ period: 0 }), { state: "due", stripePaymentIntentId: "pi_0" });
    const move = { refundMoves: [{ id: owed.id, from: "manual_due", to: outcomes[kind] }] };
    expect(settled(play(deleted(kind, [owed, other])))).toEqual({ ...move, burial: { forgetCustomer: false } });
    expect(settled(play(deleted(kind, [owed, atStripe])))).toEqual({ ...move, burial: { forgetCustomer: true } });
    expect(settled(play(deleted(kind, [owed], null)))).toEqual({ ...move, burial: { forgetCustomer: false } });
    expect(refusalOf(deleted(kind, []))).toBe("refund_not_owed");
  });
});

describe("a refund that a person has paid back", () => {
  test.each(["manual_due", "due", "failed"] as const)("makes the payment refunded (it was %s)", (state) => {
    expect(settled(play(setup("record_manual_refund", [{ ...owed, state }]))).paymentMoves).toEqual([
      { id: paid.id, from: "paid", to: "refunded" },
    ]);
  });

  test("leaves it paid while something of it is left", () => {
    const part = { ...owed, state: "due", amountMinor: 980 } as const;
    expect(settled(play(setup("record_manual_refund", [part]))).paymentMoves).toEqual([]);
  });

  test("is not recorded beyond what is lacking, when some of it has gone back by another way", () => {
    const other = makeRefund(paid, { id: `${paid.id}:refund:2`, state: "succeeded", amountMinor: 1_000 });
    const played = play(setup("record_manual_refund", [{ ...owed, state: "failed" }, other]));
    expect(rejected(played)).toEqual({
      code: "refund_not_owed",
      detail: { refundId: owed.id, lackingMinor: "980" },
    });
  });

  test("leaves a payment alone that is refunded already", () => {
    const refunded = { ...paid, state: "refunded" } as const;
    expect(settled(play(setup("record_manual_refund", [owed], refunded))).paymentMoves).toEqual([]);
  });
});

describe("a refund that is waived", () => {
  test("needs a reason", () => {
    const facts = setup("waive_refund");
    const silent = { ...facts, operation: { ...facts.operation, hasReason: false } };
    expect(play(silent).end).toMatchObject({ rejection: { code: "invalid_request", detail: { field: "reason" } } });
    const ofDeleted = deleted("waive_refund", [owed]);
    expect(refusalOf({ ...ofDeleted, operation: { ...ofDeleted.operation, hasReason: false } })).toBe(
      "invalid_request",
    );
  });

  test("leaves the payment as it is", () => {
    expect(settled(play(setup("waive_refund"))).paymentMoves).toEqual([]);
  });
});
