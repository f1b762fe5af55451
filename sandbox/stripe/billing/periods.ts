import type { Recurrence } from "../objects/price.ts";

/** From `start` up to, not including, `end`; seconds. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

const DAY_SECONDS = 24 * 60 * 60;

/**
 * The moment `n` intervals after the anchor, in seconds.
 *
 * Months and years are counted on the UTC calendar, and from the anchor itself: one anchored on the 31st falls on the
 * last day of a shorter month and returns to the 31st. Counting from the previous boundary would lose the day for good.
 */
export function boundary(anchor: number, { interval, count }: Recurrence, n: number): number {
  const steps = n * count;
  switch (interval) {
    case "day":
      return anchor + steps * DAY_SECONDS;
    case "week":
      return anchor + steps * 7 * DAY_SECONDS;
    case "month":
      return monthsLater(anchor, steps);
    case "year":
      return monthsLater(anchor, 12 * steps);
  }
}

export function periodAt(anchor: number, recurrence: Recurrence, n: number): Period {
  return { start: boundary(anchor, recurrence, n), end: boundary(anchor, recurrence, n + 1) };
}

/** The number of the period in which a moment lies; 0 for a moment before the anchor. */
export function periodIndexOf(anchor: number, recurrence: Recurrence, moment: number): number {
  // No period is shorter than the time from its number's estimate, so start low and count up.
  const longest = { day: 1, week: 7, month: 31, year: 366 }[recurrence.interval] * recurrence.count * DAY_SECONDS;
  let n = Math.max(0, Math.floor((moment - anchor) / longest));
  while (boundary(anchor, recurrence, n + 1) <= moment) n += 1;
  return n;
}

function monthsLater(anchor: number, months: number): number {
  const from = new Date(anchor * 1000);
  const target = new Date(anchor * 1000);
  target.setUTCDate(1);
  target.setUTCMonth(from.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0)).getUTCDate();
  target.setUTCDate(Math.min(from.getUTCDate(), lastDay));
  return target.getTime() / 1000;
}
