import { describe, expect, test } from "vitest";
import type { Contract, Payment } from "../../../../src/contract/contract.ts";
import { contractStatuses } from "../../../../src/contract/contract.ts";
import { makePayment, makeRefund, on, openFor, revokedFor } from "../../../support/facts.ts";
import { earlier, invoice, learned, newRow, type Parts, setup, superseded, third } from "../support/paid-invoice.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, refusalOf } from "../support/refusals.ts";
import {
  addedLine,
  done,
  intentSeen,
  invoiceSeen,
  missing,
  paidInvoiceSeen,
  periodLine,
  refundSeen,
  refundsListed,
  refundsSeen,
  subscriptionEnded,
  subscriptionSeen,
} from "../support/stripe-answers.ts";

const unpaid = makePayment({ period: 3, state: "unpaid", stripeInvoiceId: "in_3" });
const subscription = subscriptionSeen();
const runningAgain = [
  { kind: "contract_running_again", recipient: "customer", detail: {} },
  { kind: "contract_running_again", recipient: "operators", detail: {} },
];

describe("who may ask, and what", () => {
  test("Stripe alone", () => {
    for (const type of ["operator", "service", "customer", "schedule"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup()))).toBe("actor_not_allowed");
    }
  });

  test.each([
    [{}, "params"],
    [{ invoiceId: "in_1", paymentIntentId: "pi_1" }, "params"],
    [{ invoiceId: "" }, "params.invoiceId"],
    [{ invoiceId: "in_1", amount: 1 }, "params.amount"],
  ])("parameters that are %j are refused", (params, field) => {
    expect(rejected(play(setup({ params })))).toMatchObject({ code: "invalid_request", detail: { field } });
  });

  test.each(contractStatuses)("%s is never a reason to refuse", (status) => {
    const kinds = ["monthly", "one_time"] as const;
    for (const kind of kinds)
      for (const paymentMethod of ["card", "bank_transfer"] as const) {
        const facts = setup({ contract: { kind, status, paymentMethod }, params: { invoiceId: "in_none" } });
        const seen = { ...invoice, subscriptionId: "sub_9" };
        const answers = kind === "monthly" && paymentMethod === "card" ? { invoice: seen } : {};
        expect(settled(play(facts, answers))).toEqual(superseded);
      }
  });
});

describe("what is no payment of the contract", () => {
  test.each([
    ["not paid any more", { ...invoice, stripeInvoiceStatus: "void", paidAt: null }],
    ["still open", invoiceSeen("in_3", "open")],
    ["another subscription's", { ...invoice, subscriptionId: "sub_9" }],
    ["no subscription's", { ...invoice, subscriptionId: null }],
    ["over nothing", paidInvoiceSeen("in_3", [periodLine("2025-01-08", { amountMinor: 0 })])],
  ])("an invoice that is %s changes nothing", (_, seen) => {
    const played = play(setup(), { invoice: seen });
    expect(played.steps).toEqual([
      { type: "look", name: "invoice", look: { verb: "read_invoice", invoiceId: "in_3" } },
    ]);
    expect(settled(played)).toEqual(superseded);
  });

  test("an invoice that Stripe does not have changes nothing, and a person should know", () => {
    expect(settled(play(setup(), { invoice: missing }))).toEqual({
      superseded: true,
      attention: [{ code: "missing_at_stripe", detail: { stripeId: "in_3" } }],
    });
  });

  test.each([
    ["a proration", periodLine("2025-01-08", { isProration: true })],
    ["something added to a later invoice", addedLine(5_000)],
  ])("money for %s is not recorded, and somebody should know", (_, line) => {
    const seen = paidInvoiceSeen("in_3", [line]);
    expect(settled(play(setup({ contract: { initialFeeMinor: 5_000 } }), { invoice: seen, subscription }))).toEqual({
      paymentMoves: [],
      attention: [{ code: "payment_unknown", detail: { invoiceId: "in_3", amountMinor: seen.amountPaidMinor } }],
    });
  });

  test("an invoice that no single intent paid is recorded without one, and somebody should know, once", () => {
    const odd = { ...invoice, paymentIntentId: null, isPaidOddly: true } as const;
    expect(settled(play(setup(), { invoice: odd, subscription }))).toMatchObject({
      newPayments: [{ state: "paid", stripeInvoiceId: "in_3", stripePaymentIntentId: null }],
      attention: [{ code: "payment_paid_oddly", detail: { invoiceId: "in_3", amountMinor: 1_980 } }],
    });
    const recorded = makePayment({ period: 3, stripeInvoiceId: "in_3" });
    expect(settled(play(setup({ payments: [...earlier, recorded] }), { invoice: odd }))).toEqual(superseded);
  });

  test("what an invoice collected beyond its period, such as tax, is told once", () => {
    const taxed = { ...invoice, amountDueMinor: 2_178, amountPaidMinor: 2_178 };
    expect(settled(play(setup(), { invoice: taxed, subscription })).attention).toEqual([
      { code: "payment_unknown", detail: { invoiceId: "in_3", amountMinor: 198 } },
    ]);
    const recorded = makePayment({ period: 3, stripeInvoiceId: "in_3", stripePaymentIntentId: "pi_3" });
    expect(settled(play(setup({ payments: [...earlier, recorded] }), { invoice: taxed }))).toEqual(superseded);
  });

  test("beside a period, prorations, credits and added items are left out", () => {
    const lines = [
      third,
      periodLine("2025-01-08", { id: "il_p", isProration: true }),
      periodLine("2024-12-08", { id: "il_c", amountMinor: -500 }),
      addedLine(300),
    ];
    const seen = { ...paidInvoiceSeen("in_3", lines), amountDueMinor: 3_760 };
    expect(settled(play(setup(), { invoice: seen, subscription })).newPayments).toEqual([newRow]);
  });

  test.each([
    ["an intent of a monthly contract", { kind: "monthly" }, { paymentIntentId: "pi_1" }],
    ["an invoice of a one-time contract", { kind: "one_time", status: "established" }, { invoiceId: "in_3" }],
    ["another intent", { kind: "one_time", status: "awaiting_payment" }, { paymentIntentId: "pi_9" }],
  ] as const)("%s is not looked at", (_, contract, params) => {
    expect(settled(play(setup({ contract, params })))).toEqual(superseded);
  });
});

