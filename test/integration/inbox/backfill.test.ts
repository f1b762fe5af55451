import { describe, expect, test } from "vitest";
import { Database } from "../../../src/store/database.ts";
import { noteListed } from "../../../src/store/event-backfills.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import { readEvent, type StripeEvent } from "../../../src/stripe/events.ts";
import { noDifferences } from "../../support/compare-inbox.ts";
import { addressOf } from "../../support/test-database.ts";
import { at, BEGINNING, setUpBackfill } from "./set-up-backfill.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Bench = Awaited<ReturnType<typeof setUpBackfill>>;

/** The connection, with every event that it lists changed. */
function changing({ deps }: Bench, change: (event: Record<string, unknown>) => object): Bench["deps"]["connection"] {
  return {
    async listEvents(wanted) {
      const reply = await deps.connection.listEvents(wanted);
      if (reply.type !== "done") return reply;
      const events = reply.value.events.map((event) => change(event as Record<string, unknown>));
      return { ...reply, value: { ...reply.value, events } };
    },
  };
}

function read(event: object): StripeEvent {
  const result = readEvent(event);
  if (result.type === "no_event") throw new Error(`${result.field} ${result.problem}`);
  return result.event;
}

describe("a back-fill takes in what never arrived", () => {
  test("page by page, also where a page ends within a second", async () => {
    const bench = await setUpBackfill();
    await bench.happen(250);

    const report = await bench.backfill();

    expect(report).toMatchObject({
      type: "finished",
      found: { known: 0, missing: 250, unreadable: 0, foreign: 0 },
      lost: null,
    });
    expect(await bench.listings()).toHaveLength(3);
    expect(await bench.differences()).toEqual(noDifferences);
    expect(await bench.inbox()).toHaveLength(250);
    expect(new Set((await bench.inbox()).map(({ arrived_by }) => arrived_by))).toEqual(new Set(["backfill"]));
  });

  test("and leaves what has arrived as it is", async () => {
    const bench = await setUpBackfill();
    await bench.happen(3);
    const [newest] = await bench.newest(1);
    await takeInEvents(bench.db, [read(newest ?? {})], "relay");

    const report = await bench.backfill();

    expect(report).toMatchObject({ type: "finished", found: { known: 1, missing: 2 } });
    expect(await bench.inbox()).toContainEqual({ id: newest?.id, arrived_by: "relay" });
    expect(await bench.differences()).toEqual(noDifferences);
    const [row] = await bench.sql`select missed, finished_at from keiyaku.event_backfills`;
    expect(row).toMatchObject({ missed: 2, finished_at: expect.any(Date) });
  });

  test("asks for our types only, a hundred at a time", async () => {
    const bench = await setUpBackfill();

    await bench.backfill();

    const [asked] = await bench.listings();
    expect(asked?.get("limit")).toBe("100");
    const types = [...(asked ?? [])].filter(([name]) => name.startsWith("types")).map(([, type]) => type);
    expect(types).toHaveLength(19);
    expect(types).toContain("invoice.payment_failed");
  });

  test("twice at once: each event once, and both come to their end", async () => {
    const bench = await setUpBackfill();
    await bench.happen(120);

    const reports = await Promise.all([bench.backfill(), bench.backfill()]);

    expect(reports.map(({ type }) => type)).toEqual(["finished", "finished"]);
    expect(reports.reduce((sum, { found }) => sum + found.missing, 0)).toBe(120);
    expect(await bench.differences()).toEqual(noDifferences);
  });
});

