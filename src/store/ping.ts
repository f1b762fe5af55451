import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** Asks the database for its clock, in milliseconds since 1970: proof that it answers, and how far hosts disagree. */
export async function pingDatabase(db: Database, deadlineMs: number): Promise<number> {
  const statement = sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;
  const [row] = await db.run<{ now: number }>("ping", statement, { deadlineMs });
  return row?.now ?? Number.NaN;
}