describe("a running contract", () => {
  test("gets a row named after invoice and line, and its license", () => {
    expect(settled(play(setup(), { invoice, subscription }))).toEqual({
      newPayments: [newRow],
      paymentMoves: [],
      licenses: [{ type: "granted", paymentId: newRow.id }],
      attention: [],
      notices: [],
    });
  });

  test.each(["due", "unpaid", "never_charged"] as const)(
    "moves a row that is %s, with what was really paid",
    (state) => {
      const waiting = makePayment({ period: 3, state });
      const seen = paidInvoiceSeen("in_3", [{ ...third, amountMinor: 1_500 }]);
      expect(settled(play(setup({ payments: [...earlier, waiting] }), { invoice: seen, subscription }))).toMatchObject({
        newPayments: [],
        paymentMoves: [{ id: waiting.id, from: state, to: "paid", amountMinor: 1_500, ...learned }],
        licenses: [{ type: "granted", paymentId: waiting.id }],
      });
    },
  );

  test("an amount that is as agreed is not said again, nor an intent that there is not", () => {
    const facts = setup({ payments: [...earlier, unpaid] });
    const { paymentMoves } = settled(play(facts, { invoice: { ...invoice, paymentIntentId: null }, subscription }));
    expect(paymentMoves).toEqual([
      { id: unpaid.id, from: "unpaid", to: "paid", paidAt: invoice.paidAt, stripeInvoiceId: "in_3" },
    ]);
  });

  test.each([
    ["its invoice", { stripeInvoiceId: "in_3" }],
    ["its intent", { stripePaymentIntentId: "pi_3" }],
  ])("told again of a payment whose row names %s alone, it learns the other, and nothing else changes", (_, known) => {
    for (const state of ["paid", "refunded"] as const) {
      const row = makePayment({ period: 3, state, ...known });
      expect(settled(play(setup({ payments: [...earlier, row] }), { invoice, subscription }))).toEqual({
        paymentMoves: [{ id: row.id, from: state, to: state, stripeInvoiceId: "in_3", stripePaymentIntentId: "pi_3" }],
        attention: [],
      });
      const whole = { ...row, stripeInvoiceId: "in_3", stripePaymentIntentId: "pi_3" };
      expect(settled(play(setup({ payments: [...earlier, whole] }), { invoice }))).toEqual(superseded);
    }
  });

  test("a period that another invoice has paid gets a second row without a license, and attention", () => {
    const other = makePayment({ period: 3, stripeInvoiceId: "in_9", stripePaymentIntentId: "pi_9" });
    const facts = setup({ payments: [...earlier, other], licenses: openFor([...earlier, other]) });
    expect(settled(play(facts, { invoice, subscription }))).toMatchObject({
      newPayments: [newRow],
      licenses: [],
      attention: [{ code: "period_paid_twice", detail: { paymentId: newRow.id, amountMinor: 1_980 } }],
    });
  });

  test("a period that was given back may be paid anew", () => {
    const other = makePayment({ period: 3, state: "refunded", stripeInvoiceId: "in_9" });
    const facts = setup({ payments: [...earlier, other], licenses: [revokedFor(other, "refunded")] });
    expect(settled(play(facts, { invoice, subscription }))).toMatchObject({
      newPayments: [newRow],
      licenses: [{ type: "granted", paymentId: newRow.id }],
      attention: [],
    });
  });

  test("the period is that of the line, not of the day: Stripe's month ends may differ", () => {
    const contract = { startOn: on("2025-01-31") };
    // 28 February 15:30 in UTC is 1 March in Tokyo, and the period that we begin on 28 February.
    const line = periodLine("2025-02-28", { startsAt: "2025-02-28T15:30:00Z" });
    const facts = setup({ contract, payments: [], licenses: [], today: on("2025-03-01") });
    const seen = paidInvoiceSeen("in_3", [line]);
    expect(settled(play(facts, { invoice: seen, subscription })).newPayments).toMatchObject([
      { period: 1, startsOn: "2025-02-28", id: `in_3:${line.id}` },
    ]);
  });

  test("two lines for one period are one payment", () => {
    const seen = paidInvoiceSeen("in_3", [third, periodLine("2025-01-08", { id: "il_second", amountMinor: 20 })]);
    expect(settled(play(setup(), { invoice: seen, subscription })).newPayments).toEqual([
      { ...newRow, amountMinor: 2_000 },
    ]);
  });

  test("lines that come to more than was due count for less, down to nothing", () => {
    const lines = [third, periodLine("2025-02-08")];
    const seen = { ...paidInvoiceSeen("in_3", lines), amountDueMinor: 1_500 };
    expect(settled(play(setup(), { invoice: seen, subscription })).newPayments).toMatchObject([
      { period: 3, amountMinor: 1_500, state: "paid" },
      { period: 4, amountMinor: 0, state: "paid" },
    ]);
  });

  test("a former subscription brings payments and licenses too", () => {
    const contract = { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] };
    expect(settled(play(setup({ contract }), { invoice, subscription }))).toMatchObject({
      newPayments: [newRow],
      licenses: [{ type: "granted" }],
    });
  });
});

