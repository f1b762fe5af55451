import { describe, expect, test } from "vitest";
import type { BuriedPayment, DisputeState, Payment, RefundState } from "../../../../src/contract/contract.ts";
import { contractStatuses } from "../../../../src/contract/contract.ts";
import { makeFacts, makePayment, makeRefund, makeTombstone, makeWorld, openFor } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, refusalOf } from "../support/refusals.ts";

const actor = { type: "stripe", id: "evt_1" } as const;
const rows = [
  makePayment({ subject: "initial_fee", stripePaymentIntentId: "pi_1" }),
  makePayment({ period: 0, stripePaymentIntentId: "pi_1" }),
];
const other = makePayment({ period: 1, stripePaymentIntentId: "pi_2" });

function paramsOf(stripeDisputeStatus: string) {
  return { paymentIntentId: "pi_1", disputeId: "du_1", stripeDisputeStatus };
}

function setup(status = "needs_response", dispute: DisputeState | null = null, contract: object = {}) {
  const payments = [...rows.map((row) => ({ ...row, dispute })), other];
  const world = makeWorld({ contract: { paymentMethod: "card", ...contract }, payments, licenses: openFor(payments) });
  return makeFacts("record_dispute", { actor, params: paramsOf(status), world });
}

type Told = DisputeState | "inquiry" | "inquiry_closed";

function told(state: Told, amountMinor = 6_980) {
  return [
    {
      kind: "payment_disputed",
      recipient: "operators",
      detail: { paymentIntentId: "pi_1", disputeId: "du_1", state, amountMinor },
      cause: `payment_disputed:du_1:${state}`,
    },
  ];
}

const remark = (state: Told) => [{ code: "payment_disputed", detail: { disputeId: "du_1", state } }];

describe("who may ask, and what", () => {
  test("Stripe alone", () => {
    for (const type of ["operator", "service", "customer", "schedule"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup()))).toBe("actor_not_allowed");
    }
  });

  test("a status has to be named", () => {
    expect(rejected(play(setup("")))).toMatchObject({ detail: { field: "params.stripeDisputeStatus" } });
  });

  test.each(contractStatuses)("%s is never a reason to refuse", (status) => {
    expect(settled(play(setup("lost", null, { status }))).disputes).toHaveLength(2);
  });
});

describe("a dispute", () => {
  test.each([
    ["needs_response", "open"],
    ["under_review", "open"],
    ["a word of the future", "open"],
    ["lost", "lost"],
    ["won", "won"],
    ["prevented", "won"],
  ] as const)("that is %s at Stripe is %s on every row of the intent, and nothing else changes", (status, state) => {
    expect(settled(play(setup(status)))).toEqual({
      disputes: rows.map(({ id: paymentId }) => ({ paymentId, dispute: state })),
      refundMoves: [],
      attention: remark(state),
      notices: told(state),
    });
  });

  test.each([
    ["lost", "open", "lost"],
    ["won", "open", "won"],
    ["lost", "won", "lost"],
  ] as const)("that is %s replaces what was %s", (status, before, after) => {
    expect(settled(play(setup(status, before))).disputes).toMatchObject([{ dispute: after }, { dispute: after }]);
  });

  test.each([
    ["needs_response", "open", "open"],
    ["under_review", "won", "open"],
    ["under_review", "lost", "open"],
    ["lost", "lost", "lost"],
    ["won", "lost", "won"],
  ] as const)(
    "that is %s says nothing new of what is %s; its mail goes out once, by its cause",
    (status, before, state) => {
      expect(settled(play(setup(status, before)))).toEqual({ superseded: true, notices: told(state) });
    },
  );

  test.each([
    ["warning_needs_response", "inquiry"],
    ["warning_under_review", "inquiry"],
    ["warning_closed", "inquiry_closed"],
  ] as const)("of which the bank only asks, %s, is told and noted on no row", (status, state) => {
    for (const known of [null, "open", "won", "lost"] as const) {
      expect(settled(play(setup(status, known)))).toEqual({ attention: remark(state), notices: told(state) });
    }
  });

  test("that follows a closed inquiry under the same id is news, told by a mail of its own", () => {
    const asked = settled(play(setup("warning_needs_response")));
    const closed = settled(play(setup("warning_closed")));
    const disputed = settled(play(setup("needs_response")));
    expect(disputed).toMatchObject({ disputes: [{ dispute: "open" }, { dispute: "open" }], attention: remark("open") });
    const causes = [asked, closed, disputed].map(({ notices }) => notices?.[0]?.cause);
    expect(new Set(causes).size).toBe(3);
  });

  test("that is lost has taken the money back: what was owed of it is owed no more", () => {
    const owed = (row: Payment, state: RefundState) => makeRefund(row, { id: `${row.id}:${state}`, state });
    const [fee, period] = rows as [Payment, Payment];
    const refunds = [owed(fee, "due"), owed(period, "failed"), owed(period, "waived"), owed(other, "due")];
    const waived = [
      { id: "c-1:initial_fee:due", from: "due", to: "waived" },
      { id: "c-1:period:0:failed", from: "failed", to: "waived" },
    ];
    const facts = (status: string) => {
      const world = makeWorld({ contract: { paymentMethod: "card" }, payments: [...rows, other], refunds });
      return makeFacts("record_dispute", { actor, params: paramsOf(status), world });
    };
    expect(settled(play(facts("lost"))).refundMoves).toEqual(waived);
    expect(settled(play(facts("won"))).refundMoves).toEqual([]);
  });

  test("of an intent that paid nothing of ours is told all the same", () => {
    const facts = { ...setup("lost"), world: makeWorld({ contract: { paymentMethod: "card" }, payments: [other] }) };
    expect(settled(play(facts))).toEqual({
      attention: [{ code: "payment_unknown", detail: { paymentIntentId: "pi_1", disputeId: "du_1" } }],
      notices: told("lost", 0),
    });
  });
});

describe("of a deleted contract", () => {
  const buried: BuriedPayment = {
    paymentId: "c-1:period:0",
    subject: "period",
    period: 0,
    amountMinor: 1_980,
    paidAt: "2024-10-08T01:00:00Z",
    stripePaymentIntentId: "pi_1",
    result: "before_cutoff",
    refundId: null,
  };
  const deleted = (payments: readonly BuriedPayment[]) =>
    makeFacts("record_dispute", { actor, params: paramsOf("lost"), tombstone: makeTombstone({ payments }) });

  test("it is told; there is no row to note it on", () => {
    expect(settled(play(deleted([buried])))).toEqual({
      refundMoves: [],
      attention: remark("lost"),
      notices: told("lost", 1_980),
    });
  });

  test("what was owed of it is owed no more once it is lost", () => {
    const due = makeRefund(makePayment({ period: 0 }), { state: "due", stripePaymentIntentId: "pi_1" });
    const tombstone = makeTombstone({ payments: [buried], refunds: [due] });
    const facts = makeFacts("record_dispute", { actor, params: paramsOf("lost"), tombstone });
    expect(settled(play(facts)).refundMoves).toEqual([{ id: due.id, from: "due", to: "waived" }]);
  });

  test("of an intent that it knows nothing of, too", () => {
    expect(settled(play(deleted([])))).toMatchObject({
      attention: [{ code: "payment_unknown" }],
      notices: told("lost", 0),
    });
  });
});
