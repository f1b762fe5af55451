import { expect, test } from "vitest";
import { FEBRUARY, FINAL, HOUR, PAID, seconds, setUpClock } from "./set-up-clock.ts";
import { stripeErrorOf } from "./set-up-stand-in.ts";

/** The middle of the first period, which is 28 days long. */
const HALFWAY = seconds("2026-02-14T03:00:00Z");
const MARCH = seconds("2026-03-31T03:00:00Z");

/** A subscription of ¥3,000 a month halfway through its first period, and a price of ¥800 beside it. */
async function setUp() {
  const bundle = await setUpClock();
  const { control, stripe, customer, subscription, advanceTo, events } = bundle;
  await control.setUpcomingNotice(null);
  await control.seed({ prices: [{ id: "price_books", product: "prod_course", amount: 800 }] });
  const [item] = (await stripe.subscriptions.retrieve(subscription)).items.data;
  await advanceTo(HALFWAY);
  await events();
  const pending = async () =>
    (await stripe.invoiceItems.list({ customer, pending: true })).data.map(({ amount }) => amount).toReversed();
  const balanceOf = async () => {
    const found = await stripe.customers.retrieve(customer);
    return found.deleted ? undefined : found.balance;
  };
  return { ...bundle, item: item?.id ?? "", pending, balanceOf };
}

test("a change in the middle of a period credits the unused and charges the remaining time on the next invoice", async () => {
  const { stripe, subscription, item, customer, advanceTo, events, pending, latestInvoice } = await setUp();

  await stripe.subscriptions.update(subscription, { items: [{ id: item, quantity: 3 }] });

  expect(await pending()).toEqual([-1500, 4500]);
  expect(await events()).toEqual(["invoiceitem.created", "invoiceitem.created", "customer.subscription.updated"]);
  const [charge] = (await stripe.invoiceItems.list({ customer, pending: true })).data;
  expect(charge).toMatchObject({
    id: expect.stringMatching(/^ii_/),
    proration: true,
    invoice: null,
    date: HALFWAY,
    period: { start: HALFWAY, end: FEBRUARY },
    quantity: 3,
    parent: { subscription_details: { subscription, subscription_item: item } },
  });
  await advanceTo(FINAL);

  const renewal = await latestInvoice();
  expect(renewal).toMatchObject({ status: "paid", amount_paid: 12_000 });
  expect(
    renewal?.lines.data.map(({ amount, parent }) => [amount, parent?.subscription_item_details?.proration]),
  ).toEqual([
    [9000, false],
    [-1500, true],
    [4500, true],
  ]);
  expect(renewal?.lines.data[2]?.parent?.subscription_item_details).toMatchObject({
    invoice_item: charge?.id,
    subscription_item: item,
  });
  expect(await pending()).toEqual([]);
  expect(await stripe.invoiceItems.retrieve(charge?.id ?? "")).toMatchObject({ invoice: renewal?.id });
});

test("no proration is made when none is asked for, and none of another moment than that which is named", async () => {
  const { stripe, subscription, item, pending } = await setUp();
  await stripe.subscriptions.update(subscription, { items: [{ id: item, quantity: 2 }], proration_behavior: "none" });
  expect(await pending()).toEqual([]);

  const proration_date = HALFWAY + 7 * 24 * HOUR;
  await stripe.subscriptions.update(subscription, { items: [{ id: item, quantity: 1 }], proration_date });

  expect(await pending()).toEqual([-1500, 750]);
  const outside = stripe.subscriptions.update(subscription, {
    items: [{ id: item, quantity: 5 }],
    proration_date: MARCH,
  });
  expect(await stripeErrorOf(outside)).toMatchObject({ statusCode: 400, param: "proration_date" });
});

test("always_invoice collects the difference at once", async () => {
  const { stripe, subscription, item, events, latestInvoice } = await setUp();

  const updated = await stripe.subscriptions.update(subscription, {
    items: [{ id: item, quantity: 3 }],
    proration_behavior: "always_invoice",
  });

  const invoice = await latestInvoice();
  expect(invoice).toMatchObject({ billing_reason: "subscription_update", status: "paid", amount_paid: 3000 });
  expect(updated).toMatchObject({ status: "active", latest_invoice: invoice?.id });
  expect(await events()).toEqual([
    "invoiceitem.created",
    "invoiceitem.created",
    "customer.subscription.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.updated",
    "payment_intent.created",
    ...PAID,
  ]);
});

test("a difference that the card does not pay leaves the subscription past_due, with retries to come", async () => {
  const { stripe, control, customer, subscription, item, latestInvoice } = await setUp();
  await control.declineCards({ customer });

  const updated = await stripe.subscriptions.update(subscription, {
    items: [{ id: item, quantity: 3 }],
    proration_behavior: "always_invoice",
  });

  expect(updated.status).toBe("past_due");
  expect(await latestInvoice()).toMatchObject({
    status: "open",
    attempt_count: 1,
    next_payment_attempt: expect.any(Number),
  });
});

