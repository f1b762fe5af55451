import { expect, test } from "vitest";
import {
  BEGINNING,
  BOUNDARY,
  DAY,
  DECLINED,
  FEBRUARY,
  FINAL,
  FINALIZED,
  HOUR,
  PAID,
  RETRIES,
  seconds,
  setUpClock,
} from "./set-up-clock.ts";

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

  expect(await events()).toEqual([
    "test_helpers.test_clock.advancing",
    "invoice.upcoming",
    ...BOUNDARY,
    "test_helpers.test_clock.ready",
  ]);
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

test("a renewal's invoice keeps the subscription's metadata of the moment when it became final", async () => {
  const { stripe, subscription, advanceTo, latestInvoice } = await setUpClock();
  const metadataOf = async () => (await latestInvoice())?.parent?.subscription_details?.metadata;
  await stripe.subscriptions.update(subscription, { metadata: { contract: "c1" } });
  await advanceTo(FEBRUARY);
  await stripe.subscriptions.update(subscription, { metadata: { contract: "c2" } });
  expect(await metadataOf()).toEqual({ contract: "c1" });

  await advanceTo(FINAL);
  await stripe.subscriptions.update(subscription, { metadata: { contract: "c3" } });

  expect(await metadataOf()).toEqual({ contract: "c2" });
});

test("what is updated in the same breath as it is created is told against its creation", async () => {
  const { stripe, customer, events } = await setUpClock("pm_card_chargeCustomerFail");
  await events();
  await stripe.subscriptions.create({ customer, items: [{ price: "price_monthly" }] });

  const made = await events((event) => event);

  expect(made.slice(-2).map(({ type }) => type)).toEqual(["invoice.payment_failed", "invoice.updated"]);
  expect(made.at(-1)?.data.previous_attributes).toEqual({ attempt_count: 0, attempted: false });
  expect(made.find(({ type }) => type === "invoice.created")?.data.object).toMatchObject({ attempt_count: 0 });
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
