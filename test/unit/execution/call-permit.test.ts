import { expect, test } from "vitest";
import { permitFromNow } from "../../../src/execution/call-permit.ts";

/** Both hands of a clock, to be moved apart. */
function setup() {
  const hands = { monotonicMs: 5, nowMs: 1_700_000_000_000 };
  const clock = { monotonicMs: () => hands.monotonicMs, nowMs: () => hands.nowMs };
  return { hands, mayBeSent: permitFromNow(clock) };
}

test.each([
  ["a minute of both", 60_000, 60_000, true],
  ["more than a minute of the monotonic clock", 60_001, 60_000, false],
  ["more than a minute of the wall clock, while the machine was suspended", 3, 60_001, false],
  ["a wall clock that was set back meanwhile", 60_001, -3_600_000, false],
  ["a wall clock that was set back, soon", 1_000, -3_600_000, true],
])("after %s", (_, monotonicMs, nowMs, expected) => {
  const { hands, mayBeSent } = setup();
  hands.monotonicMs += monotonicMs;
  hands.nowMs += nowMs;
  expect(mayBeSent()).toBe(expected);
});
