import { describe, expect, test } from "vitest";
import type { Contract, ContractWorld } from "../../../../src/contract/contract.ts";
import {
  makeFacts,
  makePayment,
  makePeriods,
  makeRefund,
  makeTombstone,
  makeWorld,
  on,
  openFor,
  revokedFor,
} from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, refusalOf } from "../support/refusals.ts";
import {
  done,
  invoiceSeen,
  listed,
  missing,
  nothingUnknown,
  paidInvoiceSeen,
  paidInvoices,
  periodLine,
  refundSeen,
  refundsSeen,
  subscriptionEnded,
  subscriptionSeen,
  unpaidInvoices,
} from "../support/stripe-answers.ts";

const earlier = makePeriods([0, 1, 2]);
const unpaid = makePayment({ period: 3, state: "unpaid", stripeInvoiceId: "in_3" });

function setup(contract: Partial<Contract> = {}, parts: Partial<Omit<ContractWorld, "contract">> = {}, params = {}) {
  return makeFacts("record_subscription_end", {
    actor: { type: "stripe", id: "evt_1" },
    params: { subscriptionId: "sub_1", ...params },
    world: makeWorld({
      contract: { paymentMethod: "card", ...contract },
      payments: earlier,
      licenses: openFor(earlier),
      ...parts,
    }),
  });
}

const told = (kind: string, detail = {}) => ["customer", "operators"].map((recipient) => ({ kind, recipient, detail }));

describe("who may ask, and what", () => {
  test("Stripe alone", () => {
    for (const type of ["operator", "service", "customer", "schedule"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup()))).toBe("actor_not_allowed");
    }
  });

  test("a subscription has to be named", () => {
    expect(rejected(play(setup({}, {}, { subscriptionId: "" })))).toMatchObject({
      code: "invalid_request",
      detail: { field: "params.subscriptionId" },
    });
  });
});

describe("what changes nothing", () => {
  test.each([
    ["another subscription", {}, { subscriptionId: "sub_9" }],
    ["a former subscription", { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] }, {}],
    ["a contract that is terminated", { status: "terminated" }, {}],
    ["a contract that is canceled", { status: "canceled" }, {}],
    ["a one-time contract", { kind: "one_time", status: "established" }, {}],
    ["a contract that is not paid by card", { paymentMethod: "other" }, {}],
  ] as const)("the end of %s, without a look", (_, contract, params) => {
    expect(settled(play(setup(contract, {}, params)))).toEqual({ superseded: true });
  });

  test("a subscription that runs, whatever the event said", () => {
    expect(settled(play(setup(), { subscription: subscriptionSeen() }))).toEqual({ superseded: true });
  });

  test("one that Stripe does not know, which is odd", () => {
    expect(settled(play(setup(), { subscription: missing }))).toEqual({
      superseded: true,
      attention: [{ code: "subscription_missing", detail: { subscriptionId: "sub_1" } }],
    });
  });

  test("the end of a deleted contract's", () => {
    const facts = makeFacts("record_subscription_end", {
      actor: { type: "stripe", id: "evt_1" },
      params: { subscriptionId: "sub_1" },
      tombstone: makeTombstone(),
    });
    expect(settled(play(facts))).toEqual({ superseded: true });
  });
});

