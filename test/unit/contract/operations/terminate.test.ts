import { describe, expect, test } from "vitest";
import type { Contract, Payment } from "../../../../src/contract/contract.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import { makeFacts, makePayment, makePeriods, makeWorld, on, openFor, revokedFor } from "../../../support/facts.ts";
import { type Play, play, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf, statusesAllowed, withContract } from "../support/refusals.ts";
import {
  done,
  invoiceSeen,
  missing,
  paidInvoiceSeen,
  paidInvoices,
  periodLine,
  refused,
  subscriptionEnded,
  unpaidInvoices,
} from "../support/stripe-answers.ts";

const paidBefore = makePeriods([0, 1, 2]);
const third = makePayment({ period: 3, state: "unpaid" });
const thirdByCard = { ...third, stripeInvoiceId: "in_3" };

/** A contract that was suspended in period 3; the periods before it are paid and open. */
function setup(contract: Partial<Contract> = {}, rows: readonly Payment[] = [third]) {
  return makeFacts("terminate", {
    world: makeWorld({
      contract: { status: "payment_unconfirmed", ...contract },
      payments: [...paidBefore, ...rows],
      licenses: [...openFor(paidBefore), revokedFor(third, "suspended")],
    }),
  });
}

function setupByCard(rows: readonly Payment[] = [thirdByCard]) {
  return setup({ paymentMethod: "card" }, rows);
}

const closed = { unpaid_invoices: unpaidInvoices(), paid_meanwhile: paidInvoices() } satisfies Record<string, Answer>;
const ended = { cancel_subscription: done(subscriptionEnded) } satisfies Record<string, Answer>;
const notices = [
  { kind: "contract_terminated", recipient: "customer", detail: {} },
  { kind: "contract_terminated", recipient: "operators", detail: {} },
];

function namesOf({ steps }: Play): readonly string[] {
  return steps.map(({ name }) => name);
}

describe("who may terminate, and from where", () => {
  test.each(["bank_transfer", "card", "other"] as const)("a suspended contract, paid by %s", (paymentMethod) => {
    expect(statusesAllowed((status) => setup({ status, paymentMethod }))).toEqual(["payment_unconfirmed"]);
  });

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(setup(), [
      ["not_monthly", withContract({ kind: "one_time" })],
      ["status_not_allowed", withContract({ status: "active" })],
    ]);
  });

  test("operators and services may ask; customers, the schedule and Stripe may not", () => {
    const refusals = (["operator", "service", "schedule", "stripe"] as const).map((type) =>
      refusalOf(askedBy(type)(setup())),
    );
    expect(refusals).toEqual([undefined, undefined, "actor_not_allowed", "actor_not_allowed"]);
    expect(refusalOf(askedBy("customer", "cust-1")(setup()))).toBe("actor_not_allowed");
  });
});

describe("without Stripe", () => {
  test("what is unpaid counts as never charged; what was paid stays paid and viewable", () => {
    const played = play(setup());
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "terminated",
      reservation: null,
      newPayments: [],
      paymentMoves: [{ id: third.id, from: "unpaid", to: "never_charged" }],
      licenses: [],
      attention: [],
      notices,
    });
  });

  test("every unpaid or waiting period is written off, not only the last", () => {
    const rows = [third, makePayment({ period: 4, state: "due" })];
    expect(settled(play(setup({}, rows))).paymentMoves).toEqual([
      { id: "c-1:period:3", from: "unpaid", to: "never_charged" },
      { id: "c-1:period:4", from: "due", to: "never_charged" },
    ]);
  });

  test("a reservation loses its meaning", () => {
    const facts = setup({ terminationOn: on("2025-02-08"), terminationSource: "person" });
    expect(settled(play(facts)).reservation).toBeNull();
  });
});

