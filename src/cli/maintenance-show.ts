import type { BusinessDate } from "../contract/calendar.ts";
import { countOpenOf, listRuns, readRuns } from "../store/maintenance-runs.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { endings, showState } from "./show-run.ts";
import { showFacts, showTable } from "./show-table.ts";
import { inUtc, showInstant } from "./show-time.ts";

export interface MaintenanceShowOptions {
  readonly date: BusinessDate;
  readonly json?: boolean;
}

/** Shows the run of a date. Exits as partly failed while something of it is held. */
export async function maintenanceShow(
  { db, out, err, config }: CommandContext,
  { date, json = false }: MaintenanceShowOptions,
): Promise<ExitCode> {
  const [record] = await listRuns(db, { date, limit: 1 });
  if (record === undefined) {
    throw new CommandFailure(exitCodes.failed, {
      code: "run_not_found",
      sentence: `No run was made for ${date}.`,
      remedy: "`keiyaku maintenance list` shows those that were.",
    });
  }
  const { running } = await readRuns(db);
  const open = running?.date === date ? await countOpenOf(db, running) : null;
  const { result, heldNow } = record;
  if (json) {
    writeJson(out, { ...inUtc(record), open });
  } else {
    const zone = config.businessTimeZone;
    const facts: [string, string][] = [
      ["date", date],
      ["state", showState(record, zone)],
      ["begun", showInstant(record.startedAt, zone)],
    ];
    if (open !== null) facts.push(["open in this phase", open.toLocaleString("en")]);
    out.write(showFacts(out, facts));
    if (result !== null) {
      writeLine(out);
      const rows = Object.entries(result.operations).map(([kind, counts]) => [
        kind,
        ...endings.map((ending) => String(counts[ending] ?? 0)),
      ]);
      const heads = endings.map((head) => ({ head, align: "right" as const }));
      out.write(showTable(out, ["kind", ...heads], rows));
      if (result.heldCount > 0) {
        writeLine(out);
        const held = result.held.map(({ operationId, contractId, heldOperationId }) => [
          operationId,
          contractId,
          heldOperationId === operationId ? "held" : `waits behind ${heldOperationId}`,
        ]);
        out.write(showTable(out, ["operation", "contract", ""], held));
        if (held.length < result.heldCount) {
          writeLine(err, paint(err, "dim", `These are the first ${held.length} of ${result.heldCount}.`));
        }
        writeLine(err, paint(err, "dim", `That was when the run was done; of them ${heldNow} wait still.`));
      }
    }
    writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  }
  return heldNow > 0 ? exitCodes.partlyFailed : exitCodes.done;
}
