import { Temporal } from "temporal-polyfill";
import type { Instant } from "../contract/calendar.ts";

export { inUtc } from "../views/in-utc.ts";

/** A moment on the clock of a zone, to the second: `2025-01-20 12:00:00`. The zone is named by whoever shows it. */
export function showInstant(instant: Instant | null, zone: string): string {
  return instant === null ? "–" : onClock(instant, zone, "second");
}

/** The same to the millisecond, for what happens in quick succession. */
export function showPreciseInstant(instant: Instant | null, zone: string): string {
  return instant === null ? "–" : onClock(instant, zone, "millisecond");
}

function onClock(instant: Instant, zone: string, smallestUnit: "second" | "millisecond"): string {
  const there = Temporal.Instant.from(instant).toZonedDateTimeISO(zone).toPlainDateTime();
  return there.toString({ smallestUnit }).replace("T", " ");
}
