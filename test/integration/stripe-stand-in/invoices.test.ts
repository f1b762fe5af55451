import { expect, test } from "vitest";
import type { Seed } from "../../../sandbox/stripe/control/seed-schema.ts";
import { SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const NOW = Date.parse("2026-11-20T03:00:00Z");
const ANCHOR = "2026-08-08T01:00:00Z";

/** A subscription with an invoice in each status. */
const EVERY_STATUS = {
  ...SHOP,
  subscriptions: [
    {
      id: "sub_a",
      customer: "cus_hanako",
      price: "price_monthly",
      anchorAt: ANCHOR,
      status: "past_due",
      initialFee: 5000,
      metadata: { contract: "c1" },
      invoices: [
        { period: 0, status: "paid" },
        { period: 1, status: "void" },
        { period: 2, status: "uncollectible" },
        { period: 3, status: "open" },
      ],
    },
  ],
  invoices: [{ subscription: "sub_a", period: 4, status: "draft", createdAt: "2026-11-20T02:30:00Z", id: "in_draft" }],
} satisfies Seed;

async function setUp(seed: Seed = EVERY_STATUS) {
  const bundle = await setUpStandIn({ now: () => NOW });
  await bundle.control.seed(seed);
  const effects = async () => (await bundle.control.ledger()).filter(({ effect }) => effect !== "seeded");
  return { ...bundle, effects };
}

test("shows payments only when they are expanded, and never a PaymentIntent of the invoice's own", async () => {
  const { stripe } = await setUp();

  const plain = await stripe.invoices.retrieve("in_a_0");
  const expanded = await stripe.invoices.retrieve("in_a_0", { expand: ["payments"] });
  const listed = await stripe.invoices.list({ subscription: "sub_a", status: "paid", expand: ["data.payments"] });

  for (const field of ["payments", "payment_intent", "charge", "paid", "subscription"]) {
    expect(plain).not.toHaveProperty(field);
  }
  expect(expanded.payments?.data).toMatchObject([
    {
      id: "inpay_a_0",
      status: "paid",
      amount_paid: 8000,
      payment: { type: "payment_intent", payment_intent: "pi_a_0" },
    },
  ]);
  expect(listed.data).toHaveLength(1);
  expect(listed.data[0]?.payments?.data[0]?.payment.payment_intent).toBe("pi_a_0");
});

test("finds the way from invoice to charge and back through invoice payments", async () => {
  const { stripe } = await setUp();

  const byInvoice = await stripe.invoicePayments.list({ invoice: "in_a_0", status: "paid" });
  const byIntent = await stripe.invoicePayments.list({ payment: { type: "payment_intent", payment_intent: "pi_a_0" } });
  const untyped = stripe.invoicePayments.list({ payment: { payment_intent: "pi_a_0" } } as never);

  expect(byInvoice.data.map(({ id }) => id)).toEqual(["inpay_a_0"]);
  expect(byIntent.data.map(({ invoice }) => invoice)).toEqual(["in_a_0"]);
  expect(await stripeErrorOf(untyped)).toMatchObject({ code: "parameter_missing", param: "payment[type]" });
  expect(await stripe.invoicePayments.retrieve("inpay_a_0")).toMatchObject({ invoice: "in_a_0" });
  const intent = await stripe.paymentIntents.retrieve("pi_a_0", { expand: ["latest_charge"] });
  expect(intent).not.toHaveProperty("invoice");
  expect(intent.latest_charge).toMatchObject({ id: "ch_a_0", amount: 8000 });
});

test("tells the initial fee from the period by the lines' parents", async () => {
  const { stripe } = await setUp();

  const { lines, parent, billing_reason, period_start, period_end } = await stripe.invoices.retrieve("in_a_0");

  expect(lines.data.map(({ amount, parent: itsParent }) => ({ amount, type: itsParent?.type }))).toEqual([
    { amount: 3000, type: "subscription_item_details" },
    { amount: 5000, type: "invoice_item_details" },
  ]);
  const anchor = Date.parse(ANCHOR) / 1000;
  expect(lines.data[0]?.period).toEqual({ start: anchor, end: Date.parse("2026-09-08T01:00:00Z") / 1000 });
  expect({ billing_reason, period_start, period_end }).toEqual({
    billing_reason: "subscription_create",
    period_start: anchor,
    period_end: anchor,
  });
  expect(parent?.subscription_details).toMatchObject({ subscription: "sub_a", metadata: { contract: "c1" } });
});

test("voids an open invoice with its payment and PaymentIntent", async () => {
  const { stripe, effects } = await setUp();

  const voided = await stripe.invoices.voidInvoice("in_a_3");

  expect(voided).toMatchObject({ status: "void", auto_advance: false, status_transitions: { voided_at: NOW / 1000 } });
  expect(await stripe.paymentIntents.retrieve("pi_a_3")).toMatchObject({
    status: "canceled",
    cancellation_reason: "void_invoice",
  });
  expect((await stripe.invoicePayments.list({ invoice: "in_a_3" })).data).toMatchObject([{ status: "canceled" }]);
  expect((await effects()).map(({ effect, objectId }) => `${effect} ${objectId}`)).toEqual([
    "invoice.voided in_a_3",
    "payment_intent.canceled pi_a_3",
    // It was the latest open one; the draft that follows it is not open yet.
    "subscription.updated sub_a",
  ]);
});

test.each(["in_a_0", "in_a_1", "in_a_2", "in_draft"])(
  "refuses to void %s, which is not open, without a code",
  async (id) => {
    const { stripe, effects } = await setUp();

    const error = await stripeErrorOf(stripe.invoices.voidInvoice(id));

    expect(error).toMatchObject({ statusCode: 400, rawType: "invalid_request_error" });
    expect(error.code).toBeUndefined();
    expect(await effects()).toEqual([]);
  },
);

test("voiding the latest open invoice first makes a past_due subscription active", async () => {
  const { stripe } = await setUp({
    ...SHOP,
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-11-08T00:00:00Z",
        status: "past_due",
        invoices: [{ period: 0, status: "open" }],
      },
    ],
  });

  await stripe.invoices.voidInvoice("in_a_0");

  expect((await stripe.subscriptions.retrieve("sub_a")).status).toBe("active");
});