describe("by card", () => {
  test("first the subscription is ended, then its invoices are listed and closed, then those paid meanwhile are listed", () => {
    const played = play(setupByCard(), {
      ...ended,
      unpaid_invoices: unpaidInvoices(
        { id: "in_4", stripeInvoiceStatus: "draft" },
        { id: "in_3", stripeInvoiceStatus: "open" },
      ),
      "stop:in_4": done(invoiceSeen("in_4", "draft", { autoAdvance: false })),
      "void:in_3": done(invoiceSeen("in_3", "void")),
      paid_meanwhile: paidInvoices(),
    });
    expect(played.steps).toEqual([
      { type: "call", name: "cancel_subscription", call: { verb: "cancel_subscription", subscriptionId: "sub_1" } },
      { type: "look", name: "unpaid_invoices", look: { verb: "list_unpaid_invoices", subscriptionId: "sub_1" } },
      { type: "call", name: "stop:in_4", call: { verb: "stop_invoice", invoiceId: "in_4" } },
      { type: "call", name: "void:in_3", call: { verb: "void_invoice", invoiceId: "in_3" } },
      { type: "look", name: "paid_meanwhile", look: { verb: "list_paid_invoices", subscriptionId: "sub_1" } },
    ]);
    expect(settled(played)).toEqual({
      status: "terminated",
      endedAt: subscriptionEnded.endedAt,
      reservation: null,
      newPayments: [],
      paymentMoves: [{ id: third.id, from: "unpaid", to: "never_charged" }],
      licenses: [],
      attention: [],
      notices,
    });
  });

  test("a period of which nobody had told us counts as never charged, too", () => {
    const lines = [periodLine("2025-02-08", { amountMinor: 1_800 })];
    const played = play(setupByCard(), {
      ...ended,
      unpaid_invoices: unpaidInvoices(
        { id: "in_4", stripeInvoiceStatus: "open" },
        { id: "in_3", stripeInvoiceStatus: "open" },
      ),
      "void:in_4": done(invoiceSeen("in_4", "void", { lines })),
      "void:in_3": done(invoiceSeen("in_3", "void", { lines: [periodLine("2025-01-08")] })),
      paid_meanwhile: paidInvoices(),
    });
    expect(settled(played).newPayments).toEqual([
      {
        id: "c-1:period:4",
        subject: "period",
        period: 4,
        startsOn: "2025-02-08",
        amountMinor: 1_800,
        state: "never_charged",
        paidAt: null,
        stripePaymentIntentId: null,
        stripeInvoiceId: "in_4",
      },
    ]);
  });

  test("with nothing open and nothing unpaid there is nothing to close", () => {
    const played = play(setupByCard([]), { ...ended, unpaid_invoices: unpaidInvoices() });
    expect(namesOf(played)).toEqual(["cancel_subscription", "unpaid_invoices"]);
    expect(settled(played)).toMatchObject({ status: "terminated", paymentMoves: [], attention: [] });
  });

  test("a subscription that Stripe does not know is an answer, with attention", () => {
    const played = play(setupByCard([]), {
      cancel_subscription: refused("not_found"),
      unpaid_invoices: unpaidInvoices(),
    });
    expect(settled(played)).toMatchObject({
      status: "terminated",
      attention: [{ code: "subscription_missing", detail: { subscriptionId: "sub_1" } }],
    });
  });

  const paidAfterAll = invoiceSeen("in_3", "paid", {
    amountPaidMinor: 1_980,
    paidAt: "2025-01-20T02:59:00Z",
    paymentIntentId: "pi_3",
  });

  test("an invoice that was paid in between is a payment: its period stays viewable, and people are told", () => {
    const played = play(setupByCard(), {
      ...ended,
      unpaid_invoices: unpaidInvoices({ id: "in_3", stripeInvoiceStatus: "open" }),
      "void:in_3": refused("invoice_not_open"),
      paid_meanwhile: paidInvoices(),
      "invoice:in_3": paidAfterAll,
    });
    expect(settled(played)).toMatchObject({
      status: "terminated",
      paymentMoves: [
        { id: third.id, from: "unpaid", to: "paid", paidAt: "2025-01-20T02:59:00Z", stripePaymentIntentId: "pi_3" },
      ],
      licenses: [{ type: "restored", paymentId: third.id, from: "suspended" }],
      attention: [{ code: "invoice_paid_meanwhile", detail: { invoiceId: "in_3", amountMinor: 1_980 } }],
    });
  });

  test("ends when Stripe says that the subscription has; what was paid later moves no row, but people are told", () => {
    const endedAt = "2025-01-20T02:58:59Z";
    const played = play(setupByCard(), {
      cancel_subscription: done({ ...subscriptionEnded, endedAt }),
      unpaid_invoices: unpaidInvoices({ id: "in_3", stripeInvoiceStatus: "open" }),
      "void:in_3": refused("invoice_not_open"),
      "invoice:in_3": paidAfterAll,
      paid_meanwhile: {
        invoices: [{ id: "in_9", amountPaidMinor: 1_980, paidAt: "2025-01-20T02:59:00Z", paymentIntentId: "pi_9" }],
      },
    });
    expect(settled(played)).toMatchObject({
      status: "terminated",
      endedAt,
      paymentMoves: [{ id: third.id, from: "unpaid", to: "never_charged" }],
      licenses: [],
      attention: [{ code: "invoice_paid_meanwhile", detail: { invoiceId: "in_3", amountMinor: 1_980 } }],
    });
  });

  test("an invoice that was paid before it could be listed is found by the unpaid row", () => {
    const played = play(setupByCard(), { ...ended, ...closed, "invoice:in_3": paidAfterAll });
    expect(settled(played)).toMatchObject({
      paymentMoves: [{ id: third.id, to: "paid" }],
      attention: [{ code: "invoice_paid_meanwhile" }],
    });
  });

  test("an invoice paid out of band is a payment without an intent", () => {
    const played = play(setupByCard(), {
      ...ended,
      ...closed,
      "invoice:in_3": { ...paidAfterAll, paymentIntentId: null },
    });
    expect(settled(played).paymentMoves?.[0]).not.toHaveProperty("stripePaymentIntentId");
  });

  test("only the row of the invoice that was paid becomes paid; the others were never charged", () => {
    const second = makePayment({ period: 2, state: "unpaid", stripeInvoiceId: "in_2" });
    const facts = makeFacts("terminate", {
      world: makeWorld({
        contract: { status: "payment_unconfirmed", paymentMethod: "card" },
        payments: [second, thirdByCard],
      }),
    });
    const played = play(facts, {
      ...ended,
      unpaid_invoices: unpaidInvoices({ id: "in_2", stripeInvoiceStatus: "open" }),
      "void:in_2": done(invoiceSeen("in_2", "void")),
      paid_meanwhile: paidInvoices(),
      "invoice:in_3": paidAfterAll,
    });
    expect(settled(played).paymentMoves?.map(({ id, to }) => [id, to])).toEqual([
      [third.id, "paid"],
      [second.id, "never_charged"],
    ]);
    expect(settled(played).licenses).toEqual([{ type: "granted", paymentId: third.id }]);
  });

  test("a contract that has not begun opens nothing, even if its invoice was paid in between", () => {
    const first = makePayment({ period: 0, state: "unpaid", stripeInvoiceId: "in_3" });
    const contract = { status: "payment_unconfirmed", paymentMethod: "card", startOn: on("2025-02-01") } as const;
    const facts = makeFacts("terminate", { world: makeWorld({ contract, payments: [first] }) });
    const played = play(facts, { ...ended, ...closed, "invoice:in_3": paidAfterAll });
    expect(settled(played)).toMatchObject({ paymentMoves: [{ to: "paid" }], licenses: [] });
  });

  test.each(["uncollectible", "open", "draft"])(
    "an invoice that Stripe would not void is read, and one still %s is named",
    (found) => {
      const played = play(setupByCard([]), {
        ...ended,
        unpaid_invoices: unpaidInvoices({ id: "in_9", stripeInvoiceStatus: "open" }),
        "void:in_9": refused("invoice_not_open"),
        "invoice:in_9": invoiceSeen("in_9", found),
      });
      expect(settled(played)).toMatchObject({
        status: "terminated",
        attention: [{ code: "invoice_not_voided", detail: { invoiceId: "in_9", stripeInvoiceStatus: found } }],
      });
    },
  );

  test.each([
    ["open", "unpaid"],
    ["draft", "unpaid"],
    ["uncollectible", "never_charged"],
  ])("the row of an invoice that would not end, and is %s, is %s", (found, state) => {
    const played = play(setupByCard(), {
      ...ended,
      unpaid_invoices: unpaidInvoices({ id: "in_3", stripeInvoiceStatus: "open" }),
      "void:in_3": refused("invoice_not_open"),
      "invoice:in_3": invoiceSeen("in_3", found),
      paid_meanwhile: paidInvoices(),
    });
    const moves = settled(played).paymentMoves ?? [];
    expect(moves.find(({ id }) => id === third.id)?.to ?? "unpaid").toBe(state);
  });

  describe("a draft that became final before it was stopped", () => {
    const listed = { ...ended, unpaid_invoices: unpaidInvoices({ id: "in_9", stripeInvoiceStatus: "draft" }) };

    test.each([
      ["answered to be open", done(invoiceSeen("in_9", "open", { autoAdvance: false }))],
      ["refused", refused("invoice_not_open")],
    ])("is voided: its stop is %s", (_, stopped) => {
      const script = { ...listed, "stop:in_9": stopped, "void:in_9": done(invoiceSeen("in_9", "void")) };
      expect(settled(play(setupByCard([]), script))).toMatchObject({ status: "terminated", attention: [] });
    });

    test("and paid is named, and the row that names it becomes paid", () => {
      const row = { ...third, stripeInvoiceId: "in_9" };
      const paid = { amountPaidMinor: 1_980, paidAt: "2025-01-20T02:59:00Z", paymentIntentId: "pi_9" };
      const played = play(setupByCard([row]), {
        ...listed,
        "stop:in_9": done(invoiceSeen("in_9", "paid", paid)),
        paid_meanwhile: paidInvoices(),
      });
      expect(settled(played)).toMatchObject({
        paymentMoves: [{ id: row.id, to: "paid", stripePaymentIntentId: "pi_9" }],
        attention: [{ code: "invoice_paid_meanwhile", detail: { invoiceId: "in_9", amountMinor: 1_980 } }],
      });
    });

    test("and paid is named, although no row is for it", () => {
      const paid = { amountPaidMinor: 1_980, paidAt: "2025-01-20T02:59:00Z", paymentIntentId: "pi_9" };
      const played = play(setupByCard([]), { ...listed, "stop:in_9": done(invoiceSeen("in_9", "paid", paid)) });
      expect(settled(played).attention).toEqual([
        { code: "invoice_paid_meanwhile", detail: { invoiceId: "in_9", amountMinor: 1_980 } },
      ]);
    });
  });

  test.each([
    ["void by someone else meanwhile", invoiceSeen("in_9", "void")],
    ["unknown to Stripe", missing],
  ])("an invoice that is %s needs no attention", (_, seen) => {
    const played = play(setupByCard([]), {
      ...ended,
      unpaid_invoices: unpaidInvoices({ id: "in_9", stripeInvoiceStatus: "open" }),
      "void:in_9": refused("invoice_not_open"),
      "invoice:in_9": seen,
    });
    expect(settled(played).attention).toEqual([]);
  });

  describe("an unpaid row that names no invoice", () => {
    const listed = { id: "in_9", amountPaidMinor: 1_980, paidAt: "2025-01-20T02:59:00Z", paymentIntentId: "pi_9" };

    test("is paid by an invoice that Stripe lists as paid and our rows do not know", () => {
      const played = play(setupByCard([third]), {
        ...ended,
        ...closed,
        paid_meanwhile: paidInvoices(listed),
        "invoice:in_9": paidInvoiceSeen("in_9", [periodLine("2025-01-08")]),
      });
      expect(settled(played)).toMatchObject({
        status: "terminated",
        paymentMoves: [
          {
            id: third.id,
            from: "unpaid",
            to: "paid",
            paidAt: "2025-01-19T15:00:00Z",
            stripeInvoiceId: "in_9",
            stripePaymentIntentId: "pi_9",
          },
        ],
        licenses: [{ type: "restored", paymentId: third.id, from: "suspended" }],
        attention: [{ code: "invoice_paid_meanwhile", detail: { invoiceId: "in_9", amountMinor: 1_980 } }],
      });
    });

    test("is written off when what was paid is another period, of which nothing is said", () => {
      const played = play(setupByCard([third]), {
        ...ended,
        ...closed,
        paid_meanwhile: paidInvoices(listed),
        "invoice:in_9": paidInvoiceSeen("in_9", [periodLine("2024-12-08")]),
      });
      expect(settled(played)).toMatchObject({
        paymentMoves: [{ id: third.id, from: "unpaid", to: "never_charged" }],
        attention: [],
      });
    });

    test.each([
      ["invoice", { stripeInvoiceId: "in_9" }],
      ["payment intent", { stripePaymentIntentId: "pi_9" }],
    ])("is not looked for behind an invoice whose %s a paid row names", (_, known) => {
      const rows = [third, makePayment({ period: 4, ...known })];
      const played = play(setupByCard(rows), { ...ended, ...closed, paid_meanwhile: paidInvoices(listed) });
      expect(namesOf(played)).toEqual(["cancel_subscription", "unpaid_invoices", "paid_meanwhile"]);
    });

    test("becomes paid once, although two invoices pay it", () => {
      const played = play(setupByCard([third]), {
        ...ended,
        ...closed,
        paid_meanwhile: paidInvoices(listed, { ...listed, id: "in_10", paymentIntentId: "pi_10" }),
        "invoice:in_9": paidInvoiceSeen("in_9", [periodLine("2025-01-08")]),
        "invoice:in_10": paidInvoiceSeen("in_10", [periodLine("2025-01-08")]),
      });
      expect(settled(played).paymentMoves).toEqual([expect.objectContaining({ to: "paid", stripeInvoiceId: "in_9" })]);
    });
  });
});

