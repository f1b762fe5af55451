import { describe, expect, test } from "vitest";
import type { Facts } from "../../../../src/contract/operation.ts";
import { makeCatalog, makeFacts, makeProduct, makeTombstone, makeWorld } from "../../../support/facts.ts";
import { play, settled } from "../support/play.ts";
import { askedBy, expectRefusalsInOrder, refusalOf } from "../support/refusals.ts";

/** The terms of a monthly contract by bank transfer that began on 8 October; today, 20 January, it is in period 3. */
const terms = {
  productId: "p-1",
  customerId: "cust-1",
  kind: "monthly",
  paymentMethod: "bank_transfer",
  priceMinor: 1_980,
  startOn: "2024-10-08",
};
const oneTime = { kind: "one_time", priceMinor: 9_800 };
const byCard = { paymentMethod: "card", stripe: { customerId: "cus_1", subscriptionId: "sub_1" } };
const customer = { id: "cust-1", email: "hanako@example.jp", name: "Hanako" };
const paidAt = "2025-01-10T03:00:00Z";
const period = (index: number) => ({ subject: "period", period: index, paidAt });
const fee = { subject: "initial_fee", paidAt };
const price = { subject: "one_time_price", paidAt };

/** The request for such a contract, of a product and a customer that the catalog knows. */
function setup(params: Readonly<Record<string, unknown>> = {}, parts: Partial<Facts> = {}): Facts {
  const { kind = "monthly" } = params as { kind?: "monthly" | "one_time" };
  const catalog = makeCatalog({ product: makeProduct({ kind }) });
  return { ...makeFacts("register", { params: { ...terms, ...params } }), catalog, ...parts };
}

function register(params?: Readonly<Record<string, unknown>>, parts?: Partial<Facts>) {
  const change = settled(play(setup(params, parts)));
  if (change.registration === undefined) throw new Error("nothing was registered");
  return {
    ...change,
    registration: change.registration,
    contract: change.registration.contract,
    rows: change.newPayments?.map(({ subject, period, state, amountMinor }) => [subject, period, state, amountMinor]),
    opened: change.licenses?.map((move) => [move.type, move.paymentId]),
  };
}

describe("who may register, and when", () => {
  test("refusals come in the specified order", () => {
    expectRefusalsInOrder(
      setup(byCard),
      [
        [
          "stripe_reference_missing",
          (facts) => ({
            ...facts,
            operation: { ...facts.operation, params: { ...terms, paymentMethod: "card" } },
          }),
        ],
      ],
      [
        ["invalid_request", (facts) => ({ ...facts, operation: { ...facts.operation, params: { colour: "red" } } })],
        ["contract_deleted", (facts) => ({ ...facts, tombstone: makeTombstone() })],
        ["contract_exists", (facts) => ({ ...facts, world: makeWorld() })],
        ["actor_not_allowed", askedBy("customer", "cust-1")],
        ["operation_held", (facts) => ({ ...facts, heldOperationId: "op-0" })],
      ],
    );
  });

  test("operators and services may ask; customers, the schedule and Stripe may not", () => {
    const refusals = (["operator", "service", "customer", "schedule", "stripe"] as const).map((type) =>
      refusalOf(askedBy(type)(setup())),
    );
    expect(refusals).toEqual([undefined, undefined, ...Array(3).fill("actor_not_allowed")]);
  });
});

