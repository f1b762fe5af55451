import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { meaningOf } from "../../src/stripe/events.ts";
import { createTestStore, type TestStore } from "../support/test-database.ts";
import { deliver, deliverMeanwhile } from "./deliver.ts";
import { chanceOf, permutations, shuffled } from "./orders.ts";
import { playScene, scenes } from "./scenes.ts";

/* Every order of each sequence's events, as far as there are seven of them or fewer; of longer ones as many at random. */

const lengthMax = 7;
const ordersMax = 5_040;
const livesOfEach = 100;

let store: TestStore;
let cases = 0;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(async () => {
  await store.close();
  console.info(`disorder: ${cases} cases of ${scenes.length} sequences`);
});

describe.each(scenes)("$name", (scene) => {
  test("comes to its end in every order", async () => {
    const played = await playScene(scene, Date.now());
    // What nothing follows from can come at any time.
    const events = played.events.filter((event) => meaningOf(event).type === "operation");
    const chance = chanceOf(1);
    const orders =
      events.length <= lengthMax
        ? permutations(events)
        : Array.from({ length: ordersMax }, () => shuffled(events, chance)).values();
    for (const order of orders) {
      cases += 1;
      const name = order.map(({ type }) => type).join(", ");
      expect(await deliver(store, played, order), name).toEqual(scene.end);
    }
  });

  test("comes to its end however late its events arrive while it goes on", async () => {
    for (let seed = 0; seed < livesOfEach; seed += 1) {
      cases += 1;
      expect(await deliverMeanwhile(store, scene, Date.now(), chanceOf(seed)), `seed ${seed}`).toEqual(scene.end);
    }
  });
});
