import { afterEach, expect, it } from "vitest";
import { endWorkerProcesses } from "../support/worker-process.ts";
import { runOne, setUpMatrix } from "./dry-run.ts";
import { type Case, cutOff, killAtEach, pauseAtEach } from "./matrix.ts";
import { refund, slowRefund } from "./scenarios.ts";

afterEach(endWorkerProcesses);

/** One case for each failpoint that only an attempt passes that has waited for Stripe. What comes of it is the same. */
async function setUp(): Promise<readonly Case<{ name: string; nth: number }>[]> {
  const dry = await runOne(await setUpMatrix(), refund);
  expect(dry.standing.effects).toEqual(refund.effects);
  const run = { ...dry, scenario: slowRefund };
  return ["before:sign_of_life", "after:sign_of_life"].map((name) => ({ run, fault: { name, nth: 1 } }));
}

it.each([
  ["is killed", killAtEach],
  ["sleeps beyond its locks", pauseAtEach],
  ["is cut off from the database", cutOff],
])("an attempt that %s where it says that it is at work does what it would have done", async (_, fail) => {
  await fail("postgres", await setUp());
});
