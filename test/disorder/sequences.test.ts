import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { auditOf } from "../support/audit.ts";
import { createTestStore, type TestStore } from "../support/test-database.ts";
import { deliver, deliverMeanwhile } from "./deliver.ts";
import { chanceOf, permutations, permutationsWithOneTwice, shuffled, withRepetitions } from "./orders.ts";
import { playScene } from "./play-scene.ts";
import type { Played, Scene, Standing } from "./scene.ts";
import { scenes } from "./scenes.ts";

/*
 * The sequences of Stripe's events, each in a few orders; `npm run test:disorder` tries all of them. An audit finds nothing in
 * the tables afterwards.
 */

const seed = 20_241_008;
const ordersOfEach = 2;

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

function expectEnd(scene: Scene, end: Standing, order?: string): void {
  expect(end, order).toEqual(scene.end);
}

/** Of the order that was delivered last. */
async function expectNothingAudited(): Promise<void> {
  expect((await auditOf(store)).violations).toEqual([]);
}

describe.each(scenes.map((scene) => [scene.name, scene] as const))("%s", (_, scene) => {
  let played: Played;
  beforeAll(async () => {
    played = await playScene(scene, Date.now());
  });

  test("comes to its end in the order in which Stripe made its events, and in reverse", async () => {
    expectEnd(scene, await deliver(store, played, played.events));
    expectEnd(scene, await deliver(store, played, played.events.toReversed()));
    await expectNothingAudited();
  });

  test("comes to the same end in other orders, with some of its events sent twice", async () => {
    const chance = chanceOf(seed);
    for (let n = 0; n < ordersOfEach; n += 1) {
      const order = withRepetitions(played.events, chance);
      const pace = n % 2 === 0 ? "one_by_one" : "all_at_once";
      expectEnd(scene, await deliver(store, played, order, pace), named(order));
    }
    await expectNothingAudited();
  });

  test.skipIf(scene.isHeardAfterwards)(
    "comes to the same end when its events arrive late, while it goes on",
    async () => {
      for (let n = 0; n < ordersOfEach; n += 1) {
        const end = await deliverMeanwhile(store, scene, Date.now(), chanceOf(seed + n));
        expectEnd(scene, end, `seed ${seed + n}`);
      }
    },
  );
});

describe("what is delivered late", () => {
  const play = async (name: string) => {
    const scene = scenes.find((each) => each.name.startsWith(name));
    if (scene === undefined) throw new Error(`there is no scene ${name}`);
    return playScene(scene, Date.now());
  };
  const lastOf = (played: Played, type: string) => {
    const event = played.events.findLast((each) => each.type === type);
    if (event === undefined) throw new Error(`there is no ${type}`);
    return [...played.events.filter((each) => each !== event), event];
  };

  test("the last payment_failed after subscription.deleted is told of, and changes nothing", async () => {
    const played = await play("C. a renewal fails, and so does every retry");
    expect(await deliver(store, played, lastOf(played, "invoice.payment_failed"))).toEqual(played.scene.end);
  });

  test("invoice.paid of what was paid after the end goes back, whichever of the two is told first", async () => {
    const played = await play("C. a renewal fails, and so does every retry; the customer pays it");
    expect(await deliver(store, played, lastOf(played, "invoice.paid"))).toEqual(played.scene.end);
    expect(await deliver(store, played, lastOf(played, "customer.subscription.deleted"))).toEqual(played.scene.end);
  });

  test("invoice.paid of what was paid before the end is an ordinary payment: it is recorded, opened, and kept", async () => {
    const played = await play("C. a renewal fails, the customer pays it");
    expect(await deliver(store, played, lastOf(played, "invoice.paid"))).toEqual(played.scene.end);
  });
});

test("orders are orders: nothing is lost, and a seed gives the same again", () => {
  const items = [1, 2, 3, 4, 5];
  expect(shuffled(items, chanceOf(7)).toSorted((a, b) => a - b)).toEqual(items);
  expect(shuffled(items, chanceOf(7))).toEqual(shuffled(items, chanceOf(7)));
  expect(shuffled(items, chanceOf(8))).not.toEqual(shuffled(items, chanceOf(7)));
  expect([...permutations(["a", "b", "b"], String)].map((order) => order.join(""))).toEqual(["abb", "bab", "bba"]);
  expect([...permutationsWithOneTwice(["a", "b"], String)].map((order) => order.join("")).toSorted()).toEqual(
    ["aab", "aba", "baa", "abb", "bab", "bba"].toSorted(),
  );
});

function named(order: Played["events"]): string {
  return order.map(({ type }) => type).join(", ");
}
