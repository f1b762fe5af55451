import { expect, test } from "vitest";
import { DAY, FEBRUARY, FINAL, PAID, seconds, setUpClock } from "./set-up-clock.ts";
import { stripeErrorOf } from "./set-up-stand-in.ts";

/** The middle of the first period, which is 28 days long. */
const HALFWAY = seconds("2026-02-14T03:00:00Z");
const APRIL = seconds("2026-04-02T03:00:00Z");
const COLLECTED = ["invoice.created", "invoice.finalized", "invoice.updated", "payment_intent.created", ...PAID];

/** A subscription of ¥3,000 a month that is paused halfway through its first period. */
async function setUp(
  params: Parameters<Awaited<ReturnType<typeof setUpClock>>["stripe"]["subscriptions"]["pause"]>[1] = {},
) {
  const bundle = await setUpClock();
  const { control, stripe, customer, subscription, advanceTo, events } = bundle;
  await control.setUpcomingNotice(null);
  await advanceTo(HALFWAY);
  await events();
  const paused = await stripe.subscriptions.pause(subscription, params);
  const pending = async () =>
    (await stripe.invoiceItems.list({ customer, pending: true })).data.map(({ amount }) => amount);
  return {
    ...bundle,
    paused,
    pending,
    types: async () => (await events()).filter((type) => !type.startsWith("test_")),
  };
}

test("a paused subscription makes no invoices, and its unused time is credited at the next one", async () => {
  const { paused, pending, types, advanceTo, get, latestInvoice } = await setUp();

  expect(paused).toMatchObject({
    status: "paused",
    status_details: { paused: { subscription: { type: "pause_requested" }, transitioned_at: HALFWAY } },
  });
  expect(await types()).toEqual(["invoiceitem.created", "customer.subscription.paused"]);
  expect(await pending()).toEqual([-1500]);
  await advanceTo(APRIL);

  expect(await get()).toMatchObject({ status: "paused", items: { data: [{ current_period_end: FEBRUARY }] } });
  expect((await latestInvoice())?.billing_reason).toBe("subscription_create");
  expect(await types()).toEqual([]);
});

test("resumed, it begins a new period at once, which takes the credit, and renews from there", async () => {
  const { stripe, subscription, types, advanceTo, latestInvoice, get } = await setUp();
  await advanceTo(APRIL);
  await types();

  const resumed = await stripe.subscriptions.resume(subscription);

  const invoice = await latestInvoice();
  const may = seconds("2026-05-02T03:00:00Z");
  expect(resumed).toMatchObject({
    status: "active",
    billing_cycle_anchor: APRIL,
    latest_invoice: invoice?.id,
    items: { data: [{ current_period_start: APRIL, current_period_end: may }] },
  });
  expect(resumed).not.toHaveProperty("status_details");
  expect(invoice).toMatchObject({ status: "paid", amount_paid: 1500, billing_reason: "subscription_update" });
  expect(await types()).toEqual(["customer.subscription.resumed", ...COLLECTED]);
  await advanceTo(may + DAY);

  expect(await latestInvoice()).toMatchObject({ status: "paid", amount_paid: 3000, created: may });
  expect((await get()).status).toBe("active");
});

test("resumed with its anchor unchanged, it goes on in the period of that moment and owes the rest of it", async () => {
  const { stripe, subscription, pending, advanceTo, latestInvoice } = await setUp({
    bill_for: { unused_time_from: { type: "none" } },
  });
  const resumeAt = FEBRUARY + 15 * DAY;
  await advanceTo(resumeAt);

  const resumed = await stripe.subscriptions.resume(subscription, { billing_cycle_anchor: { type: "unchanged" } });

  const march = seconds("2026-03-31T03:00:00Z");
  expect(resumed).toMatchObject({
    status: "active",
    items: { data: [{ current_period_start: FEBRUARY, current_period_end: march }] },
  });
  const rest = Math.round((3000 * 16) / 31);
  expect(await pending()).toEqual([rest]);
  await advanceTo(march + DAY);

  expect(await latestInvoice()).toMatchObject({ status: "paid", amount_paid: 3000 + rest });
});

test("a pause may be invoiced at once, which gives the unused time to the customer's balance", async () => {
  const { stripe, customer, pending, latestInvoice } = await setUp({ invoicing_behavior: "invoice" });

  expect(await pending()).toEqual([]);
  expect(await latestInvoice()).toMatchObject({ status: "paid", total: -1500, ending_balance: -1500 });
  expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -1500 });
});

test("a card that declines the resumption leaves the subscription past due", async () => {
  const { stripe, control, customer, subscription } = await setUp();
  await control.declineCards({ customer });

  expect(await stripe.subscriptions.resume(subscription)).toMatchObject({ status: "past_due" });
});

test("what the last retry has paused can be resumed, and only what is paused can", async () => {
  const { stripe, control, customer, subscription, advanceTo, get } = await setUpClock("pm_card_chargeCustomerFail");
  await control.setDunning({ retryAfterDays: [], subscription: "pause" });
  expect(await stripeErrorOf(stripe.subscriptions.resume(subscription))).toMatchObject({ statusCode: 400 });
  await advanceTo(FINAL);
  expect((await get()).status).toBe("paused");
  expect(await stripeErrorOf(stripe.subscriptions.pause(subscription))).toMatchObject({ statusCode: 400 });

  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: "pm_card_visa" } });

  expect(await stripe.subscriptions.resume(subscription)).toMatchObject({ status: "active" });
});
