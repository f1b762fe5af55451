import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { expect, test } from "vitest";
import { businessDateOf, renewalDate } from "../../../src/contract/calendar.ts";

/*
 * Stripe counts months from the anchor by the calendar of UTC; we count them from the start date by the calendar of the zone. What
 * is due by card is looked for as many days earlier and later as these may differ: `src/store/find-due.ts`.
 */

const zones = [
  "Asia/Tokyo",
  "America/New_York",
  "Europe/Vienna",
  "Australia/Sydney",
  "Pacific/Auckland",
  "Pacific/Honolulu",
];

/** Mostly near the ends of months and the ends of days, where the two differ. */
const anchors = fc
  .record({
    month: fc.integer({ min: 0, max: 47 }),
    dayFromEnd: fc.oneof(fc.integer({ min: -2, max: 3 }), fc.integer({ min: -2, max: 28 })),
    minute: fc.oneof(fc.integer({ min: 0, max: 1_439 }), fc.constantFrom(0, 29, 30, 59, 60, 1_410, 1_439)),
  })
  .map(({ month, dayFromEnd, minute }) =>
    Temporal.PlainDateTime.from("2023-01-31T00:00")
      .add({ months: month })
      .subtract({ days: dayFromEnd })
      .add({ minutes: minute }),
  );

test("Stripe's boundary lies at most four days beside the renewal date of the calendar", () => {
  const seen = { before: 0, after: 0 };
  fc.assert(
    fc.property(anchors, fc.constantFrom(...zones), fc.integer({ min: 1, max: 30 }), (anchor, zone, n) => {
      const startOn = businessDateOf(anchor.toZonedDateTime("UTC").toInstant().toString(), zone);
      const atStripe = anchor.add({ months: n }).toZonedDateTime("UTC").toInstant().toString();
      const days = Temporal.PlainDate.from(renewalDate(startOn, n)).until(
        Temporal.PlainDate.from(businessDateOf(atStripe, zone)),
        { largestUnit: "days" },
      ).days;
      seen.before = Math.min(seen.before, days);
      seen.after = Math.max(seen.after, days);
      expect(Math.abs(days)).toBeLessThanOrEqual(4);
    }),
    { numRuns: 5_000 },
  );
  // It does differ: otherwise this has tried nothing.
  expect(seen.before).toBeLessThanOrEqual(-2);
  expect(seen.after).toBeGreaterThanOrEqual(1);
});
