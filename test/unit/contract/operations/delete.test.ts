import { describe, expect, test } from "vitest";
import {
  type Contract,
  type ContractWorld,
  contractStatuses,
  type Payment,
  type Refund,
} from "../../../../src/contract/contract.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import { makeFacts, makePayment, makeRefund, makeWorld, on, policy } from "../../../support/facts.ts";
import { play, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf } from "../support/refusals.ts";
import {
  addedLine,
  done,
  intentSeen,
  invoiceSeen,
  listed,
  missing,
  paidInvoiceSeen,
  paidInvoices,
  periodLine,
  refundSeen,
  refundsSeen,
  refused,
  subscriptionEnded,
  unpaidInvoices,
} from "../support/stripe-answers.ts";

function setup(world: ContractWorld, params: Readonly<Record<string, unknown>> = { confirm: "c-1" }): Facts {
  return makeFacts("delete", { world, params });
}

/** A monthly contract by card with these rows of its history. */
function byCard(payments: readonly Payment[], contract: Partial<Contract> = {}, refunds: readonly Refund[] = []) {
  return setup(makeWorld({ contract: { paymentMethod: "card", ...contract }, payments, refunds }));
}

/** What Stripe says to a deletion when there is nothing that is open, nor anything that we do not know. */
const quiet = {
  cancel_subscription: done(subscriptionEnded),
  unpaid_invoices: unpaidInvoices(),
  "paid_invoices:sub_1": { invoices: [] },
} satisfies Record<string, Answer>;

const first = makePayment({ period: 0, stripePaymentIntentId: "pi_0", stripeInvoiceId: "in_0" });
const second = makePayment({ period: 1, stripePaymentIntentId: "pi_1", stripeInvoiceId: "in_1" });

function refundedAt(payment: Payment): Record<string, Answer> {
  const id = `${payment.id}:refund:1`;
  return {
    [`refunds_of:${payment.id}`]: refundsSeen(payment.amountMinor),
    [`refund:${payment.id}`]: done(refundSeen(id, payment.amountMinor)),
  };
}

/** What became of each payment, by its id. */
function resultsOf(facts: Facts, script: Readonly<Record<string, Answer>>) {
  const { deletion } = settled(play(facts, script));
  return Object.fromEntries((deletion?.payments ?? []).map(({ paymentId, result }) => [paymentId, result]));
}

describe("who may, and when", () => {
  test("the first of several refusals answers", () => {
    expectRefusalsInOrder(setup(makeWorld()), [
      ["confirmation_missing", (facts) => ({ ...facts, operation: { ...facts.operation, params: {} } })],
    ]);
  });

  test.each([{}, { confirm: "c-2" }, { confirm: "" }])(
    "it must be confirmed by the contract's id, not by %j",
    (params) => {
      expect(refusalOf(setup(makeWorld(), params))).toBe("confirmation_missing");
    },
  );

  test.each(contractStatuses)("a contract that is %s may be deleted", (status) => {
    expect(refusalOf(setup(makeWorld({ contract: { status } })))).toBeUndefined();
  });

  test("customers, the calendar and Stripe may not ask it", () => {
    for (const type of ["customer", "schedule", "stripe"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup(makeWorld())))).toBe("actor_not_allowed");
    }
  });
});

describe("without Stripe", () => {
  test("what was never paid leaves nothing but the tombstone, and nobody's name", () => {
    const due = makePayment({ period: 0, state: "due" });
    expect(settled(play(setup(makeWorld({ payments: [due] }))))).toEqual({
      newRefunds: [],
      refundMoves: [],
      attention: [],
      notices: [],
      deletion: { customerId: null, stripeIds: [], payments: [] },
    });
  });

  test("what was paid is owed by hand, also from before the cut-off, and the customer's id stays with it", () => {
    const old = makePayment({ period: 0, paidAt: "2018-01-01T03:00:00Z" });
    const change = settled(play(setup(makeWorld({ payments: [old] }))));
    expect(change).toMatchObject({
      newRefunds: [{ paymentId: old.id, state: "manual_due", amountMinor: 1_980 }],
      deletion: { customerId: "cust-1", payments: [{ paymentId: old.id, result: "refund_owed_by_hand" }] },
    });
  });

  test("a refund that is owed by hand already is not owed twice, and keeps the customer's id", () => {
    const payment = makePayment({ period: 0 });
    const world = makeWorld({ payments: [payment], refunds: [makeRefund(payment, { state: "manual_due" })] });
    expect(settled(play(setup(world)))).toMatchObject({
      newRefunds: [],
      deletion: { customerId: "cust-1", payments: [{ result: "refund_owed_by_hand" }] },
    });
  });
});

