import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  begunPeriods,
  businessDateOf,
  isLater,
  isRenewalDate,
  monthOf,
  nextRenewalAfter,
  parseBusinessDate,
  parseInstant,
  periodAt,
  periodNearest,
  periodOn,
  renewalDate,
} from "../../../src/contract/calendar.ts";

/*
 * The independent reckoning: a calendar of integers, which shares nothing with the code under test.
 */
type Day = readonly [year: number, month: number, day: number];

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function write([year, month, day]: Day) {
  const two = (part: number) => String(part).padStart(2, "0");
  return parseBusinessDate(`${year}-${two(month)}-${two(day)}`);
}

function dayAfter([year, month, day]: Day): Day {
  if (day < daysIn(year, month)) return [year, month, day + 1];
  return month < 12 ? [year, month + 1, 1] : [year + 1, 1, 1];
}

function monthsLater([year, month, day]: Day, n: number): Day {
  const months = year * 12 + (month - 1) + n;
  const [laterYear, laterMonth] = [Math.floor(months / 12), (months % 12) + 1];
  return [laterYear, laterMonth, Math.min(day, daysIn(laterYear, laterMonth))];
}

function dayOfEpoch(count: number): Day {
  let [year, month, left] = [1970, 1, count];
  for (; left >= (isLeap(year) ? 366 : 365); year += 1) left -= isLeap(year) ? 366 : 365;
  for (; left >= daysIn(year, month); month += 1) left -= daysIn(year, month);
  return [year, month, left + 1];
}

/** Days of a century, with the month's ends, where months differ, half of the time. */
const days = fc
  .record({
    year: fc.integer({ min: 1999, max: 2101 }),
    month: fc.integer({ min: 1, max: 12 }),
    day: fc.oneof(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 28, max: 31 })),
  })
  .map(({ year, month, day }): Day => [year, month, Math.min(day, daysIn(year, month))]);
const months = fc.integer({ min: 0, max: 600 });

describe("renewal dates", () => {
  test("are counted from the start and never drift: the start's day, or the last day of a shorter month", () => {
    fc.assert(
      fc.property(days, months, (start, n) => {
        expect(renewalDate(write(start), n)).toBe(write(monthsLater(start, n)));
      }),
    );
  });

  test("are strictly increasing", () => {
    fc.assert(fc.property(days, months, (start, n) => renewalDate(write(start), n) < renewalDate(write(start), n + 1)));
  });

  test("of a contract begun on a 31st fall on the month's last day and come back to the 31st", () => {
    const start = parseBusinessDate("2025-01-31");
    const first = [1, 2, 3, 4, 5, 12, 13].map((n) => renewalDate(start, n));
    expect(first).toEqual([
      "2025-02-28",
      "2025-03-31",
      "2025-04-30",
      "2025-05-31",
      "2025-06-30",
      "2026-01-31",
      "2026-02-28",
    ]);
  });

  test("know leap years, and that a century is one only every fourth time", () => {
    expect(renewalDate(parseBusinessDate("2024-01-31"), 1)).toBe("2024-02-29");
    expect(renewalDate(parseBusinessDate("2024-02-29"), 12)).toBe("2025-02-28");
    expect(renewalDate(parseBusinessDate("2024-02-29"), 48)).toBe("2028-02-29");
    expect(renewalDate(parseBusinessDate("2100-01-30"), 1)).toBe("2100-02-28");
    expect(renewalDate(parseBusinessDate("2000-01-30"), 1)).toBe("2000-02-29");
  });

  test("of the help page's contract, begun on 8 October 2024, are the 8th of every month", () => {
    const start = parseBusinessDate("2024-10-08");
    expect([1, 2, 3, 4].map((n) => renewalDate(start, n))).toEqual([
      "2024-11-08",
      "2024-12-08",
      "2025-01-08",
      "2025-02-08",
    ]);
  });
});