describe("the initial fee", () => {
  const first = periodLine("2025-01-08", { id: "il_first" });
  const contract = { initialFeeMinor: 5_000, startOn: on("2025-01-08"), status: "awaiting_payment" } as const;
  const due = [makePayment({ subject: "initial_fee", state: "due" }), makePayment({ period: 0, state: "due" })];
  const firstInvoice = paidInvoiceSeen("in_0", [first, addedLine(5_000)], { billingReason: "subscription_create" });

  test("is the line beside the subscription's on the first invoice", () => {
    const facts = setup({ contract, payments: due, licenses: [], params: { invoiceId: "in_0" } });
    expect(settled(play(facts, { invoice: firstInvoice, subscription: subscriptionSeen() }))).toMatchObject({
      status: "active",
      newPayments: [],
      paymentMoves: [
        { id: "c-1:initial_fee", from: "due", to: "paid" },
        { id: "c-1:period:0", from: "due", to: "paid" },
      ],
      licenses: [{ type: "granted", paymentId: "c-1:period:0" }],
    });
  });

  test("of several added lines it is the one over the amount agreed, else the first", () => {
    const facts = setup({ contract, payments: [], licenses: [], params: { invoiceId: "in_0" } });
    const lineOf = (...lines: readonly ReturnType<typeof addedLine>[]) => {
      const seen = paidInvoiceSeen("in_0", [first, ...lines], { billingReason: "subscription_create" });
      return settled(play(facts, { invoice: seen, subscription: subscriptionSeen() })).newPayments?.[0]?.id;
    };
    expect(lineOf(addedLine(300, { id: "il_x" }), addedLine(5_000))).toBe("in_0:il_added");
    expect(lineOf(addedLine(300, { id: "il_x" }), addedLine(4_000))).toBe("in_0:il_x");
  });

  test.each([
    ["a later invoice", { billingReason: "subscription_cycle" }, {}, []],
    ["a contract without one", {}, { initialFeeMinor: 0 }, []],
    ["a contract that has paid it", {}, {}, [makePayment({ subject: "initial_fee", stripeInvoiceId: "in_9" })]],
  ])("is not looked for on %s", (_, overrides, without, payments) => {
    const facts = setup({
      contract: { ...contract, status: "active", ...without },
      payments,
      licenses: [],
      params: { invoiceId: "in_0" },
    });
    const { newPayments } = settled(play(facts, { invoice: { ...firstInvoice, ...overrides }, subscription }));
    expect(newPayments?.map(({ subject }) => subject)).toEqual(["period"]);
  });
});

