import type Stripe from "stripe";
import { expect, test } from "vitest";
import { BEGINNING, DAY, seconds, setUpClock } from "./set-up-clock.ts";
import { stripeErrorOf } from "./set-up-stand-in.ts";

/** On the 8th at one o'clock in Japan, which is the 7th in UTC. */
const ANCHOR = seconds("2026-02-07T16:00:00Z");
const NEXT = seconds("2026-03-07T16:00:00Z");

/** A further subscription of ¥3,000 a month, made on 31 January at 03:00 UTC. */
async function setUp() {
  const bundle = await setUpClock();
  const create = (params: Partial<Stripe.SubscriptionCreateParams>) =>
    bundle.stripe.subscriptions.create({ customer: bundle.customer, items: [{ price: "price_monthly" }], ...params });
  const invoicesOf = async (subscription: string) => (await bundle.stripe.invoices.list({ subscription })).data;
  const periodOf = ({ items }: Stripe.Subscription) => {
    const [item] = items.data;
    return [item?.current_period_start, item?.current_period_end];
  };
  return { ...bundle, create, invoicesOf, periodOf };
}

test("a chosen anchor cuts the first period short, which is paid for in part, and whole periods follow", async () => {
  const { stripe, create, invoicesOf, periodOf, advanceTo } = await setUp();

  const subscription = await create({ billing_cycle_anchor: ANCHOR });

  expect(subscription).toMatchObject({ status: "active", billing_cycle_anchor: ANCHOR });
  expect(periodOf(subscription)).toEqual([BEGINNING, ANCHOR]);
  // 181 of the 744 hours of the period that would have begun on 7 January.
  expect(await invoicesOf(subscription.id)).toMatchObject([
    {
      status: "paid",
      amount_paid: Math.round((3000 * 181) / 744),
      lines: { data: [{ period: { start: BEGINNING, end: ANCHOR } }] },
    },
  ]);
  await advanceTo(ANCHOR + DAY);

  expect(await invoicesOf(subscription.id)).toMatchObject([{ status: "paid", amount_paid: 3000 }, {}]);
  expect(periodOf(await stripe.subscriptions.retrieve(subscription.id))).toEqual([ANCHOR, NEXT]);
});

test("a change before the anchor is prorated by the whole period, too", async () => {
  const { stripe, customer, create } = await setUp();
  const { id, items } = await create({ billing_cycle_anchor: ANCHOR });

  await stripe.subscriptions.update(id, { items: [{ id: items.data[0]?.id ?? "", quantity: 2 }] });

  const part = Math.round((3000 * 181) / 744);
  const prorations = (await stripe.invoiceItems.list({ customer })).data.map(({ amount }) => amount);
  expect(prorations.toSorted((a, b) => a - b)).toEqual([-part, Math.round((6000 * 181) / 744)]);
});

test("without prorations the time before the anchor is free", async () => {
  const { create, invoicesOf } = await setUp();

  const { id, status } = await create({ billing_cycle_anchor: ANCHOR, proration_behavior: "none" });

  expect(status).toBe("active");
  expect(await invoicesOf(id)).toMatchObject([{ status: "paid", total: 0 }]);
});

test("an anchor by its day is the next such moment in UTC, with the time of the beginning unless it is named", async () => {
  const { create } = await setUp();

  const named = await create({ billing_cycle_anchor_config: { day_of_month: 7, hour: 16, minute: 0, second: 0 } });
  const unnamed = await create({ billing_cycle_anchor_config: { day_of_month: 7 } });

  expect(named).toMatchObject({
    billing_cycle_anchor: ANCHOR,
    billing_cycle_anchor_config: { day_of_month: 7, hour: 16 },
  });
  expect(unnamed.billing_cycle_anchor).toBe(seconds("2026-02-07T03:00:00Z"));
});

test.each<[what: string, params: Partial<Stripe.SubscriptionCreateParams>, code?: string]>([
  ["an anchor in the past", { billing_cycle_anchor: BEGINNING }],
  ["an anchor after the next natural billing date", { billing_cycle_anchor: seconds("2026-03-01T00:00:00Z") }],
  [
    "two anchors",
    { billing_cycle_anchor: ANCHOR, billing_cycle_anchor_config: { day_of_month: 7 } },
    "parameters_exclusive",
  ],
])("refuses %s", async (_what, params, code) => {
  const { create } = await setUp();

  const error = await stripeErrorOf(create(params));

  expect([error.statusCode, error.code]).toEqual([400, code]);
});
