import { expect, test } from "vitest";
import { SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed(SHOP);
  const { stripe } = bundle;
  const cardOf = (number: string) =>
    stripe.paymentMethods.create({ type: "card", card: { number, exp_month: 12, exp_year: 2030, cvc: "123" } });
  const payWith = (payment_method: string, more: { off_session?: boolean } = {}) =>
    stripe.paymentIntents.create({
      amount: 1000,
      currency: "jpy",
      customer: "cus_hanako",
      confirm: true,
      payment_method,
      ...more,
    });
  return { ...bundle, cardOf, payWith };
}

test("a card is made by its test number, attached, charged, listed and detached", async () => {
  const { stripe, cardOf, payWith } = await setUp();
  const card = await cardOf("4242 4242 4242 4242");
  expect(card).toMatchObject({ object: "payment_method", type: "card", customer: null, card: { last4: "4242" } });

  expect(await stripe.paymentMethods.attach(card.id, { customer: "cus_hanako" })).toMatchObject({
    id: card.id,
    customer: "cus_hanako",
  });
  expect(await payWith(card.id)).toMatchObject({ status: "succeeded", payment_method: card.id });
  expect((await stripe.paymentMethods.list({ customer: "cus_hanako" })).data.map(({ id }) => id)).toEqual([card.id]);
  expect(await stripe.paymentMethods.detach(card.id)).toMatchObject({ customer: null });
  expect((await stripe.paymentMethods.list({ customer: "cus_hanako" })).data).toEqual([]);
});

test("a token becomes a payment method of its own when it is attached", async () => {
  const { stripe, payWith } = await setUp();

  const attached = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer: "cus_hanako" });

  expect(attached).toMatchObject({ id: expect.stringMatching(/^pm_[0-9A-Za-z]{24}$/), card: { last4: "0341" } });
  expect(await stripeErrorOf(payWith(attached.id))).toMatchObject({ code: "card_declined" });
});

test.each([
  ["4000000000000002", "card_declined", "generic_decline"],
  ["4000000000009995", "card_declined", "insufficient_funds"],
  ["4000000000000069", "expired_card", "expired_card"],
])("the card %s is refused: %s, %s", async (number, code, declineCode) => {
  const { stripe, cardOf, payWith } = await setUp();
  const { id } = await cardOf(number);

  const attached = await stripeErrorOf(stripe.paymentMethods.attach(id, { customer: "cus_hanako" }));
  expect(attached).toMatchObject({ statusCode: 402, code, decline_code: declineCode });
  expect(await stripeErrorOf(payWith(id))).toMatchObject({ code, decline_code: declineCode });
});

test("knows no other numbers, payment methods and customers", async () => {
  const { stripe, cardOf } = await setUp();

  expect(await stripeErrorOf(cardOf("4111111111111111"))).toMatchObject({ statusCode: 402, param: "card[number]" });
  for (const attempt of [
    stripe.paymentMethods.attach("pm_unknown", { customer: "cus_hanako" }),
    stripe.paymentMethods.attach("pm_card_visa", { customer: "cus_x" }),
    stripe.paymentMethods.retrieve("pm_unknown"),
  ]) {
    expect((await stripeErrorOf(attempt)).statusCode).toBe(404);
  }
});

test("a payment that needs the cardholder waits for him when he is there, and is declined when he is not", async () => {
  const { stripe, control, payWith } = await setUp();

  const waiting = await payWith("pm_card_authenticationRequired");
  const alone = await stripeErrorOf(payWith("pm_card_authenticationRequired", { off_session: true }));

  expect(waiting).toMatchObject({
    status: "requires_action",
    next_action: { type: "use_stripe_sdk" },
    latest_charge: null,
  });
  expect(alone).toMatchObject({ statusCode: 402, decline_code: "authentication_required" });
  await control.authenticate(waiting.id);
  expect(await stripe.paymentIntents.retrieve(waiting.id)).toMatchObject({ status: "succeeded", next_action: null });
  await expect(control.authenticate(waiting.id)).rejects.toThrow(/asks for no authentication/);
});

test("confirms a PaymentIntent later, tries it again after a decline, and cancels one that waits", async () => {
  const { stripe } = await setUp();
  const created = await stripe.paymentIntents.create({ amount: 500, currency: "jpy" });
  const confirm = (payment_method: string) => stripe.paymentIntents.confirm(created.id, { payment_method });

  expect(await stripeErrorOf(confirm("pm_card_chargeDeclined"))).toMatchObject({ code: "card_declined" });
  expect(await confirm("pm_card_visa")).toMatchObject({ status: "succeeded" });
  expect(await stripeErrorOf(confirm("pm_card_visa"))).toMatchObject({ code: "payment_intent_unexpected_state" });
  expect((await stripe.charges.list({ payment_intent: created.id })).data.map(({ status }) => status)).toEqual([
    "succeeded",
    "failed",
  ]);
  const other = await stripe.paymentIntents.create({ amount: 500, currency: "jpy" });
  expect(await stripe.paymentIntents.cancel(other.id, { cancellation_reason: "abandoned" })).toMatchObject({
    status: "canceled",
    cancellation_reason: "abandoned",
  });
});

test("the PaymentIntent of an invoice cannot be canceled by itself", async () => {
  const { stripe } = await setUp();
  const { latest_invoice } = await stripe.subscriptions.create({
    customer: "cus_hanako",
    items: [{ price: "price_monthly" }],
    payment_behavior: "default_incomplete",
    expand: ["latest_invoice.payments"],
  });
  const payments = typeof latest_invoice === "object" ? latest_invoice?.payments?.data : [];
  const intent = payments?.[0]?.payment.payment_intent;

  const error = await stripeErrorOf(stripe.paymentIntents.cancel(typeof intent === "string" ? intent : ""));

  expect(error).toMatchObject({ statusCode: 400, message: expect.stringContaining("void the invoice") });
});

test("a card declines as often as it was told to, for one customer only", async () => {
  const { control, payWith, stripe } = await setUp();
  await control.seed({ customers: [{ id: "cus_taro" }] });
  await control.declineCards({ customer: "cus_hanako", reason: "lost_card", times: 2 });
  const taro = { amount: 100, currency: "jpy", customer: "cus_taro", confirm: true };

  expect(await stripeErrorOf(payWith("pm_card_visa"))).toMatchObject({ decline_code: "lost_card" });
  expect(await stripe.paymentIntents.create(taro)).toMatchObject({ status: "succeeded" });
  expect((await stripeErrorOf(payWith("pm_card_visa"))).code).toBe("card_declined");
  expect(await payWith("pm_card_visa")).toMatchObject({ status: "succeeded" });
});

test("a decline is used up by a subscription that it leaves no trace of", async () => {
  const { control, stripe } = await setUp();
  await control.declineCards({ customer: "cus_hanako" });
  const subscribe = () =>
    stripe.subscriptions.create({
      customer: "cus_hanako",
      items: [{ price: "price_monthly" }],
      payment_behavior: "error_if_incomplete",
    });

  expect(await stripeErrorOf(subscribe())).toMatchObject({ statusCode: 402 });
  expect((await control.ledger()).filter(({ effect }) => effect !== "seeded")).toEqual([]);
  expect(await subscribe()).toMatchObject({ status: "active" });
});
