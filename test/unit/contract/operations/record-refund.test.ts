import { describe, expect, test } from "vitest";
import type { BuriedPayment, Payment, Refund } from "../../../../src/contract/contract.ts";
import { contractStatuses } from "../../../../src/contract/contract.ts";
import type { RefundSeen } from "../../../../src/contract/step.ts";
import { makeFacts, makePayment, makeRefund, makeTombstone, makeWorld, openFor } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, refusalOf } from "../support/refusals.ts";
import { missing, refundsListed } from "../support/stripe-answers.ts";

const actor = { type: "stripe", id: "evt_1" } as const;
const params = { paymentIntentId: "pi_1" };
const superseded = { superseded: true };
const odd = { superseded: true, attention: [{ code: "missing_at_stripe", detail: { stripeId: "pi_1" } }] };

/** Both rows of one invoice: an initial fee of ¥5,000 and a period of ¥1,980, paid by one intent. */
const byIntent = { stripeInvoiceId: "in_0", stripePaymentIntentId: "pi_1" };
const fee = makePayment({ subject: "initial_fee", ...byIntent });
const period = makePayment({ period: 0, ...byIntent });
const charged = 6_980;

function setup(payments: readonly Payment[] = [fee, period], refunds: readonly Refund[] = [], contract: object = {}) {
  const world = makeWorld({
    contract: { paymentMethod: "card", ...contract },
    payments,
    refunds,
    licenses: openFor([period]),
  });
  return makeFacts("record_refund", { actor, params, world });
}

function byDashboard(id: string, amountMinor: number, stripeRefundStatus = "succeeded"): RefundSeen {
  return { id, amountMinor, stripeRefundStatus, refundId: null };
}

function ours(refund: Refund, stripeRefundStatus: string): RefundSeen {
  const { id: refundId, amountMinor } = refund;
  return { id: refund.stripeRefundId ?? "re_1", amountMinor, stripeRefundStatus, refundId };
}

const pending = makeRefund(period, { stripeRefundId: "re_1" });
const succeeded: Refund = { ...pending, state: "succeeded" };
const refunded = { ...period, state: "refunded" } as const;
const failedAlarm = {
  attention: [{ code: "refund_failed", detail: { stripeRefundId: "re_1", amountMinor: 1_980 } }],
  notices: [
    {
      kind: "refund_failed",
      recipient: "operators",
      detail: { stripeRefundId: "re_1", amountMinor: 1_980 },
      cause: "refund_failed:re_1",
    },
  ],
};
const quiet = { attention: [], notices: [] };

function changeOf(payments: readonly Payment[], refunds: readonly Refund[], ...seen: RefundSeen[]) {
  return settled(play(setup(payments, refunds), { refunds: refundsListed(charged, ...seen) }));
}

describe("who may ask, and what", () => {
  test("Stripe alone", () => {
    for (const type of ["operator", "service", "customer", "schedule"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup()))).toBe("actor_not_allowed");
    }
  });

  test("a payment intent has to be named", () => {
    const facts = setup();
    const without = { ...facts, operation: { ...facts.operation, params: {} } };
    expect(rejected(play(without))).toMatchObject({ detail: { field: "params.paymentIntentId" } });
  });

  test.each(contractStatuses)("%s is never a reason to refuse", (status) => {
    const listed = refundsListed(charged, byDashboard("re_9", 1_000));
    expect(settled(play(setup(undefined, undefined, { status }), { refunds: listed }))).not.toHaveProperty("status");
  });
});

