import { describe, expect, it } from "vitest";
import { faults } from "../../chaos/faults/index.ts";
import { faultTypes, queueTypes, scheduleFaults, workerCount } from "../../chaos/schedule.ts";

describe("the schedule of faults", () => {
  it.each(queueTypes)("is the same for the same seed, and another for another, on %s", (queue) => {
    expect(scheduleFaults(7, 60, queue)).toEqual(scheduleFaults(7, 60, queue));
    expect(scheduleFaults(8, 60, queue)).not.toEqual(scheduleFaults(7, 60, queue));
  });

  it.each(queueTypes)("has every fault that the queue can meet within 45 s, in order, on %s", (queue) => {
    const schedule = scheduleFaults(1, 45, queue);
    expect(new Set(schedule.map(({ type }) => type))).toEqual(new Set(faultTypes(queue)));
    const moments = schedule.map(({ atMs }) => atMs);
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
    expect(Math.max(...moments)).toBeLessThan(45_000);
    expect(Math.max(...schedule.map(({ worker }) => worker))).toBe(workerCount - 1);
  });

  it("hurts no Redis where the queue lives in PostgreSQL", () => {
    expect(scheduleFaults(1, 60, "postgres").some(({ type }) => type.startsWith("redis"))).toBe(false);
  });

  it("knows how to do each of them", () => {
    expect(Object.keys(faults).toSorted()).toEqual([...faultTypes("redis")].toSorted());
  });
});
