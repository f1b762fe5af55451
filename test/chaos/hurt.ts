import { setTimeout as pause } from "node:timers/promises";
import { createRandom } from "../../sandbox/demo/data/random.ts";
import type { Court } from "./court.ts";
import { faults } from "./faults/index.ts";
import { createStripeFaults } from "./faults/stripe-calls.ts";
import type { FaultType, ScheduledFault } from "./schedule.ts";
import { UncrowdedTime } from "./uncrowded-time.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

/** A fault as it took place. */
export interface Injected {
  readonly type: FaultType;
  readonly worker: number;
  /** Milliseconds of the wall clock. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** Why it could not be done, or not be undone by itself; undefined when it was. */
  readonly failed?: string;
}

const secondMs = 1_000;

/** Long enough for a date's phases to end when nothing is in their way. */
const dayEveryMs = 3_000;

/**
 * Hurts the world by the schedule, and samples each second what must hold at any moment. Resolves when the time is up and every fault
 * that had begun is over.
 */
export async function hurt(
  world: World,
  {
    seconds,
    schedule,
    seed,
    witness,
    court,
  }: {
    readonly seconds: number;
    readonly schedule: readonly ScheduledFault[];
    readonly seed: number;
    readonly witness: Witness;
    readonly court: Court;
  },
): Promise<{ readonly injected: readonly Injected[]; readonly samples: number; readonly uncrowdedMs: number }> {
  const stripeFaults = createStripeFaults(world.servers.stripe.control, seed);
  const injected: Injected[] = [];
  const underWay: Promise<void>[] = [];
  let samples = 0;
  await stripeFaults.topUp();
  const began = performance.now();
  const uncrowded = new UncrowdedTime();
  const passed = () => performance.now() - began;

  async function inject({ type, worker, seed: own }: ScheduledFault): Promise<void> {
    const about = world.crew.workers[worker];
    if (about === undefined) throw new RangeError(`there is no worker ${worker}`);
    const beganAt = Date.now();
    let failed: string | undefined;
    try {
      await faults[type](world, { worker: about, random: createRandom(own) });
    } catch (error) {
      failed = error instanceof Error ? error.message : String(error);
    }
    injected.push({ type, worker, beganAt, endedAt: Date.now(), ...(failed === undefined ? {} : { failed }) });
  }

  async function injectAll(): Promise<void> {
    for (const fault of schedule) {
      await pause(Math.max(0, fault.atMs - passed()));
      if (passed() > seconds * secondMs) return;
      underWay.push(inject(fault));
    }
  }

  async function sampleAll(): Promise<void> {
    while (passed() < seconds * secondMs) {
      const next = pause(secondMs);
      try {
        court.hearSafety(await witness.look());
        samples += 1;
      } catch {
        // PostgreSQL is away, and the next second will tell.
      }
      await next;
    }
  }

  /** Apart from the samples, which wait while PostgreSQL is away. */
  async function keepStripeFaulty(): Promise<void> {
    while (passed() < seconds * secondMs) {
      await pause(secondMs / 2);
      await stripeFaults.topUp();
    }
  }

  /** The daily run on a fast clock: a day every few seconds, whatever has become of the one before. */
  async function turnCalendar(): Promise<void> {
    while (passed() < seconds * secondMs) {
      await pause(dayEveryMs);
      // What cannot be told now, with PostgreSQL or the queue away, is told the next time.
      await world.time.nextDay().catch(() => undefined);
    }
  }

  await Promise.all([injectAll(), sampleAll(), keepStripeFaulty(), turnCalendar()]);
  const uncrowdedMs = Math.round(uncrowded.passedMs);
  await Promise.all(underWay);
  return { injected, samples, uncrowdedMs };
}
