import { describe, expect, test } from "vitest";
import type { Contract, Payment, Refund } from "../../../../src/contract/contract.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import {
  makeContract,
  makeFacts,
  makePayment,
  makeRefund,
  makeWorld,
  on,
  openFor,
  revokedFor,
} from "../../../support/facts.ts";
import { play, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";
import {
  addedLine,
  done,
  intentSeen,
  invoiceSeen,
  listed,
  nothingUnknown,
  paidInvoiceSeen,
  paidInvoices,
  periodLine,
  refundSeen,
  refundsSeen,
  refused,
  subscriptionEnded,
  unpaidInvoices,
} from "../support/stripe-answers.ts";

const startAhead = on("2025-02-01");
const initialFee = makePayment({ subject: "initial_fee", amountMinor: 5_000, stripePaymentIntentId: "pi_first" });
const refundId = "c-1:initial_fee:refund:1";

function setup(contract: Partial<Contract>, payments: readonly Payment[] = [], refunds: readonly Refund[] = []) {
  return makeFacts("cancel", { world: makeWorld({ contract, payments, refunds }) });
}

/** A monthly contract by card that starts on 1 February, with these rows in its history. */
function setupByCard(payments: readonly Payment[]) {
  return setup({ paymentMethod: "card", status: "not_started", startOn: startAhead }, payments);
}

const ended = { cancel_subscription: done(subscriptionEnded), ...nothingUnknown } satisfies Record<string, Answer>;

describe("who may cancel, and from where", () => {
  test("a monthly contract: while it waits for its payment or its start", () => {
    const allowed = statusesAllowed((status) => setup({ status }));
    expect(allowed).toEqual(["awaiting_payment", "not_started"]);
  });

  test("a one-time contract: only while it waits for its payment", () => {
    const allowed = statusesAllowed((status) => setup({ status, kind: "one_time" }));
    expect(allowed).toEqual(["awaiting_payment"]);
  });

  test.each(["card", "bank_transfer", "other"] as const)("paid by %s all the same", (paymentMethod) => {
    expect(refusalOf(setup({ paymentMethod, status: "awaiting_payment" }))).toBeUndefined();
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup({ status: "awaiting_payment" }), [
      ["status_not_allowed", withContract({ status: "active" })],
    ]);
  });

  test.each(["operator", "service"] as const)("a %s may ask in both statuses", (actor) => {
    expect(refusalOf(askedBy(actor)(setup({ status: "awaiting_payment" })))).toBeUndefined();
    expect(refusalOf(askedBy(actor)(setup({ status: "not_started", startOn: startAhead })))).toBeUndefined();
  });

  test("a customer may cancel their own contract only while it waits for its payment", () => {
    const own = askedBy("customer", "cust-1");
    expect(refusalOf(own(setup({ status: "awaiting_payment" })))).toBeUndefined();
    expect(refusalOf(own(setup({ status: "not_started", startOn: startAhead })))).toBe("actor_not_allowed");
    expect(refusalOf(own(setup({ status: "active" })))).toBe("actor_not_allowed");
  });

  test.each(["schedule", "stripe"] as const)("the %s may not ask", (actor) => {
    expect(refusalOf(askedBy(actor)(setup({ status: "awaiting_payment" })))).toBe("actor_not_allowed");
  });
});

