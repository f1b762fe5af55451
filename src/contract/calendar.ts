import { Temporal } from "temporal-polyfill";

/**
 * A calendar date in the business time zone, written `YYYY-MM-DD`.
 *
 * A string rather than an object, because it travels unchanged through PostgreSQL, JSON and the journal, and because
 * ISO dates compare correctly as text: `a <= b` on two of them is the order of the calendar.
 */
export type BusinessDate = string & { readonly __brand: "BusinessDate" };

/** A calendar month, written `YYYY-MM`: the form of a product's automatic-termination month. Compares as text. */
export type BusinessMonth = string & { readonly __brand: "BusinessMonth" };

/** A moment in UTC, written as ISO 8601 with a `Z`. Not comparable with a {@link BusinessDate}: convert it first. */
export type Instant = string;

/** Period `index` of a monthly contract: the half-open range from `startsOn` (included) to `endsOn` (excluded). */
export interface Period {
  readonly index: number;
  readonly startsOn: BusinessDate;
  readonly endsOn: BusinessDate;
}

/*
 * The years that somebody may name are 1900 to 2999. What lies outside is a slip of the hand, and none that could be carried out:
 * PostgreSQL knows no year 0, which would fail each day's run, and what is reckoned from the end of 9999 no longer compares as
 * text.
 */

/** The form of a business date that is entered. */
export const datePattern = /^(19|2\d)\d{2}-\d{2}-\d{2}$/;

/** The form of a month that is entered. */
export const monthPattern = /^(19|2\d)\d{2}-(0[1-9]|1[0-2])$/;

/** The beginning of a moment that is entered, written as ISO 8601. */
export const instantPattern = /^(19|2\d)\d{2}-/;

/**
 * Reads a business date that somebody entered. Throws a RangeError for anything but an existing day of the years 1900 to 2999 in
 * the form `YYYY-MM-DD`.
 */
export function parseBusinessDate(text: string): BusinessDate {
  // Temporal also reads years of six digits and calendar names, with which dates would no longer compare as text.
  if (!datePattern.test(text)) throw new RangeError(`${text} is not a date of the form YYYY-MM-DD`);
  return Temporal.PlainDate.from(text, { overflow: "reject" }).toString() as BusinessDate;
}

/** Reads a moment written as ISO 8601 with any offset, and writes it in UTC. Throws a RangeError for anything else. */
export function parseInstant(text: string): Instant {
  return Temporal.Instant.from(text).toString();
}

/** The business date on which an instant falls: the only place where instants become dates. */
export function businessDateOf(instant: Instant, zone: string): BusinessDate {
  return Temporal.Instant.from(instant).toZonedDateTimeISO(zone).toPlainDate().toString() as BusinessDate;
}

/** Whether `instant` is later than `other`. The two may be written with different offsets or fractions of a second. */
export function isLater(instant: Instant, other: Instant): boolean {
  return Temporal.Instant.compare(instant, other) > 0;
}

/**
 * The moment at which the clocks of the zone show a time, `HH:MM`, on a date. Where summer time leaves it out, it is as much
 * later; where it comes twice, it is the first.
 */
export function instantAt(date: BusinessDate, time: string, zone: string): Instant {
  return Temporal.PlainDate.from(date)
    .toZonedDateTime({ timeZone: zone, plainTime: Temporal.PlainTime.from(time) })
    .toInstant()
    .toString();
}

/** The date so many days after another; before it, for a negative number. */
export function plusDays(date: BusinessDate, days: number): BusinessDate {
  return Temporal.PlainDate.from(date).add({ days }).toString() as BusinessDate;
}

/** The month of a date. */
export function monthOf(date: BusinessDate): BusinessMonth {
  return date.slice(0, 7) as BusinessMonth;
}

/**
 * Renewal `n` of a contract that started on `startOn`: n months later, clamped to the end of a shorter month.
 *
 * Always counted from the start, never from the renewal before, so a 31st that becomes 28 February is the 31st again in
 * March. `n` of 0 is the start itself, which is no renewal but the first period's beginning.
 */
export function renewalDate(startOn: BusinessDate, n: number): BusinessDate {
  return Temporal.PlainDate.from(startOn).add({ months: n }, { overflow: "constrain" }).toString() as BusinessDate;
}

/** Period `index` of a contract that started on `startOn`; `index` counts from 0. */
export function periodAt(startOn: BusinessDate, index: number): Period {
  return { index, startsOn: renewalDate(startOn, index), endsOn: renewalDate(startOn, index + 1) };
}

/** The period that contains `date`, or undefined before the start date. */
export function periodOn(startOn: BusinessDate, date: BusinessDate): Period | undefined {
  if (date < startOn) return undefined;
  const months = Temporal.PlainDate.from(startOn).until(Temporal.PlainDate.from(date), {
    largestUnit: "months",
  }).months;
  // `until` counts whole months from the start and so can be one short after a clamped month end.
  const index = renewalDate(startOn, months + 1) <= date ? months + 1 : months;
  return periodAt(startOn, index);
}

/**
 * The period that begins nearest to `date`; the first one for any date before the start, the earlier of two equally near.
 *
 * For dates that Stripe gives to the beginning of a period: it clamps to the ends of months by the calendar of UTC, and so
 * can be some days away from the renewal date of ours that it means.
 */
export function periodNearest(startOn: BusinessDate, date: BusinessDate): Period {
  const around = periodOn(startOn, date);
  if (around === undefined) return periodAt(startOn, 0);
  const isNearerToNext = daysBetween(date, around.endsOn) < daysBetween(around.startsOn, date);
  return isNearerToNext ? periodAt(startOn, around.index + 1) : around;
}

/** How many days a date lies after another; negative for one that lies before it. */
export function daysBetween(from: BusinessDate, until: BusinessDate): number {
  return Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(until), { largestUnit: "days" }).days;
}

/** The first renewal date after `date`; renewal 1 when `date` lies before the start. */
export function nextRenewalAfter(startOn: BusinessDate, date: BusinessDate): BusinessDate {
  return periodOn(startOn, date)?.endsOn ?? renewalDate(startOn, 1);
}

/** Whether `date` is a renewal date of the contract. The start date itself is not one. */
export function isRenewalDate(startOn: BusinessDate, date: BusinessDate): boolean {
  const period = periodOn(startOn, date);
  return period !== undefined && period.index > 0 && period.startsOn === date;
}

/**
 * The periods that have begun by `date`, oldest first. None begins on or after the termination date, if one is set.
 */
export function begunPeriods(
  startOn: BusinessDate,
  date: BusinessDate,
  terminationOn: BusinessDate | null = null,
): readonly Period[] {
  const last = periodOn(startOn, date);
  if (last === undefined) return [];
  const begun = Array.from({ length: last.index + 1 }, (_, index) => periodAt(startOn, index));
  return terminationOn === null ? begun : begun.filter((period) => period.startsOn < terminationOn);
}
