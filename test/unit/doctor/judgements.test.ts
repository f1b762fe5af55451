import { describe, expect, it, test } from "vitest";
import { readConfig } from "../../../src/config.ts";
import { judgeSkew } from "../../../src/doctor/check-clocks.ts";
import { judgeBooks, judgeRuns } from "../../../src/doctor/check-nights.ts";
import { type JudgedSchema, judgePostgres, judgeSchema } from "../../../src/doctor/check-postgres.ts";
import { judgeRedis } from "../../../src/doctor/check-queue.ts";
import { checkSettings } from "../../../src/doctor/check-settings.ts";
import { judgeStripe } from "../../../src/doctor/check-stripe.ts";
import {
  judgeBackfill,
  judgeEvents,
  judgeMail,
  judgeOperations,
  judgeQueue,
  judgeRefunds,
  judgeVersions,
  judgeWorkers,
} from "../../../src/doctor/check-work.ts";
import type { Finding } from "../../../src/doctor/finding.ts";
import { readInfo } from "../../../src/queue/inspect-redis.ts";
import { Secret } from "../../../src/secret.ts";
import type { PostgresState } from "../../../src/store/inspect-server.ts";
import type { HeldOperation } from "../../../src/store/list-held.ts";
import type { BookFigures, LedgerFigures } from "../../../src/store/read-ledger-figures.ts";
import type { MailFigures } from "../../../src/store/read-mail-figures.ts";
import type { RunFigures } from "../../../src/store/read-run-figures.ts";

/** The worst of what was found, and what it says. */
function worst(findings: readonly Finding[]): Finding {
  const order = ["wrong", "warning", "skipped", "well"];
  const [first] = findings.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  if (first === undefined) throw new Error("nothing was found");
  // Whatever is not well comes with a remedy.
  expect(first.remedy === undefined).toBe(first.verdict === "well");
  return first;
}

describe("settings", () => {
  const production = {
    NODE_ENV: "production",
    DATABASE_URL: "postgres://k@db.example:5432/k?sslmode=verify-full",
    STRIPE_SECRET_KEY: "sk_live_x",
    SMTP_URL: "smtps://keiyaku:hush@mail.example",
    MAIL_FROM: "keiyaku@example.com",
    OPERATOR_MAIL: "operators@example.com",
  };

  it("that agree are well, and told without any secret", () => {
    const found = checkSettings(readConfig({ ...production, REDIS_URL: "redis://:hush@redis:6379" }));

    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ verdict: "well", facts: { mode: "production", queue: "redis", stripe: "live" } });
    expect(JSON.stringify(found)).not.toMatch(/hush|sk_live/);
  });

  it.each([
    [{ ...production, STRIPE_SECRET_KEY: "sk_test_x" }, "NODE_ENV is production, and the Stripe key is a test key"],
    [{ ...production, NODE_ENV: "development" }, "The Stripe key is a live key, and NODE_ENV is not production"],
    [
      { ...production, DATABASE_URL: "postgres://k@db.example:5432/k" },
      "The connection to PostgreSQL is not encrypted",
    ],
    [{ ...production, SMTP_URL: "" }, "SMTP_URL is not set here"],
    [{ HTTP_HOST: "0.0.0.0", QUEUE_DASHBOARD: "true" }, "QUEUE_DASHBOARD shows the queues to everybody"],
  ])("that go together badly are warned of: %o", (env, says) => {
    expect(worst(checkSettings(readConfig(env)))).toMatchObject({
      verdict: "warning",
      says: expect.stringContaining(says),
    });
  });
});

describe("PostgreSQL", () => {
  const fit: PostgresState = {
    versionNumber: 180_000,
    version: "18.0",
    isStandby: false,
    connections: 12,
    connectionsMax: 100,
    workerConnections: 10,
  };

  it.each<[Partial<PostgresState>, Finding["verdict"], string]>([
    [{}, "well", "PostgreSQL 18.0 answers; 12 of 100 connections are taken."],
    [{ isStandby: true }, "wrong", "standby"],
    [{ versionNumber: 140_009, version: "14.9" }, "warning", "PostgreSQL 14.9 is older"],
    [{ connections: 81 }, "warning", "81 of 100 connections are taken"],
    [{ connections: 80 }, "well", "80 of 100"],
  ])("with %o is %s", (overrides, verdict, says) => {
    expect(worst(judgePostgres({ ...fit, ...overrides }))).toMatchObject({
      verdict,
      says: expect.stringContaining(says),
    });
  });
});