describe("how far the list counts as read", () => {
  test("begins an hour before the first back-fill, however long that fails", async () => {
    const bench = await setUpBackfill();
    await bench.control.setAcceptedKey("sk_test_other");
    await bench.backfill();
    bench.pass(3 * DAY);
    await bench.backfill();
    await bench.control.setAcceptedKey(null);
    expect(await bench.listedUntil()).toBe(at(BEGINNING - HOUR));

    const report = await bench.backfill();

    expect(report.since).toBe("2026-04-19T22:50:00Z");
    expect(await bench.listedUntil()).toBe(at(BEGINNING + 3 * DAY));
  });

  test("goes back ten minutes behind the last time, for what was listed late", async () => {
    const bench = await setUpBackfill();
    await bench.backfill();
    bench.pass(-9 * MINUTE);
    await bench.happen(1);
    bench.pass(-3 * MINUTE);
    await bench.happen(1);
    bench.pass(17 * MINUTE);

    const report = await bench.backfill();

    expect(report).toMatchObject({ since: at(BEGINNING - 10 * MINUTE).replace(".000", ""), found: { missing: 1 } });
  });

  test.each([
    { clock: "Stripe's, when ours is ahead", oursMs: 7 * MINUTE, stripesMs: 0, expected: 0 },
    { clock: "ours, when Stripe's is ahead", oursMs: 0, stripesMs: 2 * DAY, expected: 0 },
  ])("follows $clock", async ({ oursMs, stripesMs, expected }) => {
    const bench = await setUpBackfill();
    bench.clocks.oursMs += oursMs;
    bench.clocks.stripesMs += stripesMs;
    await bench.happen(2);

    await bench.backfill();
    await bench.happen(1);
    await bench.backfill();

    expect(await bench.listedUntil()).toBe(at(BEGINNING + expected));
    expect(await bench.differences()).toEqual(noDifferences);
  });

  test("follows our clock, when Stripe does not tell its own", async () => {
    const bench = await setUpBackfill();
    const connection: typeof bench.deps.connection = {
      async listEvents(wanted) {
        const reply = await bench.deps.connection.listEvents(wanted);
        return reply.type === "done" ? { ...reply, value: { ...reply.value, toldAt: null } } : reply;
      },
    };
    bench.clocks.stripesMs -= HOUR;

    await bench.backfill({ connection });

    expect(await bench.listedUntil()).toBe(at(BEGINNING));
  });

  test("is when the listing began: what happens until it ends is listed next time", async () => {
    const bench = await setUpBackfill();
    bench.clocks.stripesMs -= 30 * MINUTE;
    await bench.happen(150);
    const connection: typeof bench.deps.connection = {
      async listEvents(wanted) {
        const reply = await bench.deps.connection.listEvents(wanted);
        bench.pass(HOUR);
        if (wanted.after === null) await bench.happen(5);
        return reply;
      },
    };

    const report = await bench.backfill({ connection });

    expect(report).toMatchObject({ type: "finished", found: { missing: 150 } });
    expect(await bench.listedUntil()).toBe(at(BEGINNING - 30 * MINUTE));
    expect(await bench.backfill()).toMatchObject({ found: { missing: 5 } });
    expect(await bench.differences()).toEqual(noDifferences);
  });

  test("never goes back, whoever ends last", async () => {
    const bench = await setUpBackfill();
    await bench.backfill();

    await noteListed(bench.db, { listedUntil: at(BEGINNING - 5 * MINUTE), missed: 4 });

    expect(await bench.listedUntil()).toBe(at(BEGINNING));
    bench.clocks.oursMs -= 10 * MINUTE;
    await bench.backfill();
    expect(await bench.listedUntil()).toBe(at(BEGINNING));
  });
});

describe("since an earlier moment", () => {
  test("lists more", async () => {
    const bench = await setUpBackfill();
    bench.pass(-20 * DAY);
    await bench.happen(2);
    bench.pass(20 * DAY);
    expect(await bench.backfill()).toMatchObject({ found: { missing: 0 } });

    const report = await bench.backfill({}, { since: at(BEGINNING - 21 * DAY) });

    expect(report).toMatchObject({ type: "finished", found: { missing: 2 } });
    expect(await bench.differences()).toEqual(noDifferences);
  });

  test("a later one lists no less: there would be a hole behind it", async () => {
    const bench = await setUpBackfill();
    await bench.backfill();
    await bench.happen(3);
    bench.pass(2 * DAY);

    const report = await bench.backfill({}, { since: at(BEGINNING + DAY) });

    expect(report).toMatchObject({ type: "finished", found: { missing: 3 } });
    expect(await bench.differences()).toEqual(noDifferences);
  });

  test("after more than 30 days what is lost is told", async () => {
    const bench = await setUpBackfill();
    await bench.backfill();
    await bench.happen(2);
    bench.pass(31 * DAY);
    await bench.happen(1);

    const report = await bench.backfill();

    expect(report).toMatchObject({ type: "finished", found: { missing: 1 } });
    expect(report.lost).toEqual({
      from: at(BEGINNING).replace(".000", ""),
      until: at(BEGINNING + DAY).replace(".000", ""),
    });
    expect((await bench.backfill()).lost).toBeNull();
  });
});

describe("a back-fill that comes to no end", () => {
  test("keeps what it has taken in, and the next one takes in the rest once", async () => {
    const bench = await setUpBackfill();
    await bench.happen(250);
    await bench.control.fault({ mode: "html_502", path: "/v1/events", skip: 1, times: 4 });

    const report = await bench.backfill();

    expect(report).toMatchObject({
      type: "failed",
      fault: { type: "unknown" },
      found: { missing: 100 },
    });
    expect(await bench.inbox()).toHaveLength(100);
    expect(await bench.listedUntil()).toBe(at(BEGINNING - HOUR));
    expect(await bench.backfill()).toMatchObject({ type: "finished", found: { known: 100, missing: 150 } });
    expect(await bench.differences()).toEqual(noDifferences);
  });

  test("because its process dies before it is noted loses nothing and doubles nothing", async () => {
    const bench = await setUpBackfill();
    await bench.happen(150);
    const dying = new Database({
      address: addressOf(bench.url),
      poolSize: 1,
      applicationName: "dying",
      onStatement(moment, statement) {
        if (moment === "before" && statement === "note_listed") throw new Error("killed");
      },
    });

    await expect(bench.backfill({ db: dying })).rejects.toThrow();
    await dying.close(100);

    expect(await bench.listedUntil()).toBe(at(BEGINNING - HOUR));
    expect(await bench.backfill()).toMatchObject({ type: "finished", found: { known: 150, missing: 0 } });
    expect(await bench.differences()).toEqual(noDifferences);
  });

  test("because it is to stop ends between two pages", async () => {
    const bench = await setUpBackfill();
    await bench.happen(150);
    const stopping = new AbortController();
    const connection: typeof bench.deps.connection = {
      listEvents(wanted) {
        stopping.abort();
        return bench.deps.connection.listEvents(wanted);
      },
    };

    await expect(bench.backfill({ connection, stopping: stopping.signal })).rejects.toThrow(/abort/);

    expect(await bench.inbox()).toHaveLength(100);
    expect(await bench.listedUntil()).toBe(at(BEGINNING - HOUR));
  });

  test.each([
    { mode: "status_401", reason: "unauthorized" },
    { mode: "status_403", reason: "forbidden" },
  ] as const)("for our key ($mode) asks once", async ({ mode, reason }) => {
    const bench = await setUpBackfill();
    await bench.control.fault({ mode, path: "/v1/events" });

    const report = await bench.backfill();

    expect(report).toMatchObject({ type: "failed", fault: { type: "not_now", reason } });
    expect(await bench.listings()).toHaveLength(1);
    expect(bench.slept).toEqual([]);
  });
});

