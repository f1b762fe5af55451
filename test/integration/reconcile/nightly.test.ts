import { describe, expect, it, vi } from "vitest";
import { auditNightly } from "../../../src/audit/nightly.ts";
import { systemClock } from "../../../src/clock.ts";
import { businessDateOf, plusDays } from "../../../src/contract/calendar.ts";
import { reconcileNightly } from "../../../src/reconcile/nightly.ts";
import { readLedgerFigures } from "../../../src/store/read-ledger-figures.ts";
import { nightlyBooks } from "../../../workers/nightly-books.ts";
import { hurriedClock } from "../cli/set-up-command.ts";
import { addMonthly, type BooksBench, setUpBooks } from "./set-up-books.ts";

async function setup() {
  const bench = await setUpBooks();
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const stopping = new AbortController();
  const deps = {
    db: bench.db,
    connection: bench.gateway,
    clock: hurriedClock(),
    zone: "Asia/Tokyo",
    log,
    stopping: stopping.signal,
  };
  return { bench, log, deps, stopping, books: async () => (await readLedgerFigures(bench.db, 5_000)).books };
}

async function endAtStripe({ sdk, onDashboard }: BooksBench, subscriptionId: string) {
  await sdk.subscriptions.cancel(subscriptionId, {}, onDashboard);
}

describe("the night's look through the books", () => {
  it("counts what differs for the metrics, and asks for nothing", async () => {
    const { bench, log, deps, books } = await setup();
    const { subscriptionId } = await addMonthly(bench);
    await addMonthly(bench);
    await endAtStripe(bench, subscriptionId);
    expect(await books()).toEqual({});

    expect(await reconcileNightly(deps)).toMatchObject({ type: "finished", looked: 2 });

    const counts = { differences: { subscription_ended: 1 }, asked: 0, busy: 0, unread: 0 };
    expect(await books()).toEqual({ reconcile: { ageSeconds: expect.any(Number), counts } });
    expect(log.warn).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining(counts),
      expect.stringContaining("`keiyaku reconcile`"),
    );
    expect(await bench.sql`select from keiyaku.operations where actor_id = 'reconcile'`).toHaveLength(0);
    const [row] = await bench.sql`select asked_by, state, findings from keiyaku.book_checks`;
    expect(row).toMatchObject({ asked_by: "nightly", state: "done", findings: [{ type: "subscription_ended" }] });
  });

  it("shows the last that came to its end while another is under way, and that one from where the night before failed", async () => {
    const { bench, log, deps, books } = await setup();
    await addMonthly(bench);
    await reconcileNightly(deps);
    await addMonthly(bench);
    await bench.stripe.control.fault({ mode: "status_401", path: "/v1/subscriptions", times: 1 });

    expect(await reconcileNightly(deps)).toMatchObject({ type: "failed", looked: 0, total: 2 });
    expect(log.warn).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ fault: expect.objectContaining({ reason: "unauthorized" }) }),
      expect.stringContaining("Stripe did not tell"),
    );
    expect(await books()).toMatchObject({ reconcile: { counts: { differences: {} } } });

    const [unfinished] = await bench.sql`select id from keiyaku.book_checks where state = 'running'`;
    expect(await reconcileNightly(deps)).toMatchObject({ type: "finished", looked: 2, total: 2 });
    expect(await bench.sql`select id from keiyaku.book_checks where state = 'done' order by id desc limit 1`).toEqual([
      unfinished,
    ]);
  });

  it("by two processes at once comes to one end", async () => {
    const { bench, deps } = await setup();
    await addMonthly(bench);

    const types = (await Promise.all([reconcileNightly(deps), reconcileNightly(deps)])).map(({ type }) => type);

    expect(types).toContain("finished");
    expect(await bench.sql`select from keiyaku.book_checks where state = 'running'`).toHaveLength(0);
  });

  it("ends with the page when the process stops", async () => {
    const { bench, deps, stopping } = await setup();
    await addMonthly(bench);
    stopping.abort();

    expect(await reconcileNightly(deps)).toMatchObject({ type: "interrupted", looked: 0 });
  });
});

describe("the night's audit", () => {
  it("counts violations for the metrics, and names each in the log", async () => {
    const { bench, log, deps, books } = await setup();
    const { contractId } = await addMonthly(bench);
    await bench.sql`update keiyaku.contracts set version = 9`;

    expect(await auditNightly(deps)).toMatchObject({ type: "finished" });

    expect(await books()).toMatchObject({
      audit: { counts: { I6: { checked: 1, violations: 0 }, I8: { checked: 1, violations: 1 } } },
    });
    expect(log.error).toHaveBeenCalledExactlyOnceWith({ invariant: "I8", subject: contractId }, expect.any(String));
    expect(await auditNightly({ ...deps, stopping: AbortSignal.abort() })).toMatchObject({ type: "interrupted" });
    expect(await auditNightly(deps)).toMatchObject({ type: "finished" });
  });
});

describe("the work of a night", () => {
  it("audits and reconciles once, however often it is begun, and again the next night", async () => {
    const { bench, deps, stopping } = await setup();
    await addMonthly(bench);
    const time = { dailyRunAt: "03:00", zone: deps.zone };
    const jobs = nightlyBooks({ ...deps, clock: hurriedClock(), log: deps.log as never, time });
    const today = businessDateOf(systemClock.now(), deps.zone);
    const checks = async () => {
      const rows = await bench.sql`select kind from keiyaku.book_checks where state = 'done' order by id`;
      return rows.map(({ kind }) => kind);
    };
    const night = async (days: number) => {
      for (const job of jobs) await job.run(plusDays(today, days), stopping.signal);
    };

    await night(-1);
    await night(-1);
    expect(await checks()).toEqual(["audit", "reconcile"]);
    await night(1);
    expect(await checks()).toEqual(["audit", "reconcile", "audit", "reconcile"]);
  });
});
