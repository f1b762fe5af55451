import { describe, expect, test } from "vitest";
import type { Payment } from "../../../src/contract/contract.ts";
import { foresee } from "../../../src/contract/foresee.ts";
import { type Facts, operationKinds } from "../../../src/contract/operation.ts";
import { matterOf, type PlannedOperation, planOf } from "../../../src/contract/plan.ts";
import type { Answer } from "../../../src/contract/step.ts";
import {
  makeCatalog,
  makeFacts,
  makePayment,
  makePeriods,
  makeRefund,
  makeRunningWorld,
  makeTombstone,
  makeWorld,
  nextRenewalOn,
  on,
  openFor,
} from "../../support/facts.ts";
import { leastParams } from "./support/params.ts";
import { playWith } from "./support/play.ts";
import { factsOf, stripeAnswers } from "./support/rule-cells.ts";
import { allCells, nameOf, readTable } from "./support/rule-table.ts";
import {
  intentSeen,
  nothingUnknown,
  paidInvoiceSeen,
  periodLine,
  refundsSeen,
  subscriptionSeen,
  unpaidInvoices,
} from "./support/stripe-answers.ts";

/** Foresees with these looks; fails for one that is asked for and not given, and for one that nobody asked for. */
function foreseen(facts: Facts, looks: Readonly<Record<string, Answer>> = {}): PlannedOperation {
  const looked = new Map<string, Answer>();
  for (;;) {
    const next = foresee(facts, looked);
    if (next.type === "planned") {
      expect([...looked.keys()]).toEqual(Object.keys(looks));
      return next.planned;
    }
    const answer = looks[next.step.name];
    if (answer === undefined) throw new Error(`nobody has looked at ${next.step.name}`);
    looked.set(next.step.name, answer);
  }
}

const byCard = (payment: Payment, number: number): Payment => ({
  ...payment,
  stripeInvoiceId: `in_${number}`,
  stripePaymentIntentId: payment.state === "paid" ? `pi_${number}` : null,
});
const periodsByCard = makePeriods([0, 1, 2]).map((payment, index) => byCard(payment, index));
const unpaidPeriod = byCard(makePayment({ period: 3, state: "unpaid" }), 3);

/** What a plan says of everything that its operation leaves alone. */
const nothing = {
  contractId: "c-1",
  currency: "jpy",
  rejection: null,
  reservation: { before: null, after: null },
  subscriptionId: { before: null, after: null },
  registered: null,
  calls: [],
  payments: [],
  refunds: [],
  licenses: [],
  disputes: [],
  mails: [],
  attention: [],
  deleted: null,
  latePayments: [],
  warning: null,
};

const mails = (kind: string, detail = {}) => [
  { kind, recipient: "customer", detail },
  { kind, recipient: "operators", detail },
];