describe("the end of a contract that had begun", () => {
  test("terminates it, without asking Stripe to cancel what is over; what is unpaid is closed and written off", () => {
    const facts = setup(
      { status: "payment_unconfirmed", terminationOn: on("2025-02-08"), terminationSource: "person" },
      { payments: [...earlier, unpaid], licenses: [...openFor(earlier), revokedFor(unpaid, "suspended")] },
    );
    const played = play(facts, {
      subscription: subscriptionEnded,
      unpaid_invoices: unpaidInvoices({ id: "in_3", stripeInvoiceStatus: "open" }),
      "void:in_3": done(invoiceSeen("in_3", "void")),
      paid_meanwhile: paidInvoices(),
    });
    expect(played.steps.map(({ name }) => name)).toEqual([
      "subscription",
      "unpaid_invoices",
      "void:in_3",
      "paid_meanwhile",
    ]);
    expect(settled(played)).toEqual({
      status: "terminated",
      endedAt: subscriptionEnded.endedAt,
      reservation: null,
      newPayments: [],
      paymentMoves: [{ id: unpaid.id, from: "unpaid", to: "never_charged" }],
      licenses: [],
      attention: [],
      notices: told("contract_terminated"),
    });
  });

  test.each(["active", "special_period", "termination_reserved"] as const)(
    "whether it is suspended or %s",
    (status) => {
      const played = play(setup({ status }), { subscription: subscriptionEnded, unpaid_invoices: unpaidInvoices() });
      expect(settled(played)).toMatchObject({ status: "terminated", paymentMoves: [], licenses: [] });
    },
  );

  test("an invoice that was paid in between is a payment", () => {
    const facts = setup({ status: "payment_unconfirmed" }, { payments: [...earlier, unpaid] });
    const played = play(facts, {
      subscription: subscriptionEnded,
      unpaid_invoices: unpaidInvoices(),
      paid_meanwhile: paidInvoices(),
      "invoice:in_3": invoiceSeen("in_3", "paid", { paidAt: "2025-01-20T00:00:00Z", amountPaidMinor: 1_980 }),
    });
    expect(settled(played)).toMatchObject({
      paymentMoves: [{ id: unpaid.id, to: "paid" }],
      attention: [{ code: "invoice_paid_meanwhile" }],
    });
  });

  test("one whose start was not processed yet opens what was paid, since that stays viewable", () => {
    const paid = makePayment({ period: 0 });
    const contract = { status: "not_started", startOn: on("2025-01-08") } as const;
    const ended = subscriptionSeen({ stripeSubscriptionStatus: "canceled", endedAt: "2025-01-08T03:00:00Z" });
    const played = play(setup(contract, { payments: [paid], licenses: [] }), {
      subscription: ended,
      unpaid_invoices: unpaidInvoices(),
    });
    expect(settled(played)).toMatchObject({
      status: "terminated",
      licenses: [{ type: "granted", paymentId: paid.id }],
    });
    const refunds = [makeRefund(paid, { state: "pending" })];
    const givenBack = play(setup(contract, { payments: [paid], licenses: [], refunds }), {
      subscription: ended,
      unpaid_invoices: unpaidInvoices(),
    });
    expect(settled(givenBack)).toMatchObject({ status: "terminated", licenses: [] });
  });
});

