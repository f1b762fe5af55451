import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { catalogJob, requestJob } from "../src/queue/enqueue.ts";
import { closeQueue, openQueue, type QueueBackend } from "../src/queue/queue-backend.ts";
import buildProgram from "../test/support/build-setup.ts";
import { endWorkerProcesses, spawnWorker } from "../test/support/worker-process.ts";
import { checkConfirmations, prepareConfirmations } from "./confirmations.ts";
import { concurrency } from "./entrants/keiyaku.ts";
import { against, type BenchResult, measureAll, median, type Row } from "./measure.ts";
import { processorSeconds } from "./processor-time.ts";
import { addAll, type BenchServers } from "./servers.ts";

/** The roles of each process, by what the arrangement is called. */
const arrangements = {
  one: [["operations", "catalog"]],
  two: [
    ["operations", "catalog"],
    ["operations", "catalog"],
  ],
  two_roles: [["operations"], ["catalog"]],
} as const satisfies Record<string, readonly (readonly string[])[]>;

type Arrangement = keyof typeof arrangements;

/** How often the ledger is asked whether all is done: a small part of the seconds that it takes. */
const lookEveryMs = 25;

/** Seconds of processor time for a thousand units of work. */
interface Effort {
  readonly workers: number | null;
  readonly postgres: number | null;
  readonly redis: number | null;
}

/**
 * What another process brings: `confirm_payment` and as many customers put into the catalog, both waiting in their queues
 * when the clock starts, carried out by one process, by two that do both, and by two that do one each. Units of work a second
 * until both queues are done.
 */
export function processes(servers: BenchServers, backend: QueueBackend, operations: number, rounds: number): Row {
  return {
    name: "processes",
    async run(report) {
      await buildProgram();
      const efforts = new Map<string, Effort[]>();
      const contestants = (Object.keys(arrangements) as Arrangement[]).map((name) => ({
        name,
        async run(round: number) {
          const { rate, effort } = await carryOut(servers, backend, arrangements[name], operations);
          if (round > 0) efforts.set(name, [...(efforts.get(name) ?? []), effort]);
          return rate;
        },
      }));
      const figures = await measureAll(contestants, rounds, (line) => report(`processes, ${line}`));
      const row = (name: string, arrangement: Arrangement): BenchResult => ({
        name,
        unit: "units of work/s",
        ...against(figures, arrangement, "one"),
        notes: { units: 2 * operations, ...medianEffort(efforts.get(arrangement) ?? []) },
      });
      return [row("processes", "two"), row("processes.one", "one"), row("processes.two_roles", "two_roles")];
    },
  };
}

function medianEffort(efforts: readonly Effort[]) {
  const of = (part: keyof Effort) => {
    const known = efforts.map((effort) => effort[part]).filter((figure) => figure !== null);
    return known.length === efforts.length && known.length > 0 ? median(known) : null;
  };
  return { workersMs: of("workers"), postgresMs: of("postgres"), redisMs: of("redis") };
}

async function carryOut(
  servers: BenchServers,
  backend: QueueBackend,
  roles: readonly (readonly string[])[],
  operations: number,
): Promise<{ readonly rate: number; readonly effort: Effort }> {
  const { sql, pids } = servers;
  const requests = await prepareConfirmations(sql, operations);
  const prefix = `customer-${randomUUID().slice(0, 8)}`;
  const queues = {
    operations: await openQueue(backend, "operations", 5_000),
    catalog: await openQueue(backend, "catalog", 5_000),
  };
  try {
    // Nobody takes anything before all of it is there and every process is ready.
    await Promise.all(Object.values(queues).map((queue) => queue.pause()));
    await addAll(queues.operations, requests.map(requestJob));
    await addAll(queues.catalog, customersOf(prefix, operations).map(catalogJob));
    const workers = await Promise.all(
      roles.map((ofOne) =>
        spawnWorker({
          databaseUrl: servers.databaseUrl,
          redisUrl: servers.redisUrl,
          // Nothing by bank transfer asks Stripe.
          stripe: { url: "http://127.0.0.1:1", secretKey: "sk_test_bench" },
          roles: ofOne,
          env: { LOG_LEVEL: "info", WORKER_CONCURRENCY: String(concurrency) },
        }),
      ),
    );
    const usedBy = async (of: readonly (number | undefined)[]) => {
      const seconds = await Promise.all(of.map(async (pid) => (pid === undefined ? null : processorSeconds(pid))));
      return seconds.includes(null) ? null : seconds.reduce<number>((sum, figure) => sum + (figure ?? 0), 0);
    };
    const parts = { workers: workers.map(({ pid }) => pid), postgres: [pids.postgres], redis: [pids.redis] };
    const before = {
      workers: await usedBy(parts.workers),
      postgres: await usedBy(parts.postgres),
      redis: await usedBy(parts.redis),
    };
    const beganMs = performance.now();
    await Promise.all(Object.values(queues).map((queue) => queue.resume()));
    await untilDone(servers, requests[0]?.id.replace(/\d+$/, "%") ?? "", `${prefix}-%`, operations);
    const seconds = (performance.now() - beganMs) / 1_000;
    const units = 2 * operations;
    const since = async (part: keyof Effort) => {
      const was = before[part];
      const is = await usedBy(parts[part]);
      return was === null || is === null ? null : ((is - was) * 1_000) / units;
    };
    const effort = { workers: await since("workers"), postgres: await since("postgres"), redis: await since("redis") };
    for (const worker of workers) {
      worker.kill("SIGTERM");
      await worker.ended();
    }
    await checkConfirmations(sql, requests);
    return { rate: units / seconds, effort };
  } finally {
    await endWorkerProcesses();
    for (const queue of Object.values(queues)) await closeQueue(queue, 1_000);
  }
}

function customersOf(prefix: string, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    type: "customer" as const,
    customer: {
      id: `${prefix}-${index + 1}`,
      email: `c${index + 1}@example.com`,
      name: "C",
      locale: "ja" as const,
      version: 1,
    },
  }));
}

async function untilDone({ sql }: BenchServers, ids: string, customers: string, count: number): Promise<void> {
  for (;;) {
    const [row] = await sql`select
        (select count(*)::int from keiyaku.operations where id like ${ids} and state = 'succeeded') as succeeded,
        (select count(*)::int from keiyaku.operations where id like ${ids} and state in ('rejected', 'held', 'abandoned')) as others,
        (select count(*)::int from keiyaku.customers where id like ${customers}) as customers`;
    if (row?.others > 0) throw new Error(`${row?.others} of ${count} operations did not succeed`);
    if (row?.succeeded === count && row?.customers === count) return;
    await pause(lookEveryMs);
  }
}
