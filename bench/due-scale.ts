import { setTimeout as pause } from "node:timers/promises";
import { closeQueue, openQueue, type QueueBackend } from "../src/queue/queue-backend.ts";
import buildProgram from "../test/support/build-setup.ts";
import { endWorkerProcesses, spawnWorker, type WorkerProcess } from "../test/support/worker-process.ts";
import { confirmPayment } from "./confirm-payment.ts";
import { type BenchResult, median, type Row } from "./measure.ts";
import { peakRssMiB } from "./peak-rss.ts";
import type { BenchServers } from "./servers.ts";

/** How many contracts there are, of which so many have something due. */
export interface Scale {
  readonly contracts: number;
  readonly due: number;
}

/** What Stripe takes of one endpoint each second: so long is the wait of what needs it. */
const callsPerSecond = 25;

/** As many as the other bench of the whole way has. */
const concurrency = 32;

/** The rounds of finding, after a warm-up among as many contracts. What was found is forgotten after each but the last. */
const rounds = 3;

/** How often the ledger is asked how far the run is: a small part of the seconds that it takes. */
const lookEveryMs = 100;

/**
 * The daily run among many contracts, by bank transfer, a thirtieth of which renew today.
 *
 * First only a process that finds is there: seconds from the beginning of the run to the last operation that is requested, and its
 * peak memory; the baseline is the same due among a tenth of the contracts. Then one that carries out joins it, until the run is
 * done; the baseline of its rate is `confirm_payment` on the same server and backend.
 */
export function dueScale(servers: BenchServers, backend: QueueBackend, { contracts, due }: Scale): readonly Row[] {
  let found: BenchResult | undefined;
  return [
    {
      name: "due.scale.found",
      async run(report) {
        await buildProgram();
        const few = await findAmong(servers, backend, { contracts: contracts / 10, due }, report);
        const many = await findAmong(servers, backend, { contracts, due }, report);
        found = {
          name: "due.scale.found",
          unit: "s",
          median: median(many.seconds),
          min: Math.min(...many.seconds),
          max: Math.max(...many.seconds),
          baseline: median(few.seconds),
          ratio: median(many.seconds) / median(few.seconds),
          notes: { contracts, due, peakRssMiB: many.peakRss, ringsInVainAt25PerSecond: many.ringsInVain },
        };
        return found;
      },
    },
    {
      name: "due.scale.carried_out",
      async run(report) {
        await buildProgram();
        if (found === undefined) await findAmong(servers, backend, { contracts, due }, report);
        const carriedOut = await carryOut(servers, due);
        report(`due.scale.carried_out: ${due} in ${carriedOut.seconds.toFixed(1)} s`);
        const baseline = await confirmPayment(servers, backend, 4_000).ours(0);
        const rate = due / carriedOut.seconds;
        return {
          name: "due.scale.carried_out",
          unit: "operations/s",
          median: rate,
          min: rate,
          max: rate,
          baseline,
          ratio: rate / baseline,
          notes: { ...carriedOut, bellsPerOperation: carriedOut.bells / due },
        };
      },
    },
  ];
}

interface Found {
  readonly seconds: readonly number[];
  readonly peakRss: number | null;
  /** For how many the sweep would have rung before their turn came, at Stripe's pace. */
  readonly ringsInVain: number;
}

async function findAmong(
  servers: BenchServers,
  backend: QueueBackend,
  scale: Scale,
  report: (line: string) => void,
): Promise<Found> {
  await addContracts(servers, scale);
  const seconds: number[] = [];
  let peakRss: number | null = null;
  for (let round = 0; round <= rounds; round += 1) {
    await servers.sql`truncate keiyaku.operations, keiyaku.maintenance_runs cascade`;
    const finder = await startWorker(servers, ["maintenance"]);
    const took = await untilRequested(servers, scale.due);
    if (round > 0) seconds.push(took);
    peakRss = Math.max(peakRss ?? 0, (await peakRssMiB(finder)) ?? 0) || null;
    await end(finder);
    // It has rung for some, whom nobody has heard.
    await forgetBells(backend);
    const name = round === 0 ? "warm-up" : `round ${round}`;
    report(`due.scale.found, ${name}: ${took.toFixed(2)} s among ${scale.contracts} contracts`);
  }
  const [row] = await servers.sql`select count(*)::int as rings from (
      select ring_at, accepted_at, row_number() over (order by sequence) as place from keiyaku.operations) as o
    where ring_at < accepted_at + place * interval '1 second' / ${callsPerSecond}`;
  return { seconds, peakRss, ringsInVain: Number(row?.rings) };
}

