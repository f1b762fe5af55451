import { createRandom } from "../../sandbox/demo/data/random.ts";

/** Where the queue of a run lives. */
export const queueTypes = ["redis", "postgres"] as const;
export type QueueType = (typeof queueTypes)[number];

/** What happens to a world with either queue. */
const everywhere = [
  "worker_killed",
  "worker_frozen",
  "relay_killed",
  "time_leapt",
  "clock_skewed",
  "postgres_backends_terminated",
  "postgres_restarted",
  "connections_cut",
  "statement_cut_before",
  "statement_cut_after",
  "black_hole",
  "webhooks_lost",
  "webhooks_doubled",
  "webhooks_shuffled",
  "mail_server_down",
] as const;

/** What happens to Redis. */
const onRedis = ["redis_flushed", "redis_restarted", "redis_frozen", "redis_cut_after"] as const;

export type FaultType = (typeof everywhere)[number] | (typeof onRedis)[number];

/** A fault and when it begins. */
export interface ScheduledFault {
  /** Milliseconds after the beginning of the run. */
  readonly atMs: number;
  readonly type: FaultType;
  /** Which of the workers it is about, counted from 0; whoever is about all of them makes nothing of it. */
  readonly worker: number;
  /** Seeds whatever the fault chooses itself. */
  readonly seed: number;
}

export const workerCount = 3;

/** The world has to have begun before it is hurt. */
const quietMs = 2_000;

/** A fault about so often: two overlap at times, and there is time between them in which something is done. */
const everyMs = 1_250;

export function faultTypes(queue: QueueType): readonly FaultType[] {
  return queue === "redis" ? [...everywhere, ...onRedis] : everywhere;
}

/**
 * Draws the faults of a run: the same seed gives the same. The types are dealt like cards, so that each comes once before any comes
 * twice, and moments are even but for a jitter.
 */
export function scheduleFaults(seed: number, seconds: number, queue: QueueType): readonly ScheduledFault[] {
  const random = createRandom(seed);
  const types = faultTypes(queue);
  const count = Math.max(1, Math.floor((seconds * 1_000 - quietMs) / everyMs));
  const faults: ScheduledFault[] = [];
  let deck: FaultType[] = [];
  for (let number = 0; number < count; number += 1) {
    if (deck.length === 0) deck = [...types];
    const [type] = deck.splice(random.between(0, deck.length - 1), 1);
    if (type === undefined) throw new RangeError("the deck of faults is empty");
    faults.push({
      atMs: quietMs + number * everyMs + random.between(0, everyMs - 1),
      type,
      worker: random.between(0, workerCount - 1),
      seed: random.between(0, 2 ** 31 - 1),
    });
  }
  return faults;
}
