import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import { attentionCodes, noticeKinds } from "../contract/change.ts";
import { operationKinds } from "../contract/operation.ts";
import { scheduledKinds } from "../contract/scheduled.ts";
import { doors, type Observer, type WatchedReport, watchedReports } from "../execution/observer.ts";
import { deferralReasons } from "../execution/outcome.ts";
import { type EventResult, eventResults } from "../inbox/apply-events.ts";
import type { BackfillReport, EventsFound } from "../inbox/backfill-events.ts";
import { type EventVersion, eventVersions } from "../inbox/watch-versions.ts";
import type { Delivery } from "../mail/mail.ts";
import type { RunStep } from "../maintenance/daily-run.ts";
import type { RunTime } from "../maintenance/owed-dates.ts";
import type { Acceptance } from "../store/accept-request.ts";
import { heldQuestionCodes } from "../store/hold-operation.ts";
import { type ArrivedBy, waysIn } from "../store/take-in-events.ts";
import { type StopReason, stopReasons } from "../stripe/breaker.ts";
import { eventTypes } from "../stripe/events.ts";
import { type ArrivalAnswer, arrivalAnswers } from "../stripe/verify-event.ts";
import {
  type CallResult,
  type CallWatcher,
  callResults,
  listWords,
  resultOf,
  verbWords,
} from "../stripe/watched-gateway.ts";
import { version } from "../version.ts";
import { createLedgerGauges } from "./ledger-gauges.ts";
import { createMailGauges } from "./mail-gauges.ts";
import { createRunGauges } from "./run-gauges.ts";
import { createScrape, type Scrape, type ScrapeSources } from "./scrape.ts";

/** The metrics of one process, in a registry of their own. */
export interface Metrics {
  readonly registry: Registry;
  readonly observer: Observer;
  /** Counts and times every request to Stripe. */
  readonly callWatcher: CallWatcher;
  /** A sweep has ended: it rang for so many operations, or failed. */
  readonly sweepEnded: (rung: number | "failed") => void;
  /** An event of the inbox waits for nothing any more but, perhaps, a person. */
  readonly eventConcluded: (type: string, result: EventResult) => void;
  /** A back-fill of Stripe's events has ended: what it found, or that it failed before that was known. */
  readonly backfillEnded: (ended: BackfillReport | "failed") => void;
  /** A mail that was taken was sent, or not. */
  readonly mailEnded: (kind: string, result: Delivery["type"]) => void;
  /** A step of the daily run has been taken. */
  readonly runStepped: (step: RunStep) => void;
  /** Nothing is sent to Stripe any more, for this reason; null when its work goes on. */
  readonly stripeStopped: (reason: StopReason | null) => void;
  /** Something was sent as an event, or listed by us, and answered so. */
  readonly eventArrived: (way: ArrivedBy, answer: ArrivalAnswer) => void;
  /** An event of ours came, written in this API version. */
  readonly eventVersion: (way: ArrivedBy, version: EventVersion) => void;
  /** The text of `GET /metrics`, with what the sources know at that moment. */
  scrape(sources: ScrapeSources): Scrape;
}

/** From a reply of a near Stripe to the end of the time that a request may take. */
const callBucketsS = [0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 20, 40];

/** From a settling that needs one statement to an attempt that outlasts an outage of the database. */
const attemptBucketsS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** From at once to a day: what is put back for an expiring key waits that long. */
const operationBucketsS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400];

/**
 * Makes the metrics. Labels are closed sets, kinds, outcomes, reasons, verbs, states, never ids: what is scraped every
 * few seconds is kept for months. `docs/metrics.md` lists them all; a test holds it to the registry.
 */
