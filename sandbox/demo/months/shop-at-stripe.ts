import { setTimeout as pause } from "node:timers/promises";
import Stripe from "stripe";
import type { Temporal } from "temporal-polyfill";
import type { DemoProduct } from "../data/catalog.ts";
import type { DemoCustomer } from "../data/people.ts";

/** What a contract by card knows of its subscription. */
export interface SubscribedAtStripe {
  readonly customerId: string;
  readonly subscriptionId: string;
}

/** How long after the subscriptions' beginning: months first, then days. */
export interface Later {
  readonly months: number;
  readonly days?: number;
}

/** Stripe makes an hour's draft of each renewal's invoice, and collects it then. */
const afterDraft = { hours: 1, seconds: 1 };

const goodCard = "pm_card_visa";

/** A clock of the stand-in's is ready within milliseconds of being told to advance. */
const askClockEveryMs = 10;

/** The shop's subscriptions at Stripe on a test clock, on which time passes when it is told to. */
export class ShopAtStripe {
  readonly #stripe: Stripe;
  readonly #clockId: string;
  readonly #priceId: string;
  /** When everybody subscribes. */
  readonly #begins: Temporal.ZonedDateTime;

  private constructor(stripe: Stripe, ids: { clock: string; price: string }, begins: Temporal.ZonedDateTime) {
    this.#stripe = stripe;
    this.#clockId = ids.clock;
    this.#priceId = ids.price;
    this.#begins = begins;
  }

  /** Opens it at a moment that has passed, with a monthly price of a product that the stand-in knows. */
  static async open(
    { port, secretKey }: { readonly port: number; readonly secretKey: string },
    product: DemoProduct,
    begins: Temporal.ZonedDateTime,
  ): Promise<ShopAtStripe> {
    const stripe = new Stripe(secretKey, { host: "127.0.0.1", port, protocol: "http", telemetry: false });
    const { id: price } = await stripe.prices.create({
      product: product.id,
      currency: "jpy",
      unit_amount: product.priceMinor,
      recurring: { interval: "month" },
    });
    const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: begins.epochMilliseconds / 1_000 });
    return new ShopAtStripe(stripe, { clock, price }, begins);
  }

  /** A customer with a good card subscribes, and pays the first month. */
  async subscribe({ name, email }: DemoCustomer): Promise<SubscribedAtStripe> {
    const { id: customerId } = await this.#stripe.customers.create({
      name,
      email,
      test_clock: this.#clockId,
      payment_method: goodCard,
      invoice_settings: { default_payment_method: goodCard },
    });
    const { id: subscriptionId } = await this.#stripe.subscriptions.create({
      customer: customerId,
      items: [{ price: this.#priceId }],
    });
    return { customerId, subscriptionId };
  }

  /** The business date that lies so much later than the beginning. */
  dateOf({ months, days = 0 }: Later): Temporal.PlainDate {
    return this.#begins.add({ months }).add({ days }).toPlainDate();
  }

  /** Lets time pass until Stripe has collected, or tried to, what is due so much later than the beginning. */
  async advanceTo({ months, days = 0 }: Later): Promise<void> {
    const moment = this.#begins.add({ months }).add({ days }).add(afterDraft);
    const { testClocks } = this.#stripe.testHelpers;
    await testClocks.advance(this.#clockId, { frozen_time: moment.epochMilliseconds / 1_000 });
    while ((await testClocks.retrieve(this.#clockId)).status !== "ready") await pause(askClockEveryMs);
  }

  /** Somebody gives the customer's last payment back, all of it, on the dashboard. */
  async refundLastPayment(customerId: string): Promise<void> {
    const { data } = await this.#stripe.charges.list({ customer: customerId, limit: 1 });
    const [charge] = data;
    if (charge === undefined) throw new Error(`${customerId} has paid nothing at the stand-in`);
    await this.#stripe.refunds.create({ charge: charge.id });
  }
}