test("items come and go: what goes is credited, what comes is charged, and one must stay", async () => {
  const { stripe, subscription, item, advanceTo, pending, latestInvoice } = await setUp();

  const updated = await stripe.subscriptions.update(subscription, {
    items: [
      { id: item, deleted: true },
      { price: "price_books", quantity: 2 },
    ],
  });

  expect(updated.items.data).toMatchObject([
    { price: { id: "price_books" }, quantity: 2, current_period_end: FEBRUARY, created: HALFWAY },
  ]);
  expect(await pending()).toEqual([-1500, 800]);
  const last = stripe.subscriptions.update(subscription, {
    items: [{ id: updated.items.data[0]?.id ?? "", deleted: true }],
  });
  expect(await stripeErrorOf(last)).toMatchObject({ statusCode: 400, param: "items" });
  const unknown = stripe.subscriptions.update(subscription, { items: [{ id: item, quantity: 2 }] });
  expect(await stripeErrorOf(unknown)).toMatchObject({ code: "resource_missing", param: "items[0][id]" });
  await advanceTo(FINAL);

  expect(await latestInvoice()).toMatchObject({ status: "paid", amount_paid: 1600 - 1500 + 800 });
});

test("canceling moves no money unless it is told to, and then drops what was to be invoiced", async () => {
  const { stripe, subscription, item, events, pending, balanceOf } = await setUp();
  await stripe.subscriptions.update(subscription, { items: [{ id: item, quantity: 3 }] });
  await events();

  await stripe.subscriptions.cancel(subscription);

  expect(await pending()).toEqual([]);
  expect(await balanceOf()).toBe(0);
  expect(await events()).toEqual(["invoiceitem.deleted", "invoiceitem.deleted", "customer.subscription.deleted"]);
});

test("canceling with prorate and invoice_now gives the unused time to the customer's balance", async () => {
  const { stripe, subscription, events, latestInvoice, pending, balanceOf } = await setUp();

  const canceled = await stripe.subscriptions.cancel(subscription, { prorate: true, invoice_now: true });

  const last = await latestInvoice();
  expect(canceled).toMatchObject({ status: "canceled", latest_invoice: last?.id });
  expect(last).toMatchObject({ status: "paid", total: -1500, amount_due: 0, amount_paid: 0, ending_balance: -1500 });
  expect(await balanceOf()).toBe(-1500);
  expect(await pending()).toEqual([]);
  expect((await events()).slice(0, 3)).toEqual([
    "invoiceitem.created",
    "customer.subscription.deleted",
    "invoice.created",
  ]);
});

test("canceling with prorate alone leaves the credit pending, where it can be deleted", async () => {
  const { stripe, customer, subscription, pending } = await setUp();
  await stripe.subscriptions.cancel(subscription, { prorate: true });
  expect(await pending()).toEqual([-1500]);
  const [credit] = (await stripe.invoiceItems.list({ customer })).data;

  expect(await stripe.invoiceItems.del(credit?.id ?? "")).toMatchObject({ object: "invoiceitem", deleted: true });

  expect(await pending()).toEqual([]);
  expect(await stripeErrorOf(stripe.invoiceItems.del(credit?.id ?? ""))).toMatchObject({ statusCode: 404 });
});

test("an end within the period credits what comes after it, and takes that back when it is lifted", async () => {
  const { stripe, subscription, advanceTo, pending, balanceOf, get, latestInvoice } = await setUp();
  const cancel_at = HALFWAY + 7 * 24 * HOUR;
  await stripe.subscriptions.update(subscription, { cancel_at });
  expect(await pending()).toEqual([-750]);
  await stripe.subscriptions.update(subscription, { cancel_at: "" });
  expect(await pending()).toEqual([]);
  await stripe.subscriptions.update(subscription, { cancel_at });

  await advanceTo(cancel_at + HOUR + 1);

  expect(await get()).toMatchObject({ status: "canceled", ended_at: cancel_at });
  expect(await latestInvoice()).toMatchObject({ status: "paid", total: -750, amount_paid: 0 });
  expect(await balanceOf()).toBe(-750);
});

test("of a later period only the part before the end is invoiced, whatever is asked for", async () => {
  const { stripe, subscription, advanceTo, pending, latestInvoice } = await setUp();
  // Ten of the 31 days of the next period.
  const cancel_at = FEBRUARY + 10 * 24 * HOUR;
  await stripe.subscriptions.update(subscription, { cancel_at, proration_behavior: "none" });
  expect(await pending()).toEqual([]);

  await advanceTo(FINAL);

  expect(await latestInvoice()).toMatchObject({
    amount_paid: Math.round((3000 * 10) / 31),
    lines: { data: [{ period: { start: FEBRUARY, end: cancel_at } }] },
  });
});

test("what waits for an invoice when a subscription ends with its period is invoiced then", async () => {
  const { stripe, subscription, item, advanceTo, latestInvoice } = await setUp();
  await stripe.subscriptions.update(subscription, { items: [{ id: item, quantity: 3 }], cancel_at_period_end: true });

  await advanceTo(FEBRUARY);
  expect(await latestInvoice()).toMatchObject({ status: "draft", total: 3000, billing_reason: "subscription_cycle" });
  await advanceTo(FINAL);

  expect(await latestInvoice()).toMatchObject({ status: "paid", amount_paid: 3000 });
  expect((await stripe.subscriptions.retrieve(subscription)).status).toBe("canceled");
});
