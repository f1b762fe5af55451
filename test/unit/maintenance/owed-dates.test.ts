import { describe, expect, test } from "vitest";
import { parseBusinessDate } from "../../../src/contract/calendar.ts";
import { nextOwed, owedSince, scheduledUntil } from "../../../src/maintenance/owed-dates.ts";

const on = parseBusinessDate;

describe("the schedule asks for today's run", () => {
  const tokyo = { dailyRunAt: "03:00", zone: "Asia/Tokyo" };
  const newYork = { dailyRunAt: "02:30", zone: "America/New_York" };

  test.each([
    ["from the time of the run on", "2025-01-19T18:00:00Z", tokyo, "2025-01-20"],
    ["and not before", "2025-01-19T17:59:59.999Z", tokyo, "2025-01-19"],
    ["by the business zone's date, which may be another than that of UTC", "2025-01-19T15:00:00Z", tokyo, "2025-01-19"],
    ["at midnight, if that is the time", "2025-01-19T15:00:00Z", { ...tokyo, dailyRunAt: "00:00" }, "2025-01-20"],
    ["an hour later where summer time leaves the time out", "2025-03-09T07:30:00Z", newYork, "2025-03-09"],
    ["and not before that", "2025-03-09T07:29:59Z", newYork, "2025-03-08"],
    ["the first time where it comes twice", "2025-11-02T05:30:00Z", { ...newYork, dailyRunAt: "01:30" }, "2025-11-02"],
    [
      "and goes on asking when it comes again",
      "2025-11-02T06:10:00Z",
      { ...newYork, dailyRunAt: "01:30" },
      "2025-11-02",
    ],
  ])("%s", (_, now, time, until) => {
    expect(scheduledUntil(now, time)).toBe(until);
  });
});

describe("what is owed", () => {
  const today = on("2025-03-01");

  test.each([
    ["today alone, where no run was ever made", null, null, "2025-03-01"],
    ["the day after the last one", null, "2025-02-27", "2025-02-28"],
    ["the oldest date under way, before any other", "2025-02-20", "2025-02-27", "2025-02-20"],
    ["nothing, once today has its run", null, "2025-03-01", null],
    ["nothing, when the clock was set back", null, "2025-03-08", null],
    [
      "nothing that is under way for a date which has not come, when the clock was set back",
      "2025-03-02",
      "2025-03-02",
      null,
    ],
  ])("is %s", (_, runningOn, lastOn, owed) => {
    const runs = { runningOn: runningOn && on(runningOn), lastOn: lastOn && on(lastOn) };
    expect(nextOwed({ runningOn: runs.runningOn || null, lastOn: runs.lastOn || null }, today, today)).toBe(owed);
  });

  test.each([3, 40])("after a stop of %d days is each day of it and today, oldest first, each once", (days) => {
    let lastOn = on("2025-01-19");
    const until = on(days === 3 ? "2025-01-23" : "2025-03-01");
    const worked: string[] = [];
    for (;;) {
      const next = nextOwed({ runningOn: null, lastOn }, until, until);
      if (next === null) break;
      worked.push(next);
      lastOn = next;
    }
    expect(worked).toHaveLength(days + 1);
    expect([worked[0], worked.at(-1)]).toEqual(["2025-01-20", until]);
    expect(worked).toEqual(worked.toSorted());
  });

  test("has been since the time of the oldest date's run", () => {
    const time = { dailyRunAt: "03:00", zone: "Asia/Tokyo" };
    const now = "2025-03-01T09:00:00Z";
    expect(owedSince({ runningOn: null, lastOn: on("2025-02-27") }, now, time)).toBe("2025-02-27T18:00:00Z");
    expect(owedSince({ runningOn: null, lastOn: on("2025-03-01") }, now, time)).toBeNull();
    // Before the time of the run, today's is not owed yet.
    expect(owedSince({ runningOn: null, lastOn: on("2025-02-28") }, "2025-02-28T17:00:00Z", time)).toBeNull();
  });
});