export function createMetrics(clock: Clock, time: RunTime): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: number[],
  ) => new Histogram({ name, help, labelNames, buckets, registers });

  const requests = counter("keiyaku_requests_total", "Requests answered at a door of this process, by the answer.", [
    "door",
    "answer",
  ]);
  const accepted = counter(
    "keiyaku_operations_accepted_total",
    "Operations that a door of this process wrote into the ledger.",
    ["door", "kind"],
  );
  const admitted = counter(
    "keiyaku_operations_admitted_total",
    "Operations whose turn came for the first time in this process, whatever door they were accepted by.",
    ["kind"],
  );
  const concluded = counter(
    "keiyaku_operations_concluded_total",
    "Operations that attempts of this process made final, by how they ended.",
    ["kind", "outcome"],
  );
  const attention = counter(
    "keiyaku_attention_total",
    "Remarks of operations that attempts of this process made final: that something is owed or odd.",
    ["code"],
  );
  const attempts = counter("keiyaku_attempts_total", "Attempts of this process, by what they reported.", ["report"]);
  const deferred = counter(
    "keiyaku_operations_deferred_total",
    "Attempts that put their operation off at no cost, by the reason.",
    ["reason"],
  );
  const holds = counter("keiyaku_holds_total", "Attempts that held their operation, by the question asked.", [
    "question",
  ]);
  const openFor = histogram(
    "keiyaku_operation_seconds",
    "From the acceptance of an operation to its end.",
    ["kind", "outcome"],
    operationBucketsS,
  );
  const attemptFor = histogram(
    "keiyaku_attempt_seconds",
    "How long an attempt took, by what it reported.",
    ["report"],
    attemptBucketsS,
  );
  const calls = counter("keiyaku_stripe_calls_total", "Requests to Stripe, by what became of them.", [
    "verb",
    "result",
  ]);
  const callFor = histogram(
    "keiyaku_stripe_call_seconds",
    "How long a request to Stripe took, the SDK's own repetition included.",
    ["verb"],
    callBucketsS,
  );
  const stopped = new Gauge({
    name: "keiyaku_stripe_stopped",
    help: "1 while this process sends nothing to Stripe, by the reason: no answer to a probe, or our key refused.",
    labelNames: ["reason"],
    registers,
  });
  const sweeps = counter("keiyaku_sweeps_total", "Sweeps of this process, by whether they came to their end.", [
    "result",
  ]);
  const swept = counter(
    "keiyaku_swept_operations_total",
    "Silent operations for which sweeps of this process rang.",
    [],
  );
  const events = counter(
    "keiyaku_events_total",
    "Events of Stripe's that this process has dealt with, by their type and what became of them.",
    ["type", "result"],
  );
  const arrivals = counter(
    "keiyaku_stripe_events_total",
    "What arrived at this process as an event of Stripe's, by the way it came and the answer.",
    ["way", "answer"],
  );
  const versions = counter(
    "keiyaku_stripe_event_versions_total",
    "Events of Stripe's that came to this process, by the way and by whether our API version is what they are written in.",
    ["way", "version"],
  );
  const backfills = counter(
    "keiyaku_event_backfills_total",
    "Back-fills of Stripe's events of this process, by whether they came to their end.",
    ["result"],
  );
  const listed = counter(
    "keiyaku_events_listed_total",
    "Events that back-fills of this process have listed, by how they were found.",
    ["found"],
  );
  const mails = counter(
    "keiyaku_mails_total",
    "Mails that this process took from the outbox, by what became of them.",
    ["mail", "result"],
  );
  const phases = counter(
    "keiyaku_daily_run_phases_total",
    "Phases of the daily run that this process has brought to their end, by the kind of operation they ask for.",
    ["kind"],
  );
  new Gauge({
    name: "keiyaku_build_info",
    help: "Always 1; its labels name the versions of this program and of Node.",
    labelNames: ["version", "node"],
    registers,
  }).set({ version, node: process.version }, 1);
  const gauges = createLedgerGauges(registers);
  const mailGauges = createMailGauges(registers);
  const runGauges = createRunGauges(registers, time);
  const scrapeErrors = counter(
    "keiyaku_scrape_errors_total",
    "Scrapes in which a source did not answer in time; its gauges are then left out.",
    ["source"],
  );
  startAtZero(requests, { door: doors, answer: acceptanceAnswers });
  startAtZero(accepted, { door: doors, kind: operationKinds });
  startAtZero(admitted, { kind: operationKinds });
  startAtZero(concluded, { kind: operationKinds, outcome: ["succeeded", "rejected"] });
  startAtZero(attention, { code: attentionCodes });
  startAtZero(attempts, { report: watchedReports });
  startAtZero(deferred, { reason: deferralReasons });
  startAtZero(holds, { question: heldQuestionCodes });
  startAtZero(calls, { verb: [...Object.values(verbWords), ...Object.values(listWords)], result: callResults });
  for (const reason of stopReasons) stopped.set({ reason }, 0);
  startAtZero(sweeps, { result: ["done", "failed"] });
  startAtZero(events, { type: [...eventTypes, otherType], result: eventResults });
  startAtZero(arrivals, { way: waysIn, answer: arrivalAnswers });
  startAtZero(versions, { way: waysIn, version: eventVersions });
  startAtZero(backfills, { result: ["done", "failed"] });
  startAtZero(listed, { found: eventsFound });
  startAtZero(mails, { mail: noticeKinds, result: deliveryTypes });
  startAtZero(phases, { kind: scheduledKinds });
  startAtZero(scrapeErrors, { source: ["database", "queue"] });

  const attemptEnded = (report: WatchedReport, beganMs: number) => {
    attempts.inc({ report });
    attemptFor.observe({ report }, (clock.monotonicMs() - beganMs) / 1_000);
  };
  return {
    registry,
    observer: {
      requestAnswered(door, answer, kind) {
        requests.inc({ door, answer });
        if (answer === "accepted" && kind !== null) accepted.inc({ door, kind });
      },
      operationAdmitted: (kind) => admitted.inc({ kind }),
      async attempt(_operationId, work) {
        const beganMs = clock.monotonicMs();
        let ended: WatchedReport = "unexpected_error";
        try {
          const report = await work();
          ended = report.type;
          if (report.type === "deferred") deferred.inc({ reason: report.reason });
          if (report.type === "held" && report.question !== null) holds.inc({ question: report.question.code });
          return report;
        } finally {
          attemptEnded(ended, beganMs);
        }
      },
      operationConcluded(kind, outcome, openForMs) {
        concluded.inc({ kind, outcome });
        openFor.observe({ kind, outcome }, openForMs / 1_000);
      },
      attentionDrawn: (code) => attention.inc({ code }),
    },
    async callWatcher(verb, work) {
      const beganMs = clock.monotonicMs();
      let result: CallResult = "error";
      try {
        const reply = await work();
        result = resultOf(reply);
        return reply;
      } finally {
        calls.inc({ verb, result });
        callFor.observe({ verb }, (clock.monotonicMs() - beganMs) / 1_000);
      }
    },
    runStepped({ run, did }) {
      if (did === "ended_phase") phases.inc({ kind: run.phase });
    },
    stripeStopped(now) {
      for (const reason of stopReasons) stopped.set({ reason }, reason === now ? 1 : 0);
    },
    sweepEnded(rung) {
      sweeps.inc({ result: rung === "failed" ? "failed" : "done" });
      if (rung !== "failed") swept.inc(rung);
    },
    eventConcluded: (type, result) => events.inc({ type: labelOf(type), result }),
    eventArrived: (way, answer) => arrivals.inc({ way, answer }),
    eventVersion: (way, version) => versions.inc({ way, version }),
    backfillEnded(ended) {
      backfills.inc({ result: ended !== "failed" && ended.type === "finished" ? "done" : "failed" });
      if (ended === "failed") return;
      for (const found of eventsFound) listed.inc({ found }, ended.found[found]);
    },
    mailEnded(kind, result) {
      // One that another version put into the outbox: its kind may be any text.
      const mail = noticeKinds.find((known) => known === kind) ?? "unknown";
      mails.inc({ mail, result });
    },
    scrape: (sources) =>
      createScrape(
        { registry, gauges, mailGauges, runGauges, clock, failed: (source) => scrapeErrors.inc({ source }) },
        sources,
      ),
  };
}

/** Stands for every type that nobody asked Stripe for: what arrives is not ours to choose, and a label is a closed set. */
const otherType = "other";

function labelOf(type: string): string {
  return (eventTypes as readonly string[]).includes(type) ? type : otherType;
}
const eventsFound = ["known", "missing", "unreadable", "foreign"] as const satisfies readonly (keyof EventsFound)[];

const deliveryTypes = ["sent", "later", "refused", "unknown"] as const satisfies readonly Delivery["type"][];

const acceptanceAnswers = [
  "accepted",
  "duplicate",
  "id_reused",
  "invalid_request",
] as const satisfies readonly Acceptance["answer"][];

/**
 * Lets a counter begin at zero for all values of its labels. Prometheus sees no increase in a series that begins at one, so
 * that the first of what happens rarely, which is what alarms are about, would be missed.
 */
function startAtZero<Label extends string>(counter: Counter<Label>, values: Record<Label, readonly string[]>): void {
  const combinations = Object.entries<readonly string[]>(values).reduce<Record<string, string>[]>(
    (all, [label, words]) => all.flatMap((one) => words.map((word) => ({ ...one, [label]: word }))),
    [{}],
  );
  for (const labels of combinations) counter.inc(labels as Record<Label, string>, 0);
}
