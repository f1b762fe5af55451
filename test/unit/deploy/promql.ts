import { expect } from "vitest";
import { invariantIds } from "../../../src/audit/invariant.ts";
import { systemClock } from "../../../src/clock.ts";
import { attentionCodes } from "../../../src/contract/change.ts";
import { operationKinds, operationStates } from "../../../src/contract/operation.ts";
import { doors, watchedReports } from "../../../src/execution/observer.ts";
import { deferralReasons } from "../../../src/execution/outcome.ts";
import { eventVersions } from "../../../src/inbox/watch-versions.ts";
import { createMetrics } from "../../../src/metrics/metrics.ts";
import { queueNames } from "../../../src/queue/payloads.ts";
import { differenceTypes } from "../../../src/reconcile/difference.ts";
import { waysIn } from "../../../src/store/take-in-events.ts";
import { stopReasons } from "../../../src/stripe/breaker.ts";
import { arrivalAnswers } from "../../../src/stripe/verify-event.ts";
import { callResults, listWords, verbWords } from "../../../src/stripe/watched-gateway.ts";

interface Known {
  readonly name: string;
  readonly type: string;
  readonly labelNames?: readonly string[];
}

/** Every metric that a process really has, by its name; a histogram under the names of its series too. */
const known = new Map<string, readonly string[]>(
  (
    createMetrics(systemClock, {
      dailyRunAt: "03:00",
      zone: "Asia/Tokyo",
    }).registry.getMetricsAsArray() as unknown as Known[]
  ).flatMap((metric) => {
    const labels = metric.labelNames ?? [];
    const series = metric.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    return series.map((end): [string, readonly string[]] => [
      `${metric.name}${end}`,
      end === "_bucket" ? [...labels, "le"] : labels,
    ]);
  }),
);

/** Labels that Prometheus adds to whatever it scrapes. */
const ofPrometheus = ["instance", "job"];

/** The values that a label of ours may have, for matchers. What is not here is not matched on. */
const valuesOf: Readonly<Record<string, readonly string[]>> = {
  kind: operationKinds,
  state: [...operationStates, "waiting", "prioritized", "active", "delayed", "failed"],
  outcome: ["succeeded", "rejected"],
  report: watchedReports,
  code: attentionCodes,
  reason: [...deferralReasons, ...stopReasons, "busy", "unread"],
  door: doors,
  answer: ["accepted", "duplicate", "id_reused", "invalid_request", ...arrivalAnswers],
  way: waysIn,
  verb: [...Object.values(verbWords), ...Object.values(listWords)],
  result: [...callResults, "failed"],
  queue: queueNames,
  version: eventVersions,
  type: differenceTypes,
  invariant: invariantIds,
  found: ["known", "missing", "unreadable", "foreign"],
  source: ["database", "queue"],
  job: ["keiyaku"],
};

const names = /\b(keiyaku|process|nodejs)_\w+/g;

/** Holds an expression to what is really measured: every metric exists, and so do its labels and their values. */
export function expectMeasured(expression: string): void {
  const used = [...expression.matchAll(names)].map(([name]) => name);
  expect(used.length, `a metric in ${expression}`).toBeGreaterThan(0);
  const labels = new Set<string>(ofPrometheus);
  for (const name of used) {
    expect([...known.keys()], `the metric ${name}`).toContain(name);
    for (const label of known.get(name) ?? []) labels.add(label);
  }
  for (const [, name = "", matchers = ""] of expression.matchAll(/\b(\w+)\{([^}]*)\}/g)) {
    for (const [, label = "", value = ""] of matchers.matchAll(/(\w+)\s*[=!]~?\s*"([^"]*)"/g)) {
      expect([...(known.get(name) ?? []), ...ofPrometheus], `a label of ${name}`).toContain(label);
      for (const word of value.split("|")) expect(valuesOf[label], `${label} of ${name}`).toContain(word);
    }
  }
  for (const label of groupedBy(expression)) expect([...labels], `a label in ${expression}`).toContain(label);
}

/** The labels by which an expression groups: what its answer can tell. */
export function groupedBy(expression: string): readonly string[] {
  return [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list.split(",").map((label) => label.trim()),
  );
}