describe("the end of a contract that never began", () => {
  const paid = makePayment({ period: 0, stripePaymentIntentId: "pi_0" });
  const refund = {
    [`refunds_of:${paid.id}`]: refundsSeen(1_980),
    [`refund:${paid.id}`]: done(refundSeen(`${paid.id}:refund:1`, 1_980)),
    ...nothingUnknown,
  };

  test("before its start date cancels it, and refunds what was paid", () => {
    const facts = setup({ status: "not_started", startOn: on("2025-02-01") }, { payments: [paid], licenses: [] });
    const ended = subscriptionSeen({ stripeSubscriptionStatus: "canceled", endedAt: "2025-01-20T00:00:00Z" });
    const played = play(facts, { subscription: ended, ...refund });
    expect(played.steps.map(({ name }) => name)).not.toContain("cancel_subscription");
    expect(settled(played)).toMatchObject({
      status: "canceled",
      reservation: null,
      paymentMoves: [{ id: paid.id, from: "paid", to: "refunded" }],
      notices: told("contract_canceled", { refundMinor: 1_980, owedMinor: 0 }),
    });
  });

  test("that day is the one on which Stripe ended it, in Japan, not the one on which we hear of it", () => {
    const facts = setup({ status: "not_started", startOn: on("2025-01-08") }, { payments: [paid], licenses: [] });
    const dayBefore = subscriptionSeen({ stripeSubscriptionStatus: "canceled", endedAt: "2025-01-07T14:59:59Z" });
    expect(settled(play(facts, { subscription: dayBefore, ...refund })).status).toBe("canceled");
    const onTheDay = { ...dayBefore, endedAt: "2025-01-07T15:00:00Z" };
    const played = play(facts, { subscription: onTheDay, unpaid_invoices: unpaidInvoices() });
    expect(settled(played).status).toBe("terminated");
  });

  test("while it waited for its payment cancels it, and writes off what was due", () => {
    const due = makePayment({ period: 0, state: "due" });
    const facts = setup({ status: "awaiting_payment" }, { payments: [due], licenses: [] });
    expect(settled(play(facts, { subscription: subscriptionEnded, ...nothingUnknown }))).toMatchObject({
      status: "canceled",
      paymentMoves: [{ id: due.id, from: "due", to: "never_charged" }],
      notices: told("contract_canceled", { refundMinor: 0, owedMinor: 0 }),
    });
  });

  describe("while it waited here for reports of what Stripe had collected", () => {
    const due = makePayment({ period: 0, state: "due" });
    const first = paidInvoiceSeen("in_0", [periodLine("2024-10-08")]);
    const second = paidInvoiceSeen("in_1", [periodLine("2024-11-08")]);
    const facts = setup({ status: "awaiting_payment", startOn: on("2024-10-08") }, { payments: [due], licenses: [] });
    const found = {
      subscription: subscriptionEnded,
      "paid_invoices:sub_1": paidInvoices(listed(first), listed(second)),
      "invoice:in_0": first,
      "invoice:in_1": second,
    };

    test("it ran: it is terminated, what was paid is recorded and stays viewable, and nothing goes back", () => {
      const change = settled(play(facts, { ...found, unpaid_invoices: unpaidInvoices() }));
      expect(change).toMatchObject({
        status: "terminated",
        newPayments: [{ id: "in_1:il_2024-11-08", period: 1, state: "paid" }],
        paymentMoves: [{ id: due.id, from: "due", to: "paid", stripeInvoiceId: "in_0" }],
        licenses: [
          { type: "granted", paymentId: due.id },
          { type: "granted", paymentId: "in_1:il_2024-11-08" },
        ],
        notices: told("contract_terminated"),
      });
      expect(change).not.toHaveProperty("newRefunds");
    });

    const afterEnd = "2025-02-08T00:00:01Z";

    test("it ran: what was paid after the end is late money, which its own report brings", () => {
      const late = { ...second, paidAt: afterEnd };
      const script = {
        subscription: subscriptionEnded,
        "paid_invoices:sub_1": paidInvoices(listed(first), listed(late)),
        "invoice:in_0": first,
        unpaid_invoices: unpaidInvoices(),
      };
      expect(settled(play(facts, script))).toMatchObject({
        status: "terminated",
        endedAt: subscriptionEnded.endedAt,
        newPayments: [],
        paymentMoves: [{ id: due.id, to: "paid" }],
      });
    });

    test("with nothing paid before the end it did not run, whether late money has gone back by then or not", () => {
      const late = { ...first, paidAt: afterEnd };
      const seen = {
        subscription: subscriptionEnded,
        unpaid_invoices: unpaidInvoices(),
        "paid_invoices:sub_1": paidInvoices(listed(late)),
      };
      const unsent = {
        ...seen,
        "invoice:in_0": late,
        [`refunds_of:${due.id}`]: refundsSeen(1_980),
        [`refund:${due.id}`]: done(refundSeen(`${due.id}:refund:1`, 1_980)),
      };
      expect(settled(play(facts, unsent))).toMatchObject({ status: "canceled", paymentMoves: [{ to: "refunded" }] });

      const names = { stripeInvoiceId: "in_0", stripePaymentIntentId: "pi_0" };
      const returned = makePayment({ period: 0, state: "refunded", paidAt: afterEnd, ...names });
      const sent = setup({ status: "awaiting_payment" }, { payments: [returned], licenses: [] });
      expect(settled(play(sent, seen))).toMatchObject({ status: "canceled", paymentMoves: [] });
    });

    test("before its start it did not, and all of it goes back", () => {
      const early = { ...subscriptionEnded, endedAt: "2024-10-07T00:00:00Z" };
      const refundOf = (id: string) => ({
        [`refunds_of:${id}`]: refundsSeen(1_980),
        [`refund:${id}`]: done(refundSeen(`${id}:refund:1`, 1_980)),
      });
      const nothingOpen = { unpaid_invoices: unpaidInvoices() };
      const script = {
        ...found,
        ...nothingOpen,
        subscription: early,
        ...refundOf(due.id),
        ...refundOf("in_1:il_2024-11-08"),
      };
      expect(settled(play(facts, script))).toMatchObject({ status: "canceled" });
    });
  });

  test("incomplete_expired says that it never began, whatever our status is", () => {
    const facts = setup({ status: "payment_unconfirmed" }, { payments: [unpaid], licenses: [] });
    const expired = subscriptionSeen({ stripeSubscriptionStatus: "incomplete_expired" });
    const voided = { "invoice:in_3": invoiceSeen("in_3", "void") };
    expect(settled(play(facts, { subscription: expired, ...voided, ...nothingUnknown }))).toMatchObject({
      status: "canceled",
      paymentMoves: [{ id: unpaid.id, to: "never_charged" }],
    });
  });

  test("incomplete_expired of a contract that ran by another subscription before ends it, and gives nothing back", () => {
    const expired = subscriptionSeen({ stripeSubscriptionStatus: "incomplete_expired" });
    const played = play(setup({ formerStripeSubscriptionIds: ["sub_0"] }), {
      subscription: expired,
      "cancel_subscription:sub_0": done(subscriptionEnded),
      unpaid_invoices: unpaidInvoices(),
      "unpaid_invoices:sub_0": unpaidInvoices({ id: "in_0", stripeInvoiceStatus: "open" }),
      "void:in_0": done(invoiceSeen("in_0", "void")),
    });
    expect(settled(played)).toMatchObject({ status: "terminated", paymentMoves: [], attention: [] });
  });
});
