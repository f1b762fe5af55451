import { describe, expect, test } from "vitest";
import type { Facts } from "../../../../src/contract/operation.ts";
import { makeCatalog, makeFacts, makeProduct } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";

const terms = {
  productId: "p-1",
  customerId: "cust-1",
  kind: "monthly",
  paymentMethod: "bank_transfer",
  priceMinor: 1_980,
  startOn: "2024-10-08",
};
const oneTime = { kind: "one_time" };
const byCard = { paymentMethod: "card", stripe: { customerId: "cus_1", subscriptionId: "sub_1" } };
const paidAt = "2025-01-10T03:00:00Z";
const period = (index: number) => ({ subject: "period", period: index, paidAt });
const reservation = { terminationOn: "2025-02-08", terminationSource: "person" };

/** A request for a product and a customer that the catalog knows; today is 20 January 2025, in period 3. */
function setup(params: Readonly<Record<string, unknown>>, catalog?: Facts["catalog"]): Facts {
  const { kind = "monthly" } = params as { kind?: "monthly" | "one_time" };
  return makeFacts("register", {
    params: { ...terms, ...params },
    catalog: catalog === undefined ? makeCatalog({ product: makeProduct({ kind }) }) : catalog,
  });
}

describe("a contradiction is refused, and its field named", () => {
  test.each([
    ["a product that is not the contract's", "product.id", { product: { id: "p-2", kind: "monthly", priceMinor: 1 } }],
    ["a customer that is not the contract's", "customer.id", { customer: { id: "x", email: "a@b.jp", name: "A" } }],
    ["card by an operator's hand", "paymentMethod", { ...byCard, origin: "operator" }],
    ["special months without a price", "specialPriceMinor", { specialMonths: 2 }],
    ["a special price without months", "specialPriceMinor", { specialPriceMinor: 980 }],
    [
      "special months of a one-time contract",
      "specialMonths",
      { ...oneTime, specialMonths: 2, specialPriceMinor: 980 },
    ],
    ["ids at Stripe without a card", "stripe", { stripe: { customerId: "cus_1" } }],
    [
      "a subscription of a one-time contract",
      "stripe.subscriptionId",
      { ...oneTime, paymentMethod: "card", stripe: { customerId: "c", paymentIntentId: "p", subscriptionId: "s" } },
    ],
    [
      "one intent for a monthly contract",
      "stripe.paymentIntentId",
      { ...byCard, stripe: { ...byCard.stripe, paymentIntentId: "pi_1" } },
    ],
  ])("%s", (_, field, params) => {
    expect(rejected(play(setup(params)))).toMatchObject({
      code: "invalid_request",
      detail: { field: `params.${field}` },
    });
  });

  test.each([
    ["a period without its index", "0.period", [{ subject: "period", paidAt }]],
    ["a fee with a period", "0.period", [{ subject: "initial_fee", period: 0, paidAt }]],
    ["a one-time price of a monthly contract", "0.subject", [{ subject: "one_time_price", paidAt }]],
    ["a payment tomorrow", "1.paidAt", [period(2), { ...period(3), paidAt: "2025-01-20T15:00:00Z" }]],
    ["one thing paid twice", "2", [period(1), period(2), period(1)]],
    ["a period that has not begun", "1.period", [period(3), period(4)]],
    ["an intent without a card", "0.stripePaymentIntentId", [{ ...period(3), stripePaymentIntentId: "pi_1" }]],
    ["an invoice without a card", "0.stripeInvoiceId", [{ ...period(3), stripeInvoiceId: "in_1" }]],
  ])("in the payments: %s", (_, field, payments) => {
    expect(rejected(play(setup({ payments })))).toMatchObject({
      code: "invalid_request",
      detail: { field: `params.payments.${field}` },
    });
  });

  test.each([
    ["a start in the year 0", "startOn", { startOn: "0000-01-01" }],
    ["a start after which no renewal can be written", "startOn", { startOn: "9999-12-31" }],
    ["a payment in the year 0", "payments.0.paidAt", { payments: [{ ...period(0), paidAt: "0000-01-01T00:00:00Z" }] }],
    [
      "a product that ends in the year 0, on which each day's run would fail",
      "product.automaticTerminationMonth",
      { product: { id: "p-1", kind: "monthly", priceMinor: 1, automaticTerminationMonth: "0000-05" } },
    ],
    [
      "a payment told to the trillionth of a second",
      "payments.0.paidAt",
      { payments: [{ ...period(0), paidAt: "2024-10-08T10:00:00.123456789123Z" }] },
    ],
  ])("so is a moment that no store or calendar takes: %s", (_, field, params) => {
    expect(rejected(play(setup(params)))).toMatchObject({
      code: "invalid_request",
      detail: { field: `params.${field}` },
    });
  });

  test("in the payments: a period of a one-time contract", () => {
    expect(rejected(play(setup({ ...oneTime, payments: [period(0)] })))).toMatchObject({
      detail: { field: "params.payments.0.subject" },
    });
  });

  test("in the payments: a period after the first of a contract that has not begun", () => {
    expect(rejected(play(setup({ startOn: "2025-02-01", payments: [period(1)] })))).toMatchObject({
      detail: { field: "params.payments.0.period" },
    });
  });

  const ended = { endedAt: "2025-01-10T03:00:00Z" };
  test.each([
    ["a one-time contract that runs", "status", { ...oneTime, state: { status: "active" } }],
    [
      "a one-time contract that is suspended",
      "status",
      { ...oneTime, state: { status: "payment_unconfirmed", unpaidPeriods: [0] } },
    ],
    ["a one-time contract that is terminated", "status", { ...oneTime, state: { status: "terminated", ...ended } }],
    ["a monthly contract that is established", "status", { state: { status: "established" } }],
    ["one that runs before its start", "status", { startOn: "2025-01-21", state: { status: "active" } }],
    [
      "one established before its start",
      "status",
      { ...oneTime, startOn: "2025-01-21", state: { status: "established" } },
    ],
    [
      "one without a card that is suspended before its start",
      "status",
      { startOn: "2025-01-21", state: { status: "payment_unconfirmed", unpaidPeriods: [0] } },
    ],
    [
      "one that waits for a payment that it has",
      "status",
      { state: { status: "awaiting_payment" }, payments: [period(3)] },
    ],
    ["an end that is not final", "endedAt", { state: { status: "active", ...ended } }],
    ["a final status without its end", "endedAt", { state: { status: "canceled" } }],
    ["an end in the future", "endedAt", { state: { status: "terminated", endedAt: "2025-01-21T00:00:00Z" } }],
    ["a special period without special months", "status", { state: { status: "special_period" } }],
    [
      "a reservation by card before its start",
      "reservation.terminationOn",
      {
        ...byCard,
        state: { status: "termination_reserved", reservation: { ...reservation, terminationOn: "2024-10-08" } },
      },
    ],
    ["a reservation of an active contract", "reservation", { state: { status: "active", reservation } }],
    ["a reserved contract without its reservation", "reservation", { state: { status: "termination_reserved" } }],
    ["unpaid periods of a running contract", "unpaidPeriods", { state: { status: "active", unpaidPeriods: [1] } }],
    [
      "a suspended contract with nothing unpaid",
      "unpaidPeriods",
      { state: { status: "payment_unconfirmed", unpaidPeriods: [] } },
    ],
    [
      "a suspended contract that does not say what is unpaid",
      "unpaidPeriods",
      { state: { status: "payment_unconfirmed" } },
    ],
    [
      "an unpaid period that is paid",
      "unpaidPeriods",
      { payments: [period(2)], state: { status: "payment_unconfirmed", unpaidPeriods: [3, 2] } },
    ],
    [
      "an unpaid period that has not begun",
      "unpaidPeriods",
      { state: { status: "payment_unconfirmed", unpaidPeriods: [3, 4] } },
    ],
    [
      "a suspended contract of whose current period nothing is told",
      "unpaidPeriods",
      { payments: [period(2)], state: { status: "payment_unconfirmed", unpaidPeriods: [1] } },
    ],
  ])("in the state: %s", (_, field, params) => {
    expect(rejected(play(setup(params)))).toMatchObject({
      code: "invalid_request",
      detail: { field: `params.state.${field}` },
    });
  });
});

