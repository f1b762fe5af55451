import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { RequestRecord } from "../sandbox/stripe/core/request-log.ts";
import { systemClock } from "../src/clock.ts";
import type { OperationRequest } from "../src/contract/operation.ts";
import { requestJob } from "../src/queue/enqueue.ts";
import { closeQueue, openQueue, type QueueBackend } from "../src/queue/queue-backend.ts";
import buildProgram from "../test/support/build-setup.ts";
import { endWorkerProcesses, spawnWorker } from "../test/support/worker-process.ts";
import type { BenchResult, Row } from "./measure.ts";
import { peakRssMiB } from "./peak-rss.ts";
import { addAll, type BenchServers } from "./servers.ts";
import { type StripeProcess, startStripeProcess } from "./stripe-process.ts";

/** What Stripe allows a live account in all; here also of each endpoint, so that one limit is measured and not two. */
const callsPerSecond = 100;

/** How long Stripe takes for a call. */
const latencyMs = 200;

/**
 * By Little's law 100 calls a second of 0.2 s each are 20 at work at a time. An operation has one at work at most, and none
 * while it is at the database: the rest keeps some waiting for their turn even when a busy machine makes that slow.
 */
const concurrency = 64;

/** How often the ledger is asked whether all is done: a small part of the minute that it takes. */
const lookEveryMs = 100;

/**
 * How close to its limit a worker calls Stripe: the seconds that `refund_payment` of one-time contracts by card takes,
 * against the calls that the stand-in counted at the rate it allows. A worker and a stand-in as processes of their own; the
 * stand-in refuses with a 429 what comes faster.
 *
 * One round, since its baseline is a limit and not a machine: what a busy machine adds is part of the figure.
 */
export function refundLimited(servers: BenchServers, backend: QueueBackend, operations: number): Row {
  return {
    name: "refund.limited",
    async run(report) {
      await buildProgram();
      const stripe = await startStripeProcess();
      try {
        // A cold stand-in stumbles over the first requests, and would count those after them as too many.
        const warmUp = await prepare(servers, stripe, Math.ceil(operations / 20));
        const requests = await prepare(servers, stripe, operations);
        const worker = await spawnWorker({
          databaseUrl: servers.databaseUrl,
          redisUrl: servers.redisUrl,
          stripe,
          roles: ["operations"],
          env: {
            LOG_LEVEL: "info",
            WORKER_CONCURRENCY: String(concurrency),
            STRIPE_REQUESTS_PER_SECOND: String(callsPerSecond),
            STRIPE_REQUESTS_PER_ENDPOINT: String(callsPerSecond),
            STRIPE_LIMIT_SHARE: "100",
          },
        });
        await timeUntilDone(servers, backend, warmUp);
        const before = (await stripe.control.requests()).length;
        await stripe.control.setLatency(latencyMs);
        await stripe.control.setRateLimits({ global: callsPerSecond, perEndpoint: callsPerSecond });
        const seconds = await timeUntilDone(servers, backend, requests);
        const peakRss = await peakRssMiB(worker);
        const result = resultOf({ operations, seconds, calls: await stripe.control.requests(before), peakRss });
        report(`refund.limited: ${seconds.toFixed(1)} s against ${result.baseline.toFixed(1)} s`);
        worker.kill("SIGTERM");
        await worker.ended();
        return result;
      } finally {
        await endWorkerProcesses();
        await stripe.stop();
      }
    },
  };
}

/** Contracts that were paid by card, here and at the stand-in, and a request to refund each. */
async function prepare(
  { sql }: BenchServers,
  { control }: StripeProcess,
  operations: number,
): Promise<readonly OperationRequest[]> {
  const batch = randomUUID().slice(0, 8);
  const numbers = Array.from({ length: operations }, (_, index) => index + 1);
  await control.seed({
    customers: [{ id: `cus_${batch}` }],
    paymentIntents: numbers.map((n) => ({ id: `pi_${batch}_${n}`, customer: `cus_${batch}`, amount: 19_800 })),
  });
  await sql`insert into keiyaku.products (id, kind, access, price_minor) values ('course', 'one_time', 'per_period', 19800)
    on conflict do nothing`;
  await sql`insert into keiyaku.customers (id, email, name, locale) values ('c', 'c@example.com', 'C', 'ja')
    on conflict do nothing`;
  await sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
      price_minor, initial_fee_minor, special_months, start_on, version, changed_by_operation_id, stripe_customer_id,
      stripe_payment_intent_id)
    select ${batch}::text || '-' || n, 'course', 'c', 'one_time', 'card', 'application', 'established', 'jpy',
      19800, 0, 0, '2024-10-08', 1, 'bench', 'cus_' || ${batch}::text, 'pi_' || ${batch}::text || '_' || n
    from generate_series(1, ${operations}) as n`;
  await sql`insert into keiyaku.payments (id, contract_id, subject, amount_minor, state, paid_at, stripe_payment_intent_id)
    select ${batch}::text || '-' || n || ':one_time_price', ${batch}::text || '-' || n, 'one_time_price', 19800, 'paid', now(),
      'pi_' || ${batch}::text || '_' || n
    from generate_series(1, ${operations}) as n`;
  await sql`vacuum (analyze) keiyaku.contracts, keiyaku.payments, keiyaku.operations, keiyaku.refunds`;
  return numbers.map((n) => ({
    id: `${batch}-op-${n}`,
    kind: "refund_payment" as const,
    contractId: `${batch}-${n}`,
    actor: { type: "operator" as const, id: "bench" },
    params: { paymentId: `${batch}-${n}:one_time_price` },
    requestedAt: systemClock.now(),
  }));
}

/** From the first job that is added to the last operation that has succeeded, in seconds. */
async function timeUntilDone(
  { sql }: BenchServers,
  backend: QueueBackend,
  requests: readonly OperationRequest[],
): Promise<number> {
  const queue = await openQueue(backend, "operations", 5_000);
  const batch = requests[0]?.id.replace(/\d+$/, "%") ?? "";
  const beganMs = performance.now();
  await addAll(queue, requests.map(requestJob));
  for (;;) {
    const [row] = await sql`select count(*) filter (where state = 'succeeded')::int as succeeded,
        count(*) filter (where state in ('rejected', 'held', 'abandoned'))::int as others
      from keiyaku.operations where id like ${batch}`;
    if (row?.others > 0) throw new Error(`${row?.others} of ${requests.length} did not succeed`);
    if (row?.succeeded === requests.length) break;
    await pause(lookEveryMs);
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  await closeQueue(queue, 1_000);
  return seconds;
}

export interface Measured {
  readonly operations: number;
  readonly seconds: number;
  readonly calls: readonly Pick<RequestRecord, "status">[];
  readonly peakRss: number | null;
}

/** The row: seconds, beside those that so many calls take at the limit. A refused one is no call, it only costs time. */
export function resultOf({ operations, seconds, calls, peakRss }: Measured): BenchResult {
  const refused = calls.filter(({ status }) => status === 429).length;
  const baseline = (calls.length - refused) / callsPerSecond;
  return {
    name: "refund.limited",
    unit: "s",
    median: seconds,
    min: seconds,
    max: seconds,
    baseline,
    ratio: seconds / baseline,
    notes: {
      callsPerOperation: (calls.length - refused) / operations,
      refusedCalls: refused,
      workerPeakRssMiB: peakRss,
    },
  };
}
