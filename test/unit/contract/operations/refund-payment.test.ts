import { describe, expect, test } from "vitest";
import type { Contract, Payment, Refund } from "../../../../src/contract/contract.ts";
import { contractStatuses } from "../../../../src/contract/contract.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import {
  makeFacts,
  makePayment,
  makeRefund,
  makeTombstone,
  makeWorld,
  openFor,
  revokedFor,
} from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { commonSpoilers, expectRefusalsInOrder, refusalOf } from "../support/refusals.ts";
import {
  addedLine,
  done,
  listed,
  paidInvoiceSeen,
  paidInvoices,
  periodLine,
  refundSeen,
  refundsSeen,
  refused,
} from "../support/stripe-answers.ts";

const paid = makePayment({ period: 2, stripePaymentIntentId: "pi_2" });
const refundId = `${paid.id}:refund:1`;
const [lookName, callName] = [`refunds_of:${paid.id}`, `refund:${paid.id}`];

interface Parts {
  readonly contract?: Partial<Contract>;
  readonly payment?: Payment;
  readonly refunds?: readonly Refund[];
  readonly params?: Readonly<Record<string, unknown>>;
}

/** One period's fee of a contract by card is to be refunded, unless told otherwise. */
function setup({ contract = {}, payment = paid, refunds = [], params = {} }: Parts = {}): Facts {
  const world = makeWorld({
    contract: { paymentMethod: "card", ...contract },
    payments: [payment],
    refunds,
    licenses: openFor([payment]),
  });
  return makeFacts("refund_payment", { world, params: { paymentId: paid.id, ...params } });
}

function withPayment(overrides: Partial<Payment>) {
  return (facts: Facts): Facts =>
    facts.world === null
      ? facts
      : {
          ...facts,
          world: { ...facts.world, payments: facts.world.payments.map((row) => ({ ...row, ...overrides })) },
        };
}

describe("who may, and when", () => {
  test("the first of several refusals answers", () => {
    expectRefusalsInOrder(
      setup(),
      [
        ["payment_not_found", withPayment({ id: "c-2:period:2" })],
        ["payment_not_paid", withPayment({ state: "unpaid", paidAt: null })],
        ["payment_disputed", withPayment({ dispute: "lost" })],
      ],
      // Of a deleted contract it may be asked, and is answered in words of its own.
      commonSpoilers.filter(([code]) => code !== "contract_deleted"),
    );
  });

  test.each(contractStatuses)("a contract that is %s allows it", (status) => {
    expect(refusalOf(setup({ contract: { status } }))).toBeUndefined();
  });

  test.each(["due", "unpaid", "never_charged"] as const)("what is %s was not paid", (state) => {
    expect(refusalOf(withPayment({ state, paidAt: null })(setup()))).toBe("payment_not_paid");
  });

  test.each(["pending", "requires_action", "succeeded", "manual_due", "manual_done"] as const)(
    "what has a refund that is %s is refunded already",
    (state) => {
      expect(refusalOf(setup({ refunds: [makeRefund(paid, { state })] }))).toBe("already_refunded");
    },
  );

  test("what was refunded before is not refunded again", () => {
    expect(refusalOf(withPayment({ state: "refunded" })(setup()))).toBe("already_refunded");
  });

  test.each(["open", "won"] as const)("a dispute that is %s does not stand in the way", (dispute) => {
    expect(refusalOf(withPayment({ dispute })(setup()))).toBeUndefined();
  });

  test("what Stripe says is wholly refunded is refused, and nothing is sent", () => {
    const played = play(setup(), { [lookName]: refundsSeen(1_980, 0) });
    expect(rejected(played)).toMatchObject({ code: "already_refunded", detail: { paymentId: paid.id } });
  });
});

