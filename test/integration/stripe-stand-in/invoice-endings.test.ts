import { expect, test } from "vitest";
import { DAY, FEBRUARY, FINAL, RETRIES, seconds, setUpClock } from "./set-up-clock.ts";
import { stripeErrorOf } from "./set-up-stand-in.ts";

/** A subscription past due, its renewal's invoice open after one attempt. */
async function setUp(...retryAfterDays: number[]) {
  const bundle = await setUpClock("pm_card_chargeCustomerFail");
  if (retryAfterDays.length > 0) await bundle.control.setDunning({ retryAfterDays });
  await bundle.advanceTo(FINAL);
  const invoice = (await bundle.latestInvoice())?.id ?? "";
  await bundle.events();
  return { ...bundle, invoice };
}

test("marking as uncollectible writes an open invoice off, and forgives the subscription", async () => {
  const { stripe, invoice, events, get } = await setUp();

  expect(await stripe.invoices.markUncollectible(invoice)).toMatchObject({
    status: "uncollectible",
    auto_advance: false,
    next_payment_attempt: null,
    status_details: { uncollectible: { reason: "user_forgiven" } },
    status_transitions: { marked_uncollectible_at: FINAL },
  });

  expect(await events()).toEqual(["invoice.marked_uncollectible", "customer.subscription.updated"]);
  expect((await get()).status).toBe("active");
  const again = await stripeErrorOf(stripe.invoices.markUncollectible(invoice));
  expect(again).toMatchObject({ statusCode: 400, rawType: "invalid_request_error" });
  expect((await stripeErrorOf(stripe.invoices.markUncollectible("in_x"))).param).toBe("id");
});

test("what was written off can still be paid, and then says no more why it was", async () => {
  const { stripe, invoice } = await setUp();
  await stripe.invoices.markUncollectible(invoice);

  const paid = await stripe.invoices.pay(invoice, { payment_method: "pm_card_visa" });

  expect(paid).toMatchObject({ status: "paid", amount_paid: 3000 });
  expect(paid).not.toHaveProperty("status_details");
});

test("an invoice that was paid elsewhere takes no money and gives its PaymentIntent up", async () => {
  const { stripe, control, invoice, events, get } = await setUp();
  const before = (await control.ledger()).filter(({ effect }) => effect === "charge.succeeded");

  expect(await stripe.invoices.pay(invoice, { paid_out_of_band: true })).toMatchObject({
    status: "paid",
    amount_paid_off_stripe: 3000,
  });

  expect(await events()).toEqual([
    "payment_intent.canceled",
    "invoice.paid",
    "invoice.payment_succeeded",
    "customer.subscription.updated",
  ]);
  expect((await get()).status).toBe("active");
  expect((await control.ledger()).filter(({ effect }) => effect === "charge.succeeded")).toEqual(before);
});

test("an attempt by hand that fails leaves count and schedule of the retries alone", async () => {
  const { stripe, invoice, events, latestInvoice } = await setUp();

  const error = await stripeErrorOf(stripe.invoices.pay(invoice));

  expect(error).toMatchObject({ statusCode: 402, code: "card_declined" });
  expect(await latestInvoice()).toMatchObject({ attempt_count: 1, next_payment_attempt: RETRIES[0] });
  expect(await events()).toEqual(["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]);
});

test("an attempt by hand that needs the cardholder is refused with a code of its own", async () => {
  const { stripe, invoice } = await setUp();

  const error = await stripeErrorOf(
    stripe.invoices.pay(invoice, { payment_method: "pm_card_authenticationRequired", off_session: false }),
  );

  expect(error).toMatchObject({ statusCode: 402, code: "invoice_payment_intent_requires_action" });
});

test("only the payment of the latest open invoice makes a subscription active again", async () => {
  const { stripe, customer, invoice, advanceTo, latestInvoice, get } = await setUp(60);
  await advanceTo(seconds("2026-03-31T06:00:00Z"));
  const newer = await latestInvoice();
  expect([newer?.status, newer?.id === invoice]).toEqual(["open", false]);
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: "pm_card_visa" } });

  await stripe.invoices.pay(invoice);
  expect((await get()).status).toBe("past_due");
  await stripe.invoices.pay(newer?.id ?? "");

  expect((await get()).status).toBe("active");
});

test("a draft of the next period does not stand in the way of the older invoice's payment", async () => {
  const { control, invoice, advanceTo, latestInvoice, get } = await setUp(60);
  await advanceTo(seconds("2026-03-31T03:00:00Z"));
  expect((await latestInvoice())?.status).toBe("draft");

  await control.payInvoice(invoice);

  expect((await get()).status).toBe("active");
});

test("a draft that is told to wait waits, and is final an hour after it is told to go on", async () => {
  const { stripe, advanceTo, latestInvoice } = await setUpClock();
  await advanceTo(FEBRUARY);
  const draft = (await latestInvoice())?.id ?? "";
  await stripe.invoices.update(draft, { auto_advance: false });
  await advanceTo(FEBRUARY + DAY);
  expect(await stripe.invoices.retrieve(draft)).toMatchObject({ status: "draft", automatically_finalizes_at: null });

  await stripe.invoices.update(draft, { auto_advance: true });
  await advanceTo(FEBRUARY + DAY + 3601);

  expect(await stripe.invoices.retrieve(draft)).toMatchObject({ status: "paid" });
});

test("subscriptions on test clocks are listed only for who asks for the clock or the customer", async () => {
  const { stripe, clock, customer, subscription } = await setUpClock();
  const ids = async (params: object) => (await stripe.subscriptions.list(params)).data.map(({ id }) => id);

  expect(await ids({})).toEqual([]);
  expect(await ids({ customer })).toEqual([subscription]);
  expect(await ids({ test_clock: clock })).toEqual([subscription]);
});
