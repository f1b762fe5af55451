import { afterEach, expect, it, onTestFinished } from "vitest";
import { createClient } from "../../../src/client.ts";
import { systemClock } from "../../../src/clock.ts";
import { requestJob } from "../../../src/queue/enqueue.ts";
import { openQueue } from "../../../src/queue/queue-backend.ts";
import { startTracing } from "../../../src/tracing/tracing.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { eventually } from "../../support/eventually.ts";
import { findFreePort } from "../../support/free-port.ts";
import { type OtlpCollector, startOtlpCollector } from "../../support/otlp-collector.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { requestOf, setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

async function startCollector(): Promise<OtlpCollector> {
  const collector = await startOtlpCollector();
  onTestFinished(() => collector.stop());
  return collector;
}

describeOnBackends("a worker that traces", (type) => {
  it("follows a request from its sender to its end in one trace, each request to Stripe a span", async () => {
    const collector = await startCollector();
    const world = await setUp(type);
    const { contractId } = await monthlyByCard(world, { suspended: true });
    const worker = await world.worker({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20of-the-test",
        OTEL_BSP_SCHEDULE_DELAY: "100",
      },
    });
    const sender = await startTracing({ endpoint: collector.url, headers: {} });
    const client = createClient({ ...world.queue.clientOptions, timeoutMs: 5_000, telemetry: sender.telemetry });

    await client.request(
      requestOf("op-traced", "terminate", contractId, { reason: "花子 asked by hanako@example.com" }),
    );
    await world.concluded(["op-traced"]);
    await client.close();
    await sender.stop();
    worker.kill("SIGTERM");
    await worker.ended();

    const attempt = await eventually(
      () => collector.spans.find(({ attributes }) => attributes["keiyaku.operation.id"] === "op-traced"),
      { withinMs: 10_000, describe: "the attempt's span" },
    );
    const trace = collector.spans.filter(({ traceId }) => traceId === attempt.traceId);
    const byId = new Map(trace.map((span) => [span.spanId, span]));
    const wayOf = (span: (typeof trace)[number]): string[] => {
      const parent = byId.get(span.parentSpanId);
      return [...(parent === undefined ? [] : wayOf(parent)), span.name];
    };
    expect(wayOf(attempt)).toEqual(["addBulk operations", expect.stringMatching(/^process operations/), "attempt"]);
    expect(attempt.attributes).toMatchObject({ "keiyaku.report": "succeeded" });
    const stripe = trace.filter(({ name }) => name.startsWith("stripe "));
    expect(stripe.length).toBeGreaterThan(0);
    for (const span of stripe) {
      expect(byId.get(span.parentSpanId)).toBe(attempt);
      expect(span.attributes).toEqual({
        "keiyaku.stripe.verb": span.name.slice("stripe ".length),
        "keiyaku.stripe.result": "done",
      });
    }
    // The sender exports to the same collector, and sends none.
    expect(collector.headers).toContainEqual(expect.objectContaining({ authorization: "Bearer of-the-test" }));
  });

  it("goes on in the same trace when an operation was put off", async () => {
    const collector = await startCollector();
    const world = await setUp(type);
    const { contractId, subscriptionId } = await monthlyByCard(world, { suspended: true });
    const worker = await world.worker({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "100" },
    });
    // The SDK asks once more by itself; then the attempt is put off for two seconds.
    await world.stripe.control.fault({
      mode: "lock_timeout_429",
      path: `/v1/subscriptions/${subscriptionId}`,
      method: "DELETE",
      times: 2,
    });
    await world.client().request(requestOf("op-put-off", "terminate", contractId));
    await world.concluded(["op-put-off"], 60_000);
    worker.kill("SIGTERM");
    await worker.ended();

    const attempts = collector.spans.filter(({ attributes }) => attributes["keiyaku.operation.id"] === "op-put-off");
    expect(attempts.map(({ attributes }) => attributes["keiyaku.report"])).toEqual(
      expect.arrayContaining(["deferred", "succeeded"]),
    );
    const [first] = attempts;
    for (const attempt of attempts) expect(attempt.traceId).toBe(first?.traceId);
    expect(attempts.find(({ attributes }) => attributes["keiyaku.report"] === "deferred")?.attributes).toMatchObject({
      "keiyaku.reason": "lock_timeout",
    });
  });

  it("tells nothing that a producer wrote into a job, and nothing of what it does all the time", async () => {
    const collector = await startCollector();
    const world = await setUp(type);
    await world.register("c-1");
    const worker = await world.worker({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "100" },
    });
    const queue = await openQueue(world.queue.backend, "operations", 5_000);
    onTestFinished(() => queue.close());
    await queue.add("hanako@example.com", { name: "山田 花子" }, { jobId: "hanako-example-com" });
    const { name, data, opts } = requestJob({
      id: "op-1",
      kind: "confirm_payment",
      contractId: "c-1",
      actor: { type: "operator", id: "alice" },
      requestedAt: systemClock.now(),
    });
    await queue.add(name, data, opts);
    await world.concluded(["op-1"]);
    worker.kill("SIGTERM");
    await worker.ended();

    const processed = collector.spans.filter((span) => span.name.startsWith("process "));
    expect(processed.length).toBeGreaterThanOrEqual(2);
    // Jobs without a trace begin one each.
    expect(new Set(processed.map(({ traceId }) => traceId)).size).toBe(processed.length);
    expect(collector.contents()).not.toMatch(/hanako|花子/);
    for (const span of collector.spans) expect(span.name).toMatch(/^(add|addBulk|process|attempt|stripe)/);
  });
});

it("works although the collector is away", async () => {
  const world = await setUp("postgres");
  await world.register("c-1");
  const worker = await world.worker({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await findFreePort()}` },
  });
  await world.client().request(requestOf("op-1", "confirm_payment", "c-1"));

  expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded" }]);
  worker.kill("SIGTERM");
  expect(await worker.ended()).toEqual({ code: 0, signal: null });
});
