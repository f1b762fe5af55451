import type { Queue } from "bullmq";
import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import { countWaiting } from "../src/queue/count-waiting.ts";
import { bellJob, within } from "../src/queue/enqueue.ts";
import type { Database } from "../src/store/database.ts";
import { takeSilentOperations } from "../src/store/ring-list.ts";

export interface SweepDeps {
  readonly db: Database;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told how each sweep ended: for how many operations it rang. */
  readonly sweepEnded?: (rung: number | "failed") => void;
}

/** Half of the minute after which a dead worker's operation may be taken over: found within 90 s at the latest. */
const sweepEveryMs = 30_000;

/** As many bells as one process answers within a sweep's interval on a bad day; the rest is rung for next time. */
const ringsPerSweepMax = 500;

/** With this many jobs waiting, the workers have enough to do, and what is silent is most likely among them. */
const shortQueueMax = 1_000;

/**
 * Rings for every operation that is due and silent, whatever the queue has lost. Returns how many.
 *
 * Several processes may sweep at once: each rings for others.
 */
export async function sweep({ db, queue }: SweepDeps): Promise<number> {
  const waiting = await countWaiting(queue);
  if (waiting > shortQueueMax) return 0;
  const silent = await takeSilentOperations(db, ringsPerSweepMax);
  if (silent.length > 0)
    await within(5_000, queue.addBulk(silent.map((ringing) => bellJob({ ...ringing, cause: "swept" }, 0))));
  return silent.length;
}

/**
 * Sweeps at once and then every half minute, until stopped.
 *
 * A timer of this process rather than a job of the queue's scheduler: the sweep is what heals a queue that has lost its
 * jobs, its schedulers among them.
 */
export function startSweeping(deps: SweepDeps, everyMs = sweepEveryMs): { stop(): Promise<void> } {
  let atWork: Promise<void> = Promise.resolve();
  let stopped = false;
  let timer: NodeJS.Timeout;
  const again = () => {
    atWork = sweep(deps)
      .then((rung) => {
        deps.sweepEnded?.(rung);
        if (rung > 0) deps.log.info({ rung }, "rang for silent operations");
      })
      .catch((error: unknown) => {
        deps.sweepEnded?.("failed");
        deps.log.warn({ err: error }, "a sweep failed");
      })
      .then(() => {
        // Jittered by a tenth, so that processes started together do not sweep together.
        if (!stopped) timer = setTimeout(again, everyMs * (0.95 + 0.1 * Math.random()));
      });
  };
  timer = setTimeout(again, 0);
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await atWork;
    },
  };
}
