import { describe, expect, test } from "vitest";
import type { BuriedPayment } from "../../../../src/contract/contract.ts";
import type { MoneyPolicy } from "../../../../src/contract/operation.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import { makeFacts, makePayment, makeRefund, makeTombstone, policy } from "../../../support/facts.ts";
import { actor, earlier, invoice, learned, newRow, type Parts, setup, superseded } from "../support/paid-invoice.ts";
import { play, settled } from "../support/play.ts";
import {
  addedLine,
  done,
  intentSeen,
  invoiceSeen,
  missing,
  paidInvoiceSeen,
  refundSeen,
  refundsListed,
  refundsSeen,
  refused,
} from "../support/stripe-answers.ts";

/* Money that `record_payment` is told of after the contract has ended, or has been deleted. */

describe("a contract that has ended", () => {
  const endedAt = "2025-01-15T03:00:00Z";
  const before = { ...invoice, paidAt: "2025-01-15T03:00:00Z" };
  const after = { ...invoice, paidAt: "2025-01-15T03:00:01Z" };
  const writtenOff = makePayment({ period: 3, state: "never_charged" });
  const ended = (status: "terminated" | "canceled", parts: Parts = {}) =>
    setup({ contract: { status, endedAt }, payments: [...earlier, writtenOff], ...parts });
  const move = { id: writtenOff.id, from: "never_charged", to: "paid", ...learned };
  const refundNames = { look: `refunds_of:${writtenOff.id}`, call: `refund:${writtenOff.id}` };
  const refundId = `${writtenOff.id}:refund:1`;
  const remark = { code: "late_payment", detail: { source: "in_3", amountMinor: 1_980 } };
  const tell = (refundMinor: number) => ({
    kind: "late_payment",
    recipient: "operators",
    detail: { source: "in_3", amountMinor: 1_980, refundMinor },
    cause: "late_payment:in_3",
  });

  test("money from before its end that is told of late is an ordinary payment, which opens its period", () => {
    expect(settled(play(ended("terminated"), { invoice: before }))).toEqual({
      newPayments: [],
      paymentMoves: [{ ...move, paidAt: before.paidAt }],
      licenses: [{ type: "granted", paymentId: writtenOff.id }],
      attention: [],
    });
  });

  test.each(["refund", "keep"] as const)(
    "of a canceled one it is refunded, as its cancel would have done, also where late money is set to %s",
    (latePayment) => {
      const facts = ended("canceled", { licenses: [], policy: { ...policy, latePayment } });
      const answers = {
        invoice: before,
        [refundNames.look]: refundsSeen(1_980),
        [refundNames.call]: done(refundSeen(refundId, 1_980)),
      };
      const change = settled(play(facts, answers));
      expect(change).toMatchObject({ paymentMoves: [{ to: "refunded" }], attention: [remark], notices: [tell(1_980)] });
      expect(change).not.toHaveProperty("licenses");
    },
  );

  test("what the invoice holds beyond the period goes back with it", () => {
    const taxed = { ...after, amountDueMinor: 2_178, amountPaidMinor: 2_178 };
    const played = play(ended("terminated"), {
      invoice: taxed,
      [refundNames.look]: refundsSeen(2_178),
      [refundNames.call]: done(refundSeen(refundId, 1_980)),
      "refunds_of:in_3": refundsSeen(2_178, 198),
      "refund:in_3": done(refundSeen("in_3:refund:1", 198)),
    });
    expect(settled(played)).toMatchObject({
      paymentMoves: [{ id: writtenOff.id, to: "refunded" }],
      attention: [{ code: "payment_unknown", detail: { amountMinor: 198 } }, { detail: { amountMinor: 2_178 } }],
      notices: [{ kind: "late_payment", detail: { amountMinor: 2_178, refundMinor: 2_178 } }],
    });
  });

  test("an invoice over something else goes back, once", () => {
    const other = paidInvoiceSeen("in_3", [addedLine(700)], { paidAt: after.paidAt });
    const answers = {
      invoice: other,
      "refunds_of:in_3": refundsSeen(700),
      "refund:in_3": done(refundSeen("in_3:refund:1", 700)),
    };
    expect(settled(play(ended("terminated"), answers))).toMatchObject({
      newPayments: [],
      paymentMoves: [],
      notices: [{ kind: "late_payment", detail: { source: "in_3", amountMinor: 700, refundMinor: 700 } }],
    });

    const facts = ended("terminated");
    const given = makeRefund(makePayment({ period: 3 }), {
      id: "in_3:refund:1",
      paymentId: "in_3",
      amountMinor: 700,
      state: "succeeded",
    });
    const world = facts.world === null ? null : { ...facts.world, refunds: [given] };
    expect(settled(play({ ...facts, world }, { invoice: other }))).toEqual(superseded);
  });

  test.each(["terminated", "canceled"] as const)("late money of a %s one is refunded, once, and told", (status) => {
    const answers: Record<string, Answer> = {
      invoice: after,
      [refundNames.look]: refundsSeen(1_980),
      [refundNames.call]: done(refundSeen(refundId, 1_980)),
    };
    const played = play(ended(status), answers);
    expect(played.steps.slice(1)).toEqual([
      { type: "look", name: refundNames.look, look: { verb: "list_refunds", paymentIntentId: "pi_3" } },
      {
        type: "call",
        name: refundNames.call,
        call: { verb: "refund_payment", refundId, paymentIntentId: "pi_3", amountMinor: 1_980 },
        refund: {
          isNew: true,
          refundId,
          paymentId: writtenOff.id,
          amountMinor: 1_980,
          stripePaymentIntentId: "pi_3",
          supersedes: [],
        },
      },
    ]);
    expect(settled(played)).toEqual({
      newPayments: [],
      paymentMoves: [{ ...move, to: "refunded", paidAt: after.paidAt }],
      newRefunds: [],
      refundMoves: [],
      attention: [remark],
      notices: [tell(1_980)],
    });
  });

  test("a row that was not there is written as refunded at once", () => {
    const answers = {
      invoice: after,
      [`refunds_of:${newRow.id}`]: refundsSeen(1_980),
      [`refund:${newRow.id}`]: done(refundSeen(`${newRow.id}:refund:1`, 1_980)),
    };
    expect(settled(play(ended("terminated", { payments: earlier }), answers))).toMatchObject({
      newPayments: [{ ...newRow, paidAt: after.paidAt, state: "refunded" }],
      paymentMoves: [],
    });
  });

  test("while its refund is on its way, or owed, late money is paid", () => {
    const look = { invoice: after, [refundNames.look]: refundsSeen(1_980) };
    const pending = { ...look, [refundNames.call]: done(refundSeen(refundId, 1_980, "pending")) };
    expect(settled(play(ended("terminated"), pending))).toMatchObject({
      paymentMoves: [{ to: "paid" }],
      attention: [remark, { code: "refund_pending" }],
    });
    const owed = { ...look, [refundNames.call]: refused("charge_disputed") };
    expect(settled(play(ended("terminated"), owed))).toMatchObject({
      paymentMoves: [{ to: "paid" }],
      attention: [remark, { code: "refund_owed" }],
      notices: [tell(1_980), { kind: "refund_refused", recipient: "operators" }],
    });
  });

  test("late money that came by hand is owed by hand", () => {
    const byHand = { ...after, paymentIntentId: null };
    expect(settled(play(ended("terminated"), { invoice: byHand }))).toMatchObject({
      paymentMoves: [{ to: "paid" }],
      newRefunds: [{ state: "manual_due", paymentId: writtenOff.id }],
    });
  });

  test("where late money is kept, it is a payment, and told", () => {
    const keeping = { policy: { ...policy, latePayment: "keep" as const } };
    expect(settled(play(ended("terminated", keeping), { invoice: after }))).toEqual({
      newPayments: [],
      paymentMoves: [{ ...move, paidAt: after.paidAt }],
      licenses: [{ type: "granted", paymentId: writtenOff.id }],
      attention: [remark],
      notices: [tell(0)],
    });
    expect(settled(play(ended("canceled", keeping), { invoice: after })).licenses).toEqual([]);
  });

  test.each([
    ["from before its end", before, "refund"],
    ["that is late and kept", after, "keep"],
  ] as const)("money %s catches up with refunds that were reported before it", (_, seen, latePayment) => {
    const facts = ended("terminated", { reportedEarly: ["pi_3"], policy: { ...policy, latePayment } });
    const byDashboard = { id: "re_9", amountMinor: 1_980, stripeRefundStatus: "succeeded", refundId: null };
    expect(settled(play(facts, { invoice: seen, refunds: refundsListed(1_980, byDashboard) }))).toMatchObject({
      paymentMoves: [{ id: writtenOff.id, to: "refunded" }],
      newRefunds: [{ id: "re_9", paymentId: writtenOff.id, amountMinor: 1_980, state: "succeeded" }],
      licenses: [{ type: "granted", paymentId: writtenOff.id }],
    });
  });

  test("told again, it is neither recorded nor refunded again", () => {
    const row = makePayment({ period: 3, state: "refunded", stripeInvoiceId: "in_3", stripePaymentIntentId: "pi_3" });
    expect(settled(play(ended("terminated", { payments: [...earlier, row] }), { invoice: after }))).toEqual(superseded);
  });
});

