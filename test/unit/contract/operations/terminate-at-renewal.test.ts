import { describe, expect, test } from "vitest";
import type { Contract, ContractWorld, Payment } from "../../../../src/contract/contract.ts";
import {
  makePayment,
  makePeriods,
  makeRunningWorld,
  makeWorld,
  nextRenewalOn,
  on,
  openFor,
  revokedFor,
} from "../../../support/facts.ts";
import { type Play, play, rejected, settled } from "../support/play.ts";
import {
  commonSpoilersOfEvents,
  expectRefusalsInOrder,
  refusalOf,
  statusesAllowed,
  withContract,
} from "../support/refusals.ts";
import { makeScheduled, onDate } from "../support/scheduled.ts";
import {
  done,
  invoiceSeen,
  missing,
  paidInvoices,
  periodEndAt,
  refused,
  subscriptionEnded,
  subscriptionSeen,
  unpaidInvoices,
} from "../support/stripe-answers.ts";

const reservation = { terminationOn: nextRenewalOn, terminationSource: "person" } as const;
const suspended = { status: "payment_unconfirmed" } as const;
const byCard = { paymentMethod: "card" } as const;
const fromStripe = { ...byCard, terminationSource: "stripe" } as const;

/** A contract that is reserved to end on 8 February, on that day. */
function setup(contract: Partial<Contract> = {}, parts: Partial<ContractWorld> = {}) {
  const world = makeRunningWorld({ status: "termination_reserved", ...reservation, ...contract });
  return makeScheduled("terminate_at_renewal", { ...world, ...parts }, nextRenewalOn);
}

/** The same, suspended in period 3, which is unpaid and shut. */
function setupSuspended(contract: Partial<Contract> = {}, third: Partial<Payment> = {}) {
  const [paid, unpaid] = [makePeriods([0, 1, 2]), makePayment({ period: 3, state: "unpaid", ...third })];
  const licenses = [...openFor(paid), revokedFor(unpaid, "suspended")];
  return setup({ ...suspended, ...contract }, { payments: [...paid, unpaid], licenses });
}

const reservedAtStripe = subscriptionSeen({ cancelAtPeriodEnd: true, cancelAt: periodEndAt });
const notices = [
  { kind: "contract_terminated", recipient: "customer", detail: {} },
  { kind: "contract_terminated", recipient: "operators", detail: {} },
];

function namesOf({ steps }: Play): readonly string[] {
  return steps.map(({ name }) => name);
}

describe("when it is due", () => {
  test.each(["bank_transfer", "other", "card"] as const)(
    "while a reservation stands, also beside a suspension, paid by %s",
    (paymentMethod) => {
      const allowed = statusesAllowed((status) => setup({ status, paymentMethod }));
      expect(allowed).toEqual(["termination_reserved", "payment_unconfirmed"]);
    },
  );

  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(
      setup(),
      [
        ["not_monthly", withContract({ kind: "one_time" })],
        ["status_not_allowed", withContract({ status: "active" })],
        ["not_due", withContract({ terminationOn: on("2025-02-09") })],
      ],
      commonSpoilersOfEvents,
    );
  });

  test("not for a suspended contract without a reservation", () => {
    const facts = setupSuspended({ terminationOn: null, terminationSource: null });
    expect(rejected(play(facts))).toEqual({ code: "not_due", detail: { date: "2025-02-08" } });
  });

  test("not on the day before, which the refusal names, and at Stripe nothing is even looked at", () => {
    const played = play(onDate(setup(byCard), "2025-02-07"));
    expect(rejected(played)).toEqual({ code: "not_due", detail: { date: "2025-02-07" } });
    expect(played.steps).toEqual([]);
  });

  test.each(["2025-02-08", "2025-02-09", "2025-06-30"])("on %s, however late", (date) => {
    expect(refusalOf(onDate(setup(), date))).toBeUndefined();
  });

  test.each(["person", "product_month", "stripe"] as const)("whoever reserved it: %s", (terminationSource) => {
    expect(settled(play(setup({ terminationSource }))).status).toBe("terminated");
  });

  test("on a month's end that a shorter month has moved", () => {
    const facts = setup({ startOn: on("2025-01-31"), terminationOn: on("2025-02-28") }, { payments: [] });
    expect(refusalOf(onDate(facts, "2025-02-27"))).toBe("not_due");
    expect(refusalOf(onDate(facts, "2025-02-28"))).toBeUndefined();
  });
});