describe("a payment that was brought along without its ids at Stripe", () => {
  const nameless = makePayment({ period: 3 });
  const names = { stripeInvoiceId: "in_3", stripePaymentIntentId: "pi_3" };

  test.each(["paid", "refunded"] as const)(
    "is that of the invoice which bills the same, and learns them (%s)",
    (state) => {
      const facts = setup({ payments: [...earlier, { ...nameless, state }] });
      expect(settled(play(facts, { invoice, subscription }))).toEqual({
        paymentMoves: [{ id: nameless.id, from: state, to: state, ...names }],
        attention: [],
      });
    },
  );

  test("and so is an initial fee, beside the period of its invoice", () => {
    const fee = makePayment({ subject: "initial_fee", amountMinor: 5_000 });
    const contract = { initialFeeMinor: 5_000, startOn: on("2025-01-08") };
    const lines = [periodLine("2025-01-08"), addedLine(5_000)];
    const seen = paidInvoiceSeen("in_3", lines, { billingReason: "subscription_create" });
    const facts = setup({ contract, payments: [fee], licenses: [] });
    expect(settled(play(facts, { invoice: seen, subscription }))).toMatchObject({
      newPayments: [{ subject: "period", period: 0 }],
      paymentMoves: [{ id: fee.id, from: "paid", to: "paid", ...names }],
      attention: [],
    });
  });

  test("after the end as well, and nothing of it is late money", () => {
    for (const status of ["terminated", "canceled"] as const) {
      const contract = { status, endedAt: "2025-01-25T00:00:00Z" };
      const facts = setup({ contract, payments: [...earlier, nameless] });
      expect(settled(play(facts, { invoice }))).toMatchObject({
        paymentMoves: [{ id: nameless.id, from: "paid", to: "paid", ...names }],
      });
    }
  });

  test("but what was paid after the end is late money, and none of those", () => {
    const contract = { status: "canceled", endedAt: "2025-01-10T00:00:00Z" } as const;
    for (const state of ["paid", "refunded"] as const) {
      const facts = setup({ contract, payments: [...earlier, { ...nameless, state }] });
      const late = play(facts, {
        invoice: { ...invoice, paidAt: "2025-01-15T00:00:00Z" },
        [`refunds_of:${newRow.id}`]: refundsSeen(1_980),
        [`refund:${newRow.id}`]: done(refundSeen(`${newRow.id}:refund:1`, 1_980)),
      });
      expect(settled(late)).toMatchObject({
        newPayments: [{ id: newRow.id, state: "refunded" }],
        paymentMoves: [],
        notices: [{ kind: "late_payment" }],
      });
    }
  });

  test("an import that told fee and price in one row has no second one for the fee", () => {
    const contract = { kind: "one_time", status: "established", initialFeeMinor: 5_000 } as const;
    const price = makePayment({ subject: "one_time_price", amountMinor: 14_800, stripePaymentIntentId: "pi_1" });
    const facts = setup({
      contract,
      payments: [price],
      licenses: openFor([price]),
      params: { paymentIntentId: "pi_1" },
    });
    expect(settled(play(facts, { payment_intent: intentSeen(14_800) }))).toEqual(superseded);
  });

  test("what its invoice holds beside it is told", () => {
    const taxed = { ...invoice, amountDueMinor: 2_178, amountPaidMinor: 2_178 };
    expect(settled(play(setup({ payments: [...earlier, nameless] }), { invoice: taxed, subscription }))).toMatchObject({
      paymentMoves: [{ id: nameless.id, ...names }],
      attention: [{ code: "payment_unknown", detail: { invoiceId: "in_3", amountMinor: 198 } }],
    });
  });

  test("what Stripe reported of its refunds before is caught up with", () => {
    const facts = setup({ payments: [...earlier, nameless], reportedEarly: ["pi_3"] });
    const refund = { id: "re_9", amountMinor: 1_980, stripeRefundStatus: "succeeded", refundId: null };
    expect(settled(play(facts, { invoice, subscription, refunds: refundsListed(1_980, refund) }))).toMatchObject({
      paymentMoves: [{ id: nameless.id, from: "paid", to: "refunded", ...names }],
      newRefunds: [{ id: "re_9", paymentId: nameless.id, state: "succeeded" }],
    });
  });

  test("beside another payment for the same thing it stays as it is: which of them is meant is not known", () => {
    const other = makePayment({ id: "in_9:il_9", period: 3, stripeInvoiceId: "in_9", stripePaymentIntentId: "pi_9" });
    expect(settled(play(setup({ payments: [...earlier, nameless, other] }), { invoice, subscription }))).toMatchObject({
      newPayments: [newRow],
      paymentMoves: [],
      attention: [{ code: "period_paid_twice" }],
    });
  });
});

