import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseBusinessDate } from "../../../src/contract/calendar.ts";
import { Database } from "../../../src/store/database.ts";
import { beginRun, endPhase, readRuns, requestDue, takeToRing } from "../../../src/store/maintenance-runs.ts";
import { isConflict, StoreError } from "../../../src/store/store-error.ts";
import { askedOn, carryOut, driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addressOf } from "../../support/test-database.ts";
import { addOneOfEach, addPaid, forgetAll, oneOfEach, standings } from "./set-up-runs.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());
beforeEach(() => forgetAll(bench));

const date = "2025-01-20";

describe("several who drive one run at once", () => {
  it("have one effect, five of them on small pages too", async () => {
    await addOneOfEach(bench);
    const ids = Array.from({ length: 40 }, (_, index) => `d-${String(index).padStart(2, "0")}`);
    for (const id of ids) await addPaid(bench, id, 2);

    await Promise.all(Array.from({ length: 5 }, () => driveOn(bench, date, { pageSize: 3 })));

    expect((await askedOn(bench, date)).toSorted()).toEqual(
      [...oneOfEach, ...ids.map((id) => `renew ${id}: succeeded`)].toSorted(),
    );
    const [row] = await bench.sql`select count(*)::int as runs, min(state) as state from keiyaku.maintenance_runs`;
    expect(row).toEqual({ runs: 1, state: "done" });
  });

  it("ring once for each operation", async () => {
    for (const id of ["d-1", "d-2", "d-3"]) await addPaid(bench, id, 2);
    const rung: string[] = [];
    const bells = {
      countWaiting: async () => 0,
      ring: async (operationIds: readonly string[]) => {
        rung.push(...operationIds);
        await carryOut(bench, operationIds);
      },
    };
    await Promise.all(Array.from({ length: 5 }, () => driveOn(bench, date, { bells, pageSize: 1 })));
    expect(rung.toSorted()).toEqual(["d-1", "d-2", "d-3"].map((id) => `renew.${id}.20250108.1.20250120`));
  });

  it("of whom two begin with different dates come to the same", async () => {
    await addPaid(bench, "d-1", 2);
    await Promise.all([driveOn(bench, "2025-01-20"), driveOn(bench, "2025-01-22", { first: "2025-01-20" })]);
    const runs = await bench.sql`select business_date::text as date, state from keiyaku.maintenance_runs order by 1`;
    expect(runs.map(({ date: on, state }) => `${on} ${state}`)).toEqual(
      ["20", "21", "22"].map((day) => `2025-01-${day} done`),
    );
    expect(await bench.sql`select id from keiyaku.operations`).toHaveLength(1);
  });
});

describe("one who was left behind by the others", () => {
  it("asks for nothing, rings for nothing and ends nothing in a phase that is over", async () => {
    await addOneOfEach(bench);
    await beginRun(bench.db, parseBusinessDate(date));
    const begun = await runningNow();
    const requested = await requestDue(bench.db, begun, 100);
    await expect(requestDue(bench.db, begun, 100)).rejects.toSatisfy(isConflict);
    await beginRun(bench.db, parseBusinessDate("2025-01-19"));
    expect(await runningNow()).toEqual(requested);
    await bench.execute("start.c-start.20250120.1.20250120");
    expect(await endPhase(bench.db, requested)).toBe(true);
    // The next phase begins with the same cursor.
    const now = await runningNow();
    expect(now).toMatchObject({ phase: "terminate_at_renewal", cursor: begun.cursor });

    await expect(requestDue(bench.db, begun, 100)).rejects.toSatisfy(isConflict);
    expect(await takeToRing(bench.db, requested, 100)).toEqual([]);
    const over = await requestDue(bench.db, now, 100);
    expect(await endPhase(bench.db, requested)).toBe(false);
    expect(await runningNow()).toEqual(over);
  });

  async function runningNow() {
    const { running } = await readRuns(bench.db);
    if (running === null) throw new Error("a run is under way");
    return running;
  }
});

describe("a phase", () => {
  it("waits for an operation that somebody is at work on", async () => {
    await addPaid(bench, "d-1", 2);
    let waited = 0;
    await driveOn(bench, date, {
      bells: {
        countWaiting: async () => 0,
        ring: async () => {
          await bench.sql`update keiyaku.operations set state = 'executing', occupies = true, touched_at = now()`;
        },
      },
      onStep: async ({ run, did }) => {
        if (did !== "waited") return;
        expect(run.phase).toBe("renew");
        waited += 1;
        if (waited < 3) return;
        await bench.sql`update keiyaku.operations set state = 'requested', occupies = false`;
        await carryOut(bench, ["renew.d-1.20250108.1.20250120"]);
      },
    });
    expect(waited).toBe(3);
    expect(await askedOn(bench, date)).toEqual(["renew d-1: succeeded"]);
  });
});

