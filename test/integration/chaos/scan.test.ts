import type { Queue } from "bullmq";
import { expect, it, onTestFinished } from "vitest";
import { startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import { canaries } from "../../chaos/canaries.ts";
import { type Leakable, readPlaces } from "../../chaos/places.ts";
import { scan } from "../../chaos/scan.ts";
import { createTestQueue, describeOnBackends } from "../../support/backends.ts";
import { startOtlpCollector } from "../../support/otlp-collector.ts";
import { createTestStore } from "../../support/test-database.ts";

const leak = "kanaria-planted";
const planted = { "a planted word": leak };

/** Servers of every sort that a run scans, with work done and nothing leaked. */
async function setUp(type: "postgres" | "redis") {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const queue = await createTestQueue(type, store);
  onTestFinished(() => queue.close());
  const traces = await startOtlpCollector();
  onTestFinished(() => traces.stop());
  const stripe = await startStripeStandIn();
  onTestFinished(() => stripe.stop());
  const logs: object[] = [{ msg: "all is well" }];
  const find = async (overrides: Partial<Leakable> = {}) => {
    const leakable: Leakable = {
      redisUrl: queue.redisUrl,
      sql: store.sql,
      traces,
      processes: [{ logs, said: () => "nothing" }],
      metricsUrls: [`data:text/plain,keiyaku_operations_total 1`],
      ledger: await stripe.control.ledger(),
      requests: await stripe.control.requests(),
      ...overrides,
    };
    return scan(await readPlaces(leakable), planted).violations;
  };
  return { queue, traces, stripe, logs, find };
}

async function sendToStripe(url: string, key: string, path: string, body: string): Promise<void> {
  const headers = {
    authorization: "Bearer sk_test_chaos",
    "content-type": "application/x-www-form-urlencoded",
    "idempotency-key": key,
  };
  await fetch(`${url}/v1/${path}`, { method: "POST", headers, body });
}

describeOnBackends("the scan for canaries", (type) => {
  const inQueue = type === "redis" ? "the queue in Redis" : "the queue in PostgreSQL";

  it("finds nothing where nothing has leaked", async () => {
    const { queue, find } = await setUp(type);
    await queue.foreign.add("attempt", { operationId: "op-1" });
    expect(await find()).toEqual([]);
  });

  it("finds a leak in the data of a job, and in the reason of a failed one", async () => {
    const { queue, find } = await setUp(type);
    await queue.foreign.add("attempt", { operationId: leak });
    expect(await find()).toEqual([expect.stringContaining(`is in ${inQueue}`)]);
    await (queue.foreign as Queue).obliterate({ force: true });
    expect(await find()).toEqual([]);
    await queue.foreign.add(leak, {});
    expect(await find()).toEqual([expect.stringContaining(`is in ${inQueue}`)]);
  });

  it("finds a leak in a log, in what a process said besides, and in its metrics", async () => {
    const { logs, find } = await setUp(type);
    expect(await find({ processes: [{ logs: [], said: () => leak }] })).toEqual([
      expect.stringContaining("in the logs"),
    ]);
    const metricsUrls = [`data:text/plain,keiyaku_operations_total{kind="${leak}"}`];
    expect(await find({ metricsUrls })).toEqual([expect.stringContaining("in the metrics")]);
    logs.push({ msg: "a request", by: leak });
    expect(await find()).toEqual([expect.stringContaining("in the logs")]);
  });

  it("finds a leak in a trace", async () => {
    const { traces, find } = await setUp(type);
    const span = { traceId: "1", spanId: "2", name: leak };
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
    await fetch(`${traces.url}/v1/traces`, { method: "POST", body });
    expect(await find()).toEqual([expect.stringContaining("in the traces")]);
  });

  it("finds a leak in Stripe's metadata, in a key and in a path", async () => {
    const { stripe, find } = await setUp(type);
    await sendToStripe(stripe.url, "harmless", "customers", `metadata[name]=${leak}`);
    expect(await find()).toEqual([expect.stringContaining("in Stripe's metadata")]);
    await stripe.control.reset();
    await sendToStripe(stripe.url, leak, "customers", "");
    expect(await find()).toEqual([expect.stringContaining("in idempotency keys")]);
    await stripe.control.reset();
    await sendToStripe(stripe.url, "harmless", `customers/${leak}`, "");
    expect(await find()).toEqual([expect.stringContaining("in the paths of requests to Stripe")]);
  });

  it("looks for every canary of a run", () => {
    const everywhere = Object.values(canaries).join(" ");
    expect(scan([{ name: "a place", text: everywhere }], canaries).violations).toHaveLength(
      Object.keys(canaries).length,
    );
  });
});