test("money that comes after a one-time contract was canceled is refunded, row by row", () => {
  const rows = [
    makePayment({ subject: "initial_fee", state: "never_charged" }),
    makePayment({ subject: "one_time_price", state: "never_charged", amountMinor: 9_800 }),
  ];
  const contract = { kind: "one_time", status: "canceled", priceMinor: 9_800, initialFeeMinor: 5_000 } as const;
  const facts = setup({ contract, payments: rows, licenses: [], params: { paymentIntentId: "pi_1" } });
  const played = play(facts, {
    payment_intent: intentSeen(14_800),
    "refunds_of:c-1:initial_fee": refundsSeen(14_800),
    "refund:c-1:initial_fee": done(refundSeen("c-1:initial_fee:refund:1", 5_000)),
    "refunds_of:c-1:one_time_price": refundsSeen(14_800, 9_800),
    "refund:c-1:one_time_price": done(refundSeen("c-1:one_time_price:refund:1", 9_800)),
  });
  expect(settled(played)).toMatchObject({
    paymentMoves: [
      { id: "c-1:initial_fee", from: "never_charged", to: "refunded" },
      { id: "c-1:one_time_price", from: "never_charged", to: "refunded" },
    ],
    notices: [{ kind: "late_payment", detail: { source: "pi_1", amountMinor: 14_800, refundMinor: 14_800 } }],
  });
});