describe("by card", () => {
  test("the whole row goes back through Stripe, and status, license and others stay as they are", () => {
    const played = play(setup(), { [lookName]: refundsSeen(1_980), [callName]: done(refundSeen(refundId, 1_980)) });
    expect(played.steps.map(({ name }) => name)).toEqual([lookName, callName]);
    expect(settled(played)).toEqual({
      newRefunds: [],
      refundMoves: [],
      paymentMoves: [{ id: paid.id, from: "paid", to: "refunded" }],
      attention: [],
      notices: [],
      licenses: [],
    });
  });

  test("with revokeLicense, its license is revoked at once", () => {
    const played = play(setup({ params: { revokeLicense: true } }), {
      [lookName]: refundsSeen(1_980),
      [callName]: done(refundSeen(refundId, 1_980)),
    });
    expect(settled(played).licenses).toEqual([{ type: "revoked", paymentId: paid.id, because: "refunded" }]);
  });

  test("a license that was revoked before keeps its reason", () => {
    const facts = setup({ params: { revokeLicense: true } });
    const world = facts.world === null ? null : { ...facts.world, licenses: [revokedFor(paid, "suspended")] };
    const answers = { [lookName]: refundsSeen(1_980), [callName]: done(refundSeen(refundId, 1_980)) };
    expect(settled(play({ ...facts, world }, answers)).licenses).toEqual([]);
  });

  test("a refusal of Stripe's leaves it owed and tells the operators", () => {
    const played = play(setup(), { [lookName]: refundsSeen(1_980), [callName]: refused("charge_not_refundable") });
    expect(settled(played)).toMatchObject({
      paymentMoves: [],
      attention: [{ code: "refund_owed", detail: { refundId, refusal: "charge_not_refundable" } }],
      notices: [{ kind: "refund_refused", recipient: "operators", detail: { refunds: 1, owedMinor: 1_980 } }],
    });
  });

  describe("brought along without its ids", () => {
    const nameless = makePayment({ period: 2 });
    const charge = paidInvoiceSeen("in_2", [periodLine("2024-12-08")]);
    const names = { stripeInvoiceId: "in_2", stripePaymentIntentId: "pi_2" };
    const goesBack = { [lookName]: refundsSeen(1_980), [callName]: done(refundSeen(refundId, 1_980)) };

    test("it is found by what Stripe's invoices bill, and goes back through Stripe", () => {
      const played = play(setup({ payment: nameless }), {
        "paid_invoices:sub_1": paidInvoices(listed(charge)),
        "invoice:in_2": charge,
        ...goesBack,
      });
      expect(settled(played)).toMatchObject({
        newRefunds: [],
        paymentMoves: [{ id: nameless.id, from: "paid", to: "refunded", ...names }],
      });
    });

    test("with its invoice alone, it learns the intent from the list", () => {
      const played = play(setup({ payment: { ...nameless, stripeInvoiceId: "in_2" } }), {
        "paid_invoices:sub_1": paidInvoices(listed(charge)),
        ...goesBack,
      });
      expect(settled(played).paymentMoves).toMatchObject([{ from: "paid", to: "refunded", ...names }]);
    });

    test("where two charges may be meant, a person tells them apart, and nothing is noted as owed", () => {
      const twice = paidInvoiceSeen("in_3", [periodLine("2024-12-08")]);
      const manual = paidInvoiceSeen("in_m", [addedLine(1_980)], { billingReason: "manual" });
      for (const other of [twice, manual]) {
        const played = play(setup({ payment: nameless }), {
          "paid_invoices:sub_1": paidInvoices(...(other === twice ? [listed(charge)] : []), listed(other)),
          ...(other === twice ? { "invoice:in_2": charge } : {}),
          [`invoice:${other.id}`]: other,
        });
        expect(settled(played)).toEqual({
          attention: [{ code: "payment_unknown", detail: { paymentId: nameless.id, amountMinor: 1_980 } }],
        });
      }
    });

    test("what Stripe knows nothing of is a note for a person", () => {
      const played = play(setup({ payment: nameless }), { "paid_invoices:sub_1": paidInvoices() });
      expect(settled(played)).toEqual({
        newRefunds: [expect.objectContaining({ paymentId: nameless.id, state: "manual_due" })],
        refundMoves: [],
        paymentMoves: [],
        attention: [{ code: "refund_owed_by_hand", detail: { refundId, amountMinor: 1_980 } }],
        notices: [],
        licenses: [],
      });
    });
  });

  describe("what a charge held beside its rows", () => {
    const rest = makeRefund(paid, { id: "in_2:refund:1", paymentId: "in_2", amountMinor: 198, state: "failed" });
    const owed = { ...rest, stripePaymentIntentId: "pi_2", stripeRefundId: "re_0" };

    test("may be asked for again under its own name while it is owed", () => {
      const facts = setup({ refunds: [owed], params: { paymentId: "in_2" } });
      const played = play(facts, {
        "refunds_of:in_2": refundsSeen(2_178, 198),
        "refund:in_2": done(refundSeen("in_2:refund:2", 198)),
      });
      expect(played.steps.at(-1)).toMatchObject({ call: { amountMinor: 198 }, refund: { supersedes: [owed.id] } });
      expect(settled(played)).toMatchObject({ paymentMoves: [], newRefunds: [] });
    });

    test("is nothing once it is not owed", () => {
      expect(refusalOf(setup({ refunds: [{ ...owed, state: "succeeded" }], params: { paymentId: "in_2" } }))).toBe(
        "payment_not_found",
      );
    });
  });

  test("one that failed at Stripe may be asked for again, as a refund of its own", () => {
    const failed = makeRefund(paid, { state: "failed", stripeRefundId: "re_0" });
    const second = `${paid.id}:refund:2`;
    const played = play(setup({ refunds: [failed] }), {
      [lookName]: refundsSeen(1_980),
      [callName]: done(refundSeen(second, 1_980)),
    });
    expect(played.steps.at(-1)).toMatchObject({ refund: { refundId: second, isNew: true, supersedes: [failed.id] } });
  });
});

