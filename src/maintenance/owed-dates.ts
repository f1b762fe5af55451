import { Temporal } from "temporal-polyfill";
import { type BusinessDate, businessDateOf, type Instant, instantAt, isLater, plusDays } from "../contract/calendar.ts";

/** When the daily run is rung for: `DAILY_RUN_AT` in the business time zone. */
export interface RunTime {
  /** A time of day, `HH:MM`. */
  readonly dailyRunAt: string;
  readonly zone: string;
}

/** What is known of the runs so far. */
export interface RunsSoFar {
  /** The oldest date whose run is under way. */
  readonly runningOn: BusinessDate | null;
  /** The last date that has a run, done or not. */
  readonly lastOn: BusinessDate | null;
}

/** The last date whose run the schedule asks for: today once `DAILY_RUN_AT` has come, yesterday before. */
export function scheduledUntil(now: Instant, { dailyRunAt, zone }: RunTime): BusinessDate {
  const today = businessDateOf(now, zone);
  return isLater(instantAt(today, dailyRunAt, zone), now) ? plusDays(today, -1) : today;
}

/**
 * The date to work on next, so that every date up to `until` has its run once, oldest first; null when there is none. Where no
 * run was ever made, `first` is the first: what lies before it is left as it is.
 *
 * Nothing is owed for dates that have one already, so that a clock which is set back owes nothing.
 */
export function nextOwed(
  { runningOn, lastOn }: RunsSoFar,
  until: BusinessDate,
  first: BusinessDate,
): BusinessDate | null {
  const next = runningOn ?? (lastOn === null ? first : plusDays(lastOn, 1));
  return next <= until ? next : null;
}

/**
 * Since when the run of the oldest owed date has been due; null when none is owed. It is late once that is long ago.
 */
export function owedSince(runs: RunsSoFar, now: Instant, time: RunTime): Instant | null {
  const next = nextOwed(runs, scheduledUntil(now, time), businessDateOf(now, time.zone));
  return next === null ? null : instantAt(next, time.dailyRunAt, time.zone);
}

/** For how many seconds the run of the oldest owed date has been due; 0 when none is owed. */
export function owedSeconds(runs: RunsSoFar, now: Instant, time: RunTime): number {
  const since = owedSince(runs, now, time);
  if (since === null) return 0;
  return Math.max(Temporal.Instant.from(since).until(Temporal.Instant.from(now)).total("seconds"), 0);
}
