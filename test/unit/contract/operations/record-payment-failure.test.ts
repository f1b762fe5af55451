import { describe, expect, test } from "vitest";
import type { Contract, Payment } from "../../../../src/contract/contract.ts";
import { contractStatuses } from "../../../../src/contract/contract.ts";
import { makeFacts, makePayment, makePeriods, makeTombstone, makeWorld, on, openFor } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import { askedBy, refusalOf } from "../support/refusals.ts";
import { addedLine, type FoundInvoice, invoiceSeen, missing, periodLine } from "../support/stripe-answers.ts";

const failure = { invoiceId: "in_3", attempt: 2 };
const nextAttemptAt = "2025-01-24T15:00:00Z";
const earlier = makePeriods([0, 1, 2]);

function setup(contract: Partial<Contract> = {}, rows: readonly Payment[] = [], params: object = failure) {
  const payments = [...earlier, ...rows];
  return makeFacts("record_payment_failure", {
    actor: { type: "stripe", id: "evt_1" },
    params,
    world: makeWorld({
      contract: { paymentMethod: "card", ...contract },
      payments,
      licenses: openFor(payments.filter(({ state }) => state === "paid")),
    }),
  });
}

function owed(overrides: Partial<FoundInvoice> = {}) {
  return invoiceSeen("in_3", "open", { lines: [periodLine("2025-01-08")], nextAttemptAt, ...overrides });
}

/** Both mails about the attempt, which tell whether the contract was suspended by it. */
function mails(suspended: 0 | 1, detail: object = {}) {
  return (["customer", "operators"] as const).map((recipient) => ({
    kind: "payment_failed",
    recipient,
    detail: {
      invoiceId: "in_3",
      attempt: 2,
      invoice: "open",
      nextAttemptAt,
      amountMinor: 1_980,
      actionRequired: 0,
      suspended,
      ...detail,
    },
    cause: "payment_failed:in_3:2",
  }));
}

const newRow = {
  id: "c-1:period:3",
  subject: "period",
  period: 3,
  startsOn: "2025-01-08",
  amountMinor: 1_980,
  state: "unpaid",
  paidAt: null,
  stripePaymentIntentId: null,
  stripeInvoiceId: "in_3",
};

describe("who may ask, and what", () => {
  test("Stripe alone", () => {
    for (const type of ["operator", "service", "customer", "schedule"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup()))).toBe("actor_not_allowed");
    }
  });

  test.each([
    [{ ...failure, attempt: -1 }, "params.attempt"],
    [{ ...failure, attempt: 1.5 }, "params.attempt"],
    [{ ...failure, email: "hanako@example.com" }, "params.email"],
  ])("parameters that are %j are refused", (params, field) => {
    expect(rejected(play(setup({}, [], params)))).toMatchObject({ code: "invalid_request", detail: { field } });
  });
});

