import type { Clock } from "../src/clock.ts";
import { applyDueEvents, type InboxDeps } from "../src/inbox/apply-events.ts";
import { prunedAtOnceMax, pruneEvents } from "../src/store/prune-events.ts";
import { nextLookInMs } from "../src/store/read-due-events.ts";

/** A ring that nobody heard costs an event at most this long. */
const lookEveryMs = 10_000;

/** Nobody waits for old bodies to be forgotten. */
const pruneEveryMs = 3_600_000;

/** As many events as are looked at within a second. */
const pageSize = 100;

/**
 * Looks at the events of the inbox whenever it is rung for, when one becomes due, and every ten seconds, until stopped; and
 * forgets old bodies every hour. Neither the queue nor Stripe is asked for anything. A database that is away only delays.
 *
 * Several processes may do so at once.
 */
export function startInbox(
  deps: InboxDeps & { readonly clock: Clock },
  everyMs = lookEveryMs,
): { ring(): void; stop(): Promise<void> } {
  const { db, log, clock } = deps;
  let waking = new AbortController();
  let isRung = false;
  let isStopped = false;
  let pruneAtMs = clock.monotonicMs();

  /** Looks until nothing is due, and says how long nothing will be; undefined when stopped on the way. */
  async function look(): Promise<number | undefined> {
    for (let size = pageSize; size === pageSize; ) {
      if (isStopped) return undefined;
      size = await applyDueEvents(deps, pageSize);
    }
    return nextLookInMs(db);
  }

  async function prune(): Promise<void> {
    if (clock.monotonicMs() < pruneAtMs) return;
    for (let size = prunedAtOnceMax; size === prunedAtOnceMax && !isStopped; ) size = await pruneEvents(db);
    pruneAtMs = clock.monotonicMs() + pruneEveryMs;
  }

  async function work(): Promise<void> {
    while (!isStopped) {
      isRung = false;
      let waitMs = everyMs;
      try {
        waitMs = Math.min((await look()) ?? everyMs, everyMs);
        await prune();
      } catch (error) {
        log.warn({ err: error }, "the inbox could not be looked at");
      }
      if (isRung || isStopped) continue;
      waking = new AbortController();
      await clock.sleep(waitMs, waking.signal).catch(() => undefined);
    }
  }

  const atWork = work();
  return {
    ring() {
      isRung = true;
      waking.abort();
    },
    async stop() {
      isStopped = true;
      waking.abort();
      await atWork;
    },
  };
}