describe("a plan", () => {
  test("of cancel_with_refund refunds each row of a shared charge, the later ones of what the earlier ones leave", () => {
    const fee = makePayment({ subject: "initial_fee", stripePaymentIntentId: "pi_1" });
    const price = makePayment({ subject: "one_time_price", amountMinor: 9_800, stripePaymentIntentId: "pi_1" });
    const world = makeWorld({
      contract: { kind: "one_time", paymentMethod: "card", status: "established" },
      payments: [fee, price],
      licenses: openFor([price]),
    });
    // Somebody has given 1,000 of the charge back at Stripe already.
    const charge = refundsSeen(14_800, 13_800);
    const plan = foreseen(makeFacts("cancel_with_refund", { world }), {
      payment_intent: intentSeen(14_800),
      [`refunds_of:${fee.id}`]: charge,
      [`refunds_of:${price.id}`]: charge,
    });
    const refund = (payment: Payment, amountMinor: number) => ({
      id: `${payment.id}:refund:1`,
      paymentId: payment.id,
      amountMinor,
      by: "stripe",
      to: "succeeded",
    });
    const moved = (payment: Payment) => ({
      id: payment.id,
      subject: payment.subject,
      period: null,
      amountMinor: payment.amountMinor,
      from: "paid",
      to: "refunded",
    });
    expect(plan).toEqual({
      ...nothing,
      kind: "cancel_with_refund",
      status: { before: "established", after: "canceled" },
      calls: [
        { verb: "refund_payment", refundId: `${fee.id}:refund:1`, paymentIntentId: "pi_1", amountMinor: 5_000 },
        { verb: "refund_payment", refundId: `${price.id}:refund:1`, paymentIntentId: "pi_1", amountMinor: 8_800 },
      ],
      payments: [moved(fee), moved(price)],
      refunds: [refund(fee, 5_000), refund(price, 8_800)],
      licenses: [{ paymentId: price.id, change: "revoked", because: "canceled" }],
      mails: mails("contract_canceled", { refundMinor: 13_800, owedMinor: 0 }),
    });
  });

  test("of cancel ends the subscription of a contract that has not begun, and refunds its fee", () => {
    const fee = byCard(makePayment({ subject: "initial_fee" }), 0);
    const world = makeWorld({
      contract: { paymentMethod: "card", status: "not_started", startOn: on("2025-02-01") },
      payments: [fee],
    });
    const plan = foreseen(makeFacts("cancel", { world }), {
      ...nothingUnknown,
      [`refunds_of:${fee.id}`]: refundsSeen(5_000),
    });
    expect(plan).toMatchObject({
      status: { before: "not_started", after: "canceled" },
      subscriptionId: { before: "sub_1", after: "sub_1" },
      calls: [
        { verb: "cancel_subscription", subscriptionId: "sub_1" },
        { verb: "refund_payment", amountMinor: 5_000 },
      ],
      refunds: [{ paymentId: fee.id, by: "stripe", amountMinor: 5_000 }],
    });
  });

  test("of cancel_manual_refund notes what a person has to give back, and calls nothing", () => {
    const price = makePayment({ subject: "one_time_price", amountMinor: 9_800 });
    const world = makeWorld({
      contract: { kind: "one_time", status: "established" },
      payments: [price],
      licenses: openFor([price]),
    });
    expect(foreseen(makeFacts("cancel_manual_refund", { world }))).toEqual({
      ...nothing,
      kind: "cancel_manual_refund",
      status: { before: "established", after: "canceled" },
      refunds: [{ id: `${price.id}:refund:1`, paymentId: price.id, amountMinor: 9_800, by: "hand", to: "manual_due" }],
      licenses: [{ paymentId: price.id, change: "revoked", because: "canceled" }],
      mails: mails("contract_canceled", { refundMinor: 9_800, owedMinor: 9_800 }),
      attention: [{ code: "refund_owed_by_hand", detail: { refundId: `${price.id}:refund:1`, amountMinor: 9_800 } }],
    });
  });

  test("of terminate voids open invoices, stops drafts, and then looks for what was paid", () => {
    const world = makeWorld({
      contract: { paymentMethod: "card", status: "payment_unconfirmed" },
      payments: [...periodsByCard, unpaidPeriod],
      licenses: openFor(periodsByCard),
    });
    const plan = foreseen(makeFacts("terminate", { world }), {
      unpaid_invoices: unpaidInvoices(
        { id: "in_draft", stripeInvoiceStatus: "draft" },
        { id: "in_3", stripeInvoiceStatus: "open" },
      ),
      paid_meanwhile: { invoices: [] },
    });
    expect(plan).toEqual({
      ...nothing,
      kind: "terminate",
      status: { before: "payment_unconfirmed", after: "terminated" },
      subscriptionId: { before: "sub_1", after: "sub_1" },
      calls: [
        { verb: "cancel_subscription", subscriptionId: "sub_1" },
        { verb: "stop_invoice", invoiceId: "in_draft" },
        { verb: "void_invoice", invoiceId: "in_3" },
      ],
      payments: [
        {
          id: unpaidPeriod.id,
          subject: "period",
          period: 3,
          amountMinor: 1_980,
          from: "unpaid",
          to: "never_charged",
        },
      ],
      mails: mails("contract_terminated"),
    });
  });

  test("of reserve_termination says when the contract ends, by Stripe's own boundary", () => {
    const world = makeRunningWorld({ paymentMethod: "card" });
    const plan = foreseen(makeFacts("reserve_termination", { world }), { subscription: subscriptionSeen() });
    expect(plan).toEqual({
      ...nothing,
      kind: "reserve_termination",
      status: { before: "active", after: "termination_reserved" },
      reservation: { before: null, after: { terminationOn: nextRenewalOn, terminationSource: "person" } },
      subscriptionId: { before: "sub_1", after: "sub_1" },
      calls: [{ verb: "set_cancel_at_period_end", subscriptionId: "sub_1", cancelAtPeriodEnd: true }],
    });
  });

  test("of withdraw_reservation lifts an end that was set on Stripe's dashboard in its own way", () => {
    const world = makeRunningWorld({ paymentMethod: "card", status: "termination_reserved" });
    const seen = subscriptionSeen({ cancelAt: "2025-02-08T00:00:00Z" });
    expect(foreseen(makeFacts("withdraw_reservation", { world }), { subscription: seen })).toMatchObject({
      status: { before: "termination_reserved", after: "active" },
      reservation: { before: { terminationOn: nextRenewalOn, terminationSource: "person" }, after: null },
      calls: [{ verb: "clear_cancel_at", subscriptionId: "sub_1" }],
    });
  });

  test("of refund_payment with its license tells both", () => {
    const world = makeWorld({
      contract: { paymentMethod: "card" },
      payments: periodsByCard,
      licenses: openFor(periodsByCard),
    });
    const params = { paymentId: "c-1:period:1", revokeLicense: true };
    const plan = foreseen(makeFacts("refund_payment", { world, params }), {
      "refunds_of:c-1:period:1": refundsSeen(1_980),
    });
    expect(plan).toMatchObject({
      status: { before: "active", after: "active" },
      calls: [{ verb: "refund_payment", paymentIntentId: "pi_1", amountMinor: 1_980 }],
      payments: [{ id: "c-1:period:1", from: "paid", to: "refunded" }],
      licenses: [{ paymentId: "c-1:period:1", change: "revoked", because: "refunded" }],
    });
  });

  test("of replace_subscription names the old subscription and the new one", () => {
    const world = makeRunningWorld({ paymentMethod: "card" });
    const params = { subscriptionId: "sub_2" };
    const plan = foreseen(makeFacts("replace_subscription", { world, params, catalog: makeCatalog() }), {
      new_subscription: subscriptionSeen({ id: "sub_2" }),
    });
    expect(plan.subscriptionId).toEqual({ before: "sub_1", after: "sub_2" });
  });

  test("of delete tells what becomes of every payment, unknown ones included, and carries the page's warning", () => {
    const old = { ...byCard(makePayment({ period: 0 }), 0), paidAt: "2018-08-04T01:00:00Z" };
    const recent = byCard(makePayment({ period: 1 }), 1);
    const world = makeWorld({
      contract: {
        paymentMethod: "card",
        startOn: on("2018-08-04"),
        status: "termination_reserved",
        formerStripeSubscriptionIds: ["sub_0"],
      },
      payments: [old, recent],
    });
    const paid = (id: string, paymentIntentId: string) => ({
      id,
      amountPaidMinor: 1_980,
      paidAt: "2025-01-08T01:00:00Z",
      paymentIntentId,
    });
    const plan = foreseen(makeFacts("delete", { world, params: { confirm: "c-1" } }), {
      unpaid_invoices: unpaidInvoices({ id: "in_9", stripeInvoiceStatus: "open" }),
      "unpaid_invoices:sub_0": unpaidInvoices(),
      "paid_invoices:sub_1": { invoices: [paid("in_1", "pi_1"), paid("in_7", "pi_7")] },
      "invoice:in_7": paidInvoiceSeen("in_7", [periodLine("2018-10-04")]),
      "paid_invoices:sub_0": { invoices: [] },
      "refunds_of:c-1:period:1": refundsSeen(1_980),
      "refunds_of:in_7:il_2018-10-04": refundsSeen(1_980),
    });
    expect(plan).toMatchObject({
      status: { before: "termination_reserved", after: null },
      reservation: { before: { terminationOn: nextRenewalOn }, after: null },
      subscriptionId: { before: "sub_1", after: null },
      calls: [
        { verb: "cancel_subscription", subscriptionId: "sub_1" },
        { verb: "cancel_subscription", subscriptionId: "sub_0" },
        { verb: "void_invoice", invoiceId: "in_9" },
        { verb: "refund_payment", paymentIntentId: "pi_1", amountMinor: 1_980 },
        { verb: "refund_payment", paymentIntentId: "pi_7", amountMinor: 1_980 },
      ],
      deleted: [
        { paymentId: "c-1:period:0", amountMinor: 1_980, result: "before_cutoff" },
        { paymentId: "c-1:period:1", amountMinor: 1_980, result: "refunded" },
        { paymentId: "in_7:il_2018-10-04", amountMinor: 1_980, result: "refunded" },
      ],
    });
    expect(plan.warning?.ja).toContain("できる限り避けて");
    expect(plan.warning?.ja).toContain("キャンセル処理をするか、部分返金");
    expect(plan.warning?.en).toMatch(/mistaken sign-ups .* cancel the contract or refund the payment/);
  });

  test("of a deletion that was not confirmed is a refusal, with the warning all the same", () => {
    const plan = foreseen(makeFacts("delete", { world: makeRunningWorld() }));
    expect(plan).toMatchObject({
      rejection: { code: "confirmation_missing", sentence: { ja: expect.stringContaining("c-1") } },
      status: { before: "active", after: "active" },
      deleted: null,
    });
    expect(plan.warning).not.toBeNull();
  });

  test("of what is owed for a deleted contract tells the amount and the hand", () => {
    const payment = makePayment();
    const tombstone = makeTombstone({
      customerId: "cust-1",
      refunds: [makeRefund(payment, { state: "manual_due", amountMinor: 1_200 })],
    });
    const params = { refundId: `${payment.id}:refund:1` };
    const planned = foreseen(makeFacts("record_manual_refund", { tombstone, params }));
    expect(planned).toEqual({
      ...nothing,
      kind: "record_manual_refund",
      status: { before: null, after: null },
      refunds: [{ id: params.refundId, paymentId: payment.id, amountMinor: 1_200, by: "hand", to: "manual_done" }],
    });
  });

  test("of register has the terms, and no word of the customer but their id", () => {
    const params = {
      ...leastParams.register,
      customer: { id: "cust-1", email: "hanako@example.com", name: "山田 花子" },
    };
    const plan = foreseen(makeFacts("register", { params, catalog: makeCatalog() }));
    expect(plan).toMatchObject({
      status: { before: null, after: "awaiting_payment" },
      registered: { id: "c-1", customerId: "cust-1", priceMinor: 1, startOn: "2025-01-20" },
      payments: [{ id: "c-1:period:0", amountMinor: 1, from: null, to: "due" }],
    });
    expect(JSON.stringify(plan)).not.toMatch(/hanako|山田/);
  });

  test("of a refusal has its code and both sentences, and leaves everything as it is", () => {
    const world = makeRunningWorld();
    expect(foreseen(makeFacts("resume", { world }))).toEqual({
      ...nothing,
      kind: "resume",
      status: { before: "active", after: "active" },
      rejection: {
        code: "status_not_allowed",
        detail: { status: "active", statusJa: "契約継続中" },
        sentence: {
          ja: "契約ステータスが「契約継続中」のため、この操作はできません。",
          en: "The contract's status active does not allow this.",
        },
      },
    });
  });
});