describe("a contract that waits for its payment", () => {
  const first = paidInvoiceSeen("in_0", [periodLine("2025-01-08")], { billingReason: "subscription_create" });
  const starting = { status: "awaiting_payment", startOn: on("2025-01-08") } as const;
  const rows = [makePayment({ period: 0, state: "due" })];
  const start = (contract: Partial<Contract>, parts: Parts = {}) =>
    setup({
      contract: { ...starting, ...contract },
      payments: rows,
      licenses: [],
      params: { invoiceId: "in_0" },
      ...parts,
    });

  test("starts at its normal price, or in its special period", () => {
    const answers = { invoice: first, subscription: subscriptionSeen() };
    expect(settled(play(start({}), answers))).toMatchObject({ status: "active", notices: [] });
    const special = { specialMonths: 1, specialPriceMinor: 980 };
    expect(settled(play(start(special), answers)).status).toBe("special_period");
  });

  test("has not started when its start date lies ahead, and opens nothing", () => {
    const facts = start({ startOn: on("2025-02-08") });
    const seen = paidInvoiceSeen("in_0", [periodLine("2025-02-08")], { billingReason: "subscription_create" });
    expect(settled(play(facts, { invoice: seen, subscription }))).toMatchObject({
      status: "not_started",
      licenses: [],
    });
  });

  test("is suspended when the current period is not among what is paid; what is missing is unpaid", () => {
    const facts = start({ startOn: on("2024-12-08") });
    const seen = paidInvoiceSeen("in_0", [periodLine("2024-12-08")]);
    expect(settled(play(facts, { invoice: seen, subscription: subscriptionSeen() }))).toMatchObject({
      status: "payment_unconfirmed",
      newPayments: [{ id: "c-1:period:1", state: "unpaid", paidAt: null }],
      paymentMoves: [{ id: "c-1:period:0", from: "due", to: "paid" }],
      licenses: [{ type: "granted", paymentId: "c-1:period:0" }],
    });
  });

  test("is suspended with period 0 unpaid when only the initial fee came", () => {
    const seen = paidInvoiceSeen("in_0", [addedLine(5_000)], { billingReason: "subscription_create" });
    const fee = makePayment({ subject: "initial_fee", state: "due" });
    const facts = start({ initialFeeMinor: 5_000 }, { payments: [fee, ...rows] });
    expect(settled(play(facts, { invoice: seen, subscription: subscriptionSeen() }))).toMatchObject({
      status: "payment_unconfirmed",
      paymentMoves: [
        { id: fee.id, to: "paid" },
        { id: "c-1:period:0", from: "due", to: "unpaid" },
      ],
      licenses: [],
    });
  });

  test("goes by our own dates when its subscription is not there", () => {
    const answers = { invoice: first, subscription: missing };
    expect(settled(play(start({}), answers)).status).toBe("active");
    const later = start({}, { today: on("2025-02-10") });
    expect(settled(play(later, answers)).status).toBe("payment_unconfirmed");
  });

  test("money of a former subscription moves no status, and opens nothing yet", () => {
    const contract = { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] };
    const change = settled(play(start(contract), { invoice: first, subscription }));
    expect(change).toMatchObject({ paymentMoves: [{ to: "paid" }], licenses: [] });
    expect(change).not.toHaveProperty("status");
  });

  test("what was paid meanwhile opens with its start", () => {
    const other = makePayment({ period: 1, stripeInvoiceId: "in_9" });
    const facts = start({}, { payments: [...rows, other] });
    const { licenses } = settled(play(facts, { invoice: first, subscription: subscriptionSeen() }));
    expect(licenses).toEqual([
      { type: "granted", paymentId: other.id },
      { type: "granted", paymentId: "c-1:period:0" },
    ]);
    const refunds = [makeRefund(other, { state: "pending" })];
    const givenBack = play(start({}, { payments: [...rows, other], refunds }), {
      invoice: first,
      subscription: subscriptionSeen(),
    });
    expect(settled(givenBack).licenses).toEqual([{ type: "granted", paymentId: "c-1:period:0" }]);
  });
});

test("a contract that has not started stays so, and opens nothing", () => {
  const contract = { status: "not_started", startOn: on("2025-01-08") } as const;
  const change = settled(play(setup({ contract, payments: [], licenses: [] }), { invoice, subscription }));
  expect(change).toMatchObject({ newPayments: [{ period: 0 }], licenses: [] });
  expect(change).not.toHaveProperty("status");
});

