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
export const afterDraft = { hours: 1, seconds: 1 };

const goodCard = "pm_card_visa";

/** A clock of the stand-in's is ready within milliseconds of being told to advance. */
const askClockEveryMs = 2;

/** The shop's subscriptions at Stripe on a test clock, on which time passes when it is told to. */
export class ShopAtStripe {
  readonly #stripe: Stripe;
  readonly #clockId: string;
  /** The monthly price of each product that is sold here. */
  readonly #priceIds = new Map<string, string>();
  readonly #begins: Temporal.ZonedDateTime;

  private constructor(stripe: Stripe, clockId: string, begins: Temporal.ZonedDateTime) {
    this.#stripe = stripe;
    this.#clockId = clockId;
    this.#begins = begins;
  }

  /** Opens it at a moment that has passed. */
  static async open(
    { port, secretKey }: { readonly port: number; readonly secretKey: string },
    begins: Temporal.ZonedDateTime,
  ): Promise<ShopAtStripe> {
    const stripe = new Stripe(secretKey, { host: "127.0.0.1", port, protocol: "http", telemetry: false });
    const { id: clockId } = await stripe.testHelpers.testClocks.create({ frozen_time: secondsOf(begins) });
    return new ShopAtStripe(stripe, clockId, begins);
  }

  /** Sells a product that the stand-in knows, by the month. */
  async sell({ id, priceMinor }: Pick<DemoProduct, "id" | "priceMinor">): Promise<void> {
    const { id: priceId } = await this.#stripe.prices.create({
      product: id,
      currency: "jpy",
      unit_amount: priceMinor,
      recurring: { interval: "month" },
    });
    this.#priceIds.set(id, priceId);
  }

  /** Makes a product known to the stand-in, and sells it. */
  async introduce(product: Pick<DemoProduct, "id" | "name" | "priceMinor">): Promise<void> {
    await this.#stripe.products.create({ id: product.id, name: product.name });
    await this.sell(product);
  }

  /** A customer with a good card subscribes, and pays the first month. */
  async subscribe(
    { name, email }: DemoCustomer,
    { id: productId }: { readonly id: string },
  ): Promise<SubscribedAtStripe> {
    const price = this.#priceIds.get(productId);
    if (price === undefined) throw new Error(`${productId} is not sold at the stand-in`);
    const { id: customerId } = await this.#stripe.customers.create({
      name,
      email,
      test_clock: this.#clockId,
      payment_method: goodCard,
      invoice_settings: { default_payment_method: goodCard },
    });
    const { id: subscriptionId } = await this.#stripe.subscriptions.create({
      customer: customerId,
      items: [{ price }],
    });
    return { customerId, subscriptionId };
  }

  /** The business date that lies so much later than the beginning. */
  dateOf({ months, days = 0 }: Later): Temporal.PlainDate {
    return this.#begins.add({ months }).add({ days }).toPlainDate();
  }

  /** Lets time pass until Stripe has collected, or tried to, what is due so much later than the beginning. */
  async advanceTo({ months, days = 0 }: Later): Promise<void> {
    await this.passTo(this.#begins.add({ months }).add({ days }).add(afterDraft));
  }

  /** Lets time pass until a moment. */
  async passTo(moment: Temporal.ZonedDateTime): Promise<void> {
    const { testClocks } = this.#stripe.testHelpers;
    await testClocks.advance(this.#clockId, { frozen_time: secondsOf(moment) });
    while ((await testClocks.retrieve(this.#clockId)).status !== "ready") await pause(askClockEveryMs);
  }

  /** Somebody gives the customer's last payment back, all of it, on the dashboard. */
  async refundLastPayment(customerId: string): Promise<void> {
    const { data } = await this.#stripe.charges.list({ customer: customerId, limit: 1 });
    const [charge] = data;
    if (charge === undefined) throw new Error(`${customerId} has paid nothing at the stand-in`);
    await this.#stripe.refunds.create({ charge: charge.id });
  }

  /** Somebody sets a subscription's end on the dashboard; null takes it away, whoever has set it. */
  async setEnd({ subscriptionId }: SubscribedAtStripe, moment: Temporal.ZonedDateTime | null): Promise<void> {
    await this.#stripe.subscriptions.update(subscriptionId, {
      cancel_at: moment === null ? "" : secondsOf(moment),
      proration_behavior: "none",
    });
  }
}

/** A moment as Stripe counts it. */
function secondsOf({ epochMilliseconds }: Temporal.ZonedDateTime): number {
  return Math.floor(epochMilliseconds / 1_000);
}
