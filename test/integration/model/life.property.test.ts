import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { examples, examplesTimeoutMs } from "../../support/hostile/try-examples.ts";
import { heal, type Model, stories } from "./commands.ts";
import { born, type Method } from "./life.ts";
import { createWorld, type World } from "./world.ts";

/*
 * Whatever is asked of a contract, in whatever order, however often it is repeated, wherever workers die and however late Stripe is
 * heard: it stands as the model says, which is the specification in a few lines; and no money is given back twice.
 */

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

it.each<[Method, number]>([
  ["bank_transfer", 24],
  ["card", 12],
])("lives as the model does: %s", { timeout: examplesTimeoutMs * 4 }, async (method, count) => {
  const ends: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(stories(20), async (story) => {
      await world.begin(method);
      const model: Model = { life: born(method), wishes: [], left: new Map() };
      await fc.asyncModelRun(() => ({ model, real: world }), story);
      await heal(model, world);
      ends[model.life.status] = (ends[model.life.status] ?? 0) + 1;
    }),
    { numRuns: examples(count) },
  );
  // The stories lead somewhere.
  expect(Object.keys(ends).length).toBeGreaterThan(2);
});