describe("a failed attempt suspends", () => {
  test.each(["active", "special_period", "termination_reserved", "not_started"] as const)(
    "a contract that is %s",
    (status) => {
      const played = play(setup({ status }), { invoice: owed() });
      expect(played.steps).toEqual([
        { type: "look", name: "invoice", look: { verb: "read_invoice", invoiceId: "in_3" } },
      ]);
      expect(settled(played)).toEqual({
        status: "payment_unconfirmed",
        newPayments: [newRow],
        paymentMoves: [],
        licenses: [],
        notices: mails(1),
      });
    },
  );

  test("before the start date too: period 0 is unpaid", () => {
    const contract = { paymentMethod: "card", status: "not_started", startOn: on("2025-02-08") } as const;
    const facts = { ...setup(), world: makeWorld({ contract }) };
    const change = settled(play(facts, { invoice: owed({ lines: [periodLine("2025-02-08")] }) }));
    expect(change).toMatchObject({ status: "payment_unconfirmed", newPayments: [{ period: 0 }] });
  });

  test.each(["uncollectible", "void"])(
    "an invoice that is %s by now leaves its period unpaid all the same",
    (status) => {
      const invoice = { ...owed(), stripeInvoiceStatus: status };
      expect(settled(play(setup(), { invoice })).status).toBe("payment_unconfirmed");
    },
  );

  test("but not for an older period, where a later one has been paid since", () => {
    const later = makePayment({ period: 4, stripeInvoiceId: "in_4" });
    const change = settled(play(setup({}, [later]), { invoice: owed() }));
    expect(change).toEqual({ newPayments: [newRow], paymentMoves: [], licenses: [], notices: mails(0) });
  });

  test.each(["due", "never_charged", "unpaid"] as const)(
    "a row that is %s becomes unpaid, and learns its invoice",
    (state) => {
      const row = makePayment({ period: 3, state });
      expect(settled(play(setup({}, [row]), { invoice: owed() }))).toMatchObject({
        newPayments: [],
        paymentMoves: [{ id: row.id, from: state, to: "unpaid", stripeInvoiceId: "in_3" }],
      });
    },
  );

  test("the period's license is revoked; earlier ones stay", () => {
    const row = makePayment({ period: 3, state: "due" });
    const facts = setup({}, [row]);
    const licensed = { ...facts, world: facts.world && { ...facts.world, licenses: openFor([...earlier, row]) } };
    expect(settled(play(licensed, { invoice: owed() })).licenses).toEqual([
      { type: "revoked", paymentId: row.id, because: "suspended" },
    ]);
  });

  test("a row that knows its invoice moves no more", () => {
    const row = makePayment({ period: 3, state: "unpaid", stripeInvoiceId: "in_3" });
    const change = settled(play(setup({}, [row]), { invoice: owed() }));
    expect(change).toMatchObject({ status: "payment_unconfirmed", newPayments: [], paymentMoves: [] });
  });

  test("an older period by its own row", () => {
    const change = settled(play(setup(), { invoice: owed({ lines: [periodLine("2025-02-08")] }) }));
    expect(change.newPayments).toMatchObject([{ id: "c-1:period:4", startsOn: "2025-02-08" }]);
  });
});

describe("a failed attempt is only mailed", () => {
  const paid = makePayment({ period: 3, stripeInvoiceId: "in_9" });
  test.each([
    ["was paid since", owed({ stripeInvoiceStatus: "paid" }), [], { invoice: "paid", nextAttemptAt: null }],
    ["bills a period that was paid otherwise", owed(), [paid], {}],
    ["bills a period that was given back", owed(), [{ ...paid, state: "refunded" as const }], {}],
  ] as const)("when its invoice %s", (_, invoice, rows, detail) => {
    expect(settled(play(setup({}, rows), { invoice }))).toEqual({ superseded: true, notices: mails(0, detail) });
  });

  test("on a contract that waits for its payment: that it was not paid is nothing new", () => {
    expect(settled(play(setup({ status: "awaiting_payment" }), { invoice: owed() }))).toEqual({ notices: mails(0) });
  });

  test.each(["canceled", "terminated"] as const)("after the end of a %s contract, which nothing revives", (status) => {
    const notices = mails(0, { invoice: "over", nextAttemptAt: null });
    expect(settled(play(setup({ status }), { invoice: owed() }))).toEqual({ superseded: true, notices });
  });

  test("after the end, where its period is known by nothing else, it is noted as never charged", () => {
    const invoice = owed({ stripeInvoiceStatus: "uncollectible" });
    expect(settled(play(setup({ status: "terminated" }), { invoice }))).toEqual({
      newPayments: [{ ...newRow, state: "never_charged" }],
      paymentMoves: [],
      licenses: [],
      notices: mails(0, { invoice: "over", nextAttemptAt: null }),
    });
  });

  test.each(contractStatuses)("every attempt, whatever the contract is: %s", (status) => {
    expect(settled(play(setup({ status }), { invoice: owed() })).notices).toHaveLength(2);
  });

  test("when the first invoice bills the initial fee alone", () => {
    const invoice = owed({ billingReason: "subscription_create", lines: [addedLine(5_000)] });
    const facts = setup({ status: "awaiting_payment", initialFeeMinor: 5_000 });
    expect(settled(play(facts, { invoice })).notices).toHaveLength(2);
  });
});