describe("what the catalog does not know must come along", () => {
  const product = { id: "p-1", kind: "monthly", priceMinor: 1_980 };
  const customer = { id: "cust-1", email: "hanako@example.jp", name: "Hanako" };

  test.each([
    ["an unknown product", "productId", { customer }, makeCatalog({ product: null })],
    ["an unknown customer", "customerId", { product }, makeCatalog({ customerKnown: false })],
    ["a product of another kind", "kind", {}, makeCatalog({ product: makeProduct({ kind: "one_time" }) })],
    [
      "a new product of another kind",
      "kind",
      { product: { ...product, kind: "one_time" } },
      makeCatalog({ product: null }),
    ],
  ])("%s is refused", (_, field, params, catalog) => {
    expect(rejected(play(setup(params, catalog)))).toMatchObject({
      code: "invalid_request",
      detail: { field: `params.${field}` },
    });
  });

  test("with both along, nothing need be known", () => {
    expect(settled(play(setup({ product, customer }, null))).registration).toMatchObject({ product, customer });
  });
});

describe("a contract by card needs its references", () => {
  const card = { paymentMethod: "card" };
  test.each([
    ["monthly, nothing", "customerId", card],
    ["one-time, nothing", "customerId", { ...oneTime, ...card }],
    ["monthly, no subscription", "subscriptionId", { ...card, stripe: { customerId: "cus_1" } }],
    ["monthly, an intent instead", "subscriptionId", { ...card, stripe: { customerId: "c", paymentIntentId: "p" } }],
    ["one-time, no intent", "paymentIntentId", { ...oneTime, ...card, stripe: { customerId: "cus_1" } }],
  ])("%s", (_, field, params) => {
    expect(rejected(play(setup(params)))).toEqual({
      code: "stripe_reference_missing",
      detail: { field: `params.stripe.${field}` },
    });
  });

  test.each([
    ["subscriptionId", byCard],
    ["paymentIntentId", { ...oneTime, ...card, stripe: { customerId: "cus_1", paymentIntentId: "pi_1" } }],
  ])("of its own: a %s of another contract is refused", (field, params) => {
    const product = makeProduct({ kind: field === "paymentIntentId" ? "one_time" : "monthly" });
    const taken = makeCatalog({ product, stripeReferenceTaken: true });
    expect(rejected(play(setup(params, taken))).detail.field).toBe(`params.stripe.${field}`);
  });

  test.each(["2024-10-08", "2023-02-08", "2025-02-09"])(
    "is not reserved to end on %s, which is no renewal date after its start",
    (terminationOn) => {
      const state = { status: "termination_reserved", reservation: { ...reservation, terminationOn } };
      expect(rejected(play(setup({ state })))).toMatchObject({
        code: "invalid_request",
        detail: { field: "params.state.reservation.terminationOn" },
      });
    },
  );

  test("by card may be reserved to end on whatever date Stripe has", () => {
    const terminationOn = "2025-02-09";
    const state = { status: "termination_reserved", reservation: { ...reservation, terminationOn } };
    expect(settled(play(setup({ ...byCard, state }))).registration?.contract.terminationOn).toBe(terminationOn);
  });

  test("may have been paid for a period that Stripe began before our date: its boundary is the truth", () => {
    const payments = [period(3), period(4)];
    expect(settled(play(setup({ ...byCard, payments }))).newPayments).toHaveLength(2);
  });
});