describe("the contract", () => {
  test("is written with its terms and what was left out by default; nothing else is needed", () => {
    const { registration, newPayments, licenses, status } = register();
    expect(registration).toEqual({
      contract: {
        id: "c-1",
        productId: "p-1",
        customerId: "cust-1",
        kind: "monthly",
        paymentMethod: "bank_transfer",
        origin: "application",
        status: "awaiting_payment",
        currency: "jpy",
        priceMinor: 1_980,
        initialFeeMinor: 0,
        specialPriceMinor: null,
        specialMonths: 0,
        startOn: "2024-10-08",
        terminationOn: null,
        terminationSource: null,
        terminationAskedBy: null,
        endedAt: null,
        stripeCustomerId: null,
        stripeSubscriptionId: null,
        formerStripeSubscriptionIds: [],
        stripePaymentIntentId: null,
      },
      product: null,
      customer: null,
      signup: null,
    });
    expect(status).toBeUndefined();
    expect(licenses).toEqual([]);
    expect(newPayments).toEqual([
      {
        id: "c-1:period:0",
        subject: "period",
        period: 0,
        startsOn: "2024-10-08",
        amountMinor: 1_980,
        state: "due",
        paidAt: null,
        stripePaymentIntentId: null,
        stripeInvoiceId: null,
      },
    ]);
  });

  test("by card carries its ids at Stripe", () => {
    expect(register(byCard).contract).toMatchObject({
      stripeCustomerId: "cus_1",
      stripeSubscriptionId: "sub_1",
      stripePaymentIntentId: null,
    });
    const stripe = { customerId: "cus_1", paymentIntentId: "pi_1" };
    expect(register({ ...oneTime, paymentMethod: "card", stripe }).contract).toMatchObject({
      stripeSubscriptionId: null,
      stripePaymentIntentId: "pi_1",
    });
  });

  test("brings product, customer and sign-up along, for the catalog that does not know them", () => {
    const { registration } = register(
      {
        product: { id: "p-1", kind: "monthly", priceMinor: 1_980 },
        customer,
        signup: { appliedAt: "2024-10-01T09:00:00+09:00", channel: "web" },
      },
      { catalog: makeCatalog({ product: null, customerKnown: false }) },
    );
    expect(registration).toMatchObject({
      product: { id: "p-1", kind: "monthly", access: "per_period", priceMinor: 1_980, automaticTerminationMonth: null },
      customer: { ...customer, locale: "ja" },
      signup: { appliedAt: "2024-10-01T00:00:00Z", channel: "web" },
    });
  });
});

describe("the purchase history begins", () => {
  test("with what is due: the initial fee, if there is one, and period 0 at its price", () => {
    expect(register({ initialFeeMinor: 5_000, specialMonths: 2, specialPriceMinor: 980 }).rows).toEqual([
      ["initial_fee", null, "due", 5_000],
      ["period", 0, "due", 980],
    ]);
  });

  test("for a one-time contract with its price", () => {
    expect(register({ ...oneTime, initialFeeMinor: 5_000 }).rows).toEqual([
      ["initial_fee", null, "due", 5_000],
      ["one_time_price", null, "due", 9_800],
    ]);
  });

  test("with what has been paid, at the contract's prices or at what was really paid, in UTC", () => {
    const payments = [fee, period(0), { ...period(1), amountMinor: 1_000 }, period(3)];
    const { rows, newPayments } = register({
      initialFeeMinor: 5_000,
      specialMonths: 1,
      specialPriceMinor: 980,
      payments,
    });
    expect(rows).toEqual([
      ["initial_fee", null, "paid", 5_000],
      ["period", 0, "paid", 980],
      ["period", 1, "paid", 1_000],
      ["period", 3, "paid", 1_980],
    ]);
    const [first] = register({ payments: [{ ...period(3), paidAt: "2025-01-08T00:30:00+09:00" }] }).newPayments ?? [];
    expect(first?.paidAt).toBe("2025-01-07T15:30:00Z");
    expect(newPayments?.map((row) => row.paidAt)).toEqual(Array(4).fill(paidAt));
  });

  test("with what is still due beside what has been paid, while the contract waits", () => {
    const { contract, rows, opened } = register({ ...oneTime, initialFeeMinor: 5_000, payments: [fee] });
    expect(contract.status).toBe("awaiting_payment");
    expect(rows).toEqual([
      ["initial_fee", null, "paid", 5_000],
      ["one_time_price", null, "due", 9_800],
    ]);
    expect(opened).toEqual([]);
  });

  test("with the gaps of a contract that is behind, as unpaid", () => {
    const { contract, rows, opened } = register({ payments: [period(0), period(2)] });
    expect(contract.status).toBe("payment_unconfirmed");
    expect(rows).toEqual([
      ["period", 0, "paid", 1_980],
      ["period", 2, "paid", 1_980],
      ["period", 1, "unpaid", 1_980],
      ["period", 3, "unpaid", 1_980],
    ]);
    expect(opened).toEqual([
      ["granted", "c-1:period:0"],
      ["granted", "c-1:period:2"],
    ]);
  });

  test("by card with the intents and invoices that paid each row", () => {
    const payments = [{ ...period(3), stripePaymentIntentId: "pi_3", stripeInvoiceId: "in_3" }];
    expect(register({ ...byCard, payments }).newPayments).toMatchObject([
      { stripePaymentIntentId: "pi_3", stripeInvoiceId: "in_3" },
    ]);
    const stripe = { customerId: "cus_1", paymentIntentId: "pi_1" };
    expect(register({ ...oneTime, paymentMethod: "card", stripe, payments: [price] }).newPayments).toMatchObject([
      { stripePaymentIntentId: "pi_1", stripeInvoiceId: null },
    ]);
  });
});