describe("what is not known or not new", () => {
  test("an intent that paid nothing of ours needs attention, and no look", () => {
    expect(settled(play(setup([makePayment({ period: 0, stripePaymentIntentId: "pi_9" })])))).toEqual({
      attention: [{ code: "payment_unknown", detail: { paymentIntentId: "pi_1" } }],
    });
  });

  test("an intent that paid nothing of ours, but whose money we gave back, is followed", () => {
    const given = makeRefund(period, {
      id: "in_9:refund:1",
      paymentId: "in_9",
      state: "succeeded",
      stripeRefundId: "re_1",
    });
    expect(changeOf([], [given], ours(given, "failed"))).toMatchObject({
      refundMoves: [{ id: given.id, from: "succeeded", to: "failed" }],
      ...failedAlarm,
    });
  });

  test("an intent that nothing was refunded of changes nothing; nor one that Stripe does not know, which is odd", () => {
    const played = play(setup(), { refunds: missing });
    expect(played.steps).toEqual([
      { type: "look", name: "refunds", look: { verb: "list_refunds", paymentIntentId: "pi_1" } },
    ]);
    expect(settled(played)).toEqual(odd);
    expect(changeOf([fee, period], [])).toEqual(superseded);
  });

  test("what is as our rows have it changes nothing", () => {
    expect(changeOf([fee, period], [pending], ours(pending, "pending"))).toEqual(superseded);
    expect(changeOf([fee, refunded], [succeeded], ours(succeeded, "succeeded"))).toEqual(superseded);
    expect(changeOf([fee, refunded], [])).toEqual(superseded);
  });

  test.each(["manual_done", "waived"] as const)("what a person has settled as %s stays so", (state) => {
    const settledByHand = { ...pending, state };
    const payment = state === "manual_done" ? refunded : period;
    expect(changeOf([fee, payment], [settledByHand], ours(settledByHand, "failed"))).toEqual(superseded);
  });

  test("a failed one whose place another has taken stays so", () => {
    const old: Refund = { ...pending, state: "failed", supersededBy: "c-1:period:0:refund:2" };
    expect(changeOf([fee, period], [old], ours(old, "pending"))).toEqual(superseded);
  });
});

describe("our own refunds", () => {
  test("a pending one that succeeds: its payment is refunded", () => {
    expect(changeOf([fee, period], [pending], ours(pending, "succeeded"))).toEqual({
      newRefunds: [],
      refundMoves: [{ id: pending.id, from: "pending", to: "succeeded" }],
      paymentMoves: [{ id: period.id, from: "paid", to: "refunded" }],
      ...quiet,
    });
  });

  test.each(["failed", "canceled"])("a pending one that is %s is owed, and operators are told", (status) => {
    expect(changeOf([fee, period], [pending], ours(pending, status))).toEqual({
      newRefunds: [],
      refundMoves: [{ id: pending.id, from: "pending", to: status }],
      paymentMoves: [],
      ...failedAlarm,
    });
  });

  test("one that had succeeded fails: its payment is paid again, and it is owed again", () => {
    expect(changeOf([fee, refunded], [succeeded], ours(succeeded, "failed"))).toEqual({
      newRefunds: [],
      refundMoves: [{ id: pending.id, from: "succeeded", to: "failed" }],
      paymentMoves: [{ id: period.id, from: "refunded", to: "paid" }],
      ...failedAlarm,
    });
  });

  test("that it failed is told once", () => {
    const failed: Refund = { ...pending, state: "failed" };
    expect(changeOf([fee, period], [failed], ours(failed, "failed"))).toEqual(superseded);
  });

  test("one that had failed and is called off now is not told again", () => {
    const failed: Refund = { ...pending, state: "failed" };
    expect(changeOf([fee, period], [failed], ours(failed, "canceled"))).toMatchObject({
      refundMoves: [{ id: pending.id, from: "failed", to: "canceled" }],
      ...quiet,
    });
  });

  test("one that was sent and never answered is found by its metadata, and learns Stripe's id", () => {
    const due: Refund = { ...pending, state: "due", stripeRefundId: null };
    expect(changeOf([fee, period], [due], ours(due, "succeeded"))).toMatchObject({
      refundMoves: [{ id: due.id, from: "due", to: "succeeded", stripeRefundId: "re_1" }],
      paymentMoves: [{ id: period.id, to: "refunded" }],
    });
  });

  test("one without our metadata is known by Stripe's id", () => {
    const seen = { ...ours(pending, "succeeded"), refundId: null };
    expect(changeOf([fee, period], [pending], seen)).toMatchObject({
      newRefunds: [],
      refundMoves: [{ id: pending.id, to: "succeeded" }],
    });
  });
});