describe("without Stripe", () => {
  test("what waits for its payment is written off, and nothing is owed", () => {
    const due = [makePayment({ subject: "initial_fee", state: "due" }), makePayment({ period: 0, state: "due" })];
    const played = play(setup({ status: "awaiting_payment" }, due));

    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "canceled",
      reservation: null,
      newPayments: [],
      paymentMoves: due.map(({ id }) => ({ id, from: "due", to: "never_charged" })),
      newRefunds: [],
      refundMoves: [],
      licenses: [],
      attention: [],
      notices: [
        { kind: "contract_canceled", recipient: "customer", detail: { refundMinor: 0, owedMinor: 0 } },
        { kind: "contract_canceled", recipient: "operators", detail: { refundMinor: 0, owedMinor: 0 } },
      ],
    });
  });

  test("what was paid is recorded as owed back by hand, and stays paid until a person has done it", () => {
    const fee = makePayment({ subject: "initial_fee", amountMinor: 5_000 });
    const change = settled(play(setup({ status: "not_started", startOn: startAhead }, [fee])));

    expect(change).toEqual({
      status: "canceled",
      reservation: null,
      newPayments: [],
      paymentMoves: [],
      newRefunds: [
        {
          id: refundId,
          paymentId: fee.id,
          amountMinor: 5_000,
          state: "manual_due",
          stripePaymentIntentId: null,
          stripeRefundId: null,
          supersedes: [],
        },
      ],
      refundMoves: [],
      licenses: [],
      attention: [{ code: "refund_owed_by_hand", detail: { refundId, amountMinor: 5_000 } }],
      notices: [
        { kind: "contract_canceled", recipient: "customer", detail: { refundMinor: 5_000, owedMinor: 5_000 } },
        { kind: "contract_canceled", recipient: "operators", detail: { refundMinor: 5_000, owedMinor: 5_000 } },
      ],
    });
  });

  test("what is noted as owed back already is not noted a second time", () => {
    const fee = makePayment({ subject: "initial_fee", amountMinor: 5_000 });
    const facts = setup(
      { status: "not_started", startOn: startAhead },
      [fee],
      [makeRefund(fee, { state: "manual_due" })],
    );
    expect(settled(play(facts)).newRefunds).toEqual([]);
  });

  test.each(["refunded", "never_charged"] as const)("a row that is %s stays as it is", (state) => {
    const row = makePayment({ subject: "initial_fee", state });
    const change = settled(play(setup({ status: "not_started", startOn: startAhead }, [row])));
    expect(change).toMatchObject({ newRefunds: [], paymentMoves: [] });
  });

  test("every open license is revoked, and one that was revoked before keeps its reason", () => {
    const [first, second] = [makePayment({ period: 0 }), makePayment({ period: 1 })];
    const licenses = [...openFor([first]), revokedFor(second, "refunded")];
    const contract = makeContract({ status: "not_started", startOn: startAhead });
    const facts = makeFacts("cancel", { world: makeWorld({ contract, payments: [first, second], licenses }) });
    expect(settled(play(facts)).licenses).toEqual([{ type: "revoked", paymentId: first.id, because: "canceled" }]);
  });
});