test("names the missing parameter differently by endpoint", async () => {
  const { stripe } = await setUp();

  expect((await stripeErrorOf(stripe.invoices.retrieve("in_x"))).param).toBe("invoice");
  for (const attempt of [
    stripe.invoices.update("in_x", { auto_advance: false }),
    stripe.invoices.voidInvoice("in_x"),
    stripe.invoices.finalizeInvoice("in_x"),
    stripe.invoices.pay("in_x"),
  ]) {
    expect(await stripeErrorOf(attempt)).toMatchObject({ statusCode: 404, param: "id" });
  }
});

test("finalizes a draft, giving it a number and a PaymentIntent, once", async () => {
  const { stripe, effects } = await setUp();
  const draft = await stripe.invoices.retrieve("in_draft");
  expect(draft).toMatchObject({ status: "draft", number: null });
  expect(draft.next_payment_attempt).toBe(draft.created + 3600);
  expect(draft.automatically_finalizes_at).toBe(draft.created + 3601);
  expect((await stripe.invoicePayments.list({ invoice: "in_draft" })).data).toEqual([]);

  const open = await stripe.invoices.finalizeInvoice("in_draft", { auto_advance: false });

  expect(open).toMatchObject({ status: "open", auto_advance: false, attempt_count: 0 });
  expect(open.number).toEqual(expect.any(String));
  expect((await stripe.invoicePayments.list({ invoice: "in_draft" })).data).toMatchObject([{ status: "open" }]);
  expect((await stripeErrorOf(stripe.invoices.finalizeInvoice("in_draft"))).statusCode).toBe(400);
  expect((await effects()).map(({ effect }) => effect)).toEqual(["invoice.finalized", "payment_intent.created"]);
});

test("pays an open invoice from the customer's card, and the subscription is active again", async () => {
  const { stripe, control } = await setUp({
    ...SHOP,
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-11-08T00:00:00Z",
        status: "past_due",
        invoices: [{ period: 0, status: "open", attemptCount: 2 }],
      },
    ],
  });

  const paid = await stripe.invoices.pay("in_a_0");

  expect(paid).toMatchObject({ status: "paid", amount_paid: 3000, amount_remaining: 0, attempt_count: 2 });
  expect((await stripe.subscriptions.retrieve("sub_a")).status).toBe("active");
  expect((await stripeErrorOf(stripe.invoices.pay("in_a_0"))).statusCode).toBe(400);
  const effects = (await control.ledger()).filter(({ effect }) => effect !== "seeded");
  expect(effects).toMatchObject([
    { effect: "charge.succeeded", amount: 3000, subscription: "sub_a", invoice: "in_a_0", paymentIntent: "pi_a_0" },
    { effect: "payment_intent.succeeded" },
    { effect: "invoice.paid", amount: 3000, subscription: "sub_a" },
    { effect: "subscription.updated", status: "active" },
  ]);
});

