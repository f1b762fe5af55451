import type Stripe from "stripe";
import { expect, test } from "vitest";
import { BEGINNING, DAY, FEBRUARY, HOUR, seconds, setUpClock } from "./set-up-clock.ts";

const ANNOUNCED = ["customer.subscription.trial_will_end", "invoice.upcoming"];

/** The announcements since the last time. */
async function announced(events: Awaited<ReturnType<typeof setUpClock>>["events"]) {
  return (await events((event) => event)).filter(({ type }) => ANNOUNCED.includes(type));
}

test("a renewal is announced a week before: an invoice without an id, as it is going to be", async () => {
  const { events, advanceTo, subscription, latestInvoice } = await setUpClock();
  await advanceTo(FEBRUARY - 7 * DAY - 1);
  expect(await announced(events)).toEqual([]);

  await advanceTo(FEBRUARY + DAY);

  const [upcoming, ...others] = await announced(events);
  expect(others).toEqual([]);
  expect(upcoming).toMatchObject({ type: "invoice.upcoming", created: FEBRUARY - 7 * DAY, request: { id: null } });
  const preview = upcoming?.data.object as Stripe.Invoice;
  expect(preview).not.toHaveProperty("id");
  expect(preview).toMatchObject({
    object: "invoice",
    status: "draft",
    amount_due: 3000,
    billing_reason: "subscription_cycle",
    created: FEBRUARY,
    period_start: BEGINNING,
    period_end: FEBRUARY,
    next_payment_attempt: FEBRUARY + HOUR,
    parent: { subscription_details: { subscription } },
  });
  expect(preview.lines.data).toMatchObject([
    { amount: 3000, invoice: null, period: { start: FEBRUARY, end: seconds("2026-03-31T03:00:00Z") } },
  ]);
  expect((await latestInvoice())?.created).toBe(FEBRUARY);
});

test("what is announced counts the customer's balance and what waits for an invoice", async () => {
  const { stripe, customer, subscription, events, advanceTo } = await setUpClock();
  await stripe.customers.update(customer, { balance: -1000 });
  const [item] = (await stripe.subscriptions.retrieve(subscription)).items.data;
  // Of the whole first period: a credit of 3,000, a charge of 6,000.
  await stripe.subscriptions.update(subscription, { items: [{ id: item?.id ?? "", quantity: 2 }] });

  await advanceTo(FEBRUARY - 7 * DAY);

  expect((await announced(events)).map(({ data }) => data.object)).toMatchObject([
    { total: 9000, amount_due: 8000, starting_balance: -1000, ending_balance: 0 },
  ]);
  expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -1000 });
});

test("every renewal is announced once, in whatever steps time passes", async () => {
  const { events, advanceTo } = await setUpClock();
  const moments = [
    "2026-02-21T03:00:00Z",
    "2026-02-21T03:00:01Z",
    "2026-03-24T02:59:59Z",
    "2026-03-25T00:00:00Z",
    "2026-05-01T00:00:00Z",
  ];
  const made: Stripe.Event[] = [];
  for (const moment of moments) {
    await advanceTo(seconds(moment));
    made.push(...(await announced(events)));
  }

  expect(made.map(({ created }) => new Date(created * 1000).toISOString())).toEqual([
    "2026-02-21T03:00:00.000Z",
    "2026-03-24T03:00:00.000Z",
    "2026-04-23T03:00:00.000Z",
  ]);
});

test("an end with the period is announced by nobody, and how early a renewal is announced is a setting", async () => {
  const { stripe, control, events, advanceTo, subscription } = await setUpClock();
  await control.setUpcomingNotice(3);
  await advanceTo(FEBRUARY);
  expect((await announced(events)).map(({ created }) => created)).toEqual([FEBRUARY - 3 * DAY]);
  await stripe.subscriptions.update(subscription, { cancel_at_period_end: true });

  await advanceTo(FEBRUARY + 40 * DAY);

  expect(await announced(events)).toEqual([]);
});

test("a trial is announced to end three days before, and one that is shorter at once", async () => {
  const { stripe, control, customer, events, advanceTo } = await setUpClock();
  await control.setUpcomingNotice(null);
  const trial = (days: number) =>
    stripe.subscriptions.create({ customer, items: [{ price: "price_monthly" }], trial_period_days: days });

  const short = await trial(2);
  const long = await trial(10);
  expect(await announced(events)).toMatchObject([
    { created: BEGINNING, data: { object: { id: short.id, status: "trialing" } }, request: { id: expect.any(String) } },
  ]);
  await advanceTo(BEGINNING + 11 * DAY);

  expect(await announced(events)).toMatchObject([
    {
      type: "customer.subscription.trial_will_end",
      created: BEGINNING + 7 * DAY,
      data: { object: { id: long.id, status: "trialing", trial_end: BEGINNING + 10 * DAY } },
      request: { id: null },
    },
  ]);
});