describe("by card", () => {
  test("subscriptions are ended first, then invoices closed, then every payment refunded, past months included", () => {
    const open = unpaidInvoices(
      { id: "in_open", stripeInvoiceStatus: "open" },
      { id: "in_draft", stripeInvoiceStatus: "draft" },
    );
    const played = play(byCard([first, second]), {
      ...quiet,
      unpaid_invoices: open,
      "void:in_open": done(invoiceSeen("in_open", "void")),
      "stop:in_draft": done(invoiceSeen("in_draft", "draft", { autoAdvance: false })),
      ...refundedAt(first),
      ...refundedAt(second),
    });
    expect(played.steps.map(({ name }) => name)).toEqual([
      "cancel_subscription",
      "unpaid_invoices",
      "void:in_open",
      "stop:in_draft",
      "paid_invoices:sub_1",
      `refunds_of:${first.id}`,
      `refund:${first.id}`,
      `refunds_of:${second.id}`,
      `refund:${second.id}`,
    ]);
    expect(settled(played).deletion).toMatchObject({
      customerId: null,
      stripeIds: ["cus_1", "sub_1", "in_0", "pi_0", "in_1", "pi_1"],
      payments: [
        { paymentId: first.id, subject: "period", period: 0, result: "refunded", refundId: `${first.id}:refund:1` },
        { paymentId: second.id, result: "refunded" },
      ],
    });
  });

  test("a draft that became final before it was stopped is voided, and what would not be voided is named", () => {
    const played = play(byCard([]), {
      ...quiet,
      unpaid_invoices: unpaidInvoices(
        { id: "in_8", stripeInvoiceStatus: "draft" },
        { id: "in_9", stripeInvoiceStatus: "open" },
      ),
      "stop:in_8": done(invoiceSeen("in_8", "open", { autoAdvance: false })),
      "void:in_8": done(invoiceSeen("in_8", "void")),
      "void:in_9": refused("invoice_not_open"),
      "invoice:in_9": invoiceSeen("in_9", "uncollectible"),
    });
    expect(settled(played).attention).toEqual([
      { code: "invoice_not_voided", detail: { invoiceId: "in_9", stripeInvoiceStatus: "uncollectible" } },
    ]);
  });

  test("former subscriptions are ended, too, and what they brought is refunded", () => {
    const line = periodLine("2024-11-08", { amountMinor: 1_500 });
    const unknown = paidInvoiceSeen("in_x", [line], { subscriptionId: "sub_0" });
    const id = `in_x:${line.id}`;
    const played = play(byCard([], { formerStripeSubscriptionIds: ["sub_0"] }), {
      ...quiet,
      "cancel_subscription:sub_0": refused("not_found"),
      "unpaid_invoices:sub_0": unpaidInvoices(),
      "paid_invoices:sub_0": paidInvoices(listed(unknown)),
      "invoice:in_x": unknown,
      [`refunds_of:${id}`]: refundsSeen(1_500),
      [`refund:${id}`]: done(refundSeen(`${id}:refund:1`, 1_500)),
    });
    expect(settled(played)).toMatchObject({
      attention: [{ code: "subscription_missing", detail: { subscriptionId: "sub_0" } }],
      deletion: {
        stripeIds: ["cus_1", "sub_1", "sub_0", "in_x", "pi_x"],
        payments: [{ paymentId: id, subject: "period", period: 1, amountMinor: 1_500, result: "refunded" }],
      },
    });
  });

  describe("whose payments were brought along without their ids", () => {
    const nameless = makePayment({ period: 0 });
    const fee = makePayment({ subject: "initial_fee", amountMinor: 5_000 });
    const charge = { id: "in_0", amountPaidMinor: 6_980, paidAt: "2024-10-08T00:00:00Z", paymentIntentId: "pi_0" };
    const lines = [addedLine(5_000), periodLine("2024-10-08")];
    const invoice = paidInvoiceSeen("in_0", lines, { billingReason: "subscription_create" });
    const found = { ...quiet, "paid_invoices:sub_1": { invoices: [charge] }, "invoice:in_0": invoice };
    const ofFee = {
      "refunds_of:c-1:initial_fee": refundsSeen(6_980),
      "refund:c-1:initial_fee": done(refundSeen("c-1:initial_fee:refund:1", 5_000)),
    };
    const ofPeriod = {
      "refunds_of:c-1:period:0": refundsSeen(6_980, 1_980),
      "refund:c-1:period:0": done(refundSeen("c-1:period:0:refund:1", 1_980)),
    };

    test("they are told by what the invoice bills, and refunded through Stripe, once", () => {
      const played = play(byCard([fee, nameless], { initialFeeMinor: 5_000 }), {
        ...found,
        ...ofFee,
        ...ofPeriod,
      });
      expect(settled(played)).toMatchObject({
        newRefunds: [],
        deletion: {
          customerId: null,
          payments: [
            { paymentId: fee.id, stripePaymentIntentId: "pi_0", result: "refunded" },
            { paymentId: nameless.id, stripePaymentIntentId: "pi_0", result: "refunded" },
          ],
        },
      });
    });

    test("what an invoice holds beyond them is refunded as well", () => {
      const rest = {
        ...found,
        ...ofPeriod,
        "refunds_of:in_0:il_added": refundsSeen(6_980, 5_000),
        "refund:in_0:il_added": done(refundSeen("in_0:il_added:refund:1", 5_000)),
      };
      expect(resultsOf(byCard([nameless], { initialFeeMinor: 5_000 }), rest)).toEqual({
        [nameless.id]: "refunded",
        "in_0:il_added": "refunded",
      });
    });

    test("what a known invoice holds beyond its rows is told by its lines, too, and refunded once", () => {
      const named = { ...nameless, stripeInvoiceId: "in_0", stripePaymentIntentId: "pi_0" };
      const played = play(byCard([fee, named], { initialFeeMinor: 5_000 }), {
        ...found,
        ...ofFee,
        ...ofPeriod,
      });
      expect(settled(played)).toMatchObject({
        newRefunds: [],
        deletion: {
          payments: [
            { paymentId: fee.id, result: "refunded" },
            { paymentId: named.id, result: "refunded" },
          ],
        },
      });
    });

    test("while a known invoice pays the same thing, a person decides", () => {
      const named = makePayment({ id: "in_0:il_0", period: 0, stripeInvoiceId: "in_0", stripePaymentIntentId: "pi_0" });
      const paid = (amountPaidMinor: number) => ({
        "paid_invoices:sub_1": { invoices: [{ ...charge, amountPaidMinor }] },
      });
      const inDoubt = { [nameless.id]: "in_doubt", [named.id]: "refunded" };
      const covered = { ...quiet, ...paid(1_980), ...refundedAt(named) };
      expect(resultsOf(byCard([nameless, named]), covered)).toEqual(inDoubt);

      const taxed = {
        ...covered,
        ...paid(2_178),
        "invoice:in_0": { ...invoice, lines: [periodLine("2024-10-08")] },
        "refunds_of:in_0": refundsSeen(2_178, 198),
        "refund:in_0": done(refundSeen("in_0:refund:1", 198)),
      };
      expect(resultsOf(byCard([nameless, named]), taxed)).toEqual({ ...inDoubt, in_0: "refunded" });
    });

    test("they are owed by hand when Stripe has nothing that they could be", () => {
      expect(resultsOf(byCard([nameless]), quiet)).toEqual({ [nameless.id]: "refund_owed_by_hand" });
    });

    test("while unknown money is refunded that may be theirs, a person decides", () => {
      const other = { ...invoice, lines: [addedLine(6_980)], billingReason: "manual" };
      const played = play(byCard([nameless]), {
        ...found,
        "invoice:in_0": other,
        "refunds_of:in_0": refundsSeen(6_980),
        "refund:in_0": done(refundSeen("in_0:refund:1", 6_980)),
      });
      expect(settled(played)).toMatchObject({
        newRefunds: [],
        attention: [{ code: "payment_unknown", detail: { paymentId: nameless.id, amountMinor: 1_980 } }],
        deletion: {
          payments: [
            { paymentId: nameless.id, result: "in_doubt", refundId: null },
            { paymentId: "in_0", result: "refunded" },
          ],
        },
      });
    });

    test("what came before the cut-off is kept all the same", () => {
      const old = { ...nameless, paidAt: "2018-08-04T00:00:00Z" };
      expect(resultsOf(byCard([old]), quiet)).toEqual({ [old.id]: "before_cutoff" });
    });
  });

  test("what a known invoice holds beyond our rows is refunded, too", () => {
    const invoices = [{ id: "in_0", amountPaidMinor: 2_178, paidAt: "2024-10-08T00:00:00Z", paymentIntentId: "pi_0" }];
    const played = play(byCard([first]), {
      ...quiet,
      "paid_invoices:sub_1": { invoices },
      "invoice:in_0": { ...paidInvoiceSeen("in_0", [periodLine("2024-10-08")]), amountPaidMinor: 2_178 },
      ...refundedAt(first),
      "refunds_of:in_0": refundsSeen(2_178, 198),
      "refund:in_0": done(refundSeen("in_0:refund:1", 198)),
    });
    expect(settled(played).deletion?.payments).toMatchObject([
      { paymentId: first.id, amountMinor: 1_980, result: "refunded" },
      { paymentId: "in_0", subject: "unknown", amountMinor: 198, result: "refunded" },
    ]);
  });

  test("a one-time payment without its id is its intent's, and what that holds beyond it is refunded, too", () => {
    const contract = { kind: "one_time", paymentMethod: "card", status: "established" } as const;
    const price = makePayment({ subject: "one_time_price", amountMinor: 9_800 });
    const script = {
      payment_intent: intentSeen(10_780, "2025-01-19T00:00:00Z"),
      [`refunds_of:${price.id}`]: refundsSeen(10_780),
      [`refund:${price.id}`]: done(refundSeen(`${price.id}:refund:1`, 9_800)),
      "refunds_of:pi_1": refundsSeen(10_780, 980),
      "refund:pi_1": done(refundSeen("pi_1:refund:1", 980)),
    };
    expect(resultsOf(setup(makeWorld({ contract, payments: [price] })), script)).toEqual({
      [price.id]: "refunded",
      pi_1: "refunded",
    });
  });

  test("an invoice that no single intent paid is owed by hand, and a person is told to find out how it was paid", () => {
    const odd = { paymentIntentId: null, isPaidOddly: true } as const;
    const known = { ...first, stripePaymentIntentId: null };
    const unknown = paidInvoiceSeen("in_7", [periodLine("2024-12-08")], odd);
    const paid = { amountPaidMinor: 1_980, paidAt: "2024-10-08T00:00:00Z", ...odd };
    const played = play(byCard([known]), {
      ...quiet,
      "paid_invoices:sub_1": {
        invoices: [
          { id: "in_0", ...paid },
          { id: "in_7", ...paid },
        ],
      },
      "invoice:in_7": unknown,
    });
    expect(settled(played)).toMatchObject({
      attention: [
        { code: "payment_paid_oddly", detail: { invoiceId: "in_0", amountMinor: 1_980 } },
        { code: "payment_paid_oddly", detail: { invoiceId: "in_7", amountMinor: 1_980 } },
        { code: "refund_owed_by_hand" },
        { code: "refund_owed_by_hand" },
      ],
      deletion: {
        customerId: "cust-1",
        payments: [{ result: "refund_owed_by_hand" }, { result: "refund_owed_by_hand" }],
      },
    });
  });

  test("a refund that Stripe will not make stays owed, under Stripe's own word where we have none", () => {
    const played = play(byCard([first]), {
      ...quiet,
      [`refunds_of:${first.id}`]: refundsSeen(1_980),
      [`refund:${first.id}`]: { type: "refused", code: "refund_refused", stripeCode: "odd_reason" },
    });
    expect(settled(played)).toMatchObject({
      attention: [{ code: "refund_owed", detail: { refusal: "odd_reason" } }],
      deletion: { payments: [{ result: "refund_owed" }] },
    });
  });

  test("a paid invoice that our history knows is not refunded a second time", () => {
    const invoices = [
      { id: "in_0", amountPaidMinor: 1_980, paidAt: "2024-10-08T00:00:00Z", paymentIntentId: "pi_0" },
      { id: "in_1", amountPaidMinor: 0, paidAt: "2024-11-08T00:00:00Z", paymentIntentId: null },
    ];
    const script = { ...quiet, "paid_invoices:sub_1": { invoices }, ...refundedAt(first) };
    expect(resultsOf(byCard([first]), script)).toEqual({ [first.id]: "refunded" });
  });

  test.each([
    ["2018-08-04T14:59:59Z", "before_cutoff"],
    ["2018-08-04T15:00:00Z", "refunded"],
  ])("what was paid at %s, by the calendar of Tokyo, is %s", (paidAt, result) => {
    const payment = { ...first, paidAt };
    const script = result === "refunded" ? { ...quiet, ...refundedAt(first) } : quiet;
    expect(resultsOf(byCard([payment]), script)).toEqual({ [first.id]: result });
  });

  test("another cut-off is a setting", () => {
    const facts = { ...byCard([first]), policy: { ...policy, refundCutoffOn: on("2024-10-08") } };
    expect(resultsOf(facts, quiet)).toEqual({ [first.id]: "before_cutoff" });
  });

  test("refunds that Stripe refuses do not stop it: they stay owed, and the operators are told", () => {
    const played = play(byCard([first, second]), {
      ...quiet,
      [`refunds_of:${first.id}`]: refundsSeen(1_980),
      [`refund:${first.id}`]: refused("charge_disputed"),
      [`refunds_of:${second.id}`]: missing,
    });
    expect(settled(played)).toMatchObject({
      newRefunds: [{ paymentId: second.id, state: "due", stripePaymentIntentId: "pi_1" }],
      notices: [{ kind: "refund_refused", detail: { refunds: 2 } }],
      deletion: { customerId: null, payments: [{ result: "refund_owed" }, { result: "refund_owed" }] },
    });
  });

  test.each([
    ["succeeded", "refunded_before"],
    ["pending", "refund_pending"],
  ] as const)("what was refunded by us before (%s) is told, and not asked about", (state, result) => {
    const refunded = state === "succeeded" ? ({ ...first, state: "refunded" } as const) : first;
    expect(resultsOf(byCard([refunded], {}, [makeRefund(first, { state })]), quiet)).toEqual({ [first.id]: result });
  });

  test("what was lost in a dispute is not refunded as well", () => {
    expect(resultsOf(byCard([{ ...first, dispute: "lost" }]), quiet)).toEqual({ [first.id]: "lost_in_dispute" });
  });

  test("nor is what its charge held beyond it", () => {
    const invoices = [{ id: "in_0", amountPaidMinor: 2_178, paidAt: "2024-10-08T00:00:00Z", paymentIntentId: "pi_0" }];
    const invoice = { ...paidInvoiceSeen("in_0", [periodLine("2024-10-08")]), amountPaidMinor: 2_178 };
    const script = { ...quiet, "paid_invoices:sub_1": { invoices }, "invoice:in_0": invoice };
    expect(resultsOf(byCard([{ ...first, dispute: "lost" }]), script)).toEqual({
      [first.id]: "lost_in_dispute",
      in_0: "lost_in_dispute",
    });
  });

  test("what was refunded on the dashboard is told as refunded before", () => {
    const script = { ...quiet, [`refunds_of:${first.id}`]: refundsSeen(1_980, 0) };
    expect(resultsOf(byCard([first]), script)).toEqual({ [first.id]: "refunded_before" });
  });

  test("an invoice that could not be voided because it was paid is among the paid ones", () => {
    const late = paidInvoiceSeen("in_late", [periodLine("2025-01-08")]);
    const id = "in_late:il_2025-01-08";
    const script = {
      ...quiet,
      unpaid_invoices: unpaidInvoices({ id: "in_late", stripeInvoiceStatus: "open" as const }),
      "void:in_late": refused("invoice_not_open"),
      "paid_invoices:sub_1": paidInvoices(listed(late)),
      "invoice:in_late": late,
      [`refunds_of:${id}`]: refundsSeen(1_980),
      [`refund:${id}`]: done(refundSeen(`${id}:refund:1`, 1_980)),
    };
    expect(resultsOf(byCard([]), script)).toEqual({ [id]: "refunded" });
  });

  test("a one-time contract whose payment only Stripe knows of is refunded", () => {
    const contract = { kind: "one_time", paymentMethod: "card", status: "awaiting_payment" } as const;
    const played = play(setup(makeWorld({ contract })), {
      payment_intent: {
        type: "found",
        id: "pi_1",
        stripePaymentIntentStatus: "succeeded",
        amountReceivedMinor: 9_800,
        paidAt: "2025-01-19T00:00:00Z",
      },
      "refunds_of:pi_1:one_time_price": refundsSeen(9_800),
      "refund:pi_1:one_time_price": done(refundSeen("pi_1:one_time_price:refund:1", 9_800)),
    });
    expect(settled(played).deletion).toMatchObject({
      stripeIds: ["cus_1", "pi_1"],
      payments: [{ paymentId: "pi_1:one_time_price", amountMinor: 9_800, result: "refunded" }],
    });
  });

  test.each([
    ["was never paid", { paidAt: null, amountReceivedMinor: 0, stripePaymentIntentStatus: "requires_payment_method" }],
    ["is unknown", undefined],
  ])("a one-time contract whose intent %s needs no refund", (_, intent) => {
    const contract = { kind: "one_time", paymentMethod: "card", status: "awaiting_payment" } as const;
    const seen: Answer = intent === undefined ? missing : { type: "found", id: "pi_1", ...intent };
    expect(resultsOf(setup(makeWorld({ contract })), { payment_intent: seen })).toEqual({});
  });
});