describe("parameters that cannot be read are refused, and named", () => {
  test.each([
    ["startOn", { startOn: "2025-02-29" }],
    ["startOn", { startOn: "+012025-01-08" }],
    ["startOn", { startOn: 20250108 }],
    ["priceMinor", { priceMinor: 19.8 }],
    ["priceMinor", { priceMinor: -1 }],
    ["priceMinor", { priceMinor: 1e12 }],
    ["currency", { currency: "usd" }],
    ["kind", { kind: "yearly" }],
    ["paymentMethod", { paymentMethod: "cash" }],
    ["productId", { productId: "p 1" }],
    ["productId", { productId: undefined }],
    ["customerId", { customerId: "x".repeat(65) }],
    ["customer.email", { customer: { id: "cust-1", email: "nobody", name: "A" } }],
    ["customer.locale", { customer: { id: "cust-1", email: "a@b.jp", name: "A", locale: "fr" } }],
    [
      "product.automaticTerminationMonth",
      { product: { id: "p-1", kind: "monthly", priceMinor: 1, automaticTerminationMonth: "2025-13" } },
    ],
    ["payments.0.paidAt", { payments: [{ ...period(3), paidAt: "yesterday" }] }],
    ["payments.0.period", { payments: [period(-1)] }],
    [
      "state.reservation.terminationOn",
      { state: { status: "termination_reserved", reservation: { ...reservation, terminationOn: "8 Feb" } } },
    ],
    ["state.status", { state: { status: "ended" } }],
    ["colour", { colour: "red" }],
    ["stripe.colour", { stripe: { customerId: "cus_1", colour: "red" } }],
  ])("%s", (field, params) => {
    expect(rejected(play(setup(params)))).toMatchObject({
      code: "invalid_request",
      detail: { field: `params.${field}` },
    });
  });
});