describe("a schema", () => {
  const current: JudgedSchema = { applied: 2, known: 2, isCurrent: true, queueVersion: 4, queueVersionKnown: 4 };

  it.each<[Partial<JudgedSchema>, Finding["verdict"], string]>([
    [{}, "well", "up to date"],
    [{ applied: 0, isCurrent: false }, "wrong", "never been migrated"],
    [{ applied: 1, isCurrent: false }, "wrong", "1 of the 2 migrations"],
    [{ queueVersion: null }, "wrong", "The queue's own schema is missing"],
    [{ queueVersion: 3 }, "wrong", "at version 3 of 4"],
    [{ applied: 3 }, "warning", "a newer version has been here"],
    [{ queueVersion: 5 }, "well", "up to date"],
  ])("with %o is %s", (overrides, verdict, says) => {
    expect(worst([judgeSchema({ ...current, ...overrides })])).toMatchObject({
      verdict,
      says: expect.stringContaining(says),
    });
  });
});

describe("Redis", () => {
  const info = (lines: Readonly<Record<string, string>>) =>
    readInfo(
      Object.entries({
        redis_version: "7.2.4",
        maxmemory_policy: "noeviction",
        aof_enabled: "1",
        used_memory: "1000",
        maxmemory: "0",
        total_system_memory: "100000",
        ...lines,
      })
        .map((line) => line.join(":"))
        .join("\r\n"),
    );

  it.each<[Readonly<Record<string, string>>, Finding["verdict"], string]>([
    [{}, "well", "Redis 7.2.4 answers."],
    [{ maxmemory_policy: "allkeys-lru" }, "wrong", "may evict jobs (maxmemory-policy allkeys-lru)"],
    [{ aof_enabled: "0" }, "warning", "appendonly no"],
    [{ maxmemory: "1000" }, "warning", "uses 100 %"],
    [{ used_memory: "70000" }, "well", "answers"],
    [{ used_memory: "71000" }, "warning", "uses 71 %"],
  ])("with %o is %s", (lines, verdict, says) => {
    const found = judgeRedis({ type: "answered", state: { ...info(lines), clock: null } });
    expect(worst(found)).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });

  it("that keeps things to itself is not called wrong for it", () => {
    expect(worst(judgeRedis({ type: "answered", state: { ...readInfo(""), clock: null } }))).toMatchObject({
      verdict: "well",
    });
  });

  it("that is away, or lets nobody in, is wrong", () => {
    expect(worst(judgeRedis({ type: "unreachable" }))).toMatchObject({ verdict: "wrong" });
    expect(worst(judgeRedis({ type: "refused", code: "NOAUTH" })).says).toContain("(NOAUTH)");
  });
});

describe("clocks", () => {
  it.each([
    ["the database", 2_000, "well"],
    ["the database", -2_000, "well"],
    ["the database", 2_001, "wrong"],
    ["the database", -3_600_000, "wrong"],
    ["Redis", 2_001, "warning"],
  ] as const)("of %s, ahead by %i ms, are %s", (server, skewMs, verdict) => {
    expect(worst([judgeSkew(server, skewMs)])).toMatchObject({ verdict, facts: { server, skewMs } });
  });
});

describe("Stripe", () => {
  const live = { type: "live", secretKey: new Secret("sk_live_x") } as const;
  const standIn = { type: "test", secretKey: new Secret("sk_test_x"), apiBase: "http://127.0.0.1:12111" } as const;
  const done = { read_subscription: "done", read_invoice: "done", read_payment_intent: "done" } as const;

  it.each([
    [done, "well", "Stripe accepts the live key."],
    [{ ...done, read_invoice: "unauthorized" }, "wrong", "does not accept the key (401)"],
    [{ ...done, read_invoice: "forbidden" }, "wrong", "does not permit the key to do read_invoice (403)"],
    [{ ...done, read_invoice: "unreachable" }, "wrong", "does not answer"],
    [{ ...done, read_invoice: "unknown" }, "wrong", "does not answer"],
    [{ ...done, read_invoice: "rate_limited" }, "warning", "too much is asked"],
    [{ ...done, read_invoice: "unexplained" }, "wrong", "nobody has explained (unexplained)"],
  ] as const)("with %o is %s", (probe, verdict, says) => {
    const found = worst([judgeStripe(live, probe)]);
    expect(found).toMatchObject({ verdict, says: expect.stringContaining(says) });
    expect(JSON.stringify(found)).not.toContain("sk_live_x");
  });

  it("says that it is a stand-in, that no money moves, and which API version is pinned", () => {
    expect(judgeStripe(standIn, done).says).toMatch(
      /^The stand-in for Stripe at http:\/\/127\.0\.0\.1:12111 accepts the test key; no money moves\. The API version is pinned to 2026-10-28\.endive\.$/,
    );
  });
});