describe("without Stripe", () => {
  test("the contract ends; what was paid stays paid and viewable", () => {
    const played = play(setup());
    expect(played.steps).toEqual([]);
    expect(settled(played)).toEqual({
      status: "terminated",
      reservation: null,
      newPayments: [],
      paymentMoves: [],
      licenses: [],
      attention: [],
      notices,
    });
  });

  test("of a suspended one, what is unpaid or waiting counts as never charged", () => {
    expect(settled(play(setupSuspended()))).toMatchObject({
      status: "terminated",
      reservation: null,
      paymentMoves: [{ id: "c-1:period:3", from: "unpaid", to: "never_charged" }],
      licenses: [],
    });
  });
});

describe("by card", () => {
  test("a subscription that Stripe still runs is cancelled, and its invoices looked for", () => {
    const played = play(setup(byCard), {
      subscription: reservedAtStripe,
      cancel_subscription: done(subscriptionEnded),
      unpaid_invoices: unpaidInvoices(),
    });
    expect(played.steps).toEqual([
      { type: "look", name: "subscription", look: { verb: "read_subscription", subscriptionId: "sub_1" } },
      { type: "call", name: "cancel_subscription", call: { verb: "cancel_subscription", subscriptionId: "sub_1" } },
      { type: "look", name: "unpaid_invoices", look: { verb: "list_unpaid_invoices", subscriptionId: "sub_1" } },
    ]);
    expect(settled(played)).toEqual({
      status: "terminated",
      endedAt: subscriptionEnded.endedAt,
      reservation: null,
      newPayments: [],
      paymentMoves: [],
      licenses: [],
      attention: [],
      notices,
    });
  });

  test("one that Stripe has ended, as it was told to, is not cancelled again", () => {
    const played = play(setup(byCard), { subscription: subscriptionEnded, unpaid_invoices: unpaidInvoices() });
    expect(namesOf(played)).toEqual(["subscription", "unpaid_invoices"]);
    const { endedAt } = subscriptionEnded;
    expect(settled(played)).toMatchObject({ status: "terminated", endedAt, attention: [] });
  });

  test.each([
    ["at the look", { subscription: missing }],
    ["at the call", { subscription: reservedAtStripe, cancel_subscription: refused("not_found") }],
  ])("one that Stripe does not know %s is an answer, with attention", (_, answers) => {
    expect(settled(play(setup(byCard), { ...answers, unpaid_invoices: unpaidInvoices() }))).toMatchObject({
      status: "terminated",
      attention: [{ code: "subscription_missing", detail: { subscriptionId: "sub_1" } }],
    });
  });

  test.each([
    ["runs", { subscription: reservedAtStripe, cancel_subscription: done(subscriptionEnded) }],
    ["has ended", { subscription: subscriptionEnded }],
    ["does not have", { subscription: missing }],
  ])("beside one that Stripe %s, a former one that somebody has left running is ended, too", (_, answers) => {
    const played = play(setup({ ...byCard, formerStripeSubscriptionIds: ["sub_0"] }), {
      ...answers,
      "cancel_subscription:sub_0": done(subscriptionEnded),
      unpaid_invoices: unpaidInvoices(),
      "unpaid_invoices:sub_0": unpaidInvoices(),
    });
    expect(settled(played).status).toBe("terminated");
  });

  test("of a suspended one, first the subscription is ended, then its open invoice is voided", () => {
    const played = play(setupSuspended(byCard, { stripeInvoiceId: "in_3" }), {
      subscription: subscriptionSeen({ ...reservedAtStripe, stripeSubscriptionStatus: "past_due" }),
      cancel_subscription: done(subscriptionEnded),
      unpaid_invoices: unpaidInvoices({ id: "in_3", stripeInvoiceStatus: "open" }),
      "void:in_3": done(invoiceSeen("in_3", "void")),
      paid_meanwhile: paidInvoices(),
    });
    expect(namesOf(played)).toEqual([
      "subscription",
      "cancel_subscription",
      "unpaid_invoices",
      "void:in_3",
      "paid_meanwhile",
    ]);
    expect(settled(played)).toMatchObject({
      status: "terminated",
      paymentMoves: [{ id: "c-1:period:3", from: "unpaid", to: "never_charged" }],
    });
  });

  test("the draft of a period that Stripe began after all is stopped", () => {
    const played = play(setup(byCard), {
      subscription: subscriptionSeen(),
      cancel_subscription: done(subscriptionEnded),
      unpaid_invoices: unpaidInvoices({ id: "in_4", stripeInvoiceStatus: "draft" }),
      "stop:in_4": done(invoiceSeen("in_4", "draft", { autoAdvance: false })),
    });
    expect(settled(played)).toMatchObject({ status: "terminated", attention: [] });
  });

  test("an invoice that was paid in between is a payment, and its period stays viewable", () => {
    const paid = { amountPaidMinor: 1_980, paidAt: "2025-02-07T15:01:00Z", paymentIntentId: "pi_3" };
    const played = play(setupSuspended(byCard, { stripeInvoiceId: "in_3" }), {
      subscription: subscriptionEnded,
      unpaid_invoices: unpaidInvoices(),
      paid_meanwhile: paidInvoices(),
      "invoice:in_3": invoiceSeen("in_3", "paid", paid),
    });
    expect(settled(played)).toMatchObject({
      status: "terminated",
      paymentMoves: [{ id: "c-1:period:3", to: "paid", paidAt: paid.paidAt, stripePaymentIntentId: "pi_3" }],
      licenses: [{ type: "restored", paymentId: "c-1:period:3", from: "suspended" }],
      attention: [{ code: "invoice_paid_meanwhile" }],
    });
  });

  test.each(["person", "product_month"] as const)(
    "a reservation by %s ends the contract although Stripe shows none",
    (terminationSource) => {
      const played = play(setup({ ...byCard, terminationSource }), {
        subscription: subscriptionSeen(),
        cancel_subscription: done(subscriptionEnded),
        unpaid_invoices: unpaidInvoices(),
      });
      expect(settled(played).status).toBe("terminated");
    },
  );
});

