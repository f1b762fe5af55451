import { describe, expect, test } from "vitest";
import type { Contract, ContractWorld, Payment, Refund } from "../../../../src/contract/contract.ts";
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
  invoiceSeen,
  missing,
  periodLine,
  subscriptionEnded,
  subscriptionSeen,
  unpaidInvoices,
} from "../support/stripe-answers.ts";

const earlier = makePeriods([0, 1, 2]);
const current = makePayment({ period: 3, stripeInvoiceId: "in_3" });
const unpaid = makePayment({ period: 3, state: "unpaid" });

function setup(contract: Partial<Contract> = {}, parts: Partial<Omit<ContractWorld, "contract">> = {}, params = {}) {
  return makeFacts("record_subscription_change", {
    actor: { type: "stripe", id: "evt_1" },
    params: { subscriptionId: "sub_1", ...params },
    world: makeWorld({
      contract: { paymentMethod: "card", ...contract },
      payments: [...earlier, current],
      licenses: openFor([...earlier, current]),
      ...parts,
    }),
  });
}

const superseded = { superseded: true };
const noChange = { newPayments: [], paymentMoves: [], licenses: [] };
const atPeriodEnd = { cancelAtPeriodEnd: true, cancelAt: "2025-02-08T00:00:00Z" };
const onFebruary = (terminationSource: string) => ({ terminationOn: "2025-02-08", terminationSource });
const reserved = (
  terminationSource: "person" | "product_month" | "stripe",
  status = "termination_reserved" as const,
) => ({
  status,
  terminationOn: on("2025-02-08"),
  terminationSource,
});
const toBoth = (kind: string, detail = {}) =>
  ["customer", "operators"].map((recipient) => ({ kind, recipient, detail }));

describe("who may ask, and what", () => {
  test("Stripe alone", () => {
    for (const type of ["operator", "service", "customer", "schedule"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(setup()))).toBe("actor_not_allowed");
    }
  });

  test("a subscription has to be named", () => {
    expect(rejected(play(setup({}, {}, { subscriptionId: 7 })))).toMatchObject({
      code: "invalid_request",
      detail: { field: "params.subscriptionId" },
    });
  });
});

describe("what changes nothing", () => {
  test.each([
    ["another subscription", {}, { subscriptionId: "sub_9" }],
    ["a former subscription", { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] }, {}],
    ["a contract that has ended", { status: "terminated" }, {}],
    ["a one-time contract", { kind: "one_time", status: "established" }, {}],
    ["a contract that is not paid by card", { paymentMethod: "other" }, {}],
  ] as const)("the change of %s, without a look", (_, contract, params) => {
    expect(settled(play(setup(contract, {}, params)))).toEqual(superseded);
  });

  test("a subscription that is as we know it", () => {
    const played = play(setup(), { subscription: subscriptionSeen() });
    expect(played.steps).toEqual([
      { type: "look", name: "subscription", look: { verb: "read_subscription", subscriptionId: "sub_1" } },
    ]);
    expect(settled(played)).toEqual(superseded);
    expect(settled(play(setup(reserved("person")), { subscription: subscriptionSeen(atPeriodEnd) }))).toEqual(
      superseded,
    );
    const special = { status: "special_period", specialMonths: 2, specialPriceMinor: 980 } as const;
    expect(settled(play(setup(special), { subscription: subscriptionSeen() }))).toEqual(superseded);
  });

  test("one that Stripe does not know, which is odd", () => {
    expect(settled(play(setup(), { subscription: missing }))).toEqual({
      ...superseded,
      attention: [{ code: "subscription_missing", detail: { subscriptionId: "sub_1" } }],
    });
  });

  test("the change of a deleted contract's", () => {
    const facts = makeFacts("record_subscription_change", {
      actor: { type: "stripe", id: "evt_1" },
      params: { subscriptionId: "sub_1" },
      tombstone: makeTombstone(),
    });
    expect(settled(play(facts))).toEqual(superseded);
  });

  test.each(["awaiting_payment", "not_started"] as const)("a reservation of what is %s", (status) => {
    const subscription = subscriptionSeen(atPeriodEnd);
    expect(settled(play(setup({ status }), { subscription }))).toEqual(superseded);
  });

  test("a missing payment of what waits for its payment", () => {
    const subscription = subscriptionSeen({ stripeSubscriptionStatus: "past_due" });
    expect(settled(play(setup({ status: "awaiting_payment" }), { subscription }))).toEqual(superseded);
  });
});

