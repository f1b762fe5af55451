import { parseInstant } from "../contract/calendar.ts";

/** A row with its instants, which are the fields that end in `At`, written in UTC. Shallow: a row has no others. */
export function inUtc<T extends object>(row: T): T {
  const entries = Object.entries(row).map(([key, value]) => [
    key,
    key.endsWith("At") && typeof value === "string" ? parseInstant(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}
