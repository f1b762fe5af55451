import { sql } from "drizzle-orm";
import type { BusinessDate, Instant } from "../contract/calendar.ts";
import type { RunsSoFar } from "../maintenance/owed-dates.ts";
import type { Database } from "./database.ts";

/** How the daily run stands at one moment. Counts and dates only: nothing of it names anybody. */
export interface RunFigures extends RunsSoFar {
  readonly runningOn: BusinessDate | null;
  readonly lastOn: BusinessDate | null;
  /** The moment, by the database's clock. */
  readonly now: Instant;
  /** How many operations that the calendar asked for wait for a person. */
  readonly held: number;
}

/** Reads the figures in one statement, by the partial index of held operations. Locks nothing. */
export async function readRunFigures(db: Database, deadlineMs: number): Promise<RunFigures> {
  const [row] = await db.run<{ figures: RunFigures }>(
    "run_figures",
    sql`select json_build_object('now', clock_timestamp(),
      'lastOn', (select max(business_date) from keiyaku.maintenance_runs),
      'runningOn', (select min(business_date) from keiyaku.maintenance_runs where state = 'running'),
      'held', (select count(*) from keiyaku.operations where state = 'held' and actor_type = 'schedule')) as figures`,
    { deadlineMs },
  );
  if (row === undefined) throw new Error("the runs' figures are one row");
  return row.figures;
}