test("a customer who may not ask learns nothing of the contract from the refusal", () => {
  const actor = { type: "customer", id: "somebody-else" } as const;
  const reserved = { terminationOn: on("2025-02-08"), terminationSource: "person" } as const;
  const world = makeRunningWorld({ paymentMethod: "card", status: "termination_reserved", ...reserved });
  const plan = foreseen(makeFacts("withdraw_reservation", { world, actor }));
  expect(plan).toMatchObject({
    rejection: { code: "actor_not_allowed" },
    status: { before: null, after: null },
    reservation: { before: null, after: null },
    subscriptionId: { before: null, after: null },
  });
});

describe("what tells a plan from another", () => {
  test("is not the words in which it is told", () => {
    const plan = foreseen(makeFacts("delete", { world: makeRunningWorld() }));
    const words = { ja: "別の言葉", en: "Other words." };
    const retold = { ...plan, warning: words, rejection: plan.rejection && { ...plan.rejection, sentence: words } };
    expect(matterOf(retold)).toEqual(matterOf(plan));
    expect(matterOf({ ...plan, rejection: null })).not.toEqual(matterOf(plan));
  });
});

describe("over every contract that can be", () => {
  const impossible = readTable("impossible", ["contract", "paidBy", "status", "reservedBy"], false);
  const possible = [...allCells()].filter((cell) => !impossible.some((row) => row.fits(cell)));

  test.each(operationKinds)("%s comes to what was foreseen, when Stripe does as it is told", (kind) => {
    const wrong = possible.flatMap((cell) => {
      const facts = factsOf(kind, cell);
      const untouched = facts.world === null ? undefined : stripeAnswers(kind, facts);
      const looked = new Map<string, Answer>();
      let next = foresee(facts, looked);
      while (next.type === "look") {
        if (untouched === undefined) throw new Error("a registration asks nothing of Stripe");
        looked.set(next.step.name, untouched(next.step));
        next = foresee(facts, looked);
      }
      const stripe = facts.world === null ? undefined : stripeAnswers(kind, facts);
      const { steps, end } = playWith(facts, (step) => {
        if (stripe === undefined) throw new Error("a registration asks nothing of Stripe");
        return stripe(step);
      });
      const calls = steps.filter((step) => step.type === "call");
      const carriedOut = JSON.stringify(planOf(facts, calls, end));
      return JSON.stringify(next.planned) === carriedOut ? [] : [nameOf(cell)];
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  });
});
