import type { Sql } from "postgres";
import { Temporal } from "temporal-polyfill";
import type { CommandContext } from "../../../src/cli/context.ts";
import { eventBackfill } from "../../../src/cli/event-backfill.ts";
import type { Client, TypedRequest } from "../../../src/client.ts";
import type { StripeStandIn } from "../../stripe/stripe-stand-in.ts";
import { awaitLedger } from "../await-ledger.ts";
import { productNamed } from "../data/catalog.ts";
import type { Narrator } from "../narrator.ts";
import { type DemoDay, resolveDates } from "../notation.ts";
import { awaitReports } from "./await-reports.ts";
import { type Later, ShopAtStripe, type SubscribedAtStripe } from "./shop-at-stripe.ts";
import { allSubscribers, type Subscriber, subscribers } from "./subscribers.ts";

export interface MonthsOptions {
  readonly stripe: StripeStandIn;
  readonly commands: CommandContext;
  readonly client: Client;
  readonly sql: Sql;
  readonly day: DemoDay;
  readonly narrator: Narrator;
}

const product = productNamed("kitchen-garden");

/** Days after a renewal on which Stripe tries again to collect it, as it does unless told otherwise. */
const retries = [3, 8, 15] as const;

/** Of the first month's events so many are sent a second time. */
const sentTwice = 12;

/**
 * When the months begin: so that the third renewal has come, and is no further back than Stripe lists events. At noon of
 * Tokyo, Stripe's months end on the business dates on which the contracts' months do.
 */
export function beginningOf(day: DemoDay): Temporal.ZonedDateTime {
  const startOn = Temporal.PlainDate.from(resolveDates("today-3m-2d", day));
  return startOn.toZonedDateTime({ timeZone: day.zone, plainTime: "12:00" });
}

/** Three months on a test clock that end about now, each with troubles of its own. Resolves when all is in the books. */
export async function playMonths(options: MonthsOptions): Promise<void> {
  const { narrator, stripe, day } = options;
  const shop = await ShopAtStripe.open(stripe, beginningOf(day));
  await shop.sell(product);
  const months = new Months(options, shop);
  const on = (months: number, words: string) => `${shop.dateOf({ months }).toString()}  ${words}`;
  const { recovering, failing, refunded, leaving } = subscribers;
  await narrator.tell(
    () => months.subscribe(),
    () => on(0, `${allSubscribers.length} customers subscribe at Stripe, and their contracts are registered`),
  );
  await narrator.tell(
    () => months.first(),
    () =>
      on(1, `The card of ${recovering.contractId} is declined twice, then pays; ${sentTwice} events are sent twice`),
  );
  await narrator.tell(
    () => months.second(),
    () =>
      on(
        2,
        `The card of ${failing.contractId} is declined for good, and ${refunded.contractId} refunded on the dashboard; ` +
          "the last events come first",
      ),
  );
  await narrator.tell(
    () => months.third(),
    (lost) => on(3, `${leaving.contractId} ends as its customer has reserved; ${lost} events never come`),
  );
  await narrator.tell(
    () => months.fillBack(),
    (since) => `What never came is found: keiyaku event backfill --since ${since}`,
  );
}

/** The three months as they pass, one call after the other. */
class Months {
  readonly #options: MonthsOptions;
  readonly #shop: ShopAtStripe;
  readonly #atStripe = new Map<Subscriber, SubscribedAtStripe>();

  constructor(options: MonthsOptions, shop: ShopAtStripe) {
    this.#options = options;
    this.#shop = shop;
  }

  /** Stripe reports their beginnings before their contracts are registered, and those events wait for that. */
  async subscribe(): Promise<void> {
    for (const subscriber of allSubscribers) {
      this.#atStripe.set(subscriber, await this.#shop.subscribe(subscriber.customer, product));
    }
    await this.#ask(Array.from(this.#atStripe, ([subscriber, stripe]) => this.#registration(subscriber, stripe)));
  }

  /** A card is declined twice, and pays at the second retry. */
  async first(): Promise<void> {
    await this.#options.stripe.control.disturbDeliveries({ mode: "duplicate", times: sentTwice });
    await this.#decline(subscribers.recovering, 2);
    for (const days of [0, ...retries].slice(0, 3)) await this.#pass({ months: 1, days });
  }

  /** A card is declined until Stripe gives up. Meanwhile somebody refunds on the dashboard, and somebody wants to leave. */
  async second(): Promise<void> {
    const { control } = this.#options.stripe;
    await this.#decline(subscribers.failing, 1 + retries.length);
    for (const days of [0, ...retries]) {
      await control.holdDeliveries();
      await this.#shop.advanceTo({ months: 2, days });
      if (days === 0) await this.#shop.refundLastPayment(this.#customerOf(subscribers.refunded));
      await control.releaseDeliveries({ order: "reversed" });
      await this.#reported();
    }
    const { contractId, customer } = subscribers.leaving;
    const actor = { type: "customer", id: customer.id } as const;
    await this.#ask([{ id: `leave-${contractId}`, kind: "reserve_termination", contractId, actor }]);
  }

  /** Two payments and an end are never told. Returns how many events that are. */
  async third(): Promise<number> {
    const { control } = this.#options.stripe;
    const lost = { "invoice.paid": 2, "customer.subscription.deleted": 1 };
    for (const [type, times] of Object.entries(lost)) {
      await control.disturbDeliveries({ mode: "lose", types: [type], times });
    }
    await this.#pass({ months: 3 });
    return Object.values(lost).reduce((sum, times) => sum + times, 0);
  }

  /** Asks Stripe for what it has reported since the third renewal. Returns that date. */
  async fillBack(): Promise<string> {
    const { commands } = this.#options;
    const since = this.#shop.dateOf({ months: 3 }).toString();
    await eventBackfill(commands, { since });
    await this.#reported({ toTheLast: true });
    return since;
  }

  #registration({ contractId, customer }: Subscriber, stripe: SubscribedAtStripe): TypedRequest {
    return {
      id: `subscribe-${contractId}`,
      kind: "register",
      contractId,
      actor: { type: "service", id: "shop" },
      params: {
        productId: product.id,
        customerId: customer.id,
        customer,
        kind: "monthly",
        paymentMethod: "card",
        priceMinor: product.priceMinor,
        startOn: this.#shop.dateOf({ months: 0 }).toString(),
        stripe,
      },
    };
  }

  async #ask(requests: readonly TypedRequest[]): Promise<void> {
    const { client, sql, commands } = this.#options;
    await client.requestMany(requests);
    await awaitLedger(sql, requests, { signal: commands.signal, onProgress: () => undefined });
    await this.#reported();
  }

  async #pass(later: Later): Promise<void> {
    await this.#shop.advanceTo(later);
    await this.#reported();
  }

  async #reported(how: { readonly toTheLast?: boolean } = {}): Promise<void> {
    const { sql, stripe, commands } = this.#options;
    await awaitReports({ sql, control: stripe.control, signal: commands.signal, ...how });
  }

  async #decline(subscriber: Subscriber, times: number): Promise<void> {
    const customer = this.#customerOf(subscriber);
    await this.#options.stripe.control.declineCards({ customer, reason: "insufficient_funds", times });
  }

  #customerOf(subscriber: Subscriber): string {
    const atStripe = this.#atStripe.get(subscriber);
    if (atStripe === undefined) throw new Error(`${subscriber.contractId} has not subscribed yet`);
    return atStripe.customerId;
  }
}
