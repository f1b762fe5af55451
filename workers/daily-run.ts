import type { Logger } from "pino";
import type { BusinessDate, Instant } from "../src/contract/calendar.ts";
import { businessDateOf } from "../src/contract/calendar.ts";
import { type DailyRunDeps, databaseNow, driveDailyRun, type RunStep } from "../src/maintenance/daily-run.ts";
import { type RunTime, scheduledUntil } from "../src/maintenance/owed-dates.ts";
import { listRuns } from "../src/store/maintenance-runs.ts";

/** Work of the night that follows the daily run. It keeps itself what it has done: it may be called several times a day. */
export interface NightlyJob {
  readonly name: string;
  /** Called once nothing is owed up to this date, or while its run hangs. */
  run(date: BusinessDate, stopping: AbortSignal): Promise<void>;
}

export interface DailyRunRoleDeps extends Omit<DailyRunDeps, "stopping" | "onStep"> {
  readonly log: Logger;
  readonly time: RunTime;
  /** Has the queue ring at the time of the run; it may have forgotten. */
  readonly keepBell: () => Promise<unknown>;
  /** What follows the run, in this order. */
  readonly nightlyJobs: readonly NightlyJob[];
  /** How long the work of the night waits for the run. */
  readonly nightWaitsMs?: number;
  readonly onStep?: (step: RunStep) => void;
  /** The moment by the database's clock, unless a test has another. */
  readonly now?: () => Promise<Instant>;
}

/** What the queue does not ring for is found this much later: long beside the time of day, and short beside the night. */
const lookEveryMs = 300_000;

/**
 * An hour: longer than a usual run. One that waits for an operation which Stripe keeps waiting may take days, and the books are
 * wanted then more than ever.
 */
const nightWaitsMsDefault = 3_600_000;

/** What was cut short is gone on with after this long: a database that comes back does so in seconds. */
const againAfterMs = 10_000;

/**
 * Has done what each date brings: looks what is owed at once, at every ring and every few minutes, until stopped, and brings it
 * to its end. Several processes may do so at once, and the command line beside them: what one has left off another takes up.
 */
export function startDailyRun(deps: DailyRunRoleDeps, everyMs = lookEveryMs): { ring(): void; stop(): Promise<void> } {
  const { db, clock, log, time, nightlyJobs, nightWaitsMs = nightWaitsMsDefault } = deps;
  const stopping = new AbortController();
  let waking = new AbortController();
  let isRung = false;

  async function look(): Promise<void> {
    const now = await askNow();
    const until = scheduledUntil(now, time);
    const over = new AbortController();
    const nights = beginNightsUntil(AbortSignal.any([over.signal, stopping.signal]));
    try {
      const worked = await driveDailyRun({ ...deps, stopping: stopping.signal }, until, businessDateOf(now, time.zone));
      for (const date of worked) await tell(date);
    } finally {
      over.abort();
      await nights;
    }
    if (!stopping.signal.aborted) beginNight(until);
  }

  const askNow = () => deps.now?.() ?? databaseNow(db);

  /** The nights do not wait for a run that hangs: each is begun that comes meanwhile. Ends with the signal. */
  async function beginNightsUntil(signal: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(nightWaitsMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await askNow()
        .then((now) => beginNight(scheduledUntil(now, time)))
        .catch(unlessStopped("nobody could say whether a night has come while the run is under way"));
    }
  }

  /** Beside the run of the next date, which does not wait for it: with many contracts it takes the night, or two. */
  let night: Promise<void> | undefined;
  function beginNight(until: BusinessDate): void {
    const work = async () => {
      for (const job of nightlyJobs) await job.run(until, stopping.signal);
    };
    night ??= work()
      .catch(unlessStopped("the work of the night was cut short; it goes on where it was"))
      .finally(() => {
        night = undefined;
      });
  }

  async function tell(date: BusinessDate): Promise<void> {
    const [run] = await listRuns(db, { date, limit: 1 });
    if (run?.result == null) return;
    const { operations, heldCount } = run.result;
    if (heldCount > 0) log.warn({ date, operations, heldCount }, "the daily run is done, but for what is held");
    else log.info({ date, operations }, "the daily run is done");
  }

  const unlessStopped = (sentence: string) => (error: unknown) => {
    if (!stopping.signal.aborted) log.warn({ err: error }, sentence);
  };

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      isRung = false;
      await deps.keepBell().catch(unlessStopped("the queue does not take the time of the daily run"));
      let waitMs = everyMs;
      await look().catch((error: unknown) => {
        unlessStopped("the daily run was cut short; it goes on where it was")(error);
        waitMs = Math.min(everyMs, againAfterMs);
      });
      if (isRung || stopping.signal.aborted) continue;
      waking = new AbortController();
      await clock.sleep(waitMs, AbortSignal.any([waking.signal, stopping.signal])).catch(() => undefined);
    }
  }

  const atWork = work();
  return {
    ring() {
      isRung = true;
      waking.abort();
    },
    async stop() {
      stopping.abort();
      await atWork;
      await night;
    },
  };
}
