import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { maintenanceForecast } from "../../../src/cli/maintenance-forecast.ts";
import { maintenanceList } from "../../../src/cli/maintenance-list.ts";
import { type MaintenanceRunOptions, maintenanceRun } from "../../../src/cli/maintenance-run.ts";
import { maintenanceShow } from "../../../src/cli/maintenance-show.ts";
import { systemClock } from "../../../src/clock.ts";
import { businessDateOf, parseBusinessDate, plusDays } from "../../../src/contract/calendar.ts";
import { startDailyRun } from "../../../workers/daily-run.ts";
import { askedOn } from "../../support/daily-run.ts";
import { insertRows, operationRow, productRow } from "../../support/store-rows.ts";
import { silentLog } from "../../support/test-database.ts";
import { addOneOfEach, addPaid, forgetAll, oneOfEach } from "../maintenance/set-up-runs.ts";
import { type CommandBench, hurriedClock, setUpCommand } from "./set-up-command.ts";

let command: CommandBench;
beforeAll(async () => {
  command = await setUpCommand();
});
afterAll(() => command.close());
beforeEach(() => forgetAll(command.bench));

const date = parseBusinessDate("2025-01-20");
const patienceMs = 30_000;
const today = businessDateOf(new Date().toISOString(), "Asia/Tokyo");

