import { expect, test } from "vitest";
import { BEGINNING, DAY, FEBRUARY, FINAL, FINALIZED, HOUR, RETRIES, seconds, setUpClock } from "./set-up-clock.ts";
import { idOf } from "./set-up-stand-in.ts";

test("D. an end with the period is reached: canceled at the boundary, without an invoice", async () => {
  const { stripe, subscription, advanceTo, events, latestInvoice, get } = await setUpClock();
  const { lastResponse } = await stripe.subscriptions.update(
    subscription,
    { cancel_at_period_end: true },
    { idempotencyKey: "reserve" },
  );
  expect(await events(({ type, request }) => ({ type, request }))).toEqual([
    {
      type: "customer.subscription.updated",
      request: { id: lastResponse.requestId, idempotency_key: "reserve" },
    },
  ]);

  await advanceTo(FEBRUARY + DAY);

  expect((await events(({ type, request }) => `${type} ${request?.id}`)).slice(1, -1)).toEqual([
    "customer.subscription.deleted null",
  ]);
  expect(await get()).toMatchObject({
    status: "canceled",
    canceled_at: BEGINNING,
    ended_at: FEBRUARY,
    // Now it says that the subscription did end with its period.
    cancel_at_period_end: true,
    cancellation_details: { reason: "cancellation_requested" },
  });
  expect((await latestInvoice())?.billing_reason).toBe("subscription_create");
});

test("D. an end that was set as a moment is reached in the middle of a period", async () => {
  const { stripe, subscription, advanceTo, get } = await setUpClock();
  const end = seconds("2026-03-10T00:00:00Z");
  await stripe.subscriptions.update(subscription, { cancel_at: end, proration_behavior: "none" });

  await advanceTo(end);

  expect(await get()).toMatchObject({ status: "canceled", ended_at: end });
});

test("E. canceled by the API: the event names the request, the open invoice is collected no more, a void cancels its payment", async () => {
  const { stripe, subscription, advanceTo, events, latestInvoice } = await setUpClock("pm_card_chargeCustomerFail");
  await advanceTo(RETRIES[0]);
  await events();

  const { lastResponse } = await stripe.subscriptions.cancel(subscription);

  expect(await events(({ type, request }) => `${type} ${request?.id}`)).toEqual([
    `customer.subscription.deleted ${lastResponse.requestId}`,
    `invoice.updated ${lastResponse.requestId}`,
  ]);
  const invoice = await latestInvoice();
  await stripe.invoices.voidInvoice(invoice?.id ?? "");
  expect(await events()).toEqual(["invoice.voided", "payment_intent.canceled"]);
  await advanceTo(RETRIES[2]);
  expect((await events()).slice(1, -1)).toEqual([]);
  expect(await latestInvoice()).toMatchObject({ status: "void", attempt_count: 2 });
});

test("a hard decline is not tried again until there is a new card, but the schedule goes on", async () => {
  const { stripe, customer, advanceTo, events, latestInvoice } = await setUpClock("pm_card_visa");
  await stripe.customers.update(customer, {
    invoice_settings: { default_payment_method: "pm_card_chargeDeclinedLostCard" },
  });
  await advanceTo(FINAL);
  await events();

  await advanceTo(RETRIES[0]);
  expect((await events()).slice(1, -1)).toEqual(["invoice.updated"]);
  expect(await latestInvoice()).toMatchObject({ attempt_count: 2, next_payment_attempt: RETRIES[1] });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: "pm_card_visa" } });
  await advanceTo(RETRIES[1]);

  expect(await latestInvoice()).toMatchObject({ status: "paid", attempt_count: 3 });
});

test("a card that asks for authentication: one attempt, told by two events, and paid once it is done", async () => {
  const { stripe, control, advanceTo, events, latestInvoice, get } = await setUpClock("pm_card_authenticationRequired");
  await advanceTo(FEBRUARY);
  await events();
  await advanceTo(FINAL);

  expect((await events()).slice(1, -1)).toEqual([
    ...FINALIZED,
    "payment_intent.requires_action",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.updated",
    "customer.subscription.updated",
  ]);
  expect((await get()).status).toBe("past_due");
  const invoice = await latestInvoice();
  expect(invoice).toMatchObject({ attempt_count: 1, next_payment_attempt: RETRIES[0] });
  const [payment] = (await stripe.invoicePayments.list({ invoice: invoice?.id ?? "" })).data;
  await control.authenticate(idOf(payment?.payment.payment_intent));

  expect((await latestInvoice())?.status).toBe("paid");
  expect((await get()).status).toBe("active");
});

test("a first payment that waits for authentication is attempted, but not counted", async () => {
  const { stripe, customer } = await setUpClock("pm_card_authenticationRequired");

  const second = await stripe.subscriptions.create({ customer, items: [{ price: "price_monthly" }] });

  expect(second.status).toBe("incomplete");
  expect(await stripe.invoices.retrieve(idOf(second.latest_invoice))).toMatchObject({
    status: "open",
    attempted: true,
    attempt_count: 0,
  });
});

test("a first payment that is not made within 23 hours: incomplete_expired, its invoice void", async () => {
  const { stripe, customer, advanceTo, latestInvoice } = await setUpClock();
  const { id, latest_invoice } = await stripe.subscriptions.create({
    customer,
    items: [{ price: "price_monthly" }],
    payment_behavior: "default_incomplete",
  });

  await advanceTo(BEGINNING + 23 * HOUR - 1);
  expect((await stripe.subscriptions.retrieve(id)).status).toBe("incomplete");
  await advanceTo(BEGINNING + 23 * HOUR);

  expect(await stripe.subscriptions.retrieve(id)).toMatchObject({
    status: "incomplete_expired",
    ended_at: BEGINNING + 23 * HOUR,
  });
  expect((await stripe.invoices.retrieve(idOf(latest_invoice))).status).toBe("void");
  expect((await latestInvoice())?.status).toBe("paid");
});

test("a trial costs nothing and ends in the first paid period, counted from the trial's end", async () => {
  const { stripe, customer, advanceTo } = await setUpClock();
  const trial = await stripe.subscriptions.create({
    customer,
    items: [{ price: "price_monthly" }],
    trial_period_days: 10,
  });
  const end = BEGINNING + 10 * DAY;
  expect(trial).toMatchObject({ status: "trialing", trial_end: end, billing_cycle_anchor: end });
  expect(await stripe.invoices.retrieve(idOf(trial.latest_invoice))).toMatchObject({ status: "paid", total: 0 });

  await advanceTo(end + HOUR + 1);

  const begun = await stripe.subscriptions.retrieve(trial.id);
  expect(begun).toMatchObject({ status: "active" });
  expect(begun.items.data[0]).toMatchObject({
    current_period_start: end,
    current_period_end: seconds("2026-03-10T03:00:00Z"),
  });
  expect(await stripe.invoices.retrieve(idOf(begun.latest_invoice))).toMatchObject({ status: "paid", total: 3000 });
});

test.each([
  ["keep_as_draft", "draft"],
  ["mark_uncollectible", "uncollectible"],
  ["void", "void"],
] as const)("a collection that is paused with %s leaves the invoice %s", async (behavior, status) => {
  const { stripe, subscription, advanceTo, latestInvoice, get } = await setUpClock();
  await stripe.subscriptions.update(subscription, { pause_collection: { behavior } });

  await advanceTo(FINAL);

  expect((await latestInvoice())?.status).toBe(status);
  expect((await get()).status).toBe("active");
  expect(await stripe.subscriptions.update(subscription, { pause_collection: "" })).toMatchObject({
    pause_collection: null,
  });
});