describe("a suspended contract", () => {
  const suspended = (contract: Partial<Contract> = {}, payments = [...earlier, unpaid]) =>
    setup({
      contract: { status: "payment_unconfirmed", ...contract },
      payments,
      licenses: [...openFor(earlier), revokedFor(unpaid, "suspended")],
    });

  test("runs again by itself once its current period is paid, which Stripe says which it is", () => {
    const played = play(suspended(), { invoice, subscription: subscriptionSeen() });
    expect(played.steps.map(({ name }) => name)).toEqual(["invoice", "subscription"]);
    expect(settled(played)).toEqual({
      status: "active",
      newPayments: [],
      paymentMoves: [{ id: unpaid.id, from: "unpaid", to: "paid", ...learned }],
      licenses: [{ type: "restored", paymentId: unpaid.id, from: "suspended" }],
      attention: [],
      notices: runningAgain,
    });
  });

  test("in its special period, or with a reservation, it is that again", () => {
    const answers = { invoice, subscription: subscriptionSeen() };
    const special = { specialMonths: 9, specialPriceMinor: 980 };
    expect(settled(play(suspended(special), answers)).status).toBe("special_period");
    const reserved = { terminationOn: on("2025-02-08"), terminationSource: "person" } as const;
    const change = settled(play(suspended(reserved), answers));
    expect(change.status).toBe("termination_reserved");
    expect(change).not.toHaveProperty("reservation");
  });

  test("a license that was revoked for another reason stays so", () => {
    const facts = setup({
      contract: { status: "payment_unconfirmed" },
      payments: [...earlier, unpaid],
      licenses: [revokedFor(unpaid, "refunded")],
    });
    expect(settled(play(facts, { invoice, subscription: subscriptionSeen() })).licenses).toEqual([]);
  });

  test("an older invoice paid late brings only its license", () => {
    const older = makePayment({ period: 2, state: "unpaid", stripeInvoiceId: "in_2" });
    const facts = setup({
      contract: { status: "payment_unconfirmed" },
      payments: [older, unpaid],
      licenses: [revokedFor(older, "suspended")],
      params: { invoiceId: "in_2" },
    });
    const seen = paidInvoiceSeen("in_2", [periodLine("2024-12-08")]);
    const change = settled(play(facts, { invoice: seen, subscription: subscriptionSeen() }));
    expect(change).toMatchObject({
      paymentMoves: [{ id: older.id, to: "paid" }],
      licenses: [{ type: "restored", paymentId: older.id }],
      notices: [],
    });
    expect(change).not.toHaveProperty("status");
  });

  test("an older invoice was the last thing missing: with the current period paid before, it runs again", () => {
    const older = makePayment({ period: 2, state: "unpaid", stripeInvoiceId: "in_2" });
    const current = makePayment({ period: 3, stripeInvoiceId: "in_9" });
    const facts = setup({
      contract: { status: "payment_unconfirmed" },
      payments: [older, current],
      licenses: openFor([current]),
      params: { invoiceId: "in_2" },
    });
    const seen = paidInvoiceSeen("in_2", [periodLine("2024-12-08")]);
    expect(settled(play(facts, { invoice: seen, subscription: subscriptionSeen() })).status).toBe("active");
  });

  test("recovered before the start date, it has not started again, and nothing is reserved of it", () => {
    const row = makePayment({ period: 0, state: "unpaid" });
    const seen = paidInvoiceSeen("in_3", [periodLine("2025-02-08")]);
    const contract = { status: "payment_unconfirmed", startOn: on("2025-02-08") } as const;
    const facts = setup({ contract, payments: [row], licenses: [] });
    expect(settled(play(facts, { invoice: seen, subscription }))).toMatchObject({
      status: "not_started",
      licenses: [],
      notices: runningAgain,
    });
    const reserved = { terminationOn: on("2025-03-08"), terminationSource: "stripe" } as const;
    const ofReserved = setup({ contract: { ...contract, ...reserved }, payments: [row], licenses: [] });
    expect(settled(play(ofReserved, { invoice: seen, subscription }))).toMatchObject({
      status: "not_started",
      reservation: null,
    });
  });

  test("before Stripe rolls over the current period is still the one before, whatever our calendar says", () => {
    const row = makePayment({ period: 0, state: "unpaid" });
    const contract = { status: "payment_unconfirmed", startOn: on("2025-01-31") } as const;
    const facts = setup({ contract, payments: [row], licenses: [], today: on("2025-02-28") });
    const seen = paidInvoiceSeen("in_3", [periodLine("2025-01-31")]);
    const subscription = subscriptionSeen({ currentPeriodStartAt: "2025-01-30T15:30:00Z" });
    expect(settled(play(facts, { invoice: seen, subscription })).status).toBe("active");
  });

  test("money of a former subscription opens nothing before the start date", () => {
    const row = makePayment({ period: 0, state: "unpaid" });
    const former = { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] };
    const contract = { status: "payment_unconfirmed", startOn: on("2025-02-08"), ...former } as const;
    const facts = setup({ contract, payments: [row], licenses: [] });
    const seen = paidInvoiceSeen("in_3", [periodLine("2025-02-08")]);
    expect(settled(play(facts, { invoice: seen, subscription }))).toMatchObject({
      paymentMoves: [{ to: "paid" }],
      licenses: [],
    });
  });

  test("money of a former subscription brings its license and moves no status", () => {
    const change = settled(
      play(suspended({ stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] }), {
        invoice,
        subscription,
      }),
    );
    expect(change).toMatchObject({ paymentMoves: [{ to: "paid" }], licenses: [{ type: "restored" }], notices: [] });
    expect(change).not.toHaveProperty("status");
  });
});