describe("a reservation at Stripe is mirrored", () => {
  test.each(["active", "special_period"] as const)("when it was set: %s", (status) => {
    expect(settled(play(setup({ status }), { subscription: subscriptionSeen(atPeriodEnd) }))).toEqual({
      status: "termination_reserved",
      reservation: onFebruary("stripe"),
    });
  });

  test("at whatever date its end says, in Japanese time, or at the period's end if it says none", () => {
    const seenWith = (overrides: object) => settled(play(setup(), { subscription: subscriptionSeen(overrides) }));
    expect(seenWith({ cancelAt: "2025-03-19T15:00:00Z" }).reservation?.terminationOn).toBe("2025-03-20");
    expect(seenWith({ cancelAtPeriodEnd: true }).reservation?.terminationOn).toBe("2025-02-08");
  });

  test.each([
    ["person", "stripe"],
    ["stripe", "stripe"],
    ["product_month", "product_month"],
  ] as const)("when it was moved: one made by %s is then one by %s", (source, then) => {
    const seen = subscriptionSeen({ cancelAt: "2025-03-20T00:00:00Z" });
    expect(settled(play(setup(reserved(source)), { subscription: seen }))).toEqual({
      reservation: { terminationOn: "2025-03-20", terminationSource: then },
    });
  });

  test.each(["person", "stripe"] as const)("when one made by %s was lifted", (source) => {
    expect(settled(play(setup(reserved(source)), { subscription: subscriptionSeen() }))).toEqual({
      status: "active",
      reservation: null,
    });
  });

  test("lifted in the special period, it is that again", () => {
    const special = { ...reserved("stripe"), specialMonths: 9, specialPriceMinor: 980 };
    expect(settled(play(setup(special), { subscription: subscriptionSeen() })).status).toBe("special_period");
  });

  test("one by product month that was lifted needs attention: the next run makes it again", () => {
    expect(settled(play(setup(reserved("product_month")), { subscription: subscriptionSeen() }))).toEqual({
      status: "active",
      reservation: null,
      attention: [{ code: "reservation_lifted_at_stripe", detail: { subscriptionId: "sub_1" } }],
    });
  });

  describe("beside a suspension", () => {
    const parts = { payments: [...earlier, unpaid], licenses: openFor(earlier) };
    const suspended = { status: "payment_unconfirmed" } as const;

    test("it is only noted, or no longer noted", () => {
      const pastDue = { stripeSubscriptionStatus: "past_due" };
      const set = play(setup(suspended, parts), { subscription: subscriptionSeen({ ...atPeriodEnd, ...pastDue }) });
      expect(settled(set)).toEqual({ reservation: onFebruary("stripe") });
      const noted = { ...reserved("product_month"), ...suspended };
      expect(settled(play(setup(noted, parts), { subscription: subscriptionSeen(pastDue) }))).toEqual({
        reservation: null,
        attention: [{ code: "reservation_lifted_at_stripe", detail: { subscriptionId: "sub_1" } }],
      });
    });
  });
});

