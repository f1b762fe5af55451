import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { parseBusinessDate } from "../../../src/contract/calendar.ts";
import { noteConcluded } from "../../../src/execution/observer.ts";
import { createMetrics } from "../../../src/metrics/metrics.ts";
import type { ScrapeSources } from "../../../src/metrics/scrape.ts";
import type { LedgerFigures } from "../../../src/store/read-ledger-figures.ts";
import type { MailFigures } from "../../../src/store/read-mail-figures.ts";
import type { RunFigures } from "../../../src/store/read-run-figures.ts";

/** A clock that stands still until it is moved. */
function heldClock() {
  let ms = 1_000;
  const clock: Clock = { ...systemClock, monotonicMs: () => ms };
  const pass = (byMs: number) => {
    ms += byMs;
  };
  return { clock, pass };
}

const figures: LedgerFigures = {
  requested: 4,
  executing: 2,
  held: 1,
  keyRefused: 1,
  oldestOpenSeconds: 90.5,
  overdue: 3,
  owed: 2,
  owedMinor: { jpy: 3_960 },
  events: { received: 6, unmatched: 3, held: 1, forAPerson: 2, oldestDueSeconds: 12.5 },
  eventsListedSeconds: 300,
  books: {},
};

const mailFigures: MailFigures = { waiting: 7, oldestWaitingSeconds: 61.5, unknown: 2, refused: 1 };

const time = { dailyRunAt: "03:00", zone: "Asia/Tokyo" };

/** Six in the evening of Tokyo, fifteen hours after the run of a day that is not done. */
const runFigures: RunFigures = {
  now: "2025-01-20T09:00:00Z",
  lastOn: parseBusinessDate("2025-01-20"),
  runningOn: parseBusinessDate("2025-01-20"),
  held: 2,
};

function setup(sources: Partial<ScrapeSources> = {}) {
  const { clock, pass } = heldClock();
  const metrics = createMetrics(clock, time);
  const asked = { ledger: 0, mail: 0, runs: 0, queues: 0 };
  const scrape = metrics.scrape({
    async ledger() {
      asked.ledger += 1;
      return figures;
    },
    async mail() {
      asked.mail += 1;
      return mailFigures;
    },
    async runs() {
      asked.runs += 1;
      return runFigures;
    },
    async queues() {
      asked.queues += 1;
      return { operations: { waiting: 5, active: 1 } };
    },
    ...sources,
  });
  return { metrics, pass, asked, text: async () => (await scrape()).text };
}

/** The lines of our own metrics, without the buckets of histograms. */
function ours(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("keiyaku_") && !line.includes("_bucket"));
}