describe("by card", () => {
  test("the subscription is ended first, then each payment looked at and refunded, and all of it is told", () => {
    const played = play(setupByCard([initialFee]), {
      ...ended,
      [`refunds_of:${initialFee.id}`]: refundsSeen(5_000),
      [`refund:${initialFee.id}`]: done(refundSeen(refundId, 5_000)),
    });

    expect(played.steps).toEqual([
      { type: "call", name: "cancel_subscription", call: { verb: "cancel_subscription", subscriptionId: "sub_1" } },
      {
        type: "look",
        name: "unpaid_invoices",
        look: { verb: "list_unpaid_invoices", subscriptionId: "sub_1" },
      },
      {
        type: "look",
        name: "paid_invoices:sub_1",
        look: { verb: "list_paid_invoices", subscriptionId: "sub_1" },
      },
      {
        type: "look",
        name: `refunds_of:${initialFee.id}`,
        look: { verb: "list_refunds", paymentIntentId: "pi_first" },
      },
      {
        type: "call",
        name: `refund:${initialFee.id}`,
        call: { verb: "refund_payment", refundId, paymentIntentId: "pi_first", amountMinor: 5_000 },
        refund: {
          isNew: true,
          refundId,
          paymentId: initialFee.id,
          amountMinor: 5_000,
          stripePaymentIntentId: "pi_first",
          supersedes: [],
        },
      },
    ]);
    expect(settled(played)).toEqual({
      status: "canceled",
      endedAt: subscriptionEnded.endedAt,
      reservation: null,
      newPayments: [],
      paymentMoves: [{ id: initialFee.id, from: "paid", to: "refunded" }],
      newRefunds: [],
      refundMoves: [],
      licenses: [],
      attention: [],
      notices: [
        { kind: "contract_canceled", recipient: "customer", detail: { refundMinor: 5_000, owedMinor: 0 } },
        { kind: "contract_canceled", recipient: "operators", detail: { refundMinor: 5_000, owedMinor: 0 } },
      ],
    });
  });

  test("a contract without a subscription ends none", () => {
    const facts = setup({ paymentMethod: "card", kind: "one_time", status: "awaiting_payment" });
    const played = play(facts, { payment_intent: intentSeen(0, null) });
    expect(played.steps).toEqual([
      { type: "look", name: "payment_intent", look: { verb: "read_payment_intent", paymentIntentId: "pi_1" } },
    ]);
  });

  test("a subscription that Stripe does not know is an answer, with attention", () => {
    const change = settled(play(setupByCard([]), { ...ended, cancel_subscription: refused("not_found") }));
    expect(change).toMatchObject({
      status: "canceled",
      attention: [{ code: "subscription_missing", detail: { subscriptionId: "sub_1" } }],
    });
  });

  test("what can still be paid is voided or stopped once the subscription is ended, before what was paid is looked for", () => {
    const invoices = unpaidInvoices(
      { id: "in_2", stripeInvoiceStatus: "draft" as const },
      { id: "in_1", stripeInvoiceStatus: "open" as const },
    );
    const played = play(setupByCard([]), {
      ...ended,
      unpaid_invoices: invoices,
      "stop:in_2": done(invoiceSeen("in_2", "draft", { autoAdvance: false })),
      "void:in_1": refused("invoice_not_open"),
      "invoice:in_1": invoiceSeen("in_1", "uncollectible"),
    });
    expect(played.steps.map(({ name }) => name)).toEqual([
      "cancel_subscription",
      "unpaid_invoices",
      "stop:in_2",
      "void:in_1",
      "invoice:in_1",
      "paid_invoices:sub_1",
    ]);
    expect(settled(played)).toMatchObject({
      status: "canceled",
      attention: [{ code: "invoice_not_voided", detail: { invoiceId: "in_1", stripeInvoiceStatus: "uncollectible" } }],
    });
  });

  test("a period of its first invoice that was never paid is written off", () => {
    const unpaid = makePayment({ period: 0, state: "unpaid" });
    expect(settled(play(setupByCard([unpaid]), ended)).paymentMoves).toEqual([
      { id: unpaid.id, from: "unpaid", to: "never_charged" },
    ]);
  });

  describe("what Stripe has taken and our history does not know", () => {
    const lines = [addedLine(5_000), periodLine("2025-02-01")];
    const first = paidInvoiceSeen("in_0", lines, { billingReason: "subscription_create" });
    const byFirst = { stripeInvoiceId: "in_0", stripePaymentIntentId: "pi_0" };
    const refundsOf = (...parts: readonly (readonly [string, number, number])[]) =>
      Object.fromEntries(
        parts.flatMap(([id, leftMinor, amountMinor]): [string, Answer][] => [
          [`refunds_of:${id}`, refundsSeen(6_980, leftMinor)],
          [`refund:${id}`, done(refundSeen(`${id}:refund:1`, amountMinor))],
        ]),
      );
    const found = {
      ...ended,
      "paid_invoices:sub_1": paidInvoices(listed(first)),
      "invoice:in_0": first,
    };
    const setupWithFee = (payments: readonly Payment[]) =>
      setup({ paymentMethod: "card", status: "not_started", startOn: startAhead, initialFeeMinor: 5_000 }, payments);

    test("is recorded and goes back, since nobody else would give it back", () => {
      const [fee, period] = ["in_0:il_added", "in_0:il_2025-02-01"] as const;
      const due = makePayment({ period: 0, state: "due" });
      const played = play(setupWithFee([due]), {
        ...found,
        ...refundsOf([due.id, 6_980, 1_980], [fee, 5_000, 5_000]),
      });
      const { newPayments, paymentMoves, notices } = settled(played);
      expect(newPayments).toMatchObject([{ id: fee, subject: "initial_fee", state: "refunded", ...byFirst }]);
      expect(paymentMoves).toMatchObject([{ id: due.id, from: "due", to: "refunded", ...byFirst }]);
      expect(notices?.[0]?.detail).toEqual({ refundMinor: 6_980, owedMinor: 0 });

      const unknown = play(setupWithFee([]), { ...found, ...refundsOf([fee, 6_980, 5_000], [period, 1_980, 1_980]) });
      expect(settled(unknown).newPayments).toMatchObject([
        { id: fee, state: "refunded" },
        { id: period, period: 0, state: "refunded" },
      ]);
    });

    test("a payment brought along without its ids is told by what the invoice bills, and goes back through Stripe", () => {
      const nameless = makePayment({ subject: "initial_fee", amountMinor: 5_000 });
      const period = makePayment({ period: 0, ...byFirst });
      const played = play(setupWithFee([nameless, period]), {
        ...found,
        ...refundsOf([nameless.id, 6_980, 5_000], [period.id, 1_980, 1_980]),
      });
      expect(settled(played)).toMatchObject({
        newPayments: [],
        newRefunds: [],
        paymentMoves: [
          { id: nameless.id, from: "paid", to: "refunded", ...byFirst },
          { id: period.id, from: "paid", to: "refunded" },
        ],
        attention: [],
      });
    });

    test("and learns what it is at Stripe also when its refund is refused", () => {
      const nameless = makePayment({ subject: "initial_fee", amountMinor: 5_000 });
      const period = makePayment({ period: 0, ...byFirst, state: "refunded" });
      const played = play(setupWithFee([nameless, period]), {
        ...found,
        [`refunds_of:${nameless.id}`]: refundsSeen(6_980, 5_000),
        [`refund:${nameless.id}`]: refused("charge_disputed"),
      });
      expect(settled(played).paymentMoves).toEqual([{ id: nameless.id, from: "paid", to: "paid", ...byFirst }]);
    });

    test("what an invoice holds beside our rows, such as tax, goes back with them", () => {
      const fee = { ...initialFee, ...byFirst };
      const taxed = { ...paidInvoiceSeen("in_0", [addedLine(5_000)]), amountPaidMinor: 5_500 };
      const played = play(setupByCard([fee]), {
        ...ended,
        "paid_invoices:sub_1": paidInvoices(listed(taxed)),
        "invoice:in_0": taxed,
        ...refundsOf([fee.id, 5_500, 5_000], ["in_0", 500, 500]),
      });
      expect(settled(played)).toMatchObject({
        newPayments: [],
        paymentMoves: [{ id: fee.id, from: "paid", to: "refunded" }],
        attention: [],
      });
      expect(settled(played).notices?.[0]?.detail).toEqual({ refundMinor: 5_500, owedMinor: 0 });
    });

    test("while it may be a payment that names nothing, that one is left to a person", () => {
      const nameless = makePayment({ period: 3 });
      const played = play(setupWithFee([nameless]), {
        ...found,
        ...refundsOf(["in_0:il_added", 6_980, 5_000], ["in_0:il_2025-02-01", 1_980, 1_980]),
      });
      expect(settled(played)).toMatchObject({
        newRefunds: [],
        paymentMoves: [],
        attention: [{ code: "payment_unknown", detail: { paymentId: nameless.id, amountMinor: 1_980 } }],
      });
    });
  });
});
