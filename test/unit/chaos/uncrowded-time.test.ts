import { expect, it } from "vitest";
import { UncrowdedTime } from "../../chaos/uncrowded-time.ts";

function setUp() {
  const machine = { now: 0, waited: 0 as number | undefined };
  const time = new UncrowdedTime(
    () => machine.waited,
    () => machine.now,
  );
  return { machine, time };
}

it("counts as the clock does while nobody waits for a processor, and where nobody tells", () => {
  const { machine, time } = setUp();
  machine.now = 1_000;
  expect(time.passedMs).toBe(1_000);
  machine.now = 2_000;
  machine.waited = undefined;
  expect(time.passedMs).toBe(2_000);
});

it("counts a fifth while somebody waits all the time, and what lies between for half of it", () => {
  const { machine, time } = setUp();
  machine.now = 1_000;
  machine.waited = 1_000;
  expect(time.passedMs).toBeCloseTo(200);
  machine.now = 2_000;
  machine.waited = 1_500;
  expect(time.passedMs).toBeCloseTo(800);
});