describe("a deleted contract", () => {
  const buriedBefore: BuriedPayment = {
    paymentId: "c-1:period:0",
    subject: "period",
    period: 0,
    amountMinor: 1_980,
    paidAt: "2024-10-08T01:00:00Z",
    stripePaymentIntentId: "pi_0",
    result: "refunded",
    refundId: "c-1:period:0:refund:1",
  };
  const tombstone = makeTombstone({ stripeIds: ["cus_1", "sub_1", "pi_one", "in_old"], payments: [buriedBefore] });
  const deleted = (params: object = { invoiceId: "in_3" }, latePayment: MoneyPolicy["latePayment"] = "refund") =>
    makeFacts("record_payment", { actor, params, tombstone, policy: { ...policy, latePayment } });
  const buried = {
    paymentId: "in_3",
    subject: "unknown",
    period: null,
    amountMinor: 1_980,
    paidAt: invoice.paidAt,
    stripePaymentIntentId: "pi_3",
  };
  const remark = { code: "late_payment", detail: { source: "in_3", amountMinor: 1_980 } };

  test("late money is refunded, buried beside the rest, and told", () => {
    const played = play(deleted(), {
      invoice,
      "refunds_of:in_3": refundsSeen(1_980),
      "refund:in_3": done(refundSeen("in_3:refund:1", 1_980)),
    });
    expect(settled(played)).toEqual({
      burial: {
        latePayments: [{ ...buried, result: "refunded", refundId: "in_3:refund:1" }],
        stripeIds: ["in_3", "pi_3"],
      },
      newRefunds: [],
      refundMoves: [],
      attention: [remark],
      notices: [
        {
          kind: "late_payment",
          recipient: "operators",
          detail: { source: "in_3", amountMinor: 1_980, refundMinor: 1_980 },
          cause: "late_payment:in_3",
        },
      ],
    });
  });

  test("what the deletion did not know of a charge is refunded, and no more", () => {
    const more = { ...invoice, paymentIntentId: "pi_0", amountPaidMinor: 2_178 };
    const played = play(deleted(), {
      invoice: more,
      "refunds_of:in_3": refundsSeen(2_178, 198),
      "refund:in_3": done(refundSeen("in_3:refund:1", 198)),
    });
    expect(played.steps.at(-1)).toMatchObject({ call: { paymentIntentId: "pi_0", amountMinor: 198 } });
    expect(settled(played).burial).toMatchObject({ latePayments: [{ paymentId: "in_3", amountMinor: 198 }] });
  });

  test("what Stripe refuses to refund stays owed", () => {
    const played = play(deleted(), {
      invoice,
      "refunds_of:in_3": refundsSeen(1_980),
      "refund:in_3": refused("charge_disputed"),
    });
    expect(settled(played)).toMatchObject({
      burial: { latePayments: [{ result: "refund_owed", refundId: "in_3:refund:1" }] },
      attention: [remark, { code: "refund_owed" }],
    });
  });

  test("where late money is kept, it is only buried, with the ids by which it is known from then on, and told", () => {
    expect(settled(play(deleted(undefined, "keep"), { invoice }))).toMatchObject({
      burial: { latePayments: [{ ...buried, result: "kept", refundId: null }], stripeIds: ["in_3", "pi_3"] },
      notices: [{ kind: "late_payment", detail: { refundMinor: 0 } }],
    });
  });

  test("so is money of its payment intent", () => {
    const played = play(deleted({ paymentIntentId: "pi_one" }, "keep"), { payment_intent: intentSeen(9_800) });
    expect(settled(played)).toMatchObject({
      burial: { latePayments: [{ paymentId: "pi_one", amountMinor: 9_800, stripePaymentIntentId: "pi_one" }] },
    });
  });

  test.each([
    ["was refunded with the deletion", { ...invoice, paymentIntentId: "pi_0" }],
    ["is another subscription's", { ...invoice, subscriptionId: "sub_9" }],
    ["was not paid", invoiceSeen("in_3", "void")],
    ["was over nothing", { ...invoice, amountPaidMinor: 0 }],
  ])("an invoice that %s changes nothing", (_, seen) => {
    expect(settled(play(deleted(), { invoice: seen }))).toEqual(superseded);
  });

  test("an invoice paid by hand is known by its id, if it was paid before the deletion", () => {
    const byHand = { ...invoice, id: "in_old", paymentIntentId: null };
    const facts = deleted({ invoiceId: "in_old" });
    expect(settled(play(facts, { invoice: { ...byHand, paidAt: "2025-01-01T00:00:00Z" } }))).toEqual(superseded);
    expect(settled(play(facts, { invoice: byHand }))).toMatchObject({
      burial: { latePayments: [{ paymentId: "in_old", result: "refund_owed_by_hand" }] },
    });
  });

  test("an intent that is not its own is not looked at, one that is unpaid changes nothing", () => {
    expect(settled(play(deleted({ paymentIntentId: "pi_9" })))).toEqual(superseded);
    const unpaidIntent = { payment_intent: intentSeen(0, null) };
    expect(settled(play(deleted({ paymentIntentId: "pi_one" }), unpaidIntent))).toEqual(superseded);
  });

  test("an invoice or intent that Stripe does not have changes nothing, and a person should know", () => {
    const odd = (stripeId: string) => ({
      ...superseded,
      attention: [{ code: "missing_at_stripe", detail: { stripeId } }],
    });
    expect(settled(play(deleted(), { invoice: missing }))).toEqual(odd("in_3"));
    expect(settled(play(deleted({ paymentIntentId: "pi_one" }), { payment_intent: missing }))).toEqual(odd("pi_one"));
  });
});