describe("a scrape", () => {
  it("tells what the ledger and the queues say", async () => {
    const { text } = setup();

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_open_operations{state="requested"} 4',
        'keiyaku_open_operations{state="executing"} 2',
        'keiyaku_open_operations{state="held"} 1',
        "keiyaku_operations_held 1",
        "keiyaku_oldest_open_operation_seconds 90.5",
        "keiyaku_operations_overdue 3",
        "keiyaku_refunds_owed 2",
        "keiyaku_events_listed_age_seconds 300",
        'keiyaku_refunds_owed_minor{currency="jpy"} 3960',
        'keiyaku_events_waiting{state="received"} 6',
        'keiyaku_events_waiting{state="unmatched"} 3',
        'keiyaku_events_waiting{state="held"} 1',
        "keiyaku_events_for_a_person 2",
        "keiyaku_oldest_due_event_seconds 12.5",
        "keiyaku_mails_waiting 7",
        "keiyaku_oldest_waiting_mail_seconds 61.5",
        "keiyaku_mails_unknown 2",
        "keiyaku_mails_refused 1",
        "keiyaku_daily_run_owed_seconds 54000",
        "keiyaku_daily_run_held 2",
        'keiyaku_queue_jobs{queue="operations",state="waiting"} 5',
        'keiyaku_queue_jobs{queue="operations",state="active"} 1',
      ]),
    );
  });

  it("answers without the gauges of a source that failed, and counts the failure", async () => {
    let fails = false;
    const { text, pass } = setup({
      ledger: async () => {
        if (fails) throw new Error("down");
        return figures;
      },
    });
    expect(await text()).toContain("keiyaku_operations_held 1");
    fails = true;
    pass(3_001);

    const without = await text();

    expect(without).not.toMatch(
      /^keiyaku_(operations_held|refunds_owed|open_operations|oldest_open\w+|operations_overdue|events_listed_age\w+)\b[ {]/m,
    );
    expect(without).toContain('keiyaku_scrape_errors_total{source="database"} 1');
    expect(without).toContain('keiyaku_queue_jobs{queue="operations",state="waiting"} 5');
  });

  it("says that no run is owed once today's is done, and nothing of the runs when they cannot be read", async () => {
    const done = setup({ runs: async () => ({ ...runFigures, runningOn: null }) });
    expect(await done.text()).toContain("keiyaku_daily_run_owed_seconds 0");
    const { text } = setup({ runs: () => Promise.reject(new Error("down")) });
    expect(await text()).not.toMatch(/^keiyaku_daily_run_(owed|held)/m);
  });

  it("answers without the gauges of the outbox when that cannot be read", async () => {
    const { text } = setup({ mail: () => Promise.reject(new Error("down")) });

    expect(await text()).not.toMatch(/^keiyaku_(mails_(waiting|unknown|refused)|oldest_waiting\w+) /m);
    expect(await text()).toContain('keiyaku_scrape_errors_total{source="database"} 1');
  });

  it("counts a database that answers neither of two questions as one scrape without it", async () => {
    const down = () => Promise.reject(new Error("down"));
    const { text } = setup({ ledger: down, mail: down });

    await text();

    expect(await text()).toContain('keiyaku_scrape_errors_total{source="database"} 1');
  });

  it("has no age of Stripe's list of events before that was ever read", async () => {
    let eventsListedSeconds: number | null = 300;
    const { text, pass } = setup({ ledger: async () => ({ ...figures, eventsListedSeconds }) });
    await text();
    eventsListedSeconds = null;
    pass(3_001);

    expect(await text()).not.toMatch(/^keiyaku_events_listed_age_seconds /m);
  });

  it("tells what the last looks through the books have left, and nothing before the first", async () => {
    let books: LedgerFigures["books"] = {};
    const { text, pass } = setup({ ledger: async () => ({ ...figures, books }) });
    expect(await text()).not.toMatch(/^keiyaku_(book_differences|books_\w+|audit_violations)[ {]/m);
    const counts = { differences: { refund_missing: 2 }, asked: 1, busy: 3, unread: 4 };
    books = {
      reconcile: { ageSeconds: 60, counts },
      audit: { ageSeconds: 90, counts: { I8: { checked: 5, violations: 6 } } },
    };
    pass(3_001);

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_book_differences{type="refund_missing"} 2',
        'keiyaku_book_differences{type="payment_missing"} 0',
        'keiyaku_books_unlooked{reason="busy"} 3',
        'keiyaku_books_unlooked{reason="unread"} 4',
        "keiyaku_books_reconciled_age_seconds 60",
        'keiyaku_audit_violations{invariant="I8"} 6',
        'keiyaku_audit_violations{invariant="I1"} 0',
        "keiyaku_books_audited_age_seconds 90",
      ]),
    );
  });

  it("has no gauge of the ledger before that has been asked, rather than a zero", async () => {
    const { metrics } = setup();

    expect(await metrics.registry.metrics()).not.toMatch(/^keiyaku_(operations_held|refunds_owed) /m);
  });

  it("leaves out the queues that do not answer", async () => {
    const { text } = setup({ queues: () => Promise.reject(new Error("down")) });

    expect(await text()).not.toMatch(/^keiyaku_queue_jobs\{/m);
    expect(await text()).toContain('keiyaku_scrape_errors_total{source="queue"} 1');
  });

  it("asks each source once for scrapes that come together, and again a few seconds later", async () => {
    const { text, pass, asked } = setup();

    await Promise.all([text(), text()]);
    await text();
    expect(asked).toEqual({ ledger: 1, mail: 1, runs: 1, queues: 1 });
    pass(3_001);
    await text();
    expect(asked).toEqual({ ledger: 2, mail: 2, runs: 2, queues: 2 });
  });

  it("tells what was counted since the last one although no source was asked anew", async () => {
    const { metrics, text } = setup();
    await text();

    metrics.observer.requestAnswered("queue", "accepted", "suspend");

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_requests_total{door="queue",answer="accepted"} 1',
        'keiyaku_operations_accepted_total{door="queue",kind="suspend"} 1',
      ]),
    );
  });
});