describe("refunds that others made", () => {
  const row = (id: string, paymentId: string, amountMinor: number, state = "succeeded") => ({
    id,
    paymentId,
    amountMinor,
    state,
    stripePaymentIntentId: "pi_1",
    stripeRefundId: id,
    supersedes: [],
  });

  test("get a row on the payment that they fit exactly, which is then refunded; license and status stay", () => {
    expect(changeOf([fee, period], [], byDashboard("re_9", 1_980))).toEqual({
      newRefunds: [row("re_9", period.id, 1_980)],
      refundMoves: [],
      paymentMoves: [{ id: period.id, from: "paid", to: "refunded" }],
      ...quiet,
    });
  });

  test("that fit none go to the payment that has most left", () => {
    expect(changeOf([period, fee], [], byDashboard("re_9", 700))).toMatchObject({
      newRefunds: [row("re_9", fee.id, 700)],
      paymentMoves: [],
    });
  });

  test("are fitted one after the other, the oldest first, to what the others have left", () => {
    const change = changeOf([fee, period], [], byDashboard("re_b", 4_300), byDashboard("re_a", 700));
    expect(change.newRefunds).toEqual([row("re_a", fee.id, 700), row("re_b", fee.id, 4_300)]);
    expect(change.paymentMoves).toEqual([{ id: fee.id, from: "paid", to: "refunded" }]);
  });

  test("of the whole charge refund every payment of it", () => {
    expect(changeOf([fee, period], [], byDashboard("re_9", charged))).toMatchObject({
      newRefunds: [row("re_9", fee.id, 5_000), { ...row("re_9:2", period.id, 1_980), stripeRefundId: "re_9" }],
      paymentMoves: [
        { id: fee.id, to: "refunded" },
        { id: period.id, to: "refunded" },
      ],
    });
  });

  test("on their way leave the payment paid until they succeed", () => {
    expect(changeOf([fee, period], [], byDashboard("re_9", charged, "pending"))).toMatchObject({
      newRefunds: [{ state: "pending" }, { state: "pending" }],
      paymentMoves: [],
    });
  });

  test("over several payments fill one after the other, and never owe more than was paid", () => {
    expect(changeOf([fee, period], [], byDashboard("re_9", 6_000))).toMatchObject({
      newRefunds: [row("re_9", fee.id, 5_000), { id: "re_9:2", paymentId: period.id, amountMinor: 1_000 }],
      paymentMoves: [{ id: fee.id, to: "refunded" }],
    });
    // An invoice may have held more than our contract's lines.
    const beyond = settled(play(setup(), { refunds: refundsListed(9_000, byDashboard("re_9", 8_000)) }));
    expect(beyond.newRefunds?.map(({ amountMinor }) => amountMinor)).toEqual([5_000, 1_980]);
  });

  test("of the whole charge that fail after all make every payment of it paid again, and owe each", () => {
    const whole = makeRefund(fee, { id: "re_1", stripeRefundId: "re_1", amountMinor: 5_000, state: "succeeded" });
    const rest = { ...whole, id: "re_1:2", paymentId: period.id, amountMinor: 1_980 };
    const rows = [{ ...fee, state: "refunded" as const }, refunded];
    expect(changeOf(rows, [whole, rest], byDashboard("re_1", charged, "failed"))).toMatchObject({
      refundMoves: [
        { id: "re_1", from: "succeeded", to: "failed" },
        { id: "re_1:2", from: "succeeded", to: "failed" },
      ],
      paymentMoves: [
        { id: fee.id, from: "refunded", to: "paid" },
        { id: period.id, from: "refunded", to: "paid" },
      ],
      attention: [{ code: "refund_failed" }],
    });
  });

  test("a payment that another refund covers stays refunded when one of its charge fails", () => {
    const other = makeRefund(fee, { id: "re_1", stripeRefundId: "re_1", amountMinor: 1_000, state: "succeeded" });
    const seen = [byDashboard("re_1", 1_000, "failed"), { ...ours(succeeded, "succeeded"), id: "re_2" }];
    const rows = [{ ...succeeded, stripeRefundId: "re_2" }, other];
    expect(changeOf([fee, refunded], rows, ...seen).paymentMoves).toEqual([]);
  });

  test("first seen as failed are owed, and told", () => {
    expect(changeOf([fee, period], [], byDashboard("re_1", 1_980, "failed"))).toMatchObject({
      newRefunds: [row("re_1", period.id, 1_980, "failed")],
      paymentMoves: [],
      ...failedAlarm,
    });
  });

  test("first seen as failed are nothing when the money has gone back otherwise since", () => {
    const seen = [byDashboard("re_2", charged), byDashboard("re_1", 1_980, "failed")];
    expect(changeOf([fee, period], [], ...seen).newRefunds?.map(({ id }) => id)).toEqual(["re_2", "re_2:2"]);
    const partly = [byDashboard("re_2", 1_980), byDashboard("re_1", 1_980, "failed")];
    const change = changeOf([fee, period], [], ...partly);
    expect(change).toMatchObject({
      newRefunds: [row("re_1", period.id, 1_980, "waived"), row("re_2", period.id, 1_980)],
      refundMoves: [],
      ...quiet,
    });
    // Told again, they are known: nothing of the fee is owed for them.
    const rows = (change.newRefunds ?? []).map((refund) => ({ ...refund, supersededBy: null }));
    expect(changeOf([fee, refunded], rows, ...partly)).toEqual(superseded);
  });

  test("first seen as canceled were called off by whoever made them", () => {
    expect(changeOf([fee, period], [], byDashboard("re_1", 1_980, "canceled"))).toEqual(superseded);
  });

  test("a dashboard refund of what the charge held beside our rows is owed no more", () => {
    const rest = makeRefund(fee, { id: "in_0:refund:1", paymentId: "in_0", amountMinor: 198, state: "due" });
    const owed = { ...rest, stripeRefundId: null, stripePaymentIntentId: "pi_1" };
    const seen = refundsListed(7_178, byDashboard("re_9", 7_178));
    const { refundMoves } = settled(play(setup([fee, period], [owed]), { refunds: seen }));
    expect(refundMoves).toContainEqual({ id: owed.id, from: "due", to: "waived" });
  });

  test("but one that ours had made room for leaves its money here, and that is owed", () => {
    const rest = { ...succeeded, amountMinor: 1_480 };
    const calledOff = byDashboard("re_9", 500, "canceled");
    expect(changeOf([fee, refunded], [rest], ours(rest, "succeeded"), calledOff)).toMatchObject({
      newRefunds: [{ id: "re_9", paymentId: period.id, amountMinor: 500, state: "canceled" }],
      paymentMoves: [{ id: period.id, from: "refunded", to: "paid" }],
      attention: [{ code: "refund_failed", detail: { stripeRefundId: "re_9", amountMinor: 500 } }],
    });
    // Told again, it says nothing new.
    const known = makeRefund(period, { id: "re_9", amountMinor: 500, state: "canceled", stripeRefundId: "re_9" });
    expect(changeOf([fee, period], [rest, known], ours(rest, "succeeded"), calledOff)).toEqual(superseded);
  });

  test("settle what we still owe of the same payment", () => {
    const due: Refund = { ...pending, state: "due", stripeRefundId: null };
    expect(changeOf([fee, period], [due], byDashboard("re_9", 1_980))).toMatchObject({
      newRefunds: [row("re_9", period.id, 1_980)],
      refundMoves: [{ id: due.id, from: "due", to: "waived" }],
      paymentMoves: [{ id: period.id, to: "refunded" }],
    });
  });

  test("in part leave the rest of it owed", () => {
    const failed: Refund = { ...pending, state: "failed" };
    expect(changeOf([fee, period], [failed], byDashboard("re_9", 700), ours(failed, "failed"))).toMatchObject({
      newRefunds: [row("re_9", fee.id, 700)],
      refundMoves: [],
    });
    expect(changeOf([period], [failed], byDashboard("re_9", 700), ours(failed, "failed"))).toMatchObject({
      newRefunds: [row("re_9", period.id, 700)],
      refundMoves: [{ id: failed.id, from: "failed", to: "failed", amountMinor: 1_280 }],
    });
    expect(changeOf([period], [pending], byDashboard("re_9", 700), ours(pending, "failed"))).toMatchObject({
      refundMoves: [{ id: failed.id, from: "pending", to: "failed", amountMinor: 1_280 }],
    });
  });

  test("settle one of ours that fails in the same moment, without an alarm", () => {
    const change = changeOf([fee, period], [pending], byDashboard("re_9", charged), ours(pending, "failed"));
    expect(change).toMatchObject({ refundMoves: [{ id: pending.id, from: "pending", to: "waived" }], ...quiet });
  });

  test("leave what is owed by hand, or of another charge", () => {
    const byHand: Refund = {
      ...pending,
      id: "r-1",
      state: "manual_due",
      stripeRefundId: null,
      stripePaymentIntentId: null,
    };
    const elsewhere: Refund = {
      ...pending,
      id: "r-2",
      paymentId: "c-1:period:9",
      state: "failed",
      stripePaymentIntentId: "pi_9",
    };
    const { refundMoves } = changeOf([fee, period], [byHand, elsewhere], byDashboard("re_9", charged));
    expect(refundMoves).toEqual([]);
  });
});

