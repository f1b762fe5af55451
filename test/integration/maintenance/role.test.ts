import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { type DailyRunRoleDeps, startDailyRun } from "../../../workers/daily-run.ts";
import { carryOut } from "../../support/daily-run.ts";
import { eventually } from "../../support/eventually.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { silentLog } from "../../support/test-database.ts";
import { addPaid, forgetAll } from "./set-up-runs.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());
beforeEach(() => forgetAll(bench));

const time = { dailyRunAt: "03:00", zone: "Asia/Tokyo" };

/** The role with a clock of the database's that the test moves; `looked` resolves once it has looked so many times. */
function start(nowAt: string, overrides: Partial<DailyRunRoleDeps> = {}) {
  const moment = { now: nowAt };
  const waiters: { count: number; resolve: () => void }[] = [];
  const looked: string[] = [];
  const role = startDailyRun(
    {
      db: bench.db,
      clock: systemClock,
      log: silentLog,
      time,
      bells: { countWaiting: async () => 0, ring: (ids) => carryOut(bench, ids) },
      keepBell: async () => undefined,
      now: async () => moment.now,
      lookEveryMs: 1,
      nightlyJobs: [
        {
          name: "noted",
          async run(date) {
            looked.push(date);
            for (const { count, resolve } of waiters) if (looked.length >= count) resolve();
          },
        },
      ],
      ...overrides,
    },
    7_200_000,
  );
  onTestFinished(() => role.stop());
  return {
    moment,
    looked,
    role,
    untilLooked: (count: number) =>
      new Promise<void>((resolve) => {
        waiters.push({ count, resolve });
        if (looked.length >= count) resolve();
      }),
  };
}

async function runs() {
  const rows = await bench.sql`select business_date::text as date, state from keiyaku.maintenance_runs order by 1`;
  return rows.map(({ date, state }) => `${date} ${state}`);
}

