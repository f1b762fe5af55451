import { context, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from "@opentelemetry/api";
import { describe, expect, it, onTestFinished } from "vitest";
import { ConfigError } from "../../../src/config.ts";
import { createJobTelemetry } from "../../../src/tracing/job-telemetry.ts";
import { isTelling, sampler } from "../../../src/tracing/sampler.ts";
import { startTracing } from "../../../src/tracing/tracing.ts";
import { type OtlpCollector, startOtlpCollector } from "../../support/otlp-collector.ts";

async function setup(): Promise<{ collector: OtlpCollector; tracing: Awaited<ReturnType<typeof startTracing>> }> {
  const collector = await startOtlpCollector();
  onTestFinished(() => collector.stop());
  const tracing = await startTracing({ endpoint: `${collector.url}/`, headers: {} });
  return { collector, tracing };
}

const consumer = 4;

describe("spans", () => {
  it("of requests to Stripe tell verb and result, and are errors when nobody knows what happened", async () => {
    const { collector, tracing } = await setup();
    await tracing.callWatcher("refund_payment", async () => ({
      type: "unknown",
      reason: "timeout",
      requestId: "req_1",
    }));
    await tracing.callWatcher("read_invoice", async () => ({
      type: "done",
      value: { id: "in_1" },
      requestId: "req_2",
    }));
    await expect(tracing.callWatcher("read_invoice", () => Promise.reject(new Error("hanako")))).rejects.toThrow();
    await tracing.stop();

    expect(
      collector.spans.map(({ name, status, attributes }) => [name, status, attributes["keiyaku.stripe.result"]]),
    ).toEqual([
      ["stripe refund_payment", 2, "unknown"],
      ["stripe read_invoice", 0, "done"],
      ["stripe read_invoice", 2, "error"],
    ]);
    expect(collector.contents()).not.toMatch(/req_1|in_1|hanako/);
  });

  it("of attempts tell the operation and the report, and are errors when the attempt failed or asks a person", async () => {
    const { collector, tracing } = await setup();
    await tracing.attempt("op-1", async () => ({ type: "retry", reason: "TypeError", delayMs: 1 }) as const);
    await tracing.attempt("op-2", async () => ({ type: "deferred", reason: "not_due", delayMs: null }) as const);
    await tracing.attempt("op-3", async () => ({ type: "held", question: null }) as const);
    await tracing.stop();

    expect(collector.spans.map(({ status, attributes }) => [status, attributes])).toEqual([
      [2, { "keiyaku.operation.id": "op-1", "keiyaku.report": "retry", "keiyaku.reason": "TypeError" }],
      [0, { "keiyaku.operation.id": "op-2", "keiyaku.report": "deferred", "keiyaku.reason": "not_due" }],
      [2, { "keiyaku.operation.id": "op-3", "keiyaku.report": "held" }],
    ]);
  });

  it("of jobs tell names, ids and options of nobody else", async () => {
    const { collector, tracing } = await setup();
    const { tracer } = createJobTelemetry();
    const span = tracer.startSpan("process operations", { kind: consumer });
    span.setAttributes({
      "bullmq.queue.name": "operations",
      "bullmq.job.name": "hanako@example.com",
      "bullmq.job.id": "hanako",
      "bullmq.job.result": "hanako",
      "bullmq.job.attempts.made": 2,
    });
    span.setAttribute("bullmq.job.options", "hanako");
    span.addEvent("completed", { "bullmq.job.result": "hanako" });
    span.recordException(new TypeError("hanako"));
    span.end();
    const ours = tracer.startSpan("process operations", { kind: consumer });
    ours.setAttribute("bullmq.job.name", "attempt");
    ours.end();
    await tracing.stop();

    expect(collector.contents()).not.toContain("hanako");
    expect(collector.spans.map(({ attributes }) => attributes)).toEqual([
      { "bullmq.queue.name": "operations", "bullmq.job.attempts.made": expect.anything() },
      { "bullmq.job.name": "attempt" },
    ]);
  });

  it("of a job that came without a trace begin one, whatever the worker did before", async () => {
    const { collector, tracing } = await setup();
    await tracing.attempt("op-1", async () => {
      createJobTelemetry().tracer.startSpan("process operations", { kind: consumer }).end();
      return { type: "succeeded" } as const;
    });
    await tracing.stop();

    const [job, attempt] = collector.spans;
    expect(job?.name).toBe("process operations");
    expect(job?.traceId).not.toBe(attempt?.traceId);
  });
});

describe("which spans are sent", () => {
  it.each([
    ["add operations.request", true],
    ["addBulk operations", true],
    ["process operations", true],
    ["attempt", true],
    ["stripe refund_payment", true],
    ["getNextJob operations", false],
    ["extendLocks operations", false],
    ["moveStalledJobsToWait operations", false],
    ["startStalledCheckTimer operations", false],
    ["close operations", false],
  ])("%s: %s", (name, telling) => {
    expect(isTelling(name)).toBe(telling);
    expect(sampler.shouldSample(ROOT_CONTEXT, "", name).decision).toBe(telling ? 2 : 0);
  });

  it("none of a trace that its sender does not record; a span of ours that is not sent leaves its children alone", () => {
    const from = (parent: Partial<SpanContext>) =>
      trace.setSpanContext(context.active(), {
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203331",
        traceFlags: TraceFlags.NONE,
        ...parent,
      });

    expect(sampler.shouldSample(from({ isRemote: true }), "", "attempt").decision).toBe(0);
    expect(sampler.shouldSample(from({ isRemote: true, traceFlags: TraceFlags.SAMPLED }), "", "attempt").decision).toBe(
      2,
    );
    expect(sampler.shouldSample(from({}), "", "attempt").decision).toBe(2);
  });
});

describe("without the optional packages", () => {
  it("says what to install or to remove", async () => {
    const missing = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });

    await expect(
      startTracing({ endpoint: "http://127.0.0.1:4318", headers: {} }, () => Promise.reject(missing)),
    ).rejects.toThrow(ConfigError);
    await expect(
      startTracing({ endpoint: "http://127.0.0.1:4318", headers: {} }, () => Promise.reject(missing)),
    ).rejects.toThrow(
      /the packages that send traces are not installed: install keiyaku with its optional dependencies/,
    );
  });
});
