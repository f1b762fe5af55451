import { expect, test } from "vitest";
import { BEGINNING, seconds, setUpClock } from "./set-up-clock.ts";
import { idOf } from "./set-up-stand-in.ts";

const HOUR = 60 * 60;
const DAY = 24 * HOUR;

/** The first boundary: a 31st counted into February, on the UTC calendar. */
const FEBRUARY = seconds("2026-02-28T03:00:00Z");
const FINAL = FEBRUARY + HOUR + 1;
/** The card is declined, retries follow after 3, 5 and 7 days. */
const RETRIES = [FINAL + 3 * DAY, FINAL + 8 * DAY, FINAL + 15 * DAY] as const;

const DECLINED = ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"];
const PAID = [
  "charge.succeeded",
  "payment_intent.succeeded",
  "invoice_payment.paid",
  "invoice.paid",
  "invoice.payment_succeeded",
];
const BOUNDARY = ["invoice.created", "customer.subscription.updated"];
const FINALIZED = ["invoice.finalized", "invoice.updated", "payment_intent.created"];

test("a beginning: the charge, then subscription and invoice, which is paid at once", async () => {
  const { stripe, subscription } = await setUpClock();

  const { data } = await stripe.events.list({ limit: 100 });

  const types = data.toReversed().map(({ type }) => type);
  expect(types.slice(types.indexOf("payment_intent.created"))).toEqual([
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "invoice_payment.paid",
    "invoice.payment_succeeded",
    "invoice.paid",
  ]);
  expect(data.every(({ created }) => created === BEGINNING || created > BEGINNING)).toBe(true);
  expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: "active", created: BEGINNING });
});

test("A. a renewal succeeds: a draft at the boundary, final and paid an hour later", async () => {
  const { stripe, advanceTo, events, latestInvoice, get } = await setUpClock();
  await advanceTo(FEBRUARY);

  expect(await events()).toEqual(["test_helpers.test_clock.advancing", ...BOUNDARY, "test_helpers.test_clock.ready"]);
  const draft = await latestInvoice();
  expect(draft).toMatchObject({
    status: "draft",
    billing_reason: "subscription_cycle",
    created: FEBRUARY,
    next_payment_attempt: FEBRUARY + HOUR,
    automatically_finalizes_at: FINAL,
    attempt_count: 0,
    number: null,
  });
  expect(draft?.lines.data[0]?.period).toEqual({ start: FEBRUARY, end: seconds("2026-03-31T03:00:00Z") });
  expect((await get()).items.data[0]).toMatchObject({
    current_period_start: FEBRUARY,
    current_period_end: seconds("2026-03-31T03:00:00Z"),
  });

  await advanceTo(FEBRUARY + HOUR);
  expect((await latestInvoice())?.status).toBe("draft");
  await events();
  await advanceTo(FINAL);

  expect((await events()).slice(1, -1)).toEqual([...FINALIZED, ...PAID]);
  expect(await latestInvoice()).toMatchObject({
    status: "paid",
    amount_paid: 3000,
    attempt_count: 1,
    next_payment_attempt: null,
    status_transitions: { finalized_at: FINAL, paid_at: FINAL },
  });
  const [payment] = (await stripe.invoicePayments.list({ invoice: draft?.id ?? "" })).data;
  expect(payment).toMatchObject({ status: "paid", amount_paid: 3000 });
});

test("periods come from the anchor: after a short month the 31st is back", async () => {
  const { advanceTo, get } = await setUpClock();
  await advanceTo(seconds("2026-05-01T00:00:00Z"));

  expect((await get()).items.data[0]).toMatchObject({
    current_period_start: seconds("2026-04-30T03:00:00Z"),
    current_period_end: seconds("2026-05-31T03:00:00Z"),
  });
});

test("B. a renewal fails, and the second retry recovers it", async () => {
  const { control, customer, advanceTo, events, latestInvoice, get } = await setUpClock();
  await control.declineCards({ customer, reason: "insufficient_funds", times: 2 });
  await advanceTo(FEBRUARY);
  await events();

  await advanceTo(FINAL);
  expect((await events()).slice(1, -1)).toEqual([
    ...FINALIZED,
    ...DECLINED,
    "invoice.updated",
    "customer.subscription.updated",
  ]);
  expect(await latestInvoice()).toMatchObject({ status: "open", attempt_count: 1, next_payment_attempt: RETRIES[0] });
  expect((await get()).status).toBe("past_due");

  await advanceTo(RETRIES[0]);
  expect((await events()).slice(1, -1)).toEqual([...DECLINED, "invoice.updated"]);
  expect(await latestInvoice()).toMatchObject({ attempt_count: 2, next_payment_attempt: RETRIES[1] });

  await advanceTo(RETRIES[1]);
  expect((await events()).slice(1, -1)).toEqual([...PAID, "customer.subscription.updated"]);
  expect(await latestInvoice()).toMatchObject({ status: "paid", attempt_count: 3 });
  expect((await get()).status).toBe("active");
});

