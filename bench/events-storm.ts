import { createHmac, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import { systemClock } from "../src/clock.ts";
import { deliveryJob } from "../src/queue/enqueue.ts";
import { closeQueue, openQueue, openWorker, type QueueBackend } from "../src/queue/queue-backend.ts";
import { Secret } from "../src/secret.ts";
import { Database } from "../src/store/database.ts";
import { mentionsIn } from "../src/stripe/mentions.ts";
import { stripeApiVersion } from "../src/stripe/stripe-gateway.ts";
import { chanceOf, shuffled } from "../test/disorder/orders.ts";
import buildProgram from "../test/support/build-setup.ts";
import { endWorkerProcesses, spawnWorker } from "../test/support/worker-process.ts";
import { createStripeEventsProcessor } from "../workers/stripe-events.ts";
import type { BenchResult, Contest, Row } from "./measure.ts";
import { peakRssMiB } from "./peak-rss.ts";
import { addAll, type BenchServers } from "./servers.ts";
import { type StripeProcess, startStripeProcess } from "./stripe-process.ts";
import { timeUntilDone } from "./time-until-done.ts";

/*
 * A storm of events, as after an outage of the relay: of each contract seven events, three of ten deliveries a repetition, in
 * no order. Two rows: how fast they are taken in, and how fast what they say is carried out.
 */

const secret = "whsec_stormstormstormstormstormstorm";
const concurrency = 32;

/** Of each contract's renewal: declined, declined again, paid. */
const eventsOfContract = 7;

/** So many deliveries of a contract, its events and their repetitions. */
const deliveriesOfContract = 10;

/** How long the stand-in takes for a read. */
const latencyMs = 5;

interface Delivery {
  readonly body: string;
  readonly signature: string;
}

/**
 * Deliveries a second into the inbox: verified and written, from the queue `stripe-events`, against a bare BullMQ worker
 * whose handler inserts the same row and verifies nothing. Same server, same queue backend, same concurrency.
 */
export function eventsTakenIn(servers: BenchServers, backend: QueueBackend, contracts: number): Contest {
  return {
    name: "events.storm.taken_in",
    unit: "deliveries/s",
    ours: () => takeIn(servers, backend, storm(randomUUID().slice(0, 8), contracts)),
    baseline: () => insertBare(servers, backend, storm(randomUUID().slice(0, 8), contracts)),
  };
}

async function takeIn(servers: BenchServers, backend: QueueBackend, deliveries: readonly Delivery[]): Promise<number> {
  const db = new Database({ address: servers.address, poolSize: concurrency, applicationName: "bench" });
  const queue = await openQueue(backend, "stripe-events", 5_000);
  await addAll(queue, deliveries.map(deliveryJob));
  const jobs = await queue.getWaitingCount();
  const processor = createStripeEventsProcessor({
    db,
    clock: systemClock,
    log: pino({ level: "silent" }),
    expected: { secrets: [new Secret(secret)], livemode: false, account: null },
    stopping: new AbortController().signal,
  });
  const seconds = await timeUntilDone(jobs, () => openWorker(backend, "stripe-events", processor, { concurrency }));
  await checkInbox(servers, deliveries);
  await closeQueue(queue, 1_000);
  await db.close();
  return jobs / seconds;
}

async function insertBare(
  servers: BenchServers,
  backend: QueueBackend,
  deliveries: readonly Delivery[],
): Promise<number> {
  const { sql } = servers;
  const queue = await openQueue(backend, "stripe-events", 5_000);
  await addAll(queue, deliveries.map(deliveryJob));
  const jobs = await queue.getWaitingCount();
  const handler = async ({ data }: { data: Delivery }) => {
    const event = JSON.parse(data.body) as {
      id: string;
      type: string;
      created: number;
      data: { object: { id: string } };
    };
    await sql`insert into keiyaku.stripe_events
        (id, type, livemode, api_version, object_id, body, mentions, created_at, arrived_by)
      values (${event.id}, ${event.type}, false, ${stripeApiVersion}, ${event.data.object.id}, ${data.body}::text::jsonb,
        array(select jsonb_array_elements_text(${JSON.stringify(mentionsIn(event))}::text::jsonb)),
        to_timestamp(${event.created}), 'queue') on conflict (id) do nothing`;
  };
  const seconds = await timeUntilDone(jobs, () =>
    openWorker(backend, "stripe-events", handler as never, { concurrency }),
  );
  await checkInbox(servers, deliveries);
  await closeQueue(queue, 1_000);
  return jobs / seconds;
}

/** All of the storm is in the inbox, each event once; then the inbox is emptied for the next round. */
async function checkInbox({ sql }: BenchServers, deliveries: readonly Delivery[]): Promise<void> {
  const expected = (deliveries.length / deliveriesOfContract) * eventsOfContract;
  const [row] = await sql`select count(*)::int as events from keiyaku.stripe_events`;
  if (row?.events !== expected) throw new Error(`${row?.events} of ${expected} events are in the inbox`);
  await sql`truncate keiyaku.stripe_events`;
}

/**
 * Seconds until everything that a storm says is carried out by one worker process, from the first delivery that is added,
 * against those that its reads of Stripe would take one after the other.
 */
export function eventsApplied(servers: BenchServers, backend: QueueBackend, contracts: number): Row {
  return {
    name: "events.storm.applied",
    async run(report) {
      await buildProgram();
      const stripe = await startStripeProcess();
      try {
        const batch = randomUUID().slice(0, 8);
        await prepareContracts(servers, stripe, batch, contracts);
        await stripe.control.setLatency(latencyMs);
        const worker = await spawnWorker({
          databaseUrl: servers.databaseUrl,
          redisUrl: servers.redisUrl,
          stripe,
          roles: ["operations", "events"],
          env: { LOG_LEVEL: "info", WORKER_CONCURRENCY: String(concurrency), STRIPE_WEBHOOK_SECRETS: secret },
        });
        const deliveries = storm(batch, contracts);
        const before = (await stripe.control.requests()).length;
        const seconds = await timeUntilApplied(servers, backend, deliveries);
        const reads = (await stripe.control.requests(before)).length;
        const events = contracts * eventsOfContract;
        const baseline = (reads * latencyMs) / 1_000;
        report(`events.storm.applied: ${events} events in ${seconds.toFixed(1)} s`);
        const result: BenchResult = {
          name: "events.storm.applied",
          unit: "s",
          median: seconds,
          min: seconds,
          max: seconds,
          baseline,
          ratio: seconds / baseline,
          notes: {
            events,
            eventsPerSecond: events / seconds,
            readsPerEvent: reads / events,
            workerPeakRssMiB: await peakRssMiB(worker),
          },
        };
        await checkContracts(servers, batch, contracts);
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

async function timeUntilApplied(
  { sql }: BenchServers,
  backend: QueueBackend,
  deliveries: readonly Delivery[],
): Promise<number> {
  const queue = await openQueue(backend, "stripe-events", 5_000);
  const expected = (deliveries.length / deliveriesOfContract) * eventsOfContract;
  const beganMs = performance.now();
  await addAll(queue, deliveries.map(deliveryJob));
  for (;;) {
    const [row] = await sql`select
        (select count(*)::int from keiyaku.stripe_events where state in ('applied', 'ignored')) as concluded,
        (select count(*)::int from keiyaku.operations where actor_type = 'stripe' and state in ('requested', 'executing')) as open,
        (select count(*)::int from keiyaku.operations where actor_type = 'stripe' and state not in ('requested', 'executing', 'succeeded')) as others`;
    if (row?.others > 0) throw new Error(`${row?.others} operations did not succeed`);
    if (row?.concluded === expected && row?.open === 0) break;
    await pause(200);
  }
  await closeQueue(queue, 1_000);
  return (performance.now() - beganMs) / 1_000;
}

/** Every contract runs, its renewal paid once and open, and customer and operators know of both failed attempts. */
async function checkContracts({ sql }: BenchServers, batch: string, contracts: number): Promise<void> {
  const [row] = await sql`select
      (select count(*)::int from keiyaku.contracts where id like ${`${batch}-%`} and status = 'active') as running,
      (select count(*)::int from keiyaku.payments where contract_id like ${`${batch}-%`} and period = 1 and state = 'paid') as paid,
      (select count(*)::int from keiyaku.notifications
        where contract_id like ${`${batch}-%`} and kind = 'payment_failed') as mails`;
  const isRight = row?.running === contracts && row?.paid === contracts && row?.mails === contracts * 4;
  if (!isRight) throw new Error(`not all was applied, or not once: ${JSON.stringify(row)}`);
}

/** Monthly contracts by card in their second month, whose renewal Stripe has collected at the third attempt. */
async function prepareContracts(
  { sql }: BenchServers,
  { control }: StripeProcess,
  batch: string,
  contracts: number,
): Promise<void> {
  const numbers = Array.from({ length: contracts }, (_, index) => index + 1);
  const beganMs = systemClock.nowMs() - 45 * 86_400_000;
  const anchorAt = new Date(beganMs - (beganMs % 86_400_000) + 3 * 3_600_000).toISOString();
  await control.seed({
    customers: numbers.map((n) => ({ id: `cus_${batch}_${n}` })),
    products: [{ id: `prod_${batch}` }],
    prices: [{ id: `price_${batch}`, product: `prod_${batch}`, amount: 1_980 }],
    subscriptions: numbers.map((n) => ({
      id: `sub_${batch}_${n}`,
      customer: `cus_${batch}_${n}`,
      price: `price_${batch}`,
      anchorAt,
      invoices: [
        { id: `in_${batch}_${n}_0`, period: 0 },
        { id: `in_${batch}_${n}_1`, period: 1, attemptCount: 3 },
      ],
    })),
  });
  const startOn = anchorAt.slice(0, 10);
  await sql`insert into keiyaku.products (id, kind, access, price_minor) values ('magazine', 'monthly', 'per_period', 1980)
    on conflict do nothing`;
  await sql`insert into keiyaku.customers (id, email, name, locale) values ('c', 'c@example.com', 'C', 'ja')
    on conflict do nothing`;
  await sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
      price_minor, initial_fee_minor, special_months, start_on, version, changed_by_operation_id, stripe_customer_id,
      stripe_subscription_id)
    select ${batch}::text || '-' || n, 'magazine', 'c', 'monthly', 'card', 'application', 'active', 'jpy', 1980, 0, 0,
      ${startOn}::date, 1, 'bench', 'cus_' || ${batch}::text || '_' || n, 'sub_' || ${batch}::text || '_' || n
    from generate_series(1, ${contracts}) as n`;
  await sql`insert into keiyaku.payments (id, contract_id, subject, period, starts_on, amount_minor, state, paid_at,
      stripe_invoice_id, stripe_payment_intent_id)
    select ${batch}::text || '-' || n || ':period:0', ${batch}::text || '-' || n, 'period', 0, ${startOn}::date, 1980, 'paid',
      ${anchorAt}::timestamptz, 'in_' || ${batch}::text || '_' || n || '_0', 'pi_' || ${batch}::text || '_' || n || '_0'
    from generate_series(1, ${contracts}) as n`;
  await sql`insert into keiyaku.licenses (payment_id, contract_id)
    select ${batch}::text || '-' || n || ':period:0', ${batch}::text || '-' || n from generate_series(1, ${contracts}) as n`;
  await sql`vacuum (analyze) keiyaku.contracts, keiyaku.payments, keiyaku.operations, keiyaku.licenses`;
}

/** The deliveries of a batch of contracts, signed, in an order of chance: always the same one for the same batch size. */
function storm(batch: string, contracts: number): readonly Delivery[] {
  const chance = chanceOf(contracts);
  const deliveries = Array.from({ length: contracts }, (_, index) => deliveriesOf(batch, index + 1, chance));
  return shuffled(deliveries.flat(), chance);
}

function deliveriesOf(batch: string, n: number, chance: () => number): readonly Delivery[] {
  const subscription = { id: `sub_${batch}_${n}`, object: "subscription" };
  const invoice = {
    id: `in_${batch}_${n}_1`,
    object: "invoice",
    parent: { subscription_details: { subscription: subscription.id } },
  };
  const failed = (attempt: number) => ({ ...invoice, attempt_count: attempt, next_payment_attempt: 1_893_456_000 });
  const objects: readonly (readonly [type: string, object: object])[] = [
    ["customer.subscription.updated", subscription],
    ["invoice.finalized", { ...invoice, attempt_count: 0, next_payment_attempt: null }],
    ["invoice.payment_failed", failed(1)],
    ["customer.subscription.updated", subscription],
    ["invoice.payment_failed", failed(2)],
    ["invoice.paid", { ...invoice, attempt_count: 3, next_payment_attempt: null }],
    ["customer.subscription.updated", subscription],
  ];
  const bodies = objects.map(([type, object], index) => eventOf(`evt_${batch}${n}x${index}`, type, object));
  const repeated = shuffled(bodies, chance).slice(0, deliveriesOfContract - eventsOfContract);
  // Stripe signs each delivery anew, so that a repetition is another job.
  return [...bodies.map((body) => sign(body, 0)), ...repeated.map((body) => sign(body, 1))];
}

function eventOf(id: string, type: string, object: object): string {
  return JSON.stringify({
    id,
    object: "event",
    api_version: stripeApiVersion,
    created: Math.floor(systemClock.nowMs() / 1_000),
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
  });
}

function sign(body: string, secondsAgo: number): Delivery {
  const seconds = Math.floor(systemClock.nowMs() / 1_000) - secondsAgo;
  const v1 = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return { body, signature: `t=${seconds},v1=${v1}` };
}