describe("without Stripe", () => {
  test("it is a note for a person, and the row stays paid until they have done it", () => {
    const cash = makePayment({ period: 2 });
    const facts = setup({
      contract: { paymentMethod: "bank_transfer" },
      payment: cash,
      params: { revokeLicense: true },
    });
    expect(settled(play(facts))).toMatchObject({
      newRefunds: [{ id: refundId, paymentId: cash.id, amountMinor: 1_980, state: "manual_due" }],
      paymentMoves: [],
      licenses: [{ type: "revoked", paymentId: cash.id, because: "refunded" }],
      attention: [{ code: "refund_owed_by_hand" }],
    });
  });
});

describe("after the contract was deleted", () => {
  const owed = makeRefund(paid, { state: "due", stripePaymentIntentId: "pi_2" });

  function deleted(refunds: readonly Refund[]): Facts {
    return makeFacts("refund_payment", {
      world: null,
      tombstone: makeTombstone({ refunds }),
      params: { paymentId: paid.id },
    });
  }

  test("a refund that is still owed is asked for again, under its own row", () => {
    const played = play(deleted([owed]), {
      [lookName]: refundsSeen(1_980),
      [callName]: done(refundSeen(owed.id, 1_980)),
    });
    expect(played.steps.at(-1)).toMatchObject({ refund: { isNew: false, refundId: owed.id } });
    expect(settled(played).paymentMoves).toEqual([]);
  });

  test("with what its rows say is owed, whatever else of the payment waits", () => {
    const twice = [
      { ...owed, amountMinor: 1_200 },
      { ...owed, id: `${paid.id}:refund:2`, amountMinor: 500, state: "failed", stripeRefundId: "re_0" },
      { ...owed, id: `${paid.id}:refund:3`, amountMinor: 280, state: "pending", stripeRefundId: "re_9" },
    ] as const;
    const played = play(deleted(twice), {
      [lookName]: refundsSeen(1_980, 1_700),
      [callName]: done(refundSeen(owed.id, 1_700)),
    });
    expect(played.steps.at(-1)).toMatchObject({
      call: { amountMinor: 1_700 },
      refund: { isNew: false, refundId: owed.id, amountMinor: 1_700, supersedes: [twice[1].id] },
    });
  });

  test("never under an id that Stripe has seen, though our row of that refund is gone", () => {
    const failed = { ...owed, id: `${paid.id}:refund:2`, state: "failed", stripeRefundId: "re_2" } as const;
    const seen = {
      ...refundsSeen(1_980),
      refunds: [refundSeen(failed.id, 1_980, "failed"), refundSeen(`${paid.id}:refund:3`, 1_980, "failed")],
    } as Answer;
    const played = play(deleted([failed]), {
      [lookName]: seen,
      [callName]: done(refundSeen(`${paid.id}:refund:4`, 1_980)),
    });
    expect(played.steps.at(-1)).toMatchObject({ call: { refundId: `${paid.id}:refund:4` } });
  });

  test("one that failed is made anew", () => {
    const failed = { ...owed, state: "failed", stripeRefundId: "re_0" } as const;
    const second = `${paid.id}:refund:2`;
    const played = play(deleted([failed]), {
      [lookName]: refundsSeen(1_980),
      [callName]: done(refundSeen(second, 1_980)),
    });
    expect(played.steps.at(-1)).toMatchObject({ refund: { isNew: true, refundId: second, supersedes: [failed.id] } });
  });

  test("what is owed by hand is not for Stripe, and what is not owed is refunded", () => {
    const byHand = { ...owed, state: "manual_due", stripePaymentIntentId: null } as const;
    expect(refusalOf(deleted([byHand]))).toBe("already_refunded");
    expect(refusalOf(deleted([]))).toBe("payment_not_found");
    const buried = {
      paymentId: paid.id,
      subject: "period",
      period: 2,
      amountMinor: 1_980,
      paidAt: "2024-12-08T03:00:00Z",
      stripePaymentIntentId: "pi_2",
      result: "refunded",
      refundId,
    } as const;
    const facts = deleted([]);
    expect(refusalOf({ ...facts, tombstone: makeTombstone({ payments: [buried] }) })).toBe("already_refunded");
  });
});