describe("a former subscription", () => {
  const former = { paymentMethod: "card", formerStripeSubscriptionIds: ["sub_0"] } as const;

  test("that somebody has left running is ended, too: it would go on charging", () => {
    const played = play(setup(former, []), {
      ...ended,
      "cancel_subscription:sub_0": refused("not_found"),
      unpaid_invoices: unpaidInvoices(),
      "unpaid_invoices:sub_0": unpaidInvoices(),
    });
    expect(namesOf(played).slice(0, 2)).toEqual(["cancel_subscription", "cancel_subscription:sub_0"]);
    expect(settled(played)).toMatchObject({
      status: "terminated",
      attention: [{ code: "subscription_missing", detail: { subscriptionId: "sub_0" } }],
    });
  });

  test("has its open invoices voided, too: what it billed counts as never charged only then", () => {
    const played = play(setup(former, [thirdByCard]), {
      ...ended,
      "cancel_subscription:sub_0": done(subscriptionEnded),
      unpaid_invoices: unpaidInvoices(),
      "unpaid_invoices:sub_0": unpaidInvoices({ id: "in_3", stripeInvoiceStatus: "open" }),
      "void:in_3": done(invoiceSeen("in_3", "void")),
      paid_meanwhile: paidInvoices(),
      "paid_meanwhile:sub_0": paidInvoices(),
    });
    expect(settled(played)).toMatchObject({
      paymentMoves: [{ id: third.id, from: "unpaid", to: "never_charged" }],
      attention: [],
    });
  });

  test("which bills no list any more has the invoices of unpaid rows voided by their name", () => {
    const played = play(setupByCard(), {
      ...ended,
      ...closed,
      "invoice:in_3": invoiceSeen("in_3", "open"),
      "void:in_3": done(invoiceSeen("in_3", "void")),
    });
    expect(settled(played)).toMatchObject({ paymentMoves: [{ to: "never_charged" }], attention: [] });
  });
});
