import { describe, expect, test } from "vitest";
import type { Payment, Refund } from "../../../src/contract/contract.ts";
import type { Answer } from "../../../src/contract/step.ts";
import { makeFacts, makePayment, makeRefund, makeWorld, on } from "../../support/facts.ts";
import { play, settled } from "./support/play.ts";
import {
  done,
  missing,
  nothingUnknown,
  refundSeen,
  refundsSeen,
  refused,
  subscriptionEnded,
} from "./support/stripe-answers.ts";

const initialFee = makePayment({ subject: "initial_fee", amountMinor: 5_000, stripePaymentIntentId: "pi_first" });
const firstPeriod = makePayment({ period: 0, stripePaymentIntentId: "pi_first" });
const refundId = "c-1:initial_fee:refund:1";

/** A `cancel` of a monthly contract by card that has not started: every kind that refunds everything does it alike. */
function setup(payments: readonly Payment[], refunds: readonly Refund[] = []) {
  const contract = { paymentMethod: "card", status: "not_started", startOn: on("2025-02-01") } as const;
  return makeFacts("cancel", { world: makeWorld({ contract, payments, refunds }) });
}

const ended = { cancel_subscription: done(subscriptionEnded), ...nothingUnknown } satisfies Record<string, Answer>;

describe("refunding what a canceled contract by card was paid", () => {
  test.each(["pending", "requires_action"])("a refund that is %s leaves the row paid, with attention", (status) => {
    const change = settled(
      play(setup([initialFee]), {
        ...ended,
        [`refunds_of:${initialFee.id}`]: refundsSeen(5_000),
        [`refund:${initialFee.id}`]: done(refundSeen(refundId, 5_000, status)),
      }),
    );
    expect(change).toMatchObject({
      status: "canceled",
      paymentMoves: [],
      newRefunds: [],
      attention: [{ code: "refund_pending", detail: { refundId, amountMinor: 5_000 } }],
    });
  });

  test.each([
    ["refused", refused("charge_disputed"), "charge_disputed"],
    ["failed at once", done(refundSeen(refundId, 5_000, "failed")), "failed"],
    ["canceled at once", done(refundSeen(refundId, 5_000, "canceled")), "canceled"],
  ])("a refund that is %s never blocks the cancel: it stays owed and operators are mailed", (_, answer, refusal) => {
    const change = settled(
      play(setup([initialFee]), {
        ...ended,
        [`refunds_of:${initialFee.id}`]: refundsSeen(5_000),
        [`refund:${initialFee.id}`]: answer,
      }),
    );
    expect(change).toMatchObject({
      status: "canceled",
      paymentMoves: [],
      attention: [{ code: "refund_owed", detail: { refundId, amountMinor: 5_000, refusal } }],
    });
    expect(change.notices?.slice(2)).toEqual([
      { kind: "refund_refused", recipient: "operators", detail: { refunds: 1, owedMinor: 5_000 } },
    ]);
  });

  test.each([
    ["an intent that Stripe does not know", missing],
    ["an intent without a charge", refundsSeen(0)],
  ])("%s: the refund is written as owed, in the place of one that failed, and nothing is sent", (_, seen) => {
    const failed = makeRefund(initialFee, { id: "re_0", state: "failed" });
    const played = play(setup([initialFee], [failed]), { ...ended, [`refunds_of:${initialFee.id}`]: seen });
    const newRefund = { id: "c-1:initial_fee:refund:2", paymentId: initialFee.id, amountMinor: 5_000, state: "due" };
    expect(settled(played)).toMatchObject({
      newRefunds: [{ ...newRefund, supersedes: ["re_0"] }],
      attention: [{ code: "refund_owed" }],
    });
    expect(settled(played).notices?.map(({ kind }) => kind)).toContain("refund_refused");
  });

  test("what was refunded elsewhere is not refunded again, nor announced as going back now", () => {
    const played = play(setup([initialFee]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000, 0),
    });
    expect(settled(played)).toMatchObject({
      status: "canceled",
      paymentMoves: [{ id: initialFee.id, from: "paid", to: "refunded" }],
      newRefunds: [],
      attention: [{ code: "refunded_elsewhere", detail: { paymentId: initialFee.id, amountMinor: 5_000 } }],
    });
    expect(settled(played).notices?.map(({ detail }) => detail)).toEqual([
      { refundMinor: 0, owedMinor: 0 },
      { refundMinor: 0, owedMinor: 0 },
    ]);
  });

  test("a row gets at most what its charge has left", () => {
    const played = play(setup([initialFee]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000, 1_200),
      [`refund:${initialFee.id}`]: done(refundSeen(refundId, 1_200)),
    });
    expect(played.steps.at(-1)).toMatchObject({ call: { amountMinor: 1_200 }, refund: { amountMinor: 1_200 } });
    expect(settled(played).notices?.[0]?.detail).toEqual({ refundMinor: 1_200, owedMinor: 0 });
  });

  test("rows of one invoice share its charge: each is refunded by its own amount, after a look of its own", () => {
    const played = play(setup([initialFee, firstPeriod]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(6_980),
      [`refund:${initialFee.id}`]: done(refundSeen(refundId, 5_000)),
      [`refunds_of:${firstPeriod.id}`]: refundsSeen(6_980, 1_980),
      [`refund:${firstPeriod.id}`]: done(refundSeen("c-1:period:0:refund:1", 1_980)),
    });
    expect(played.steps.map(({ name }) => name)).toEqual([
      "cancel_subscription",
      "unpaid_invoices",
      "paid_invoices:sub_1",
      `refunds_of:${initialFee.id}`,
      `refund:${initialFee.id}`,
      `refunds_of:${firstPeriod.id}`,
      `refund:${firstPeriod.id}`,
    ]);
    expect(settled(played).paymentMoves).toEqual([
      { id: initialFee.id, from: "paid", to: "refunded" },
      { id: firstPeriod.id, from: "paid", to: "refunded" },
    ]);
    expect(settled(played).notices?.[0]?.detail).toEqual({ refundMinor: 6_980, owedMinor: 0 });
  });

  test("of a shared charge from which something was refunded elsewhere, no more is sent than is left", () => {
    const played = play(setup([initialFee, firstPeriod]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(6_980, 6_000),
      [`refund:${initialFee.id}`]: done(refundSeen(refundId, 5_000)),
      [`refunds_of:${firstPeriod.id}`]: refundsSeen(6_980, 1_000),
      [`refund:${firstPeriod.id}`]: done(refundSeen("c-1:period:0:refund:1", 1_000)),
    });
    const sent = played.steps.flatMap((step) => (step.type === "call" && step.refund ? [step.refund.amountMinor] : []));
    expect(sent).toEqual([5_000, 1_000]);
  });

  test.each(["pending", "requires_action", "succeeded", "manual_done"] as const)(
    "a refund of ours that is %s counts as given back: nothing is asked",
    (state) => {
      const played = play(setup([initialFee], [makeRefund(initialFee, { state })]), ended);
      expect(played.steps.map(({ name }) => name)).toEqual([
        "cancel_subscription",
        "unpaid_invoices",
        "paid_invoices:sub_1",
      ]);
      expect(settled(played)).toMatchObject({ newRefunds: [], attention: [] });
    },
  );

  test("a refund that failed before is tried again, as a refund row of its own", () => {
    const facts = setup([initialFee], [makeRefund(initialFee, { state: "failed" })]);
    const id = "c-1:initial_fee:refund:2";
    const played = play(facts, {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000),
      [`refund:${initialFee.id}`]: done(refundSeen(id, 5_000)),
    });
    expect(played.steps.at(-1)).toMatchObject({ call: { refundId: id }, refund: { refundId: id } });
  });

  test("money that was lost in a dispute is with the customer already", () => {
    const played = play(setup([{ ...initialFee, dispute: "lost" }]), ended);
    expect(settled(played)).toMatchObject({ newRefunds: [], paymentMoves: [], attention: [] });
  });

  test("money that did not come through Stripe is owed back by hand", () => {
    const cash = makePayment({ subject: "initial_fee", amountMinor: 5_000, stripePaymentIntentId: null });
    expect(settled(play(setup([cash]), ended)).newRefunds).toMatchObject([{ state: "manual_due" }]);
  });

  test("a refund that failed before is superseded by the one that takes its place", () => {
    const failed = makeRefund(initialFee, { state: "failed", stripeRefundId: "re_0" });
    const played = play(setup([initialFee], [failed]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000),
      [`refund:${initialFee.id}`]: done(refundSeen("c-1:initial_fee:refund:2", 5_000)),
    });
    expect(played.steps.at(-1)).toMatchObject({ refund: { isNew: true, supersedes: [failed.id] } });
  });

  test("all that failed before are superseded, by one that waits as well", () => {
    const first = makeRefund(initialFee, { id: "re_7", amountMinor: 2_000, state: "failed" });
    const second = makeRefund(initialFee, { id: "re_8", amountMinor: 1_000, state: "canceled" });
    const waiting = makeRefund(initialFee, { id: "c-1:initial_fee:refund:3", amountMinor: 2_000, state: "due" });
    const answers = (id: string) => ({
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000),
      [`refund:${initialFee.id}`]: done(refundSeen(id, 5_000)),
    });
    const supersedes = [first.id, second.id];
    const id = "c-1:initial_fee:refund:3";
    expect(play(setup([initialFee], [first, second]), answers(id)).steps.at(-1)).toMatchObject({
      refund: { isNew: true, refundId: id, amountMinor: 5_000, supersedes },
    });
    expect(play(setup([initialFee], [first, second, waiting]), answers(id)).steps.at(-1)).toMatchObject({
      refund: { isNew: false, refundId: id, amountMinor: 5_000, supersedes },
    });
  });

  test("nothing of them is owed any more once somebody has given the money back at Stripe", () => {
    const failed = [1, 2].map((number) =>
      makeRefund(initialFee, { id: `re_${number}`, amountMinor: 2_500, state: "failed" }),
    );
    const played = play(setup([initialFee], failed), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000, 0),
    });
    expect(settled(played).refundMoves).toEqual(failed.map(({ id }) => ({ id, from: "failed", to: "waived" })));
  });

  test("one that has been superseded is not superseded again", () => {
    const failed = makeRefund(initialFee, { state: "failed", supersededBy: "c-1:initial_fee:refund:2" });
    const waiting = makeRefund(initialFee, { id: "c-1:initial_fee:refund:2", state: "due" });
    const played = play(setup([initialFee], [failed, waiting]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000),
      [`refund:${initialFee.id}`]: done(refundSeen(waiting.id, 5_000)),
    });
    expect(played.steps.at(-1)).toMatchObject({ refund: { isNew: false, refundId: waiting.id, supersedes: [] } });
  });
});

