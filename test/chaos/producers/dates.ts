import { Temporal } from "temporal-polyfill";

const zone = "Asia/Tokyo";

/** The days of a run as its contracts need them: none of them renews today, whatever day that is. */
export interface Dates {
  /** A start so long ago that its period of this number is the present one: 0 to 2. */
  startOf(presentPeriod: 0 | 1 | 2): Temporal.PlainDate;
  readonly today: Temporal.PlainDate;
  /** A moment that comes, or came, so many seconds from now. */
  moment(seconds: number): string;
}

/** Noon in Tokyo, as the moment of a payment or of a renewal at Stripe. */
export function noonOf(date: Temporal.PlainDate): string {
  return date.toZonedDateTime({ timeZone: zone, plainTime: "12:00" }).toInstant().toString();
}

export function datesOf(nowMs: number): Dates {
  const today = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(zone).toPlainDate();
  // So many days are never whole months: those have 28 to 31, two of them 59 to 62, three 89 to 92.
  const agoDays = { 0: 15, 1: 45, 2: 75 } as const;
  const moment = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();
  return { today, moment, startOf: (presentPeriod) => today.subtract({ days: agoDays[presentPeriod] }) };
}

/** The date on which a period begins: so many months after the start, clamped to the month's end. */
export function renewalOf(start: Temporal.PlainDate, period: number): Temporal.PlainDate {
  return start.add({ months: period });
}