describe("by payment and dates, as confirm_payment would put it,", () => {
  test.each([
    ["nothing paid", {}, "awaiting_payment", []],
    ["the current period paid", { payments: [period(3)] }, "active", ["c-1:period:3"]],
    ["only the fee paid", { initialFeeMinor: 5_000, payments: [fee] }, "payment_unconfirmed", []],
    ["the start ahead and the fee paid", { startOn: "2025-02-01", payments: [fee] }, "not_started", []],
    ["the start ahead and period 0 paid", { startOn: "2025-02-01", payments: [period(0)] }, "not_started", []],
    ["the start today", { startOn: "2025-01-20", payments: [period(0)] }, "active", ["c-1:period:0"]],
    [
      "in its special months",
      { specialMonths: 4, specialPriceMinor: 980, payments: [period(3)] },
      "special_period",
      ["c-1:period:3"],
    ],
    [
      "after its special months",
      { specialMonths: 3, specialPriceMinor: 980, payments: [period(3)] },
      "active",
      ["c-1:period:3"],
    ],
    ["bought once and paid", { ...oneTime, payments: [price] }, "established", ["c-1:one_time_price"]],
    ["bought once, paid, to start", { ...oneTime, startOn: "2025-02-01", payments: [price] }, "not_started", []],
    ["bought once, only the fee paid", { ...oneTime, initialFeeMinor: 1, payments: [fee] }, "awaiting_payment", []],
  ])("a contract with %s", (_, params, status, opened) => {
    const registered = register(params);
    expect(registered.contract.status).toBe(status);
    expect(registered.opened).toEqual(opened.map((id) => ["granted", id]));
  });
});

describe("with its state as another system has it,", () => {
  const reservation = { terminationOn: "2025-02-08", terminationSource: "person" };
  const paid = [period(2), period(3)];
  const bothOpen = ["c-1:period:2", "c-1:period:3"];
  const special = { specialMonths: 6, specialPriceMinor: 980 };

  test.each([
    ["awaiting_payment", { state: { status: "awaiting_payment" } }, []],
    ["not_started", { state: { status: "not_started" }, payments: paid }, []],
    ["active", { state: { status: "active" }, payments: paid }, bothOpen],
    ["special_period", { ...special, state: { status: "special_period" }, payments: paid }, bothOpen],
    ["termination_reserved", { state: { status: "termination_reserved", reservation }, payments: paid }, bothOpen],
    ["payment_unconfirmed", { state: { status: "payment_unconfirmed", unpaidPeriods: [1] }, payments: paid }, bothOpen],
    ["terminated", { state: { status: "terminated", endedAt: paidAt }, payments: paid }, bothOpen],
    ["canceled", { state: { status: "canceled", endedAt: paidAt }, payments: paid }, []],
    ["established", { ...oneTime, state: { status: "established" }, payments: [price] }, ["c-1:one_time_price"]],
  ])("a contract that is %s there is so here, and opens what such a contract opens", (status, params, opened) => {
    const registered = register(params);
    expect(registered.contract.status).toBe(status);
    expect(registered.opened).toEqual(opened.map((id) => ["granted", id]));
  });

  test("a reservation comes along", () => {
    expect(register({ state: { status: "termination_reserved", reservation } }).contract).toMatchObject(reservation);
    const suspended = { status: "payment_unconfirmed", unpaidPeriods: [3], reservation };
    expect(register({ state: suspended }).contract).toMatchObject(reservation);
  });

  test("unpaid periods become unpaid rows, once each, and nothing else is guessed", () => {
    const state = { status: "payment_unconfirmed", unpaidPeriods: [3, 2, 3] };
    expect(register({ state, payments: [period(1)] }).rows).toEqual([
      ["period", 1, "paid", 1_980],
      ["period", 3, "unpaid", 1_980],
      ["period", 2, "unpaid", 1_980],
    ]);
  });

  test("a running contract without its payments gets no rows for them", () => {
    expect(register({ state: { status: "active" } }).rows).toEqual([]);
  });

  test("the time of its end comes along, in UTC", () => {
    const state = { status: "terminated", endedAt: "2025-01-08T00:00:00+09:00" };
    expect(register({ state }).contract.endedAt).toBe("2025-01-07T15:00:00Z");
  });

  test("a suspended contract by card may lie before its start: recovery leads back", () => {
    const state = { status: "payment_unconfirmed", unpaidPeriods: [0] };
    expect(register({ ...byCard, startOn: "2025-02-01", state }).contract.status).toBe("payment_unconfirmed");
  });
});