describe("periods", () => {
  test("tile the time line: each ends, exclusively, where the next begins, and period 0 begins at the start", () => {
    fc.assert(
      fc.property(days, months, (start, index) => {
        const period = periodAt(write(start), index);
        expect(period.index).toBe(index);
        expect(period.endsOn).toBe(periodAt(write(start), index + 1).startsOn);
        expect(period.startsOn < period.endsOn).toBe(true);
        expect(periodAt(write(start), 0).startsOn).toBe(write(start));
      }),
    );
  });

  test("periodOn, periodAt, isRenewalDate and nextRenewalAfter agree with plain counting on every day of three years", () => {
    fc.assert(
      fc.property(days, (start) => {
        const startOn = write(start);
        let index = 0;
        for (let day = start, count = 0; count < 3 * 366; day = dayAfter(day), count += 1) {
          const date = write(day);
          if (date === write(monthsLater(start, index + 1))) index += 1;
          const [startsOn, endsOn] = [write(monthsLater(start, index)), write(monthsLater(start, index + 1))];
          expect(periodOn(startOn, date)).toEqual({ index, startsOn, endsOn });
          expect(periodAt(startOn, index)).toEqual({ index, startsOn, endsOn });
          expect(nextRenewalAfter(startOn, date)).toBe(endsOn);
          expect(isRenewalDate(startOn, date)).toBe(index > 0 && date === startsOn);
        }
      }),
      { numRuns: 20 },
    );
  }, 30_000);

  test("do not exist before the start date, when the next renewal is the first", () => {
    const startOn = parseBusinessDate("2025-03-31");
    const before = parseBusinessDate("2025-03-30");
    expect(periodOn(startOn, before)).toBeUndefined();
    expect(nextRenewalAfter(startOn, before)).toBe("2025-04-30");
    expect(isRenewalDate(startOn, parseBusinessDate("2025-02-28"))).toBe(false);
  });

  test("the start date is no renewal date", () => {
    fc.assert(fc.property(days, (start) => !isRenewalDate(write(start), write(start))));
  });
});

describe("begun periods", () => {
  const startOn = parseBusinessDate("2024-10-08");
  const indexes = (date: string, terminationOn?: string) =>
    begunPeriods(
      startOn,
      parseBusinessDate(date),
      terminationOn === undefined ? undefined : parseBusinessDate(terminationOn),
    ).map((period) => period.index);

  test("are all from 0 to the one that contains the date, oldest first", () => {
    expect(indexes("2024-10-07")).toEqual([]);
    expect(indexes("2024-10-08")).toEqual([0]);
    expect(indexes("2024-11-07")).toEqual([0]);
    expect(indexes("2025-01-08")).toEqual([0, 1, 2, 3]);
  });

  test("none begins on or after the termination date", () => {
    expect(indexes("2025-03-20", "2025-01-08")).toEqual([0, 1, 2]);
    expect(indexes("2025-03-20", "2025-01-09")).toEqual([0, 1, 2, 3]);
    expect(indexes("2025-03-20", "2024-10-08")).toEqual([]);
    expect(indexes("2025-01-07", "2025-01-08")).toEqual([0, 1, 2]);
  });

  test("with a termination date are those that begin before it, on any day", () => {
    fc.assert(
      fc.property(days, months, months, (start, today, end) => {
        const [date, terminationOn] = [write(monthsLater(start, today)), write(monthsLater(start, end))];
        const begun = begunPeriods(write(start), date, terminationOn);
        expect(begun.map((period) => period.index)).toEqual(
          Array.from({ length: Math.min(today + 1, end) }, (_, index) => index),
        );
      }),
    );
  });
});

describe("instants become business dates", () => {
  test("in Tokyo the day changes at 15:00 in UTC", () => {
    expect(businessDateOf("2025-01-07T14:59:59.999Z", "Asia/Tokyo")).toBe("2025-01-07");
    expect(businessDateOf("2025-01-07T15:00:00Z", "Asia/Tokyo")).toBe("2025-01-08");
    expect(businessDateOf("2024-12-31T15:00:00Z", "Asia/Tokyo")).toBe("2025-01-01");
    expect(businessDateOf("2024-02-28T15:00:00Z", "Asia/Tokyo")).toBe("2024-02-29");
  });

  test("in Tokyo, on every minute, as plain counting has it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 * 24 * 365 * 80 }), (minutes) => {
        const instant = new Date(minutes * 60_000).toISOString();
        expect(businessDateOf(instant, "Asia/Tokyo")).toBe(write(dayOfEpoch(Math.floor((minutes + 540) / 1_440))));
      }),
    );
  });

  test("in a zone with summer time a day may begin at another hour of UTC than the day before", () => {
    const dateOf = (instant: string) => businessDateOf(instant, "America/New_York");
    expect(dateOf("2025-03-09T04:59:59Z")).toBe("2025-03-08");
    expect(dateOf("2025-03-09T05:00:00Z")).toBe("2025-03-09");
    expect(dateOf("2025-03-10T03:59:59Z")).toBe("2025-03-09");
    expect(dateOf("2025-03-10T04:00:00Z")).toBe("2025-03-10");
    expect(dateOf("2025-11-02T03:59:59Z")).toBe("2025-11-01");
    expect(dateOf("2025-11-02T04:00:00Z")).toBe("2025-11-02");
    expect(dateOf("2025-11-03T04:59:59Z")).toBe("2025-11-02");
    expect(dateOf("2025-11-03T05:00:00Z")).toBe("2025-11-03");
  });
});

