import { type SQL, sql } from "drizzle-orm";

/** Whether an instant of the tables has come. Rounded to the millisecond, it may lie half of one ahead of the clock that wrote it. */
export function hasCome(instant: SQL): SQL {
  return sql`${instant} < clock_timestamp() + interval '1 millisecond'`;
}
