import { newId } from "../core/ids.ts";
import type { StoredTestClock } from "../core/stored.ts";

export interface TestClockFacts {
  readonly created: number;
  readonly frozenTime: number;
  readonly name: string | null;
}

/** Stripe deletes a clock by itself after so long; the stand-in only says so. */
const KEPT_SECONDS = 30 * 24 * 60 * 60;

export function testClockObject({ created, frozenTime, name }: TestClockFacts): StoredTestClock {
  return {
    id: newId("testClock"),
    object: "test_helpers.test_clock",
    created,
    deletes_after: created + KEPT_SECONDS,
    frozen_time: frozenTime,
    livemode: false,
    name,
    status: "ready",
    status_details: {},
  };
}
