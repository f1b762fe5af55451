import { Temporal } from "temporal-polyfill";
import { afterDraft } from "../months/shop-at-stripe.ts";
import { type DemoDay, resolveDates } from "../notation.ts";
import { first31st, type YearContract } from "./contracts.ts";

type Dated = Pick<YearContract, "startsOn">;

/** The year that ends with the day of the demo, and what its contracts' dates mean in it. */
export class YearDates {
  readonly first: Temporal.PlainDate;
  readonly last: Temporal.PlainDate;
  readonly #day: DemoDay;
  /** The year's end at Stripe: nothing there is dated ahead of this machine's clock. */
  readonly #until: Temporal.ZonedDateTime;

  constructor(day: DemoDay, now: Temporal.ZonedDateTime) {
    this.#day = day;
    this.first = Temporal.PlainDate.from(resolveDates("today-12m+1d", day));
    this.last = Temporal.PlainDate.from(day.today);
    this.#until = now;
  }

  /** Every date, in months of the calendar. */
  get months(): readonly (readonly Temporal.PlainDate[])[] {
    const months: Temporal.PlainDate[][] = [];
    for (let date = this.first; Temporal.PlainDate.compare(date, this.last) <= 0; date = date.add({ days: 1 })) {
      const month = months.at(-1);
      if (month === undefined || month[0]?.month !== date.month) months.push([date]);
      else month.push(date);
    }
    return months;
  }

  /** When Stripe's months begin: by the calendar of Tokyo and by that of UTC it is the same date. */
  noonOf(date: Temporal.PlainDate): Temporal.ZonedDateTime {
    return date.toZonedDateTime({ timeZone: this.#day.zone, plainTime: "12:00" });
  }

  /** When a date is looked at: Stripe has collected what fell due at noon, unless it is today and still to come. */
  momentOf(date: Temporal.PlainDate): Temporal.ZonedDateTime {
    const collected = this.noonOf(date).add(afterDraft);
    return Temporal.ZonedDateTime.compare(collected, this.#until) < 0 ? collected : this.#until;
  }

  startOf({ startsOn }: Dated): Temporal.PlainDate {
    if (startsOn !== first31st) return Temporal.PlainDate.from(resolveDates(startsOn, this.#day));
    let date = this.first;
    while (date.day !== 31) date = date.add({ days: 1 });
    return date;
  }

  /** A date of a contract's in the demo's notation; the first of it, where that is a month. */
  of(contract: Dated, written: string): Temporal.PlainDate {
    const { at } = resolveDates({ startOn: this.startOf(contract).toString(), at: written }, this.#day);
    return Temporal.PlainDate.from(at.length === "YYYY-MM".length ? `${at}-01` : at);
  }

  /** How many of a contract's periods are paid by the year's end: those that begin before a date, and of which the money has come. */
  paidPeriodsOf(contract: Pick<YearContract, "startsOn" | "method">, before?: Temporal.PlainDate): number {
    const startOn = this.startOf(contract);
    const end = this.momentOf(this.last);
    const isPaid = (date: Temporal.PlainDate) =>
      contract.method === "card"
        ? Temporal.ZonedDateTime.compare(this.noonOf(date).add(afterDraft), end) <= 0
        : Temporal.PlainDate.compare(date, this.last) <= 0;
    let count = 0;
    for (let begins = startOn; isPaid(begins); begins = startOn.add({ months: count })) {
      if (before !== undefined && Temporal.PlainDate.compare(begins, before) >= 0) break;
      count += 1;
    }
    return count;
  }
}