describe("of a deleted contract", () => {
  const buried: BuriedPayment = {
    paymentId: period.id,
    subject: "period",
    period: 0,
    amountMinor: 1_980,
    paidAt: "2024-10-08T01:00:00Z",
    stripePaymentIntentId: "pi_1",
    result: "refund_pending",
    refundId: pending.id,
  };
  const deleted = (refunds: readonly Refund[], payments = [buried]) =>
    makeFacts("record_refund", { actor, params, tombstone: makeTombstone({ payments, refunds }) });
  const changeOfBuried = (refunds: readonly Refund[], ...seen: RefundSeen[]) =>
    settled(play(deleted(refunds), { refunds: refundsListed(1_980, ...seen) }));

  test("its refunds move the same way", () => {
    expect(changeOfBuried([pending], ours(pending, "succeeded"))).toEqual({
      newRefunds: [],
      refundMoves: [{ id: pending.id, from: "pending", to: "succeeded" }],
      paymentMoves: [],
      ...quiet,
    });
    expect(changeOfBuried([pending], ours(pending, "failed"))).toMatchObject({
      refundMoves: [{ id: pending.id, to: "failed" }],
      ...failedAlarm,
    });
  });

  test("one that had succeeded, and was forgotten, is written again when it fails: it is owed again", () => {
    expect(changeOfBuried([], ours(pending, "failed"))).toEqual({
      newRefunds: [
        {
          id: pending.id,
          paymentId: period.id,
          amountMinor: 1_980,
          state: "failed",
          stripePaymentIntentId: "pi_1",
          stripeRefundId: "re_1",
          supersedes: [],
        },
      ],
      refundMoves: [],
      paymentMoves: [],
      ...failedAlarm,
    });
  });

  test("one that others had made, and was forgotten, is owed again when it fails, once", () => {
    const before = { ...buried, result: "refunded_before" as const, refundId: "re_7" };
    const change = settled(
      play(deleted([], [before]), { refunds: refundsListed(1_980, byDashboard("re_7", 1_980, "failed")) }),
    );
    expect(change.newRefunds).toMatchObject([
      { id: "re_7", paymentId: period.id, amountMinor: 1_980, state: "failed" },
    ]);

    // What failed before the deletion, and was given back by another since, is not.
    const seen = [ours(pending, "succeeded"), byDashboard("re_7", 1_980, "failed")];
    expect(changeOfBuried([], ...seen)).toEqual(superseded);
  });

  test.each(["manual_done", "waived"] as const)("nor is one whose money a person has settled since: %s", (state) => {
    const settledSince: Refund = { ...pending, id: "c-1:period:0:refund:2", stripeRefundId: "re_2", state };
    const seen = [ours(settledSince, "failed"), ours(pending, "failed")];
    expect(changeOfBuried([settledSince], ...seen)).toEqual(superseded);
  });

  test("one of a payment that was kept is not owed", () => {
    const kept = { ...buried, result: "kept" as const, refundId: null };
    const seen = refundsListed(1_980, byDashboard("re_7", 1_980, "failed"));
    expect(settled(play(deleted([], [kept]), { refunds: seen }))).toEqual(superseded);
  });

  test("what others gave back settles what is owed, and is not kept itself", () => {
    const failed: Refund = { ...pending, state: "failed" };
    const seen = [byDashboard("re_9", 1_980), ours(failed, "failed")];
    expect(changeOfBuried([failed], ...seen)).toMatchObject({
      newRefunds: [],
      refundMoves: [{ id: pending.id, from: "failed", to: "waived" }],
    });
    expect(changeOfBuried([], byDashboard("re_9", 700))).toEqual(superseded);
  });

  test("an intent that it knows nothing of needs attention", () => {
    expect(settled(play(deleted([], [])))).toEqual({
      attention: [{ code: "payment_unknown", detail: { paymentIntentId: "pi_1" } }],
    });
  });

  test("an intent that Stripe does not know changes nothing", () => {
    expect(settled(play(deleted([pending]), { refunds: missing }))).toEqual(odd);
  });
});
