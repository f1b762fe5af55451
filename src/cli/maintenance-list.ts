import { listRuns, type RunRecord } from "../store/maintenance-runs.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { showResult, showState } from "./show-run.ts";
import { showTable } from "./show-table.ts";
import { inUtc } from "./show-time.ts";

export interface MaintenanceListOptions {
  readonly limit: number;
  readonly json?: boolean;
}

/** Lists runs, the last date first. */
export async function maintenanceList(
  context: CommandContext,
  { limit, json = false }: MaintenanceListOptions,
): Promise<ExitCode> {
  const runs = await listRuns(context.db, { limit });
  if (json) writeJson(context.out, runs.map(inUtc));
  else writeRuns(context, runs);
  return exitCodes.done;
}

/** Writes runs as a table. */
export function writeRuns({ out, err, config }: CommandContext, runs: readonly RunRecord[]): void {
  const zone = config.businessTimeZone;
  const rows = runs.map((run) => [
    run.date,
    showState(run, zone),
    String(run.heldNow),
    run.result === null ? "" : showResult(run.result),
  ]);
  out.write(showTable(out, ["date", "", { head: "held now", align: "right" }, "operations"], rows));
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
}