test("a declined attempt leaves the invoice open, and every attempt is a new charge on the same PaymentIntent", async () => {
  const { stripe } = await setUp();

  for (let attempt = 0; attempt < 2; attempt += 1) {
    const declined = stripe.invoices.pay("in_a_3", { payment_method: "pm_card_chargeDeclinedInsufficientFunds" });
    expect(await stripeErrorOf(declined)).toMatchObject({
      type: "StripeCardError",
      code: "card_declined",
      decline_code: "insufficient_funds",
    });
  }
  await stripe.invoices.pay("in_a_3", { payment_method: "pm_card_visa" });

  const charges = await stripe.charges.list({ payment_intent: "pi_a_3" });
  expect(charges.data.map(({ status }) => status)).toEqual(["succeeded", "failed", "failed"]);
  expect(await stripe.invoices.retrieve("in_a_3")).toMatchObject({ status: "paid", attempt_count: 1 });
});

test("updates auto_advance and metadata, and makes no entry when nothing changes", async () => {
  const { stripe, effects } = await setUp();

  const stopped = await stripe.invoices.update("in_draft", { auto_advance: false, metadata: { why: "canceled" } });
  await stripe.invoices.update("in_draft", { auto_advance: false });

  expect(stopped).toMatchObject({ auto_advance: false, next_payment_attempt: null, automatically_finalizes_at: null });
  expect(await effects()).toMatchObject([
    { effect: "invoice.updated", objectId: "in_draft", metadata: { why: "canceled" } },
  ]);
});

test("an invoice that was paid out of band has no PaymentIntent", async () => {
  const { stripe } = await setUp({
    ...SHOP,
    invoices: [{ id: "in_cash", customer: "cus_hanako", amount: 700, paidOutOfBand: true }],
  });

  const invoice = await stripe.invoices.retrieve("in_cash", { expand: ["payments"] });

  expect(invoice).toMatchObject({ status: "paid", amount_paid: 700, amount_paid_off_stripe: 700, parent: null });
  expect(invoice.payments?.data).toEqual([]);
});

test("lists invoices by subscription, customer and status, newest first", async () => {
  const { stripe } = await setUp();
  const ids = async (params: object) => (await stripe.invoices.list(params)).data.map(({ id }) => id);

  expect(await ids({ subscription: "sub_a" })).toEqual(["in_draft", "in_a_3", "in_a_2", "in_a_1", "in_a_0"]);
  expect(await ids({ subscription: "sub_a", status: "open" })).toEqual(["in_a_3"]);
  expect(await ids({ customer: "cus_hanako", status: "uncollectible" })).toEqual(["in_a_2"]);
  expect(await ids({ subscription: "sub_x" })).toEqual([]);
  expect(await stripe.invoices.retrieve("in_a_2")).toMatchObject({
    status_details: { uncollectible: { reason: "max_payment_attempts" } },
  });
});

test("expands through lists up to four levels, and refuses deeper and unknown paths before any effect", async () => {
  const { stripe, effects } = await setUp();

  const invoice = await stripe.invoices.retrieve("in_a_0", { expand: ["payments.data.payment.payment_intent"] });
  const subscription = await stripe.subscriptions.retrieve("sub_a", {
    expand: ["latest_invoice.payments", "customer"],
  });

  expect(invoice.payments?.data[0]?.payment.payment_intent).toMatchObject({ id: "pi_a_0", status: "succeeded" });
  expect(subscription).toMatchObject({ latest_invoice: { id: "in_draft", payments: { data: [] } } });
  expect(subscription.customer).toMatchObject({ id: "cus_hanako" });
  for (const attempt of [
    stripe.invoices.list({ expand: ["data.payments.data.payment.payment_intent"] }),
    stripe.invoices.list({ expand: ["payments"] }),
    stripe.invoices.voidInvoice("in_a_3", { expand: ["payment_intent"] }),
  ]) {
    expect(await stripeErrorOf(attempt)).toMatchObject({ statusCode: 400, rawType: "invalid_request_error" });
  }
  expect(await effects()).toEqual([]);
});