describe("a failed attempt is noted only, and nobody is told", () => {
  const former = { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] };
  test.each([
    ["is a former subscription's", owed(), former],
    ["is no subscription's", owed({ subscriptionId: null }), {}],
    ["bills no period", owed({ lines: [addedLine(1_980)] }), {}],
    ["bills a proration", owed({ lines: [periodLine("2025-01-08", { isProration: true })] }), {}],
  ] as const)("when its invoice %s", (_, invoice, contract) => {
    for (const status of contractStatuses) {
      expect(settled(play(setup({ ...contract, status }), { invoice }))).toEqual({ superseded: true });
    }
  });

  test("when Stripe does not have its invoice, which a person should know of", () => {
    expect(settled(play(setup(), { invoice: missing }))).toEqual({
      superseded: true,
      attention: [{ code: "missing_at_stripe", detail: { stripeId: "in_3" } }],
    });
  });

  test.each(["bank_transfer", "other"] as const)(
    "about a contract paid by %s, of which nothing is looked up",
    (method) => {
      expect(settled(play(setup({ paymentMethod: method })))).toEqual({ superseded: true });
    },
  );
});

describe("a suspended contract", () => {
  test("notes another period that was not paid", () => {
    const row = makePayment({ period: 2, state: "unpaid" });
    const change = settled(play(setup({ status: "payment_unconfirmed" }, [row]), { invoice: owed() }));
    expect(change).toEqual({ newPayments: [newRow], paymentMoves: [], licenses: [], notices: mails(0) });
  });

  test("told of a further attempt at what is known to be unpaid, changes nothing", () => {
    const row = makePayment({ period: 3, state: "unpaid", stripeInvoiceId: "in_3" });
    const facts = setup({ status: "payment_unconfirmed" }, [row]);
    expect(settled(play(facts, { invoice: owed() }))).toEqual({ superseded: true, notices: mails(0) });
  });
});

describe("the mail", () => {
  test("says that the customer has to act, and that no next attempt is planned", () => {
    const params = { invoiceId: "in_3", attempt: 0 };
    const invoice = owed({ nextAttemptAt: null, awaitsConfirmation: true });
    const { notices } = settled(play(setup({}, [], params), { invoice }));
    const detail = { attempt: 0, nextAttemptAt: null, actionRequired: 1 };
    expect(notices).toEqual(mails(1, detail).map((mail) => ({ ...mail, cause: "payment_failed:in_3:0" })));
  });

  test("asks nobody to confirm what has been paid, or is asked for no longer", () => {
    for (const [stripeInvoiceStatus, standing, suspended] of [
      ["paid", "paid", 0],
      ["void", "over", 1],
    ] as const) {
      const invoice = owed({ stripeInvoiceStatus, awaitsConfirmation: true });
      const detail = { invoice: standing, nextAttemptAt: null, actionRequired: 0 };
      expect(settled(play(setup(), { invoice })).notices).toEqual(mails(suspended, detail));
    }
  });

  test("names the attempt that comes next now, not the one that was to come when this one failed", () => {
    const invoice = owed({ nextAttemptAt: "2025-01-27T15:00:00Z" });
    expect(settled(play(setup(), { invoice })).notices).toEqual(mails(1, { nextAttemptAt: invoice.nextAttemptAt }));
  });

  test("is not sent about a deleted contract, which nothing is looked up for", () => {
    const facts = makeFacts("record_payment_failure", {
      actor: { type: "stripe", id: "evt_1" },
      params: failure,
      tombstone: makeTombstone({ stripeIds: ["sub_1"] }),
    });
    expect(settled(play(facts))).toEqual({ superseded: true });
  });
});