async function forgetBells(backend: QueueBackend): Promise<void> {
  const queue = await openQueue(backend, "operations", 5_000);
  await queue.drain();
  await closeQueue(queue, 1_000);
}

/** Contracts in the middle of their second year, as many as are asked for; the due ones are spread among them. */
async function addContracts({ sql }: BenchServers, { contracts, due }: Scale): Promise<void> {
  await sql`truncate keiyaku.contracts, keiyaku.operations, keiyaku.maintenance_runs, keiyaku.products cascade`;
  await sql`insert into keiyaku.products (id, kind, access, price_minor) values ('magazine', 'monthly', 'per_period', 1980)`;
  await sql`insert into keiyaku.customers (id, email, name, locale) values ('c', 'c@example.com', 'C', 'ja')
    on conflict do nothing`;
  await sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
      price_minor, initial_fee_minor, special_months, start_on, renewal_due_on, version, changed_by_operation_id)
    select 'due-' || lpad((n::bigint * 7919 % ${contracts})::text, 7, '0'), 'magazine', 'c', 'monthly', 'bank_transfer', 'application',
      'active', 'jpy', 1980, 0, 0, today - interval '13 months',
      case when n <= ${due} then today else today + 1 + n % 28 end, 1, 'bench'
    from generate_series(1, ${contracts}) as n, (select (now() at time zone 'Asia/Tokyo')::date as today) as clock`;
  await sql`vacuum (analyze) keiyaku.contracts`;
}

function startWorker(
  servers: BenchServers,
  roles: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<WorkerProcess> {
  return spawnWorker({
    databaseUrl: servers.databaseUrl,
    redisUrl: servers.redisUrl,
    // Nothing by bank transfer asks Stripe.
    stripe: { url: "http://127.0.0.1:1", secretKey: "sk_test_bench" },
    roles,
    env: { LOG_LEVEL: "info", DAILY_RUN_AT: "00:00", ...env },
  });
}

async function end(worker: WorkerProcess): Promise<void> {
  worker.kill("SIGTERM");
  await worker.ended();
}

/** From the beginning of the run to the last operation that it requested, in seconds, by the database's clock. */
async function untilRequested({ sql }: BenchServers, due: number): Promise<number> {
  for (;;) {
    const [row] = await sql`select cursor is null and phase = 'renew' as "isOver",
        (select count(*)::int from keiyaku.operations) as requested,
        extract(epoch from (select max(accepted_at) from keiyaku.operations) - started_at)::float8 as seconds
      from keiyaku.maintenance_runs`;
    if (row?.isOver === true) {
      if (row.requested !== due) throw new Error(`${row.requested} of ${due} were requested`);
      return row.seconds;
    }
    await pause(lookEveryMs);
  }
}

/** Has what was found carried out by one process, while another drives the run. */
async function carryOut(
  servers: BenchServers,
  due: number,
): Promise<{ readonly seconds: number; readonly bells: number; readonly swept: number }> {
  const { sql } = servers;
  await sql`update keiyaku.maintenance_runs set rung_up_to = 0`;
  const driver = await startWorker(servers, ["maintenance"]);
  const worker = await startWorker(servers, ["operations"], { WORKER_CONCURRENCY: String(concurrency) });
  const beganMs = performance.now();
  for (;;) {
    const [row] = await sql`select state = 'done' as "isOver", result from keiyaku.maintenance_runs`;
    if (row?.isOver === true) {
      const succeeded = row.result.operations.renew?.succeeded;
      if (succeeded !== due) throw new Error(`${succeeded} of ${due} succeeded`);
      break;
    }
    await pause(lookEveryMs);
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  const metrics = await (await worker.ask("/metrics")).text();
  const sumOf = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, "gm"))].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
  const figures = { seconds, bells: sumOf("keiyaku_attempts_total"), swept: sumOf("keiyaku_swept_operations_total") };
  await end(driver);
  await end(worker);
  await endWorkerProcesses();
  return figures;
}