/** Runs the command while something else carries out what it requests, as workers would. */
async function run(options: Partial<MaintenanceRunOptions> = {}): Promise<number> {
  let isOver = false;
  const working = (async () => {
    while (!isOver) {
      await command.drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const code = await command.run((context) => maintenanceRun(context, { patienceMs, everyDate: true, ...options }));
  isOver = true;
  await working;
  return code;
}

describe("keiyaku maintenance run", () => {
  it("brings a date to its end, waits for it, and says what came of it", async () => {
    await addOneOfEach(command.bench);

    expect(await run({ date })).toBe(exitCodes.done);

    expect(command.out()).toMatch(
      /2025-01-20 {2}done [\d-]{10} [\d:]{8} +0 {2}start 1 succeeded; terminate_at_renewal 1 succeeded; /,
    );
    expect(await run({ date, json: true })).toBe(exitCodes.done);
    expect(command.json()).toMatchObject([
      { date, state: "done", phase: null, result: { operations: { renew: { succeeded: 2 } }, heldCount: 0, held: [] } },
    ]);
  });

  it("does today's where no date is given, and every date before it that is owed", async () => {
    const before = plusDays(today, -2);
    await command.bench.sql`insert into keiyaku.maintenance_runs (business_date, state, done_at, result)
      values (${before}, 'done', now(), '{"operations": {}, "heldCount": 0, "held": []}')`;

    expect(await run({ json: true })).toBe(exitCodes.done);

    expect(command.json()).toMatchObject([{ date: plusDays(today, -1) }, { date: today }]);
  });

  it("refuses a first run of the past, and says how many dates would be owed; does it where that is meant", async () => {
    const before = plusDays(today, -3);
    const runs = () => command.bench.sql`select business_date::text as date from keiyaku.maintenance_runs`;
    expect(await run({ date: before, everyDate: false })).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain(
      `error first_run_in_the_past: No date has had its run yet: one of ${before} would have the 3 dates since then owed as well.`,
    );
    expect(await runs()).toEqual([]);
    // Today's is nobody's past, and once there is one the dates before another are owed anyway.
    expect(await run({ date: before })).toBe(exitCodes.done);
    expect(await run({ date: plusDays(before, 1), everyDate: false })).toBe(exitCodes.done);
    expect(await runs()).toEqual([{ date: before }, { date: plusDays(before, 1) }]);
    await forgetAll(command.bench);
    expect(await run({ date: today, everyDate: false })).toBe(exitCodes.done);
  });

  it("has one effect with the role and another such command at the same date", async () => {
    await addOneOfEach(command.bench);
    const { bench } = command;
    const role = startDailyRun({
      db: bench.db,
      bells: null,
      clock: systemClock,
      log: silentLog,
      time: { dailyRunAt: "00:00", zone: "Asia/Tokyo" },
      keepBell: async () => undefined,
      now: async () => "2025-01-19T18:00:00Z",
      lookEveryMs: 5,
      nightlyJobs: [],
    });
    const again = command.run((context) => maintenanceRun(context, { patienceMs, date, everyDate: true }));
    expect(await run({ date })).toBe(exitCodes.done);
    expect(await again).toBe(exitCodes.done);
    await role.stop();

    expect((await askedOn(bench, date)).toSorted()).toEqual(oneOfEach.toSorted());
  });

  it("refuses a date that has not come", async () => {
    expect(await run({ date: plusDays(today, 1) })).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain(`${plusDays(today, 1)} has not come: by the database's clock it is ${today}`);
    expect(await command.bench.sql`select from keiyaku.maintenance_runs`).toHaveLength(0);
  });

  it("exits as partly failed when something is held, and names it", async () => {
    await addPaid(command.bench, "c-1", 2);
    await addPaid(command.bench, "c-2", 2);
    const held = operationRow({ id: "op-held", contract_id: "c-1", state: "held" });
    await insertRows(command.bench.sql, "operations", held);
    // What waits behind a held one is not for workers to take.
    let isOver = false;
    const working = (async () => {
      while (!isOver) {
        const open = await command.bench
          .sql`select id from keiyaku.operations where contract_id = 'c-2' and state = 'requested'`;
        for (const { id } of open) await command.bench.execute(String(id));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const code = await command.run((context) => maintenanceRun(context, { patienceMs, date, everyDate: true }));
    isOver = true;
    await working;

    expect(code).toBe(exitCodes.partlyFailed);
    expect(command.out()).toContain("renew 1 succeeded, 1 waiting");
    expect(await command.run((context) => maintenanceShow(context, { date }))).toBe(exitCodes.partlyFailed);
    expect(command.out()).toContain("renew.c-1.20250108.1.20250120  c-1       waits behind op-held");
    expect(await command.run((context) => maintenanceShow(context, { date, json: true }))).toBe(exitCodes.partlyFailed);
    expect(command.json()).toMatchObject({ open: null, heldNow: 1, result: { heldCount: 1 } });

    // Once a person has decided, nothing of the run is held, whatever it came to when it was done.
    await command.bench.sql`update keiyaku.operations set state = 'requested', ring_at = now(), held_question = null
      where id = 'op-held'`;
    expect(await command.run((context) => maintenanceShow(context, { date, json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ heldNow: 0, result: { heldCount: 1 } });
    expect(await run({ date })).toBe(exitCodes.done);
  });

  it("gives up when nothing moves, and goes on when it is run again", async () => {
    await addPaid(command.bench, "c-1", 2);
    const clock = hurriedClock();
    const idle = await command.run(
      (context) => maintenanceRun(context, { patienceMs: 60_000, date, everyDate: true }),
      { clock },
    );
    expect(idle).toBe(exitCodes.tryLater);
    expect(command.err()).toContain("1 operations of renew on 2025-01-20 are open, and none was concluded for 60 s.");
    expect(await command.run((context) => maintenanceShow(context, { date, json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ state: "running", phase: "renew", open: 1 });

    expect(await run({ date })).toBe(exitCodes.done);
  });

  it("stays as far as it has come when it is interrupted", async () => {
    await addPaid(command.bench, "c-1", 2);
    const interrupted = new AbortController();
    const clock = hurriedClock();
    const signal = interrupted.signal;
    const sleep: typeof clock.sleep = (ms, by) => {
      interrupted.abort();
      return clock.sleep(ms, by);
    };
    await expect(
      maintenanceRun({ ...command.context, signal, clock: { ...clock, sleep } }, { patienceMs, date, everyDate: true }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(await run({ date })).toBe(exitCodes.done);
  });

  it("works without the queue, and says so", async () => {
    await addPaid(command.bench, "c-1", 2);
    const queue = { type: "redis", url: "redis://127.0.0.1:1" } as const;
    let isOver = false;
    const working = (async () => {
      while (!isOver) {
        await command.drain();
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    expect(
      await command.run((context) => maintenanceRun(context, { patienceMs, date, everyDate: true }), { queue }),
    ).toBe(exitCodes.done);
    isOver = true;
    await working;
    expect(command.err()).toContain("The queue cannot be reached");
  });
});

describe("keiyaku maintenance list and show", () => {
  it("list the last runs first", async () => {
    await run({ date });
    await run({ date: plusDays(date, 1) });
    expect(await command.run((context) => maintenanceList(context, { limit: 5 }))).toBe(exitCodes.done);
    expect(command.out()).toMatch(/2025-01-21 {2}done .*nothing was due\n.*2025-01-20 {2}done/);
    expect(await command.run((context) => maintenanceList(context, { limit: 1, json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject([{ date: "2025-01-21" }]);
  });

  it("say when there is no run of a date", async () => {
    expect(await command.run((context) => maintenanceShow(context, { date }))).toBe(exitCodes.failed);
    expect(command.err()).toContain("No run was made for 2025-01-20.");
  });
});

describe("keiyaku maintenance forecast", () => {
  const start = (days: number) => plusDays(today, days);

  async function addAhead() {
    const { bench } = command;
    await addPaid(bench, "c-start", 2, { status: "not_started", start_on: start(10), renewal_due_on: start(10) });
    const ends = { status: "termination_reserved", termination_on: start(20), start_on: start(-10) };
    await addPaid(bench, "c-asked", 2, ends);
    await addPaid(bench, "c-unpaid", 2, { status: "payment_unconfirmed", start_on: start(-10) });
    const month = start(40).slice(0, 7);
    await insertRows(bench.sql, "products", productRow({ id: "p-ending", automatic_termination_month: month }));
    await addPaid(bench, "c-product", 2, { product_id: "p-ending", start_on: start(-10) });
  }

  it("shows which contracts will start, renew and end, and why", async () => {
    await addAhead();
    const code = await command.run((context) => maintenanceForecast(context, { days: 60, limit: 50 }));
    expect(code).toBe(exitCodes.done);
    const lines = command.out();
    expect(lines).toContain(`${start(10)}  c-start    start  its start date comes`);
    expect(lines).toContain(`${start(20)}  c-asked    end    it was asked for`);
    expect(lines).toMatch(/c-product +end +of its product's month/);
    expect(lines).toMatch(/– +c-unpaid +end +unless it is paid/);
    expect(lines).toMatch(
      new RegExp(`until ${start(60)}: 1 end \\(asked_for\\), 1 end \\(product_month\\), 1 end \\(unpaid\\), \\d renew`),
    );
  });

  it("prints all as JSON, a line each, and goes on behind a contract", async () => {
    await addAhead();
    await command.run((context) => maintenanceForecast(context, { days: 60, limit: 1, json: true }));
    const all = command.jsonLines();
    expect(all).toContainEqual({ contractId: "c-asked", on: start(20), what: "end", why: "asked_for" });
    expect(all).toContainEqual({ contractId: "c-unpaid", on: null, what: "end", why: "unpaid" });

    await command.run((context) =>
      maintenanceForecast(context, { days: 60, limit: 1, json: true, after: "c-product" }),
    );
    expect(command.jsonLines()).toEqual(all.filter(({ contractId }) => String(contractId) > "c-product"));
  });

  it("says where to go on when it is interrupted", async () => {
    await addAhead();
    const signal = AbortSignal.abort();
    await expect(
      maintenanceForecast({ ...command.context, signal }, { days: 60, limit: 1, after: "c-asked" }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(command.err()).toContain("--after c-asked goes on");
  });
});