describe("a queue", () => {
  const nowMs = 1_000_000_000;
  const state = { name: "operations", counts: { waiting: 2, failed: 0 }, oldestWaitingAtMs: nowMs - 1_000 } as const;

  it.each([
    [state, "well", "2 waiting, 0 failed"],
    [{ ...state, oldestWaitingAtMs: null }, "well", "2 waiting"],
    [{ ...state, oldestWaitingAtMs: nowMs - 300_000 }, "well", "2 waiting"],
    [{ ...state, oldestWaitingAtMs: nowMs - 600_000 }, "wrong", "the oldest has waited for 10 min"],
    [{ ...state, counts: { waiting: 0, failed: 3 } }, "warning", "keeps 3 jobs that failed"],
  ] as const)("with %o is %s", (given, verdict, says) => {
    expect(worst(judgeQueue(given, nowMs))).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });

  test("without a worker is warned of", () => {
    expect(worst([judgeWorkers(0)]).verdict).toBe("warning");
    expect(worst([judgeWorkers(3)]).verdict).toBe("well");
  });
});

describe("operations and refunds", () => {
  const none: LedgerFigures = {
    requested: 0,
    executing: 0,
    held: 0,
    keyRefused: 0,
    oldestOpenSeconds: 0,
    overdue: 0,
    owed: 0,
    owedMinor: {},
    events: { received: 0, unmatched: 0, held: 0, forAPerson: 0, oldestDueSeconds: 0 },
    eventsListedSeconds: 60,
    books: {},
  };
  const held: HeldOperation = {
    id: "op-1",
    kind: "cancel_with_refund",
    question: "result_still_unknown",
    heldAt: "2025-01-20T03:00:00Z",
  };

  it.each<[Partial<LedgerFigures>, Finding["verdict"], string]>([
    [{}, "well", "0 operations wait"],
    [{ requested: 1, oldestOpenSeconds: 3_600 }, "well", "1 operations wait"],
    [{ requested: 1, oldestOpenSeconds: 10_800 }, "warning", "accepted 3 h ago"],
    [{ requested: 1, overdue: 1 }, "wrong", "nobody has rung for them"],
    [
      { held: 1, oldestOpenSeconds: 900_000 },
      "wrong",
      "op-1 (cancel_with_refund, result_still_unknown, since 2025-01-20T03:00:00Z)",
    ],
    [{ held: 30 }, "wrong", "and more"],
    [{ requested: 3, keyRefused: 2 }, "wrong", "2 operations wait because Stripe does not let our key do"],
  ])("with %o are %s", (overrides, verdict, says) => {
    const found = worst(judgeOperations({ ...none, ...overrides }, (overrides.held ?? 0) > 0 ? [held] : []));
    expect(found).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });

  it.each<[Partial<LedgerFigures["events"]>, Finding["verdict"], string]>([
    [{}, "well", "0 events of Stripe's wait"],
    [{ received: 9, oldestDueSeconds: 600 }, "well", "9 events of Stripe's wait"],
    [{ received: 9, oldestDueSeconds: 1_200 }, "wrong", "nobody has looked at the oldest for 20 min"],
    [{ unmatched: 3, forAPerson: 2 }, "warning", "2 events wait for a person"],
  ])("events with %o are %s", (overrides, verdict, says) => {
    const found = worst(judgeEvents({ ...none, events: { ...none.events, ...overrides } }));
    expect(found).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });

  it("events in another API version than ours are told with the version", () => {
    expect(judgeVersions(["2026-10-28.endive"], "2026-10-28.endive")).toBeUndefined();
    expect(judgeVersions(["2024-06-20", "2026-10-28.endive"], "2026-10-28.endive")).toMatchObject({
      verdict: "warning",
      says: expect.stringContaining("2024-06-20"),
      facts: { versions: ["2024-06-20"] },
    });
  });

  it.each<[Partial<MailFigures>, Finding["verdict"], string]>([
    [{}, "well", "0 mails are to be sent."],
    [{ waiting: 3, oldestWaitingSeconds: 900 }, "well", "3 mails are to be sent."],
    [{ waiting: 3, oldestWaitingSeconds: 1_200 }, "wrong", "the oldest was caused 20 min ago"],
    [{ refused: 1 }, "warning", "1 mails were refused"],
    [{ unknown: 2 }, "warning", "of 2 nobody knows"],
  ])("mails with %o are %s", (overrides, verdict, says) => {
    const found = worst(judgeMail({ waiting: 0, oldestWaitingSeconds: 0, unknown: 0, refused: 0, ...overrides }));
    expect(found).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });

  it("owed refunds are told with their count and sum, and are no fault", () => {
    const yen = (minor: number) => `¥${minor}`;
    expect(worst([judgeRefunds(none, yen)]).verdict).toBe("well");
    expect(worst([judgeRefunds({ ...none, owed: 2, owedMinor: { jpy: 3_960 } }, yen)])).toMatchObject({
      verdict: "warning",
      says: "2 refunds are owed, ¥3960 in all.",
      facts: { owed: 2, owedMinor: { jpy: 3_960 } },
    });
  });

  it.each<[number | null, Finding["verdict"], string]>([
    [0, "well", "to its end 0 s ago"],
    [3_600, "well", "60 min ago"],
    [3_601, "warning", "60 min ago"],
    [604_800, "warning", "7 days ago"],
    [604_801, "wrong", "7 days ago. After 30 days"],
    [null, "warning", "never been listed"],
  ])("events that were listed %s seconds ago are %s", (eventsListedSeconds, verdict, says) => {
    const found = worst([judgeBackfill({ ...none, eventsListedSeconds })]);
    expect(found).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });
});