describe("what is counted", () => {
  it("tells back-fills by their end, and the events that they listed by how they were found", async () => {
    const { metrics, text } = setup();
    const report = {
      since: "2026-04-20T00:00:00Z",
      lost: null,
      found: { known: 3, missing: 2, unreadable: 1, foreign: 4 },
    };

    metrics.backfillEnded({ type: "finished", listedUntil: "2026-04-21T00:00:00Z", ...report });
    metrics.backfillEnded({
      type: "failed",
      fault: { type: "not_now", reason: "unauthorized", requestId: null },
      ...report,
    });
    metrics.backfillEnded("failed");

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_event_backfills_total{result="done"} 1',
        'keiyaku_event_backfills_total{result="failed"} 2',
        'keiyaku_events_listed_total{found="known"} 6',
        'keiyaku_events_listed_total{found="missing"} 4',
        'keiyaku_events_listed_total{found="unreadable"} 2',
        'keiyaku_events_listed_total{found="foreign"} 8',
      ]),
    );
  });

  it("tells an attempt by its report, its reason and its duration", async () => {
    const { metrics, pass, text } = setup();
    const question = { code: "attempts_exhausted", detail: {} } as const;
    await metrics.observer.attempt("op-1", async () => {
      pass(250);
      return { type: "deferred", reason: "rate_limited", delayMs: 2_000 } as const;
    });
    await metrics.observer.attempt("op-1", async () => ({ type: "held", question }) as const);
    await expect(metrics.observer.attempt("op-1", () => Promise.reject(new Error("x")))).rejects.toThrow("x");

    const lines = ours(await text());
    expect(lines).toEqual(
      expect.arrayContaining([
        'keiyaku_attempts_total{report="deferred"} 1',
        'keiyaku_attempts_total{report="held"} 1',
        'keiyaku_attempts_total{report="unexpected_error"} 1',
        'keiyaku_operations_deferred_total{reason="rate_limited"} 1',
        'keiyaku_holds_total{question="attempts_exhausted"} 1',
        'keiyaku_attempt_seconds_sum{report="deferred"} 0.25',
      ]),
    );
    expect(lines.join("\n")).not.toContain("op-1");
  });

  it("counts an operation that is found held already as no new question", async () => {
    const { metrics, text } = setup();

    await metrics.observer.attempt("op-1", async () => ({ type: "held", question: null }) as const);

    expect(await text()).toContain('keiyaku_holds_total{question="attempts_exhausted"} 0');
  });

  it("tells a conclusion by kind and outcome, and how long the operation was open", async () => {
    const { metrics, text } = setup();

    metrics.observer.operationConcluded("terminate", "rejected", 1_500);

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_operations_concluded_total{kind="terminate",outcome="rejected"} 1',
        'keiyaku_operation_seconds_sum{kind="terminate",outcome="rejected"} 1.5',
      ]),
    );
  });

  it("counts what concluded operations remark on, by its code", async () => {
    const { metrics, text } = setup();
    const concluded = { kind: "record_refund", acceptedAt: "2025-01-20T03:00:00Z" } as const;
    const remark = { code: "missing_at_stripe", detail: { stripeId: "pi_1" } } as const;

    noteConcluded({ observer: metrics.observer, clock: systemClock }, concluded, "succeeded", [remark]);

    expect(ours(await text())).toContain('keiyaku_attention_total{code="missing_at_stripe"} 1');
    expect(ours(await text())).toContain('keiyaku_attention_total{code="refund_owed"} 0');
  });

  it("tells a request to Stripe by verb, result and duration, a defect of ours too", async () => {
    const { metrics, pass, text } = setup();
    await metrics.callWatcher("refund_payment", async () => {
      pass(300);
      return { type: "not_now", reason: "unauthorized", requestId: null } as const;
    });
    await expect(metrics.callWatcher("read_invoice", () => Promise.reject(new Error("x")))).rejects.toThrow("x");

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_stripe_calls_total{verb="refund_payment",result="unauthorized"} 1',
        'keiyaku_stripe_calls_total{verb="read_invoice",result="error"} 1',
        'keiyaku_stripe_call_seconds_sum{verb="refund_payment"} 0.3',
      ]),
    );
  });

  it("tells what became of each mail by its kind, one of another version under no name of its own", async () => {
    const { metrics, text } = setup();
    metrics.mailEnded("payment_failed", "sent");
    metrics.mailEnded("season_greetings", "refused");

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_mails_total{mail="payment_failed",result="sent"} 1',
        'keiyaku_mails_total{mail="unknown",result="refused"} 1',
      ]),
    );
  });

  it("tells what arrived as an event by its way and its answer, what is refused by the reason", async () => {
    const { metrics, text } = setup();
    metrics.eventArrived("relay", "taken_in");
    metrics.eventArrived("relay", "duplicate");
    metrics.eventArrived("queue", "signature_invalid");

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_stripe_events_total{way="relay",answer="taken_in"} 1',
        'keiyaku_stripe_events_total{way="relay",answer="duplicate"} 1',
        'keiyaku_stripe_events_total{way="queue",answer="signature_invalid"} 1',
        'keiyaku_stripe_events_total{way="relay",answer="wrong_mode"} 0',
      ]),
    );
  });

  it("tells sweeps and for how many operations they rang", async () => {
    const { metrics, text } = setup();
    metrics.sweepEnded(3);
    metrics.sweepEnded("failed");

    expect(ours(await text())).toEqual(
      expect.arrayContaining([
        'keiyaku_sweeps_total{result="done"} 1',
        'keiyaku_sweeps_total{result="failed"} 1',
        "keiyaku_swept_operations_total 3",
      ]),
    );
  });
});

