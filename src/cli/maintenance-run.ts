import { type BusinessDate, businessDateOf, daysBetween } from "../contract/calendar.ts";
import { databaseNow, driveDailyRun, type RunBells, type RunStep } from "../maintenance/daily-run.ts";
import { closeQueue, openQueue } from "../queue/queue-backend.ts";
import { createRunBells } from "../queue/run-bells.ts";
import { countOpenOf, listRuns, readRuns } from "../store/maintenance-runs.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { writeRuns } from "./maintenance-list.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { inUtc } from "./show-time.ts";
import { type Report, withProgress } from "./with-progress.ts";

export interface MaintenanceRunOptions {
  /** The last date; today unless given. */
  readonly date?: BusinessDate;
  /** Whether a first run may be of an earlier date than today: every date since is owed from then on. */
  readonly everyDate?: boolean;
  /** How long it waits for a phase of which nothing moves. */
  readonly patienceMs: number;
  readonly json?: boolean;
}

/**
 * Brings every date that is owed to its end, as the role `maintenance` does, and waits for it. It may be ended at any moment and
 * called again, also while others are at the same.
 */
export async function maintenanceRun(context: CommandContext, options: MaintenanceRunOptions): Promise<ExitCode> {
  const { db, err, clock, signal, config } = context;
  const today = businessDateOf(await databaseNow(db), config.businessTimeZone);
  const until = options.date ?? today;
  if (until > today) {
    throw new CommandFailure(exitCodes.wrongUsage, {
      code: "future_date",
      sentence: `${until} has not come: by the database's clock it is ${today} in ${config.businessTimeZone}.`,
      remedy: "Nothing was done. Give a date up to today, or none.",
    });
  }
  if (options.everyDate !== true && until < today && (await readRuns(db)).lastOn === null) {
    throw wouldOweTheDatesSince(until, today);
  }
  const { bells, close } = await openBells(context);
  try {
    const worked = await withProgress(context, "Daily run", (report) => {
      const watch = watchSteps(context, options.patienceMs, report);
      return driveDailyRun({ db, bells, clock, stopping: signal, onStep: watch }, until, until);
    });
    return await tell(context, options, worked.length > 0 ? worked : [until]);
  } catch (error) {
    if (signal.aborted)
      writeLine(err, "The run stays as far as it has come, and goes on when the command is run again.");
    throw error;
  } finally {
    await close();
  }
}

/** Nobody who asks for one date should find later that hundreds of runs have come of it. */
function wouldOweTheDatesSince(date: BusinessDate, today: BusinessDate): CommandFailure {
  const days = daysBetween(date, today).toLocaleString("en");
  return new CommandFailure(exitCodes.wrongUsage, {
    code: "first_run_in_the_past",
    sentence: `No date has had its run yet: one of ${date} would have the ${days} dates since then owed as well.`,
    remedy:
      "Nothing was done. Without --date today's run finds everything that is due by today; --every-date makes them all the same.",
  });
}

/** Rings if the queue can be reached; if not, workers with the role `maintenance` ring, or the sweep does. */
async function openBells({ queue: backend, err }: CommandContext): Promise<{
  readonly bells: RunBells | null;
  readonly close: () => Promise<void>;
}> {
  try {
    const queue = await openQueue(backend, "operations", 5_000);
    return { bells: createRunBells(queue, { debug: () => undefined }), close: () => closeQueue(queue, 1_000) };
  } catch {
    writeLine(err, paint(err, "yellow", "The queue cannot be reached: what is requested is rung for by others."));
    return { bells: null, close: async () => undefined };
  }
}

/** Tells how far the run is, and gives up on a phase of which nothing has moved for long. */
function watchSteps({ db, clock }: CommandContext, patienceMs: number, report: Report) {
  let last = "";
  let movedAtMs = clock.monotonicMs();
  return async ({ run }: RunStep): Promise<void> => {
    const open = await countOpenOf(db, run);
    const words = `${run.date} ${run.phase}: ${run.requested.toLocaleString("en")} requested, ${open.toLocaleString("en")} open`;
    const share = run.cursor === null && run.requested > 0 ? 1 - Math.min(open / run.requested, 1) : null;
    report(share, words);
    if (words !== last) movedAtMs = clock.monotonicMs();
    last = words;
    if (clock.monotonicMs() - movedAtMs < patienceMs) return;
    throw new CommandFailure(exitCodes.tryLater, {
      code: "nothing_moves",
      sentence: `${open.toLocaleString("en")} operations of ${run.phase} on ${run.date} are open, and none was concluded for ${patienceMs / 1_000} s.`,
      remedy:
        "See that workers run (`keiyaku start`) and what they wait for (`keiyaku operation list`); then run this again.",
    });
  };
}

async function tell(
  context: CommandContext,
  { json = false }: MaintenanceRunOptions,
  dates: readonly BusinessDate[],
): Promise<ExitCode> {
  const runs = (await Promise.all(dates.map((date) => listRuns(context.db, { date, limit: 1 })))).flat();
  if (json) writeJson(context.out, runs.map(inUtc));
  else if (runs.length > 0) writeRuns(context, runs);
  const [date = ""] = dates;
  if (runs.length === 0) {
    writeLine(context.err, `Later dates have had their run: what ${date} would have brought was found by them.`);
  }
  return runs.some(({ heldNow }) => heldNow > 0) ? exitCodes.partlyFailed : exitCodes.done;
}