describe("a subscription that gets no money suspends a running contract", () => {
  const withoutRow = { payments: earlier, licenses: openFor(earlier) };
  const pastDue = subscriptionSeen({ stripeSubscriptionStatus: "past_due" });

  test.each(["active", "special_period", "termination_reserved"] as const)(
    "that is %s: its current period is unpaid",
    (status) => {
      const seen = status === "termination_reserved" ? { ...pastDue, ...atPeriodEnd } : pastDue;
      expect(settled(play(setup({ status }, withoutRow), { subscription: seen }))).toEqual({
        status: "payment_unconfirmed",
        newPayments: [expect.objectContaining({ id: "c-1:period:3", state: "unpaid", stripeInvoiceId: null })],
        paymentMoves: [],
        licenses: [],
        notices: toBoth("contract_suspended", { period: 3 }),
      });
    },
  );

  test("so it does before the start date: period 0 is unpaid", () => {
    const contract = { status: "not_started", startOn: on("2025-02-08") } as const;
    const seen = { ...pastDue, ...atPeriodEnd };
    expect(settled(play(setup(contract, { payments: [], licenses: [] }), { subscription: seen }))).toEqual({
      status: "payment_unconfirmed",
      newPayments: [expect.objectContaining({ id: "c-1:period:0", state: "unpaid" })],
      paymentMoves: [],
      licenses: [],
      notices: toBoth("contract_suspended", { period: 0 }),
    });
  });

  test("the current period is Stripe's, read fresh", () => {
    const seen = { ...pastDue, currentPeriodStartAt: "2025-02-08T00:00:00Z" };
    expect(settled(play(setup({}, withoutRow), { subscription: seen })).newPayments).toMatchObject([{ period: 4 }]);
  });

  test("a row that waits becomes unpaid, and its license is revoked", () => {
    const due = { ...unpaid, state: "due" as const };
    const parts = { payments: [...earlier, due], licenses: openFor([...earlier, due]) };
    expect(settled(play(setup({}, parts), { subscription: pastDue }))).toMatchObject({
      paymentMoves: [{ id: due.id, from: "due", to: "unpaid" }],
      licenses: [{ type: "revoked", paymentId: due.id, because: "suspended" }],
    });
  });

  test("with the current period paid it is an older invoice that is missing: suspended still, the row left alone", () => {
    expect(settled(play(setup(), { subscription: pastDue }))).toMatchObject({
      status: "payment_unconfirmed",
      newPayments: [],
      paymentMoves: [],
      licenses: [],
    });
  });

  test("a reservation that was set meanwhile is noted beside it", () => {
    expect(settled(play(setup(), { subscription: { ...pastDue, ...atPeriodEnd } }))).toMatchObject({
      status: "payment_unconfirmed",
      reservation: onFebruary("stripe"),
    });
  });

  test.each([
    ["unpaid", "subscription_unpaid"],
    ["paused", "subscription_paused"],
  ] as const)("%s is odd besides, and operators are told, once in a period", (stripeSubscriptionStatus, code) => {
    const seen = subscriptionSeen({ stripeSubscriptionStatus });
    const detail = { subscriptionId: "sub_1", stripeSubscriptionStatus };
    const cause = `subscription_odd:sub_1:${stripeSubscriptionStatus}:3`;
    const odd = { kind: "subscription_odd", recipient: "operators", detail, cause };
    const attention = [{ code, detail: { subscriptionId: "sub_1" } }];
    expect(settled(play(setup(), { subscription: seen }))).toMatchObject({
      status: "payment_unconfirmed",
      attention,
      notices: [...toBoth("contract_suspended", { period: 3 }), odd],
    });
    const suspended = setup({ status: "payment_unconfirmed" }, { payments: [unpaid] });
    expect(settled(play(suspended, { subscription: seen }))).toEqual({ attention, notices: [odd] });
  });
});

describe("active", () => {
  test("alone does not let a suspended contract run: the current period must be paid", () => {
    const parts = { payments: [...earlier, unpaid], licenses: [revokedFor(unpaid, "suspended")] };
    const facts = setup({ status: "payment_unconfirmed" }, parts);
    expect(settled(play(facts, { subscription: subscriptionSeen() }))).toEqual(superseded);
    const refunded = setup({ status: "payment_unconfirmed" }, { payments: [{ ...current, state: "refunded" }] });
    expect(settled(play(refunded, { subscription: subscriptionSeen() }))).toEqual(superseded);
  });

  test("with the current period paid it runs again, as when a pause was lifted", () => {
    const facts = setup({ status: "payment_unconfirmed" });
    expect(settled(play(facts, { subscription: subscriptionSeen() }))).toEqual({
      status: "active",
      licenses: [],
      notices: toBoth("contract_running_again"),
    });
  });

  test("opens what is paid of its period, unless that is on its way back", () => {
    const parts = { payments: [...earlier, current], licenses: openFor(earlier) };
    const running = (refunds: readonly Refund[]) =>
      settled(
        play(setup({ status: "payment_unconfirmed" }, { ...parts, refunds }), { subscription: subscriptionSeen() }),
      );
    expect(running([]).licenses).toEqual([{ type: "granted", paymentId: current.id }]);
    expect(running([makeRefund(current, { state: "pending" })]).licenses).toEqual([]);
  });

  test("as reserved as Stripe says that it is", () => {
    const set = play(setup({ status: "payment_unconfirmed" }), { subscription: subscriptionSeen(atPeriodEnd) });
    expect(settled(set)).toMatchObject({ status: "termination_reserved", reservation: onFebruary("stripe") });
    const noted = { ...reserved("person"), status: "payment_unconfirmed" } as const;
    const same = settled(play(setup(noted), { subscription: subscriptionSeen(atPeriodEnd) }));
    expect(same.status).toBe("termination_reserved");
    expect(same).not.toHaveProperty("reservation");
    const lifted = play(setup(noted), { subscription: subscriptionSeen() });
    expect(settled(lifted)).toMatchObject({ status: "active", reservation: null });
  });
});