it("begins every counter with labels at zero, so that the first of what is rare is seen as an increase", async () => {
  const { metrics } = setup();

  for (const metric of await metrics.registry.getMetricsAsJSON()) {
    if (!metric.name.startsWith("keiyaku_") || String(metric.type) !== "counter") continue;
    expect([metric.name, metric.values.length > 0]).toEqual([metric.name, true]);
  }
  expect(await metrics.registry.metrics()).toContain(
    'keiyaku_stripe_calls_total{verb="refund_payment",result="unexplained"} 0',
  );
});

describe("docs/metrics.md", () => {
  const path = join(import.meta.dirname, "../../../docs/metrics.md");
  const marks = /(<!-- metrics -->\n)[\s\S]*(<!-- \/metrics -->)/;

  it("lists every metric of ours and no other, with its type, its labels and what it means (`vitest -u` writes it)", async () => {
    const listed = createMetrics(systemClock, time)
      .registry.getMetricsAsArray()
      .filter(({ name }) => name.startsWith("keiyaku_")) as unknown as {
      name: string;
      help: string;
      type: string;
      labelNames: string[];
    }[];
    const rows = listed
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .map(({ name, type, labelNames, help }) => {
        const labels = labelNames.map((label) => `\`${label}\``).join(", ");
        return `| \`${name}\` | ${type} | ${labels} | ${help} |\n`;
      });
    const table = `\n| metric | type | labels | meaning |\n|---|---|---|---|\n${rows.join("")}\n`;
    const page = readFileSync(path, "utf8");
    expect(page).toMatch(marks);

    await expect(page.replace(marks, `$1${table}$2`)).toMatchFileSnapshot(path);
  });
});
