import { systemClock } from "../../src/clock.ts";
import { type BusinessDate, parseBusinessDate } from "../../src/contract/calendar.ts";
import { type DailyRunDeps, driveDailyRun } from "../../src/maintenance/daily-run.ts";
import type { ExecutionBench } from "./execution.ts";

/**
 * Drives the daily run up to a date on a bench: whatever is rung for is carried out at once, as workers would. Answers the dates
 * that it worked on.
 */
export function driveOn(
  bench: ExecutionBench,
  until: string,
  { first = until, ...overrides }: { readonly first?: string } & Partial<DailyRunDeps> = {},
): Promise<readonly BusinessDate[]> {
  const deps: DailyRunDeps = {
    db: bench.db,
    bells: {
      countWaiting: async () => 0,
      ring: (operationIds) => carryOut(bench, operationIds),
    },
    clock: systemClock,
    stopping: bench.stopping.signal,
    lookEveryMs: 5,
    ...overrides,
  };
  return driveDailyRun(deps, parseBusinessDate(until), parseBusinessDate(first));
}

/** Carries out operations, and those that they make way for. */
export async function carryOut(bench: ExecutionBench, operationIds: readonly string[]): Promise<void> {
  for (const operationId of operationIds) await bench.execute(operationId);
  for (let bell = bench.bells.shift(); bell !== undefined; bell = bench.bells.shift()) {
    if (bell.cause.startsWith("freed:")) await bench.execute(bell.operationId);
  }
}

/** What a run asked for: kind and contract, as `renew c-1: succeeded`, in the order of acceptance. */
export async function askedOn({ sql }: ExecutionBench, date: string): Promise<readonly string[]> {
  const rows = await sql<{ asked: string }[]>`
    select kind || ' ' || contract_id || ': ' || state || coalesce(' ' || rejection_code, '') as asked
    from keiyaku.operations where actor_type = 'schedule' and actor_id = ${date} order by sequence`;
  return rows.map(({ asked }) => asked);
}