describe("what dates bring", () => {
  const time = { dailyRunAt: "03:00", zone: "Asia/Tokyo" };
  const figures = { lastOn: "2026-02-08", runningOn: null, held: 0, now: "2026-02-08T00:00:00Z" } as RunFigures;

  it.each([
    ["well, when every date is done", {}, "well", "2026-02-08, and it is done"],
    ["well, while a run is under way", { runningOn: "2026-02-08", now: "2026-02-07T20:00:00Z" }, "well", "under way"],
    ["wrong, four hours after a run was due", { now: "2026-02-08T22:01:00Z" }, "wrong", "was due 4 h ago"],
    ["well, a minute before", { now: "2026-02-08T21:59:00Z" }, "well", "2026-02-08"],
    ["to be looked at, when something is held", { held: 2 }, "warning", "2 operations wait for a person"],
    ["to be looked at, before the first run", { lastOn: null }, "warning", "No date has had its run yet"],
  ] as const)("is %s", (_, change, verdict, says) => {
    const found = worst(judgeRuns({ ...figures, ...change } as RunFigures, time));
    expect(found).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });
});

describe("the books", () => {
  const counts = { differences: {}, asked: 0, busy: 0, unread: 0 };
  const audit = { ageSeconds: 3_600, counts: { I1: { checked: 9, violations: 0 } } };
  const figures: BookFigures = { audit, reconcile: { ageSeconds: 3_600, counts } };
  const differ = (differences: object) => ({ reconcile: { ageSeconds: 3_600, counts: { ...counts, differences } } });

  it.each<[string, BookFigures, string, string]>([
    ["well, when the last looks found nothing", figures, "well", "audited 60 min ago"],
    ["to be looked at, before the first night", {}, "warning", "No night has audited the books yet"],
    [
      "to be looked at after two nights",
      { ...figures, audit: { ...audit, ageSeconds: 172_801 } },
      "warning",
      "2 days ago",
    ],
    [
      "wrong, when an invariant is violated",
      { ...figures, audit: { ageSeconds: 1, counts: { I1: { checked: 9, violations: 2 } } } },
      "wrong",
      "2 violations",
    ],
    [
      "to be looked at, when they differ",
      { ...figures, ...differ({ subscription_ended: 3 }) },
      "warning",
      "3 differences",
    ],
    ["well, when only a boundary differs", { ...figures, ...differ({ period_end_differs: 3 }) }, "well", "audited"],
  ])("are %s", (_, given, verdict, says) => {
    expect(worst(judgeBooks(given))).toMatchObject({ verdict, says: expect.stringContaining(says) });
  });
});
