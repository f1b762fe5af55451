import { Temporal } from "temporal-polyfill";

/** What the notation counts from. */
export interface DemoDay {
  /** The business date of the run, `YYYY-MM-DD`. */
  readonly today: string;
  /** The business time zone, an IANA name. */
  readonly zone: string;
}

/** base, any number of shifts by months or days, and perhaps a time of day: `today-14m+3d 09:30`. */
const form = /^(?<base>today|start|month|monthend)(?<shifts>(?:[+-]\d{1,4}[md])*)(?: (?<time>\d\d:\d\d))?$/;

/**
 * Replaces every date in a line of the demo's files by the one that it means on this day; what is no such notation stays.
 *
 * - `today-14m+3d`: a business date; shifts are applied from left to right, months clamped to the end of a shorter month.
 * - `today-14m+3d 09:30`: an instant, at that time of day in the business time zone, written in UTC.
 * - `start+2m`, `start+2m 10:00`: the same, counted from the `startOn` of the object that it stands in.
 * - `monthend-5m`: the last day of the month five months ago.
 * - `month`, `month+2m`: a month, `YYYY-MM`.
 */
export function resolveDates<T>(line: T, day: DemoDay): T {
  return resolve(line, day, undefined) as T;
}

function resolve(value: unknown, day: DemoDay, start: Temporal.PlainDate | undefined): unknown {
  if (typeof value === "string") return resolveText(value, day, start);
  if (Array.isArray(value)) return value.map((item) => resolve(item, day, start));
  if (typeof value !== "object" || value === null) return value;
  const ownStart = "startOn" in value ? startOf(value.startOn, day) : undefined;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, day, ownStart ?? start)]));
}

/** A start date that is no date is a mistake of the line's, and left for the import or the door to find. */
function startOf(written: unknown, day: DemoDay): Temporal.PlainDate | undefined {
  const text = resolve(written, day, undefined);
  return typeof text === "string" && /^\d{4}-\d\d-\d\d$/.test(text) ? Temporal.PlainDate.from(text) : undefined;
}

function resolveText(text: string, { today, zone }: DemoDay, start: Temporal.PlainDate | undefined): string {
  const { base, shifts = "", time } = form.exec(text)?.groups ?? {};
  if (base === undefined) return text;
  const from = base === "start" ? start : Temporal.PlainDate.from(today);
  if (from === undefined) throw new Error(`"${text}" stands beside no startOn to count from`);
  const shifted = shiftsOf(shifts).reduce((date, shift) => date.add(shift), from);
  if (base === "month") return shifted.toString().slice(0, 7);
  const date = base === "monthend" ? shifted.with({ day: shifted.daysInMonth }) : shifted;
  if (time === undefined) return date.toString();
  return date.toZonedDateTime({ timeZone: zone, plainTime: time }).toInstant().toString();
}

function shiftsOf(text: string): Temporal.DurationLike[] {
  return Array.from(text.matchAll(/([+-]\d+)([md])/g), ([, count, unit]) => ({
    [unit === "m" ? "months" : "days"]: Number(count),
  }));
}