test("a subscription that has ended is taken as its end", () => {
  const played = play(setup(), { subscription: subscriptionEnded, unpaid_invoices: unpaidInvoices() });
  expect(settled(played)).toMatchObject({ status: "terminated", notices: toBoth("contract_terminated") });
});

describe("an invoice that nobody is asked for any more", () => {
  const facts = (contract: Partial<Contract> = {}, payments: readonly Payment[] = earlier) =>
    setup(contract, { payments, licenses: openFor(earlier) }, { invoiceId: "in_3" });
  const given = (stripeInvoiceStatus = "void") => ({
    invoice: invoiceSeen("in_3", stripeInvoiceStatus, { lines: [periodLine("2025-01-08")] }),
  });
  const row = { id: "c-1:period:3", period: 3, state: "unpaid", stripeInvoiceId: "in_3" };

  test.each(["void", "uncollectible"])("%s: its period is unpaid, and the contract suspended", (status) => {
    expect(settled(play(facts(), given(status)))).toMatchObject({
      status: "payment_unconfirmed",
      newPayments: [row],
      notices: toBoth("contract_suspended", { period: 3 }),
    });
  });

  test("says nothing new of what is unpaid and suspended already", () => {
    const known = { ...unpaid, stripeInvoiceId: "in_3" };
    expect(settled(play(facts({ status: "payment_unconfirmed" }, [...earlier, known]), given()))).toEqual(superseded);
  });

  test("of an older period does not suspend what has been paid since", () => {
    const later = makePayment({ period: 4, stripeInvoiceId: "in_4" });
    const change = settled(play(facts({}, [...earlier, later]), given()));
    expect(change).toMatchObject({ newPayments: [row] });
    expect(change).not.toHaveProperty("status");
  });

  test("changes nothing where the period is paid, or the contract waits for its first payment", () => {
    expect(settled(play(facts({}, [...earlier, current]), given()))).toEqual(superseded);
    expect(settled(play(facts({ status: "awaiting_payment" }, []), given()))).toEqual(superseded);
    expect(settled(play(facts(), given("paid")))).toEqual(superseded);
  });

  test("of a former subscription is not looked at", () => {
    const contract = { stripeSubscriptionId: "sub_2", formerStripeSubscriptionIds: ["sub_1"] };
    expect(settled(play(facts(contract)))).toEqual(superseded);
  });

  test("of a terminated contract was never charged, as if it had been known before the end", () => {
    expect(settled(play(facts({ status: "terminated" }), given()))).toEqual({
      ...noChange,
      newPayments: [expect.objectContaining({ ...row, state: "never_charged" })],
    });
    expect(settled(play(facts({ status: "terminated" }, [...earlier, unpaid]), given()))).toEqual(superseded);
    expect(settled(play(facts({ status: "canceled" }), given()))).toEqual(superseded);
  });

  test("and that Stripe does not have, a person should know of", () => {
    expect(settled(play(facts(), { invoice: missing }))).toEqual({
      superseded: true,
      attention: [{ code: "missing_at_stripe", detail: { stripeId: "in_3" } }],
    });
  });
});
