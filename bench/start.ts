import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { requestJob } from "../src/queue/enqueue.ts";
import { closeQueue, openQueue, type QueueBackend } from "../src/queue/queue-backend.ts";
import buildProgram from "../test/support/build-setup.ts";
import { endWorkerProcesses, startWorkerProcess } from "../test/support/worker-process.ts";
import { checkConfirmations, prepareConfirmations } from "./confirmations.ts";
import { concurrency } from "./entrants/keiyaku.ts";
import { against, type BenchResult, measureAll, type Rounds, type Row } from "./measure.ts";
import { peakRssMiB } from "./peak-rss.ts";
import { addAll, type BenchServers } from "./servers.ts";

/** How often the ledger is asked for the first operation: a hundredth of a start. */
const lookEveryMs = 5;

/** How long a process rests before its memory is read: what starting it left behind is collected by then. */
const restMs = 5_000;

/**
 * Seconds from the start of a worker's process to its first operation that is settled, one request waiting; against an empty
 * program of Node's, from its start to its end. And the memory of a worker: at rest, and at its most while it carries out what waits.
 */
export function start(servers: BenchServers, backend: QueueBackend, operations: number, rounds: number): Row {
  return {
    name: "start",
    async run(report) {
      await buildProgram();
      const contestants = [
        { name: "start", run: () => untilFirstSettled(servers, backend) },
        { name: "node", run: untilEmptyProgramEnded },
      ];
      const figures = await measureAll(contestants, rounds, (line) => report(line));
      const memory = await memoryOf(servers, backend, operations);
      return resultsOf(figures, memory, operations);
    },
  };
}

interface Memory {
  readonly atRest: number | null;
  readonly peak: number | null;
  /** What Redis takes for each request that waits, in bytes; null without Redis. */
  readonly redisBytesPerRequest: number | null;
}

export function resultsOf(
  figures: Rounds,
  { atRest, peak, redisBytesPerRequest }: Memory,
  operations: number,
): readonly BenchResult[] {
  const most = peak ?? Number.NaN;
  const rest = atRest ?? Number.NaN;
  return [
    { name: "start", unit: "s", ...against(figures, "start", "node") },
    {
      name: "start.memory",
      unit: "MiB",
      median: most,
      min: most,
      max: most,
      baseline: rest,
      ratio: most / rest,
      notes: { waiting: operations, atRestMiB: atRest, peakMiB: peak, redisBytesPerRequest },
    },
  ];
}

function startWorker(servers: BenchServers) {
  return startWorkerProcess({
    databaseUrl: servers.databaseUrl,
    redisUrl: servers.redisUrl,
    // Nothing by bank transfer asks Stripe.
    stripe: { url: "http://127.0.0.1:1", secretKey: "sk_test_bench" },
    roles: ["operations"],
    env: { LOG_LEVEL: "info", WORKER_CONCURRENCY: String(concurrency) },
  });
}

async function untilFirstSettled({ sql, ...servers }: BenchServers, backend: QueueBackend): Promise<number> {
  const requests = await prepareConfirmations(sql, 1);
  await enqueue(backend, requests);
  const beganMs = performance.now();
  const worker = startWorker({ sql, ...servers });
  try {
    await untilSettled(sql, requests, worker.exited);
    return (performance.now() - beganMs) / 1_000;
  } finally {
    worker.kill("SIGTERM");
    await worker.ended();
    await endWorkerProcesses();
  }
}

async function untilEmptyProgramEnded(): Promise<number> {
  const beganMs = performance.now();
  const child = spawn(process.execPath, ["-e", "0"], { stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`an empty program ended with ${code}`);
  return (performance.now() - beganMs) / 1_000;
}

async function memoryOf(servers: BenchServers, backend: QueueBackend, operations: number): Promise<Memory> {
  const requests = await prepareConfirmations(servers.sql, operations);
  const worker = startWorker(servers);
  try {
    await worker.untilReady();
    await pause(restMs);
    const atRest = await rssMiB(worker.pid);
    const queue = await openQueue(backend, "operations", 5_000);
    // All of it waits before any is taken, as after an outage.
    await queue.pause();
    const redisBefore = await redisBytes(backend);
    await addAll(queue, requests.map(requestJob));
    const redisAfter = await redisBytes(backend);
    await queue.resume();
    await closeQueue(queue, 1_000);
    await untilSettled(servers.sql, requests, worker.exited);
    const peak = await peakRssMiB(worker);
    await checkConfirmations(servers.sql, requests);
    const redisBytesPerRequest =
      redisBefore === null || redisAfter === null ? null : (redisAfter - redisBefore) / operations;
    return { atRest, peak, redisBytesPerRequest };
  } finally {
    worker.kill("SIGTERM");
    await worker.ended();
    await endWorkerProcesses();
  }
}

async function enqueue(
  backend: QueueBackend,
  requests: Awaited<ReturnType<typeof prepareConfirmations>>,
): Promise<void> {
  const queue = await openQueue(backend, "operations", 5_000);
  await addAll(queue, requests.map(requestJob));
  await closeQueue(queue, 1_000);
}

async function untilSettled(
  sql: BenchServers["sql"],
  requests: Awaited<ReturnType<typeof prepareConfirmations>>,
  exited: Promise<unknown>,
): Promise<void> {
  const batch = requests[0]?.id.replace(/\d+$/, "%") ?? "";
  let hasEnded = false;
  void exited.then(() => {
    hasEnded = true;
  });
  for (;;) {
    const [row] =
      await sql`select count(*)::int as concluded from keiyaku.operations where id like ${batch} and concluded_at is not null`;
    if (row?.concluded === requests.length) break;
    if (hasEnded) throw new Error(`the worker ended with ${row?.concluded} of ${requests.length} concluded`);
    await pause(lookEveryMs);
  }
  await checkConfirmations(sql, requests);
}

/** What a Redis has in use, in bytes; null for a queue on PostgreSQL. */
async function redisBytes(backend: QueueBackend): Promise<number | null> {
  if (backend.type === "postgres") return null;
  const redis = new Redis(backend.url);
  try {
    return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
  } finally {
    redis.disconnect();
  }
}

/** The memory that a living process has now, in MiB; null where the system does not tell. */
async function rssMiB(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kiB = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kiB === undefined ? null : Number(kiB) / 1_024;
}
