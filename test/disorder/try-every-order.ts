import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { meaningOf, type StripeEvent } from "../../src/stripe/events.ts";
import { createTestStore, type TestStore } from "../support/test-database.ts";
import { deliver, deliverMeanwhile } from "./deliver.ts";
import { chanceOf, permutations, permutationsWithOneTwice, shuffled, withRepetitions } from "./orders.ts";
import { playScene } from "./play-scene.ts";
import type { Scene } from "./scene.ts";

/** Up to so many events every order is tried, and up to so many each of those with one event sent twice. */
const lengthMax = 7;
const lengthMaxWithOneTwice = 5;
/** Of longer sequences so many orders at random, and as many with some of the events sent twice. */
const ordersMax = 400;
const livesOfEach = 60;

/**
 * Delivers each sequence's events in every order, and every one of them twice, as far as they are few; of longer sequences as
 * many orders at random. Events that mean the same operation are the same: whatever they say, that reads Stripe.
 */
export function tryEveryOrder(scenes: readonly Scene[]): void {
  let store: TestStore;
  let cases = 0;
  beforeAll(async () => {
    store = await createTestStore();
  });
  afterAll(async () => {
    await store.close();
    console.info(`disorder: ${cases} cases of ${scenes.length} sequences`);
  });

  describe.each(scenes.map((scene) => [scene.name, scene] as const))("%s", (_, scene) => {
    const tryEach = async (ordersOf: (events: readonly StripeEvent[]) => Iterable<readonly StripeEvent[]>) => {
      const played = await playScene(scene, Date.now());
      // What nothing follows from can come at any time.
      for (const order of ordersOf(played.events.filter(isUsed))) {
        cases += 1;
        const name = order.map(({ type }) => type).join(", ");
        expect(await deliver(store, played, order), name).toEqual(scene.end);
      }
    };

    test("comes to its end in every order", () =>
      tryEach((events) =>
        events.length <= lengthMax ? permutations(events, wordsOf) : atRandom(() => shuffled(events, chance)),
      ));

    test("comes to the same end whichever of its events are sent twice, and when", () =>
      tryEach((events) =>
        events.length <= lengthMaxWithOneTwice
          ? permutationsWithOneTwice(events, wordsOf)
          : atRandom(() => withRepetitions(events, chance)),
      ));

    test.skipIf(scene.isHeardAfterwards)(
      "comes to its end however late its events arrive while it goes on",
      async () => {
        for (let seed = 0; seed < livesOfEach; seed += 1) {
          cases += 1;
          expect(await deliverMeanwhile(store, scene, Date.now(), chanceOf(seed)), `seed ${seed}`).toEqual(scene.end);
        }
      },
    );
  });
}

const chance = chanceOf(1);

function atRandom<T>(next: () => T): readonly T[] {
  return Array.from({ length: ordersMax }, next);
}

function isUsed(event: StripeEvent): boolean {
  return meaningOf(event).type === "operation";
}

function wordsOf(event: StripeEvent): string {
  return JSON.stringify(meaningOf(event));
}
