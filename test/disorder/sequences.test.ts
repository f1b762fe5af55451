import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestStore, type TestStore } from "../support/test-database.ts";
import { deliver } from "./deliver.ts";
import { playScene, scenes } from "./scenes.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

describe.each(scenes)("$name", (scene) => {
  test("in order", async () => {
    const played = await playScene(scene, Date.now());
    console.log(scene.name, played.events.map(({ type }) => type).join(" "));
    const t = performance.now();
    expect(await deliver(store, played, played.events)).toEqual(scene.end);
    expect(await deliver(store, played, played.events.toReversed())).toEqual(scene.end);
    console.log(performance.now() - t);
  });
});