describe("a reservation that was made at Stripe", () => {
  const lifted = { subscription: subscriptionSeen() };
  const attention = [{ code: "reservation_lifted_at_stripe", detail: { subscriptionId: "sub_1" } }];

  test.each([
    [0, "active"],
    [4, "active"],
    [5, "special_period"],
  ])("and has been lifted there is lifted here: with %i special months it goes on in %s", (specialMonths, status) => {
    const facts = setup({ ...fromStripe, specialMonths, specialPriceMinor: specialMonths > 0 ? 980 : null });
    const played = play(facts, lifted);
    expect(namesOf(played)).toEqual(["subscription"]);
    expect(settled(played)).toEqual({ reservation: null, status, attention });
  });

  test("and has been lifted there leaves a suspended contract suspended", () => {
    const played = play(setupSuspended(fromStripe, { stripeInvoiceId: "in_3" }), lifted);
    expect(settled(played)).toEqual({ reservation: null, attention });
  });

  test("and has been put off there is put off here", () => {
    const later = subscriptionSeen({ cancelAt: "2025-03-08T00:00:00Z" });
    const played = play(setup(fromStripe), { subscription: later });
    expect(namesOf(played)).toEqual(["subscription"]);
    expect(settled(played)).toEqual({
      reservation: { terminationOn: "2025-03-08", terminationSource: "stripe" },
    });
  });

  test.each([
    ["with its period", reservedAtStripe],
    ["at a moment of its own", subscriptionSeen({ cancelAt: "2025-02-08T14:59:59Z" })],
    ["at a moment that has passed", subscriptionSeen({ cancelAt: "2025-02-05T00:00:00Z" })],
  ])("and stands there, to end %s, ends the contract", (_, subscription) => {
    const played = play(setup(fromStripe), {
      subscription,
      cancel_subscription: done(subscriptionEnded),
      unpaid_invoices: unpaidInvoices(),
    });
    expect(settled(played).status).toBe("terminated");
  });

  test("and has ended the subscription there ends the contract, whatever else is shown of it", () => {
    const played = play(setup(fromStripe), { subscription: subscriptionEnded, unpaid_invoices: unpaidInvoices() });
    expect(settled(played).status).toBe("terminated");
  });
});

test("a contract by card that never began opens nothing, even if its invoice was paid in between", () => {
  const contract = { ...byCard, ...suspended, ...reservation, startOn: on("2025-02-10") };
  const first = makePayment({ period: 0, state: "unpaid", stripeInvoiceId: "in_0" });
  const facts = makeScheduled("terminate_at_renewal", makeWorld({ contract, payments: [first] }), nextRenewalOn);
  const played = play(facts, {
    subscription: subscriptionEnded,
    unpaid_invoices: unpaidInvoices(),
    paid_meanwhile: paidInvoices(),
    "invoice:in_0": invoiceSeen("in_0", "paid", { paidAt: "2025-02-07T15:01:00Z" }),
  });
  expect(settled(played)).toMatchObject({ paymentMoves: [{ to: "paid" }], licenses: [] });
});