describe("what is read", () => {
  test.each([
    "2025-02-29",
    "2100-02-29",
    "2025-04-31",
    "2025-13-01",
    "2025-00-10",
    "2025-01-00",
    "2025-1-8",
    "20250108",
    "2025-01-08T00:00:00Z",
    "2025-01-08 ",
    "",
    "tomorrow",
    "2025-01-08[u-ca=japanese]",
    "+012025-01-08",
    "-000044-03-15",
    "0000-01-01",
    "1024-10-08",
    "1899-12-31",
    "3000-01-01",
    "9999-12-31",
  ])("parseBusinessDate refuses %j with a RangeError", (text) => {
    expect(() => parseBusinessDate(text)).toThrow(RangeError);
  });

  test("parseBusinessDate takes every day that exists, unchanged", () => {
    fc.assert(fc.property(days, (day) => parseBusinessDate(write(day)) === write(day)));
    expect(parseBusinessDate("2024-02-29")).toBe("2024-02-29");
  });

  test("business dates compare as text in the order of the calendar", () => {
    fc.assert(fc.property(days, (day) => write(day) < write(dayAfter(day))));
  });

  test("the month of a date is its first seven characters", () => {
    expect(monthOf(parseBusinessDate("2025-01-31"))).toBe("2025-01");
  });

  test("parseInstant writes a moment in UTC, whatever offset it came with", () => {
    expect(parseInstant("2025-01-08T00:30:00+09:00")).toBe("2025-01-07T15:30:00Z");
    expect(parseInstant("2025-01-08T00:30:00.250Z")).toBe("2025-01-08T00:30:00.25Z");
  });
});

describe("isLater", () => {
  test.each([
    ["2025-01-08T00:00:01Z", "2025-01-08T00:00:00Z", true],
    ["2025-01-08T00:00:00Z", "2025-01-08T00:00:00Z", false],
    ["2025-01-08T00:00:00Z", "2025-01-08T00:00:01Z", false],
    // As text the first two would be the other way round.
    ["2025-01-08T00:00:00.5Z", "2025-01-08T00:00:00Z", true],
    ["2025-01-08T00:00:00Z", "2025-01-08T00:00:00.5Z", false],
    ["2025-01-08T00:30:00+09:00", "2025-01-07T15:29:59Z", true],
    ["2025-01-08T00:30:00+09:00", "2025-01-07T15:30:00+00:00", false],
  ])("%s is later than %s: %s", (instant, other, expected) => {
    expect(isLater(instant, other)).toBe(expected);
  });
});

describe("periodNearest", () => {
  /** The number of a day, counted from 1970-01-01, by the independent calendar. */
  function numberOf([year, month, day]: Day): number {
    let count = day - 1;
    for (let each = 1970; each < year; each += 1) count += isLeap(each) ? 366 : 365;
    for (let each = 1; each < month; each += 1) count += daysIn(year, each);
    return count;
  }
  const starts = days.filter(([year]) => year < 2090);

  test("finds the period that begins on the day itself", () => {
    fc.assert(
      fc.property(starts, fc.integer({ min: 0, max: 120 }), (start, n) => {
        const startsOn = write(monthsLater(start, n));
        expect(periodNearest(write(start), startsOn)).toEqual(periodAt(write(start), n));
      }),
    );
  });

  test("finds the same period for every day up to 13 days away from its beginning, which no clamping exceeds", () => {
    fc.assert(
      fc.property(starts, fc.integer({ min: 1, max: 120 }), fc.integer({ min: -13, max: 13 }), (start, n, daysAway) => {
        const day = dayOfEpoch(numberOf(monthsLater(start, n)) + daysAway);
        expect(periodNearest(write(start), write(day)).index).toBe(n);
      }),
    );
  });

  test("no other period begins nearer", () => {
    fc.assert(
      fc.property(starts, fc.integer({ min: -400, max: 2_000 }), (start, daysLater) => {
        const day = Math.max(0, numberOf(start) + daysLater);
        const distance = (n: number) => Math.abs(numberOf(monthsLater(start, n)) - day);
        const { index } = periodNearest(write(start), write(dayOfEpoch(day)));
        expect(distance(index + 1)).toBeGreaterThanOrEqual(distance(index));
        if (index > 0) expect(distance(index - 1)).toBeGreaterThan(distance(index));
      }),
    );
  });

  test.each([
    // Worked cases: the business dates on which Stripe, clamping by UTC, begins a period.
    ["2025-01-31", "2025-03-01", 1],
    ["2025-01-31", "2025-03-31", 2],
    ["2025-03-01", "2025-03-29", 1],
    ["2025-03-01", "2025-03-01", 0],
    ["2025-03-01", "2024-12-24", 0],
  ])("of a contract that started on %s, a period that begins on %s at Stripe is period %i", (start, day, index) => {
    expect(periodNearest(parseBusinessDate(start), parseBusinessDate(day)).index).toBe(index);
  });
});