describe("a refund that an abandoned operation left owed", () => {
  const waiting = makeRefund(initialFee, { state: "due" });

  test.each([
    ["succeeded", [{ id: initialFee.id, from: "paid", to: "refunded" }]],
    ["pending", []],
  ])("is found at Stripe as %s: its row follows, and nothing is sent", (status, paymentMoves) => {
    const seen = { ...refundsSeen(5_000, 0), refunds: [refundSeen(refundId, 5_000, status)] } as Answer;
    const played = play(setup([initialFee], [waiting]), { ...ended, [`refunds_of:${initialFee.id}`]: seen });
    expect(played.steps.map(({ type }) => type)).toEqual(["call", "look", "look", "look"]);
    expect(settled(played)).toMatchObject({
      refundMoves: [{ id: refundId, from: "due", to: status, stripeRefundId: "re_1" }],
      paymentMoves,
    });
  });

  test("is owed no more once somebody has given the money back at Stripe", () => {
    const played = play(setup([initialFee], [waiting]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000, 0),
    });
    expect(settled(played)).toMatchObject({
      refundMoves: [{ id: refundId, from: "due", to: "waived" }],
      paymentMoves: [{ id: initialFee.id, from: "paid", to: "refunded" }],
      attention: [{ code: "refunded_elsewhere" }],
    });
  });

  test.each([
    ["nothing of it", []],
    ["given as much back for another row of its charge", [refundSeen("c-1:period:0:refund:1", 5_000)]],
  ])("is sent under its own row when Stripe has %s", (_, refunds) => {
    const played = play(setup([initialFee], [waiting]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: { ...refundsSeen(10_000, 10_000 - 5_000 * refunds.length), refunds } as Answer,
      [`refund:${initialFee.id}`]: done(refundSeen(refundId, 5_000)),
    });
    expect(played.steps.at(-1)).toMatchObject({ refund: { isNew: false, refundId } });
    expect(settled(played).refundMoves).toEqual([]);
  });
});