describe("the role maintenance", () => {
  it("looks when it starts, asks for nothing before the time of the run, and for today's when it is rung after it", async () => {
    await addPaid(bench, "c-1", 2);
    const { moment, role, untilLooked } = start("2025-01-19T17:59:00Z");
    await untilLooked(1);
    expect(await runs()).toEqual([]);

    moment.now = "2025-01-19T18:00:00Z";
    role.ring();
    await untilLooked(2);
    expect(await runs()).toEqual(["2025-01-20 done"]);
    expect(await bench.sql`select id from keiyaku.operations where state = 'succeeded'`).toHaveLength(1);
  });

  it.each([
    [3, "2025-01-23T18:00:00Z"],
    [40, "2025-03-01T18:00:00Z"],
  ])("catches up a stop of %i days, the oldest date first, each date once", async (days, back) => {
    await addPaid(bench, "c-1", 3);
    const { moment, role, untilLooked } = start("2025-01-19T18:00:00Z");
    await untilLooked(1);
    moment.now = back;
    role.ring();
    await untilLooked(2);

    const done = await runs();
    expect(done).toHaveLength(days + 2);
    expect(done.every((run) => run.endsWith(" done"))).toBe(true);
    const begun = await bench.sql`select business_date::text as date from keiyaku.maintenance_runs order by started_at`;
    expect(begun.map(({ date }) => date)).toEqual(done.map((run) => run.slice(0, 10)));
    // Each renewal of the stop is asked for by the run of its own day.
    const renewed =
      await bench.sql`select actor_id as date from keiyaku.operations where kind = 'renew' order by sequence`;
    expect(renewed.map(({ date }) => date)).toEqual(days === 40 ? ["2025-02-08"] : []);
  });

  it("does nothing twice when the clock is set back, nor for a date that has not come", async () => {
    await addPaid(bench, "c-1", 3);
    const { moment, role, untilLooked } = start("2025-02-09T18:00:00Z");
    await untilLooked(1);
    const before = await bench.sql`select id, state from keiyaku.operations`;
    expect(before).toHaveLength(1);

    moment.now = "2025-02-07T18:00:00Z";
    role.ring();
    await untilLooked(2);
    expect(await runs()).toEqual(["2025-02-10 done"]);

    // And once the time comes again it has been done; the day after is next.
    for (const [index, now] of ["2025-02-09T18:00:00Z", "2025-02-10T18:00:00Z"].entries()) {
      moment.now = now;
      role.ring();
      await untilLooked(3 + index);
    }
    expect(await runs()).toEqual(["2025-02-10 done", "2025-02-11 done"]);
    expect(await bench.sql`select id, state from keiyaku.operations`).toEqual(before);
  });

  it("leaves a run of tomorrow as it is when the clock is set back in its midst, and ends it then", async () => {
    await addPaid(bench, "c-1", 3);
    await bench.sql`insert into keiyaku.maintenance_runs (business_date, phase, cursor, state)
      values ('2025-02-08', 'renew', '["-infinity",""]', 'running')`;
    const { moment, role, untilLooked } = start("2025-02-06T18:00:00Z");
    await untilLooked(1);
    expect(await runs()).toEqual(["2025-02-08 running"]);

    moment.now = "2025-02-07T18:00:00Z";
    role.ring();
    await untilLooked(2);
    expect(await runs()).toEqual(["2025-02-08 done"]);
  });

  it("does not wait with a date's run for the work of the night before", async () => {
    const ended: string[] = [];
    const allNight = {
      name: "all night",
      run: (date: string, stopping: AbortSignal) =>
        new Promise<void>((resolve) => {
          stopping.addEventListener("abort", () => resolve(void ended.push(date)));
        }),
    };
    const { moment, role } = start("2025-01-19T18:00:00Z", { nightlyJobs: [allNight] });
    await eventually(async () => (await runs()).includes("2025-01-20 done"), { withinMs: 10_000 });
    moment.now = "2025-01-20T18:00:00Z";
    role.ring();
    await eventually(async () => (await runs()).includes("2025-01-21 done"), { withinMs: 10_000 });

    await role.stop();
    expect(ended).toEqual(["2025-01-20"]);
  });

  it("has the work of each night done while a run hangs, and goes on with the run when it can", async () => {
    await addPaid(bench, "c-1", 2);
    const hanging: string[] = [];
    const ring = async (ids: readonly string[]) => void hanging.push(...ids);
    const { moment, looked } = start("2025-01-19T18:00:00Z", {
      bells: { countWaiting: async () => 0, ring },
      nightWaitsMs: 20,
    });
    await eventually(() => hanging.length > 0 && looked.includes("2025-01-20"), { withinMs: 10_000 });
    moment.now = "2025-01-20T18:00:00Z";
    await eventually(() => looked.includes("2025-01-21"), { withinMs: 10_000 });
    expect(await runs()).toEqual(["2025-01-20 running"]);

    await carryOut(bench, hanging);
    await eventually(async () => (await runs()).includes("2025-01-20 done"), { withinMs: 10_000 });
  });

  it("does not begin the night before the run is done, unless that takes an hour", async () => {
    await addPaid(bench, "c-1", 2);
    const stood: string[][] = [];
    const waits = new Set<number>();
    const clock = {
      ...systemClock,
      sleep(ms: number, signal?: AbortSignal) {
        waits.add(ms);
        return systemClock.sleep(ms, signal);
      },
    };
    start("2025-01-19T18:00:00Z", {
      clock,
      nightlyJobs: [{ name: "seen", run: async () => void stood.push(await runs()) }],
    });
    await eventually(() => stood.length > 0, { withinMs: 10_000 });
    expect(stood).toEqual([["2025-01-20 done"]]);
    expect(waits).toContain(3_600_000);
  });

  it("goes on by itself ten seconds after the database was away, and lets the bell be lost", async () => {
    let fails = 1;
    const failed: string[] = [];
    const log = { ...silentLog, warn: (_: unknown, sentence: string) => void failed.push(sentence) };
    const { untilLooked } = start("2025-01-19T18:00:00Z", {
      clock: {
        ...systemClock,
        sleep: (ms, signal) => systemClock.sleep(ms === 10_000 ? 0 : ms, signal),
      },
      log: log as never,
      keepBell: () => Promise.reject(new Error("no queue")),
      now: async () => {
        if (fails-- > 0) throw new Error("away");
        return "2025-01-19T18:00:00Z";
      },
    });
    await untilLooked(1);
    expect(await runs()).toEqual(["2025-01-20 done"]);
    expect(failed).toContain("the daily run was cut short; it goes on where it was");
  });
});
