import { Temporal } from "temporal-polyfill";
import type { Clock } from "../clock.ts";
import type { BusinessDate, Instant } from "../contract/calendar.ts";
import type { Database } from "../store/database.ts";
import {
  beginRun,
  endPhase,
  nextPhase,
  type Run,
  readRuns,
  requestDue,
  ringAgain,
  takeToRing,
} from "../store/maintenance-runs.ts";
import { pingDatabase } from "../store/ping.ts";
import { isConflict } from "../store/store-error.ts";
import { nextOwed } from "./owed-dates.ts";

/** Rings for what the daily run has requested, behind whatever people want. */
export interface RunBells {
  /** How many jobs wait; null when the queue does not say. */
  countWaiting(): Promise<number | null>;
  /** Rings for these, if it can. */
  ring(operationIds: readonly string[]): Promise<void>;
}

/** What driving the daily run needs from outside. */
export interface DailyRunDeps {
  readonly db: Database;
  /** Null for whoever has no queue: then others ring, and the sweep at the latest. */
  readonly bells: RunBells | null;
  readonly clock: Clock;
  /** Aborted when it is to end: it does so between two statements. */
  readonly stopping: AbortSignal;
  /** Told after every step. */
  readonly onStep?: (step: RunStep) => void | Promise<void>;
  /** How many operations are requested in one statement, and how long a phase that waits is left alone. */
  readonly pageSize?: number;
  readonly lookEveryMs?: number;
}

/** What a step of the daily run did. */
export interface RunStep {
  readonly run: Run;
  readonly did: "requested" | "rang" | "waited" | "ended_phase";
}

/** As many as are found and written within a small part of the time that a statement may take. */
const pageSizeDefault = 1_000;

/** With this many jobs waiting the workers have enough to do, and the sweep still sees a short queue after the next page. */
const enoughWaiting = 400;

/** As many bells as a page of the sweep. */
const ringsAtOnce = 500;

/** How long a phase that waits is left alone: short beside the second in which Stripe takes 25 calls. */
const lookEveryMsDefault = 500;

/** An empty queue and operations that wait: after so long the queue must have lost their bells. */
const lostAfterMs = 60_000;

/** The database's own clock: what is future, and what is owed, is not for a host to say. */
export async function databaseNow(db: Database): Promise<Instant> {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(await pingDatabase(db, 5_000))).toString();
}

/**
 * Brings every owed date up to `until` to its end, the oldest first, and returns the dates that it worked on. Each date's phases
 * follow each other: what is due is requested page by page, rung for, and waited for.
 *
 * Any number may do so at once: every step is one statement on the row of the run that takes effect only if that is still as it
 * was read. Killed anywhere, the next one goes on from there. It changes no contract: operations do.
 *
 * Rejects with an `AbortError` when stopped, and with a `StoreError` when the database is away.
 */
export async function driveDailyRun(
  deps: DailyRunDeps,
  until: BusinessDate,
  first: BusinessDate,
): Promise<readonly BusinessDate[]> {
  const { db, stopping } = deps;
  const worked = new Set<BusinessDate>();
  const ringing = new Ringing(deps);
  for (let run: Run | null = null; ; ) {
    stopping.throwIfAborted();
    try {
      if (run === null) {
        const { running, lastOn } = await readRuns(db);
        const date = nextOwed({ runningOn: running?.date ?? null, lastOn }, until, first);
        if (date === null) return [...worked];
        worked.add(date);
        run = running;
        if (run === null) await beginRun(db, date);
      } else {
        run = await takeStep(deps, run, ringing);
      }
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Somebody else has taken this step.
      run = null;
    }
  }
}

/** Does the next thing of a run, and returns how it stands then; null when that has to be read. */
async function takeStep(deps: DailyRunDeps, run: Run, ringing: Ringing): Promise<Run | null> {
  const { db, clock, stopping, onStep, pageSize = pageSizeDefault, lookEveryMs = lookEveryMsDefault } = deps;
  if (run.cursor !== null) {
    const moved = await requestDue(db, run, pageSize);
    await onStep?.({ run: moved, did: "requested" });
    return moved;
  }
  if (await endPhase(db, run)) {
    await onStep?.({ run, did: "ended_phase" });
    return nextPhase(run);
  }
  if (await ringing.ringFor(run)) {
    await onStep?.({ run, did: "rang" });
    return null;
  }
  await onStep?.({ run, did: "waited" });
  await clock.sleep(lookEveryMs, stopping);
  return null;
}

/** Rings for what a phase has requested, a little at a time, so that the queue stays short for people and for the sweep. */
class Ringing {
  readonly #deps: DailyRunDeps;
  #lastRangMs: number;

  constructor(deps: DailyRunDeps) {
    this.#deps = deps;
    this.#lastRangMs = deps.clock.monotonicMs();
  }

  /** Whether there was anything to ring for, and the queue short enough. */
  async ringFor(run: Run): Promise<boolean> {
    const { db, bells, clock } = this.#deps;
    const waiting = (await bells?.countWaiting()) ?? null;
    if (bells === null || waiting === null || waiting > enoughWaiting) return false;
    const operationIds = await takeToRing(db, run, ringsAtOnce);
    if (operationIds.length > 0) {
      await bells.ring(operationIds);
      this.#lastRangMs = clock.monotonicMs();
      return true;
    }
    if (waiting === 0 && run.rungUpTo > 0 && clock.monotonicMs() - this.#lastRangMs > lostAfterMs) {
      this.#lastRangMs = clock.monotonicMs();
      await ringAgain(db, run);
    }
    return false;
  }
}
