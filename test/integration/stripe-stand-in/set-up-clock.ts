import type Stripe from "stripe";
import { eventually } from "../../support/eventually.ts";
import { SHOP, setUpStandIn } from "./set-up-stand-in.ts";

export const HOUR = 60 * 60;
export const DAY = 24 * HOUR;

/** When the lives of these tests begin. */
export const BEGINNING = Date.parse("2026-01-31T03:00:00Z") / 1000;

/** The first boundary: a 31st counted into February, on the UTC calendar. */
export const FEBRUARY = Date.parse("2026-02-28T03:00:00Z") / 1000;
/** When the invoice of the first boundary becomes final. */
export const FINAL = FEBRUARY + HOUR + 1;
/** The card is declined, retries follow after 3, 5 and 7 days. */
export const RETRIES = [FINAL + 3 * DAY, FINAL + 8 * DAY, FINAL + 15 * DAY] as const;

/** The events of an attempt that fails. */
export const DECLINED = ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"];
/** The events of an attempt that succeeds. */
export const PAID = [
  "charge.succeeded",
  "payment_intent.succeeded",
  "invoice_payment.paid",
  "invoice.paid",
  "invoice.payment_succeeded",
];
/** The events of a boundary. */
export const BOUNDARY = ["invoice.created", "customer.subscription.updated"];
/** The events of an invoice that becomes final. */
export const FINALIZED = ["invoice.finalized", "invoice.updated", "payment_intent.created"];

/**
 * A subscription that begins on a test clock of its own, paid by this card, and what happens to it from then on.
 *
 * `events` gives the types, or what `show` makes of each event, in the order in which they were made, since the last time.
 */
export async function setUpClock(card = "pm_card_visa") {
  const bundle = await setUpStandIn();
  const { control, stripe } = bundle;
  await control.seed({ products: SHOP.products, prices: SHOP.prices });
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: BEGINNING });
  const customer = await stripe.customers.create({
    test_clock: clock.id,
    payment_method: "pm_card_visa",
    invoice_settings: { default_payment_method: "pm_card_visa" },
  });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: "price_monthly" }],
  });
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card } });
  const advanceTo = (moment: number) => advance(stripe, clock.id, moment);
  let seen = (await stripe.events.list({ limit: 1 })).data[0]?.id ?? "";
  const events = async <T = string>(show: (event: Stripe.Event) => T = typeOf as (event: Stripe.Event) => T) => {
    const made = await stripe.events.list({ ending_before: seen, limit: 100 });
    seen = made.data[0]?.id ?? seen;
    return made.data.toReversed().map(show);
  };
  return {
    ...bundle,
    clock: clock.id,
    customer: customer.id,
    subscription: subscription.id,
    events,
    advanceTo,
    get: () => stripe.subscriptions.retrieve(subscription.id),
    latestInvoice: async () => (await stripe.invoices.list({ subscription: subscription.id, limit: 1 })).data[0],
  };
}

/** Advances a test clock in steps that Stripe allows, and waits until it is ready. */
export async function advance(stripe: Stripe, clock: string, moment: number): Promise<void> {
  for (;;) {
    const { frozen_time: now } = await stripe.testHelpers.testClocks.retrieve(clock);
    if (now >= moment) return;
    await stripe.testHelpers.testClocks.advance(clock, { frozen_time: Math.min(moment, now + 50 * DAY) });
    const isReady = async () => (await stripe.testHelpers.testClocks.retrieve(clock)).status === "ready";
    await eventually(isReady, { withinMs: 10_000, describe: "the clock" });
  }
}

export function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

function typeOf({ type }: Stripe.Event): string {
  return type;
}