describe("a page", () => {
  test.each([
    { mode: "rate_limit_429", times: 3 },
    { mode: "lock_timeout_429", times: 1 },
    { mode: "html_502", times: 2 },
    { mode: "truncate_reply", times: 1 },
    { mode: "stored_500", times: 1 },
  ] as const)("that fails for a moment ($mode) is read again", async ({ mode, times }) => {
    const bench = await setUpBackfill();
    await bench.happen(120);
    await bench.control.fault({ mode, path: "/v1/events", skip: 1, times });

    const report = await bench.backfill();

    expect(report).toMatchObject({ type: "finished", found: { missing: 120 } });
    expect(await bench.differences()).toEqual(noDifferences);
    expect(bench.slept).toHaveLength(times);
  });

  test("that stays beyond Stripe's limit ends the back-fill for now", async () => {
    const bench = await setUpBackfill();
    await bench.control.fault({ mode: "rate_limit_429", path: "/v1/events", times: 100 });

    const report = await bench.backfill();

    expect(report).toMatchObject({ type: "failed", fault: { type: "not_now", reason: "rate_limited" } });
    expect(await bench.listings()).toHaveLength(4);
    expect(bench.slept.map((ms) => Math.round(ms / 10_000))).toEqual([
      0,
      expect.toBeOneOf([0, 1]),
      expect.toBeOneOf([1, 2]),
    ]);
  });

  test("with an event that cannot be read is taken in without it, and says which", async () => {
    const bench = await setUpBackfill();
    await bench.happen(5);
    const [, second, third] = await bench.newest(3);
    const connection = changing(bench, ({ id, ...rest }) => {
      if (id === second?.id) return { id, ...rest, data: null };
      return id === third?.id ? { id: "hanako@example.com", ...rest } : { id, ...rest };
    });

    const report = await bench.backfill({ connection });

    expect(report).toMatchObject({ type: "finished", found: { missing: 3, unreadable: 2 } });
    expect(bench.unreadable).toEqual([second?.id, null]);
    expect(await bench.differences()).toMatchObject({ missing: [second?.id, third?.id], unlisted: [] });
  });

  test("with an event that is nested too deep to be read is taken in without it", async () => {
    const bench = await setUpBackfill();
    await bench.happen(3);
    const [, second] = await bench.newest(2);
    const deep = JSON.parse(`${"[".repeat(7_000)}${"]".repeat(7_000)}`);
    const connection = changing(bench, (event) => (event.id === second?.id ? { ...event, deep } : event));

    const report = await bench.backfill({ connection });

    expect(report).toMatchObject({ type: "finished", found: { missing: 2, unreadable: 1 } });
    expect(bench.unreadable).toEqual([second?.id]);
  });

  test.each([undefined, "acct_ours"])(
    "of a connected account is taken in, as what names the account %s",
    async (account) => {
      const bench = await setUpBackfill();
      await bench.happen(2);
      const connection = changing(bench, (event) => ({ ...event, account }));

      const report = await bench.backfill({ connection, origin: { livemode: false, account: "acct_ours" } });

      expect(report).toMatchObject({ type: "finished", found: { missing: 2, foreign: 0 } });
      expect(await bench.differences()).toEqual(noDifferences);
    },
  );

  test.each([{ livemode: true }, { account: "acct_other" }])("leaves out what is not ours: %j", async (change) => {
    const bench = await setUpBackfill();
    const foreign: string[] = [];
    await bench.happen(2);
    const [newest] = await bench.newest(1);
    const connection = changing(bench, (event) => (event.id === newest?.id ? { ...event, ...change } : event));

    const report = await bench.backfill({ connection, onForeign: ({ id }) => void foreign.push(id) });

    expect(report).toMatchObject({ type: "finished", found: { missing: 1, foreign: 1 } });
    expect(foreign).toEqual([newest?.id]);
    expect(await bench.differences()).toMatchObject({ missing: [newest?.id] });
  });
});