describe("a one-time contract", () => {
  const due = [
    makePayment({ subject: "initial_fee", state: "due" }),
    makePayment({ subject: "one_time_price", state: "due", amountMinor: 9_800 }),
  ];
  const once = (contract: Partial<Contract> = {}, payments: readonly Payment[] = due, parts: Parts = {}) =>
    setup({
      contract: {
        kind: "one_time",
        status: "awaiting_payment",
        priceMinor: 9_800,
        initialFeeMinor: 5_000,
        ...contract,
      },
      payments,
      licenses: [],
      params: { paymentIntentId: "pi_1" },
      ...parts,
    });
  const paid = { paidAt: "2025-01-19T15:00:00Z", stripePaymentIntentId: "pi_1" };

  test("is established by its payment intent, and open", () => {
    const played = play(once(), { payment_intent: intentSeen(14_800) });
    expect(played.steps).toEqual([
      { type: "look", name: "payment_intent", look: { verb: "read_payment_intent", paymentIntentId: "pi_1" } },
    ]);
    expect(settled(played)).toEqual({
      status: "established",
      newPayments: [],
      paymentMoves: [
        { id: "c-1:initial_fee", from: "due", to: "paid", ...paid },
        { id: "c-1:one_time_price", from: "due", to: "paid", ...paid },
      ],
      licenses: [{ type: "granted", paymentId: "c-1:one_time_price" }],
      attention: [],
      notices: [],
    });
  });

  test("before its start date it has not started, and opens nothing", () => {
    const change = settled(play(once({ startOn: on("2025-02-08") }), { payment_intent: intentSeen(14_800) }));
    expect(change).toMatchObject({ status: "not_started", licenses: [] });
  });

  test.each([
    ["more than agreed", 20_000, [5_000, 15_000]],
    ["not enough for both", 5_000, [5_000]],
  ])("what was really paid is recorded: %s", (_, received, amounts) => {
    const { paymentMoves } = settled(play(once(), { payment_intent: intentSeen(received) }));
    const agreed = new Map(due.map(({ id, amountMinor }) => [id, amountMinor]));
    expect(paymentMoves?.map(({ id, amountMinor }) => amountMinor ?? agreed.get(id))).toEqual(amounts);
    expect(paymentMoves?.at(-1)?.id).toBe("c-1:one_time_price");
  });

  test("rows that are not there are named after the intent", () => {
    const { newPayments } = settled(play(once({}, []), { payment_intent: intentSeen(14_800) }));
    expect(newPayments).toMatchObject([
      { id: "pi_1:initial_fee", amountMinor: 5_000, startsOn: null, stripeInvoiceId: null },
      { id: "pi_1:one_time_price", amountMinor: 9_800 },
    ]);
  });

  test("an intent that is unpaid changes nothing, nor one that Stripe does not have, which is odd", () => {
    expect(settled(play(once(), { payment_intent: intentSeen(0, null) }))).toEqual(superseded);
    expect(settled(play(once(), { payment_intent: missing }))).toEqual({
      superseded: true,
      attention: [{ code: "missing_at_stripe", detail: { stripeId: "pi_1" } }],
    });
  });

  test("told again, nothing changes", () => {
    const rows = due.map((row) => ({ ...row, state: "paid" as const, ...paid }));
    const facts = once({ status: "established" }, rows);
    expect(settled(play(facts, { payment_intent: intentSeen(14_800) }))).toEqual(superseded);
  });
});

