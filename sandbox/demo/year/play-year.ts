import type { Temporal } from "temporal-polyfill";
import type { TypedRequest } from "../../../src/client.ts";
import { parseBusinessDate } from "../../../src/contract/calendar.ts";
import { type DailyRunDeps, driveDailyRun } from "../../../src/maintenance/daily-run.ts";
import { closeQueue, openQueue } from "../../../src/queue/queue-backend.ts";
import { createRunBells } from "../../../src/queue/run-bells.ts";
import { awaitLedger } from "../await-ledger.ts";
import { productNamed } from "../data/catalog.ts";
import { awaitReports } from "../months/await-reports.ts";
import type { MonthsOptions } from "../months/play-months.ts";
import { ShopAtStripe, type SubscribedAtStripe } from "../months/shop-at-stripe.ts";
import { type Happening, seminar, type YearContract, yearContracts } from "./contracts.ts";
import { readMonth } from "./read-year.ts";
import { registrationOf } from "./registration.ts";
import type { YearDates } from "./year-dates.ts";

export interface YearOptions extends MonthsOptions {
  readonly dates: YearDates;
}

/** Milliseconds matter where a year of days passes. */
const lookEveryMs = 5;

/**
 * A year, day by day: the test clock comes to the day, what Stripe reports is awaited, people ask, and the daily run of that date
 * is driven to its end. Says a line for each month, and resolves when all is in the books.
 */
export async function playYear(options: YearOptions): Promise<void> {
  const { narrator, dates, sql, commands, stripe } = options;
  const queue = await openQueue(commands.queue, "operations", 5_000);
  try {
    const shop = await ShopAtStripe.open(stripe, dates.noonOf(dates.first));
    await shop.sell(productNamed("kitchen-garden"));
    await shop.introduce(seminar);
    const run: DailyRunDeps = {
      db: commands.db,
      bells: createRunBells(queue, { debug: () => undefined }),
      clock: commands.clock,
      stopping: commands.signal,
      lookEveryMs,
    };
    const year = new Year(options, shop, run);
    for (const month of dates.months) {
      await narrator.tell(
        async () => {
          for (const date of month) await year.pass(date);
          return readMonth(sql, month);
        },
        (words) => `${month[0]?.toString().slice(0, 7)}  ${words}`,
      );
    }
  } finally {
    await closeQueue(queue, 1_000);
  }
}

/** What people do on a date. */
interface Deeds {
  readonly registered: YearContract[];
  readonly happened: { readonly contract: YearContract; readonly happening: Happening }[];
}

/** The year as it passes, day by day. */
class Year {
  readonly #options: YearOptions;
  readonly #shop: ShopAtStripe;
  readonly #run: DailyRunDeps;
  readonly #deeds: ReadonlyMap<string, Deeds>;
  readonly #atStripe = new Map<YearContract, SubscribedAtStripe>();
  /** Of Stripe's deliveries so many are known to be in the books. */
  #heard = 0;

  constructor(options: YearOptions, shop: ShopAtStripe, run: DailyRunDeps) {
    this.#options = options;
    this.#shop = shop;
    this.#run = run;
    this.#deeds = deedsOf(options.dates);
  }

  async pass(date: Temporal.PlainDate): Promise<void> {
    const { dates } = this.#options;
    const { registered, happened } = this.#deeds.get(date.toString()) ?? { registered: [], happened: [] };
    await this.#subscribe(date, registered);
    await this.#shop.passTo(dates.momentOf(date));
    await this.#register(date, registered);
    await this.#reported();
    for (const [index, { contract, happening }] of happened.entries()) {
      await this.#happen(contract, happening, `${date.toString()}-${index}`);
      await this.#reported();
    }
    await driveDailyRun(this.#run, parseBusinessDate(date.toString()), parseBusinessDate(dates.first.toString()));
    await this.#reported();
  }

  /** At noon of their day. Stripe reports it before the contracts are registered, and those events wait for that. */
  async #subscribe(date: Temporal.PlainDate, registered: readonly YearContract[]): Promise<void> {
    const byCard = registered.filter(({ method }) => method === "card");
    if (byCard.length > 0) await this.#shop.passTo(this.#options.dates.noonOf(date));
    for (const contract of byCard) {
      this.#atStripe.set(contract, await this.#shop.subscribe(contract.customer, contract.product));
    }
  }

  async #register(date: Temporal.PlainDate, registered: readonly YearContract[]): Promise<void> {
    if (registered.length === 0) return;
    const { dates, day, sql } = this.#options;
    await this.#ask(registered.map((each) => registrationOf(each, dates, day, this.#atStripe.get(each))));
    // What of a day gone by nobody can ask for: that the contracts came on it, to products whose months stood before. Nothing is made up
    // for of what was over when a contract came, or before a month stood.
    const ids = registered.map(({ contractId }) => contractId);
    const at = dates.noonOf(date).toInstant().toString();
    await sql`update keiyaku.contracts set created_at = ${at} where id = any (${ids})`;
    const first = dates.noonOf(dates.first).toInstant().toString();
    await sql`update keiyaku.products set automatic_termination_month_set_at = ${first}`;
  }

  async #happen(contract: YearContract, happening: Happening, id: string): Promise<void> {
    const { dates, stripe } = this.#options;
    const { contractId, customer } = contract;
    switch (happening.type) {
      case "asked": {
        const { by, request } = happening;
        const actor = by === "customer" ? { type: by, id: customer.id } : ({ type: "operator", id: "clerk" } as const);
        return this.#ask([{ id: `year-${contractId}-${id}`, contractId, actor, ...request }]);
      }
      case "card_declined": {
        const { customerId } = this.#subscriptionOf(contract);
        const { times } = happening;
        return stripe.control.declineCards({ customer: customerId, reason: "insufficient_funds", times });
      }
      case "end_set_at_stripe": {
        const end = dates.noonOf(dates.of(contract, happening.end));
        return this.#shop.setEnd(this.#subscriptionOf(contract), end);
      }
      case "end_lifted_at_stripe":
        return this.#shop.setEnd(this.#subscriptionOf(contract), null);
    }
  }

  async #ask(requests: readonly TypedRequest[]): Promise<void> {
    if (requests.length === 0) return;
    const { client, sql, commands } = this.#options;
    await client.requestMany(requests);
    await awaitLedger(sql, requests, {
      signal: commands.signal,
      onProgress: () => undefined,
      pollEveryMs: lookEveryMs,
    });
  }

  /** Waits for what Stripe has reported since it was waited for last; on most days that is nothing. */
  async #reported(): Promise<void> {
    const { sql, stripe, commands } = this.#options;
    const { control } = stripe;
    if ((await control.deliveries()).length === this.#heard) return;
    this.#heard = await awaitReports({ sql, control, signal: commands.signal });
  }

  #subscriptionOf(contract: YearContract): SubscribedAtStripe {
    const atStripe = this.#atStripe.get(contract);
    if (atStripe === undefined) throw new Error(`${contract.contractId} has not subscribed`);
    return atStripe;
  }
}

function deedsOf(dates: YearDates): ReadonlyMap<string, Deeds> {
  const deeds = new Map<string, Deeds>();
  const on = (contract: YearContract, written: string): Deeds => {
    const date = dates.of(contract, written).toString();
    const found = deeds.get(date) ?? { registered: [], happened: [] };
    deeds.set(date, found);
    return found;
  };
  for (const contract of yearContracts) {
    on(contract, contract.registeredOn ?? "start").registered.push(contract);
    for (const happening of contract.happens ?? []) on(contract, happening.on).happened.push({ contract, happening });
  }
  return deeds;
}
