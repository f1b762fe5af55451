import fc from "fast-check";
import { expect, test } from "vitest";
import { boundary, periodAt, periodIndexOf } from "../../../sandbox/stripe/billing/periods.ts";
import { SHOP, setUpStandIn } from "./set-up-stand-in.ts";

const MONTHLY = { interval: "month", count: 1 } as const;

function seconds(instant: string): number {
  return Date.parse(instant) / 1000;
}

function iso(moment: number | undefined): string {
  return new Date((moment ?? Number.NaN) * 1000).toISOString().replace(".000", "");
}

test.each([
  // The anchor's day of the month comes back after a shorter month.
  ["2025-01-31T12:00:00Z", 1, "2025-02-28T12:00:00Z"],
  ["2025-01-31T12:00:00Z", 2, "2025-03-31T12:00:00Z"],
  ["2025-01-31T12:00:00Z", 3, "2025-04-30T12:00:00Z"],
  ["2024-01-30T12:00:00Z", 1, "2024-02-29T12:00:00Z"],
  ["2024-12-31T12:00:00Z", 2, "2025-02-28T12:00:00Z"],
  // The calendar is that of UTC: half past midnight in Japan is still the day before.
  ["2024-10-07T16:00:00Z", 1, "2024-11-07T16:00:00Z"],
  ["2025-01-30T15:30:00Z", 1, "2025-02-28T15:30:00Z"],
  ["2025-01-30T15:30:00Z", 2, "2025-03-30T15:30:00Z"],
  ["2025-02-28T15:30:00Z", 1, "2025-03-28T15:30:00Z"],
])("a month from the anchor %s, boundary %i is %s", (anchor, n, expected) => {
  expect(iso(boundary(seconds(anchor), MONTHLY, n))).toBe(expected);
});

test("years, weeks and days are counted from the anchor too", () => {
  const leapDay = seconds("2024-02-29T00:00:00Z");

  expect(iso(boundary(leapDay, { interval: "year", count: 1 }, 1))).toBe("2025-02-28T00:00:00Z");
  expect(iso(boundary(leapDay, { interval: "year", count: 1 }, 4))).toBe("2028-02-29T00:00:00Z");
  expect(iso(boundary(leapDay, { interval: "week", count: 2 }, 1))).toBe("2024-03-14T00:00:00Z");
  expect(iso(boundary(leapDay, { interval: "day", count: 3 }, 2))).toBe("2024-03-06T00:00:00Z");
});

test("every moment after the anchor lies in the period of its number", () => {
  const moments = fc.integer({ min: seconds("2015-01-01T00:00:00Z"), max: seconds("2035-01-01T00:00:00Z") });
  const recurrence = fc.record({
    interval: fc.constantFrom("day", "week", "month", "year"),
    count: fc.integer({ min: 1, max: 6 }),
  });

  fc.assert(
    fc.property(moments, moments, recurrence, (a, b, every) => {
      const [anchor, moment] = [Math.min(a, b), Math.max(a, b)];
      const { start, end } = periodAt(anchor, every, periodIndexOf(anchor, every, moment));
      expect(start).toBeLessThanOrEqual(moment);
      expect(moment).toBeLessThan(end);
    }),
  );
});

test.each([
  ["2025-02-10T00:00:00Z", "2025-01-31T12:00:00Z", "2025-02-28T12:00:00Z"],
  ["2025-02-28T11:59:59Z", "2025-01-31T12:00:00Z", "2025-02-28T12:00:00Z"],
  ["2025-02-28T12:00:00Z", "2025-02-28T12:00:00Z", "2025-03-31T12:00:00Z"],
])("as of %s, the item of a subscription from 31 January is in the period from %s to %s", async (asOf, start, end) => {
  const { stripe, control } = await setUpStandIn();
  await control.seed({
    ...SHOP,
    subscriptions: [
      { id: "sub_a", customer: "cus_hanako", price: "price_monthly", anchorAt: "2025-01-31T12:00:00Z", asOf },
    ],
  });

  const [item] = (await stripe.subscriptions.retrieve("sub_a")).items.data;

  expect([iso(item?.current_period_start), iso(item?.current_period_end)]).toEqual([start, end]);
});