describe("a payment of which Stripe reported a refund or a dispute before", () => {
  const byDashboard = { id: "re_9", amountMinor: 1_980, stripeRefundStatus: "succeeded", refundId: null };

  test("catches up with it: written as refunded, with the refund's row, its license and the status as always", () => {
    const played = play(setup({ reportedEarly: ["pi_3"] }), {
      invoice,
      subscription,
      refunds: refundsListed(1_980, byDashboard),
    });
    expect(settled(played)).toMatchObject({
      newPayments: [{ ...newRow, state: "refunded" }],
      newRefunds: [{ id: "re_9", paymentId: newRow.id, amountMinor: 1_980, state: "succeeded" }],
      licenses: [{ type: "granted", paymentId: newRow.id }],
    });
  });

  test("a row that waited for it moves to refunded, and one partly given back is paid", () => {
    const waiting = makePayment({ period: 3, state: "unpaid" });
    const of = (amountMinor: number) =>
      settled(
        play(setup({ payments: [...earlier, waiting], reportedEarly: ["pi_3"] }), {
          invoice,
          subscription,
          refunds: refundsListed(1_980, { ...byDashboard, amountMinor }),
        }),
      );
    expect(of(1_980).paymentMoves).toMatchObject([{ id: waiting.id, from: "unpaid", to: "refunded" }]);
    expect(of(700)).toMatchObject({ paymentMoves: [{ to: "paid" }], newRefunds: [{ amountMinor: 700 }] });
  });

  test("one that is disputed is told", () => {
    const disputed = { ...refundsListed(1_980), disputed: true } as const;
    expect(
      settled(play(setup({ reportedEarly: ["pi_3"] }), { invoice, subscription, refunds: disputed })).attention,
    ).toEqual([{ code: "payment_disputed", detail: { paymentIntentId: "pi_3" } }]);
  });

  test("whose intent Stripe does not have is recorded, and a person should know", () => {
    const played = play(setup({ reportedEarly: ["pi_3"] }), { invoice, subscription, refunds: missing });
    expect(settled(played)).toMatchObject({
      newPayments: [newRow],
      attention: [{ code: "missing_at_stripe", detail: { stripeId: "pi_3" } }],
    });
  });

  test("what was reported of another intent costs no look", () => {
    expect(play(setup({ reportedEarly: ["pi_9"] }), { invoice, subscription }).steps.map(({ name }) => name)).toEqual([
      "invoice",
      "subscription",
    ]);
  });
});

describe("a contract whose subscription has ended at Stripe, of which nobody has told us yet", () => {
  const endedAt = "2025-01-15T03:00:00Z";
  const subscription = { ...subscriptionEnded, endedAt };
  const late = {
    invoice: { ...invoice, paidAt: "2025-01-15T03:00:01Z" },
    subscription,
    [`refunds_of:${newRow.id}`]: refundsSeen(1_980),
    [`refund:${newRow.id}`]: done(refundSeen(`${newRow.id}:refund:1`, 1_980)),
  };

  test.each(["payment_unconfirmed", "active", "termination_reserved"] as const)(
    "%s: what was paid in time is a payment, and its status stays until the end is told",
    (status) => {
      const seen = { ...invoice, paidAt: endedAt };
      const change = settled(play(setup({ contract: { status } }), { invoice: seen, subscription }));
      expect(change).toMatchObject({
        newPayments: [{ id: newRow.id, state: "paid" }],
        licenses: [{ type: "granted" }],
      });
      expect(change).not.toHaveProperty("status");
    },
  );

  test.each(["payment_unconfirmed", "active", "not_started", "awaiting_payment"] as const)(
    "%s: what was paid after the end goes back, and its status stays",
    (status) => {
      const change = settled(play(setup({ contract: { status } }), late));
      expect(change).toMatchObject({
        newPayments: [{ id: newRow.id, state: "refunded" }],
        notices: [{ kind: "late_payment", detail: { refundMinor: 1_980 } }],
      });
      expect(change).not.toHaveProperty("status");
      expect(change).not.toHaveProperty("licenses");
    },
  );

  test("where late money is kept, it opens what the end would leave open", () => {
    const keep = { policy: { refundCutoffOn: on("2018-08-04"), latePayment: "keep" as const } };
    const { invoice: seen } = late;
    const open = (status: "active" | "not_started") =>
      settled(play(setup({ contract: { status }, ...keep }), { invoice: seen, subscription })).licenses;
    expect(open("active")).toEqual([{ type: "granted", paymentId: newRow.id }]);
    expect(open("not_started")).toEqual([]);
  });

  test("money of a former subscription is held against the end of the present one", () => {
    const contract = { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] };
    const played = play(setup({ contract }), { ...late, subscription: { ...subscription, id: "sub_2" } });
    expect(settled(played).newPayments).toMatchObject([{ state: "refunded" }]);
  });

  test("what would have begun after the end is no period, and nothing of it is unpaid", () => {
    const contract = { status: "awaiting_payment", startOn: on("2025-01-08") } as const;
    const facts = setup({ contract, payments: [], licenses: [], today: on("2025-03-20") });
    const change = settled(play(facts, { invoice: { ...invoice, paidAt: endedAt }, subscription }));
    expect(change).toMatchObject({ newPayments: [{ period: 0, state: "paid" }], paymentMoves: [], licenses: [] });
    expect(change).not.toHaveProperty("status");
  });
});