test("B. each retry is a new charge on the same PaymentIntent, and events tell what was before", async () => {
  const { stripe, control, customer, advanceTo, events } = await setUpClock();
  await control.declineCards({ customer, times: 1 });
  await advanceTo(RETRIES[0]);

  const charges = (await stripe.charges.list({ customer })).data;
  expect(charges.slice(0, 2).map(({ status }) => status)).toEqual(["succeeded", "failed"]);
  expect(charges[0]?.payment_intent).toBe(charges[1]?.payment_intent);
  const updates = (await events((event) => event)).filter(({ type }) => type === "customer.subscription.updated");
  expect(updates.map(({ data }) => data.previous_attributes)).toMatchObject([
    { items: { data: [{ current_period_start: BEGINNING }] }, latest_invoice: expect.stringMatching(/^in_/) },
    { status: "active" },
    { status: "past_due" },
  ]);
  expect(updates.map(({ request }) => request)).toEqual(updates.map(() => ({ id: null, idempotency_key: null })));
});

test("C. all retries fail: the fourth failure ends the subscription, the invoice stays open", async () => {
  const { advanceTo, events, latestInvoice, get } = await setUpClock("pm_card_chargeCustomerFail");
  await advanceTo(RETRIES[1]);
  await events();

  await advanceTo(RETRIES[2]);

  expect((await events()).slice(1, -1)).toEqual([...DECLINED, "customer.subscription.deleted", "invoice.updated"]);
  expect(await latestInvoice()).toMatchObject({
    status: "open",
    attempt_count: 4,
    next_payment_attempt: null,
    auto_advance: false,
  });
  expect(await get()).toMatchObject({
    status: "canceled",
    ended_at: RETRIES[2],
    cancel_at_period_end: false,
    cancellation_details: { reason: "payment_failed" },
  });
});

test.each([
  ["mark_unpaid", "leave_open", "unpaid", "open"],
  ["leave_past_due", "mark_uncollectible", "past_due", "uncollectible"],
  ["pause", "leave_open", "paused", "open"],
  ["cancel", "mark_uncollectible", "canceled", "uncollectible"],
] as const)("C. the account may %s and %s", async (subscription, invoice, status, invoiceStatus) => {
  const { control, advanceTo, latestInvoice, get } = await setUpClock("pm_card_chargeCustomerFail");
  await control.setDunning({ retryAfterDays: [1], subscription, invoice });

  await advanceTo(FINAL + DAY);

  expect((await get()).status).toBe(status);
  expect(await latestInvoice()).toMatchObject({ status: invoiceStatus, attempt_count: 2, auto_advance: false });
});

test("an unpaid subscription goes on making drafts that nobody collects, a paused one makes none", async () => {
  const unpaid = await setUpClock("pm_card_chargeCustomerFail");
  await unpaid.control.setDunning({ retryAfterDays: [], subscription: "mark_unpaid" });
  const paused = await setUpClock("pm_card_chargeCustomerFail");
  await paused.control.setDunning({ retryAfterDays: [], subscription: "pause" });
  const april = seconds("2026-04-02T00:00:00Z");

  await unpaid.advanceTo(april);
  await paused.advanceTo(april);

  expect(await unpaid.latestInvoice()).toMatchObject({ status: "draft", auto_advance: false });
  expect(await paused.latestInvoice()).toMatchObject({ status: "open", created: FEBRUARY });
});

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

test("a card that asks for authentication: no failure, an event of its own, and paid once it is done", async () => {
  const { stripe, control, advanceTo, events, latestInvoice, get } = await setUpClock("pm_card_authenticationRequired");
  await advanceTo(FEBRUARY);
  await events();
  await advanceTo(FINAL);

  expect((await events()).slice(1, -1)).toEqual([
    ...FINALIZED,
    "payment_intent.requires_action",
    "invoice.payment_action_required",
    "invoice.updated",
    "customer.subscription.updated",
  ]);
  expect((await get()).status).toBe("past_due");
  const invoice = await latestInvoice();
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
