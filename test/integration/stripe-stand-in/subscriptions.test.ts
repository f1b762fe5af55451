import { expect, test } from "vitest";
import { idOf, SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const NOW = Date.parse("2026-10-08T01:00:00Z");
const NEW = { customer: "cus_hanako", items: [{ price: "price_monthly" }] };

async function setUp() {
  const bundle = await setUpStandIn({ now: () => NOW });
  await bundle.control.seed(SHOP);
  const effects = async () => (await bundle.control.ledger()).filter(({ effect }) => effect !== "seeded");
  return { ...bundle, effects };
}

test("creates an active subscription whose first invoice is final and paid at once", async () => {
  const { stripe, effects } = await setUp();

  const subscription = await stripe.subscriptions.create({ ...NEW, metadata: { contract: "c1" } });

  const [item] = subscription.items.data;
  expect(subscription).toMatchObject({
    status: "active",
    billing_cycle_anchor: NOW / 1000,
    metadata: { contract: "c1" },
  });
  expect(subscription).not.toHaveProperty("current_period_end");
  expect(item).toMatchObject({
    current_period_start: NOW / 1000,
    current_period_end: Date.parse("2026-11-08T01:00:00Z") / 1000,
    price: { id: "price_monthly", unit_amount: 3000 },
  });
  const { data } = await stripe.invoices.list({ subscription: subscription.id });
  expect(data).toMatchObject([
    { id: subscription.latest_invoice, status: "paid", amount_paid: 3000, billing_reason: "subscription_create" },
  ]);
  expect(
    (await effects()).map(({ effect, amount }) => (amount === undefined ? effect : `${effect} ${amount}`)),
  ).toEqual([
    "payment_intent.created 3000",
    "charge.succeeded 3000",
    "payment_intent.succeeded 3000",
    "subscription.created",
    "invoice.created 3000",
    "invoice.finalized 3000",
    "invoice.paid 3000",
  ]);
});

test("gives its objects ids with Stripe's prefixes", async () => {
  const { stripe } = await setUp();
  const subscription = await stripe.subscriptions.create(NEW);
  const [invoice] = (await stripe.invoices.list({ subscription: subscription.id, expand: ["data.payments"] })).data;
  const [payment] = invoice?.payments?.data ?? [];
  const [charge] = (await stripe.charges.list({ customer: "cus_hanako" })).data;
  const refund = await stripe.refunds.create({ charge: charge?.id ?? "" });

  const ids = [
    subscription.id,
    subscription.items.data[0]?.id,
    invoice?.id,
    invoice?.lines.data[0]?.id,
    payment?.id,
    payment?.payment.payment_intent,
    charge?.id,
    refund.id,
    subscription.lastResponse.requestId,
  ];

  expect(ids.map((id) => idOf(id).replace(/_[0-9A-Za-z]{24}$/, ""))).toEqual([
    "sub",
    "si",
    "in",
    "il",
    "inpay",
    "pi",
    "ch",
    "re",
    "req",
  ]);
});

test("puts initial fees on the first invoice, by price or by data", async () => {
  const { stripe, control } = await setUp();
  await control.seed({ prices: [{ id: "price_fee", product: "prod_course", amount: 2000, interval: null }] });

  const { latest_invoice } = await stripe.subscriptions.create({
    ...NEW,
    add_invoice_items: [
      { price: "price_fee", quantity: 2 },
      { price_data: { currency: "jpy", product: "prod_course", unit_amount: 500 } },
    ],
    expand: ["latest_invoice"],
  });

  const invoice = typeof latest_invoice === "object" ? latest_invoice : null;
  expect(invoice).toMatchObject({ amount_paid: 7500, total: 7500 });
  expect(invoice?.lines.data.map(({ amount }) => amount)).toEqual([3000, 4000, 500]);
});

test("a declined card leaves an incomplete subscription with an open invoice", async () => {
  const { stripe, effects } = await setUp();

  const subscription = await stripe.subscriptions.create({ ...NEW, default_payment_method: "pm_card_chargeDeclined" });

  expect(subscription.status).toBe("incomplete");
  expect((await stripe.invoices.list({ subscription: subscription.id })).data).toMatchObject([
    { status: "open", attempted: true, attempt_count: 1, amount_remaining: 3000 },
  ]);
  expect((await effects()).map(({ effect }) => effect)).toContain("charge.failed");
});

test("paying the first invoice later makes the subscription active", async () => {
  const { stripe, control } = await setUp();
  const { id, latest_invoice } = await stripe.subscriptions.create({ ...NEW, payment_behavior: "default_incomplete" });
  expect((await stripe.charges.list()).data).toEqual([]);

  await control.payInvoice(idOf(latest_invoice));

  expect((await stripe.subscriptions.retrieve(id)).status).toBe("active");
});

test("error_if_incomplete leaves nothing behind when the card is declined", async () => {
  const { stripe, effects } = await setUp();

  const error = await stripeErrorOf(
    stripe.subscriptions.create({
      ...NEW,
      default_payment_method: "pm_card_chargeDeclined",
      payment_behavior: "error_if_incomplete",
    }),
  );

  expect(error).toMatchObject({ statusCode: 402, code: "card_declined" });
  expect(await effects()).toEqual([]);
});

test.each([
  ["customer", { ...NEW, customer: "cus_x" }, "customer"],
  ["price", { ...NEW, items: [{ price: "price_x" }] }, "items[0][price]"],
])("refuses an unknown %s by its bracketed name", async (_what, params, param) => {
  const { stripe, effects } = await setUp();

  const error = await stripeErrorOf(stripe.subscriptions.create(params));

  expect(error).toMatchObject({ code: "resource_missing", param });
  expect(await effects()).toEqual([]);
});

test("refuses a customer without any card", async () => {
  const { stripe, control } = await setUp();
  await control.seed({ customers: [{ id: "cus_poor", paymentMethod: null }] });

  const error = await stripeErrorOf(stripe.subscriptions.create({ ...NEW, customer: "cus_poor" }));

  expect(error.statusCode).toBe(400);
});

test("creates customers, products and prices, and finds them again", async () => {
  const { stripe } = await setUp();
  const customer = await stripe.customers.create({
    name: "花子",
    invoice_settings: { default_payment_method: "pm_card_visa" },
  });
  const product = await stripe.products.create({ name: "Course" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "jpy",
    unit_amount: 980,
    recurring: { interval: "year" },
  });

  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ name: "花子", livemode: false });
  expect(await stripe.products.retrieve(product.id)).toMatchObject({ name: "Course" });
  const found = await stripe.prices.retrieve(price.id, { expand: ["product"] });
  expect(found).toMatchObject({ unit_amount: 980, recurring: { interval: "year" }, product: { id: product.id } });
  expect(String(found.unit_amount_decimal)).toBe("980");
});

test("creates and confirms PaymentIntents, and lists them by customer", async () => {
  const { stripe, effects } = await setUp();
  const payment = { amount: 1200, currency: "jpy", customer: "cus_hanako" };

  const paid = await stripe.paymentIntents.create({ ...payment, confirm: true, payment_method: "pm_card_visa" });
  const waiting = await stripe.paymentIntents.create(payment);

  expect(paid).toMatchObject({ status: "succeeded", amount_received: 1200, latest_charge: expect.any(String) });
  expect(waiting).toMatchObject({ status: "requires_payment_method", latest_charge: null });
  const { data } = await stripe.paymentIntents.list({ customer: "cus_hanako" });
  expect(data.map(({ id }) => id)).toEqual([waiting.id, paid.id]);
  expect((await effects()).filter(({ effect }) => effect === "charge.succeeded")).toMatchObject([
    { amount: 1200, paymentIntent: paid.id, customer: "cus_hanako" },
  ]);
  const small = stripe.paymentIntents.create({ ...payment, amount: 49 });
  expect(await stripeErrorOf(small)).toMatchObject({ code: "amount_too_small", param: "amount" });
});