describe("a run that is killed", () => {
  /** Drives until the nth statement, at which the connection is lost; false when it came to its end before. */
  async function driveUntil(nth: number): Promise<boolean> {
    let passed = 0;
    const db = new Database({
      address: addressOf(bench.url),
      poolSize: 1,
      applicationName: "killed",
      onStatement: (moment, name) => {
        passed += 1;
        if (passed === nth) throw new StoreError("unreachable", moment, name);
      },
    });
    try {
      await driveOn(bench, date, { db, pageSize: 2 });
      return false;
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault !== "unreachable") throw error;
      return true;
    } finally {
      await db.close(0);
    }
  }

  it("goes on where it was, before and after every statement: nothing is lost and nothing done twice", {
    timeout: 120_000,
  }, async () => {
    await addOneOfEach(bench);
    await driveOn(bench, date);
    const expected = { asked: await askedOn(bench, date), standings: await standings(bench) };
    expect(expected.asked).toEqual(oneOfEach);

    let cut = 0;
    for (let nth = 1; ; nth += 1) {
      await forgetAll(bench);
      await addOneOfEach(bench);
      if (!(await driveUntil(nth))) break;
      cut += 1;
      // What was taken to be rung for, and was not, is what the sweep finds; here the next one rings for it.
      await bench.sql`update keiyaku.maintenance_runs set rung_up_to = 0 where state = 'running'`;
      await driveOn(bench, date);
      expect({ nth, asked: await askedOn(bench, date), standings: await standings(bench) }).toEqual({
        nth,
        ...expected,
      });
    }
    expect(cut).toBeGreaterThan(50);
  });

  it("asks for nothing again that it has carried out, when it is killed between two pages", async () => {
    for (const id of ["d-1", "d-2", "d-3", "d-4", "d-5"]) await addPaid(bench, id, 2);
    const stopping = new AbortController();
    let pages = 0;
    const driven = driveOn(bench, date, {
      pageSize: 2,
      stopping: stopping.signal,
      onStep: ({ run, did }) => {
        if (run.phase === "renew" && did === "requested") pages += 1;
        if (pages === 2) stopping.abort();
      },
    });
    await expect(driven).rejects.toMatchObject({ name: "AbortError" });
    const first = await askedOn(bench, date);
    expect(first).toHaveLength(4);

    await driveOn(bench, date, { pageSize: 2 });

    expect(await askedOn(bench, date)).toEqual(
      ["d-1", "d-2", "d-3", "d-4", "d-5"].map((id) => `renew ${id}: succeeded`),
    );
  });
});

describe("a queue that has lost its bells", () => {
  it("is rung again once it is empty and nothing has been rung for a minute", async () => {
    for (const id of ["d-1", "d-2"]) await addPaid(bench, id, 2);
    let nowMs = 0;
    let lost = true;
    const rung: string[][] = [];
    const clock = {
      ...bench.deps.clock,
      monotonicMs: () => {
        nowMs += 1_000;
        return nowMs;
      },
    };
    await driveOn(bench, date, {
      clock,
      lookEveryMs: 0,
      bells: {
        countWaiting: async () => 0,
        ring: async (operationIds) => {
          rung.push([...operationIds]);
          if (lost) lost = false;
          else await carryOut(bench, operationIds);
        },
      },
    });
    expect(rung).toEqual([rung[0], rung[0]]);
    expect(rung[0]).toHaveLength(2);
    expect(nowMs).toBeGreaterThan(60_000);
  });

  it.each([null, 401, 5_000])("is left alone while %s jobs wait, and the run waits with it", async (waiting) => {
    await addPaid(bench, "d-1", 2);
    let asked = 0;
    const rung: string[] = [];
    await driveOn(bench, date, {
      bells: {
        async countWaiting() {
          asked += 1;
          return asked < 3 ? waiting : 0;
        },
        ring: async (operationIds) => {
          rung.push(...operationIds);
          await carryOut(bench, operationIds);
        },
      },
    });
    expect({ asked, rung: rung.length }).toEqual({ asked: 3, rung: 1 });
  });
});

describe("what waits its turn", () => {
  it("is left to the run by the sweep, for longer the more is before it", async () => {
    for (let index = 0; index < 20; index += 1) await addPaid(bench, `d-${String(index).padStart(2, "0")}`, 2);
    const stopping = new AbortController();
    const driven = driveOn(bench, date, {
      pageSize: 7,
      stopping: stopping.signal,
      onStep: ({ run, did }) => {
        if (run.phase === "renew" && did !== "requested") stopping.abort();
      },
      bells: null,
    });
    await expect(driven).rejects.toMatchObject({ name: "AbortError" });

    const rows = await bench.sql<{ after: number }[]>`
      select extract(epoch from ring_at - accepted_at)::float8 as after from keiyaku.operations order by sequence`;
    // Ten minutes, and a tenth of a second for each that comes before.
    for (const [index, { after }] of rows.entries()) expect(after).toBeCloseTo(600 + (index + 1) / 10, 2);
    expect(rows).toHaveLength(20);
  });
});
