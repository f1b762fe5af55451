import { onTestFinished } from "vitest";
import { type Client, createClient, type OperationKind, type TypedRequest } from "../../../src/client.ts";
import { systemClock } from "../../../src/clock.ts";
import { openQueue } from "../../../src/queue/queue-backend.ts";
import { sweep } from "../../../workers/maintenance.ts";
import { type BackendType, createTestQueue, type TestQueue } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { startTcpProxy, type TcpProxy } from "../../support/tcp-proxy.ts";
import { silentLog } from "../../support/test-database.ts";
import {
  spawnWorker,
  startWorkerProcess,
  type WorkerProcess,
  type WorkerProcessOptions,
} from "../../support/worker-process.ts";

/** A database, a queue and a stand-in of one test's own, and ways to put workers on them. */
export interface World extends Pick<ExecutionBench, "stripe" | "sql" | "deps" | "perform" | "operation"> {
  readonly queue: TestQueue;
  readonly databaseUrl: string;
  /** Starts a worker on all of it and waits until it is ready. */
  worker(options?: Partial<WorkerProcessOptions>): Promise<WorkerProcess>;
  /** Starts a worker without waiting for anything. */
  startingWorker(options?: Partial<WorkerProcessOptions>): WorkerProcess;
  client(): Client;
  /** Registers a monthly contract paid by bank transfer, without the queue. */
  register(contractId: string, terms?: Record<string, unknown>): Promise<void>;
  /** Resolves with the rows, in the order of acceptance, once all operations of these ids are final. */
  concluded(ids: readonly string[], withinMs?: number): Promise<readonly OperationRow[]>;
  /** Makes every open operation, and when it is due or rung for, older by this much. */
  letPass(seconds: number): Promise<void>;
  /** What every worker does each half minute, now. Returns for how many operations it rang. */
  sweepNow(): Promise<number>;
  /** Resolves when no job waits, is delayed or at work. */
  queueEmpty(withinMs?: number): Promise<void>;
}

/** The columns of the ledger that these tests ask about. */
export interface OperationRow {
  readonly id: string;
  readonly kind: OperationKind;
  readonly state: string;
  readonly attempt: number;
  readonly wait_reason: string | null;
  readonly rejection_code: string | null;
  readonly rejection_detail: Readonly<Record<string, string>> | null;
  readonly outcome: { readonly statusBefore: string | null; readonly statusAfter: string | null } | null;
  readonly concluded_at: Date | null;
}

/** As the last date that has its run: whatever day it is, none is owed. */
const farAhead = "2125-01-01";

/**
 * Sets up a world whose parts end with the test. Its workers end in the file's `afterEach`, before that. No date brings anything
 * there, unless the test is about that.
 */
export async function setUp(type: BackendType, { calendar = false } = {}): Promise<World> {
  const bench = await createExecutionBench();
  onTestFinished(() => bench.close());
  if (!calendar) {
    await bench.sql`insert into keiyaku.maintenance_runs (business_date, state, done_at, result)
      values (${farAhead}, 'done', now(), '{}')`;
  }
  const queue = await createTestQueue(type, bench);
  onTestFinished(() => queue.close());
  const optionsOf = (options: Partial<WorkerProcessOptions> = {}) => ({
    databaseUrl: bench.url,
    redisUrl: queue.redisUrl,
    stripe: bench.stripe,
    ...options,
  });
  return {
    ...bench,
    queue,
    databaseUrl: bench.url,
    worker: (options) => spawnWorker(optionsOf(options)),
    startingWorker: (options) => startWorkerProcess(optionsOf(options)),
    client() {
      const client = createClient({ ...queue.clientOptions, timeoutMs: 5_000 });
      onTestFinished(() => client.close());
      return client;
    },
    async register(contractId, terms = {}) {
      const params = monthlyTerms(terms);
      const row = await bench.perform({ id: `register-${contractId}`, kind: "register", contractId, params });
      if (row.state !== "succeeded") throw new Error(`A registration did not succeed: ${JSON.stringify(row)}`);
    },
    concluded: (ids, withinMs = 20_000) => untilConcluded(bench, ids, withinMs),
    async letPass(seconds) {
      await bench.sql`update keiyaku.operations set touched_at = touched_at - ${seconds} * interval '1 second',
        ring_at = ring_at - ${seconds} * interval '1 second',
        next_attempt_at = next_attempt_at - ${seconds} * interval '1 second' where state in ('requested', 'executing')`;
    },
    async sweepNow() {
      const opened = await openQueue(queue.backend, "operations", 5_000);
      try {
        return await sweep({ db: bench.db, queue: opened, clock: systemClock, log: silentLog });
      } finally {
        await opened.close();
      }
    },
    async queueEmpty(withinMs = 20_000) {
      const isEmpty = async () => {
        const { waiting, active, delayed, prioritized } = await queue.counts();
        return [waiting, active, delayed, prioritized].every((count) => count === 0);
      };
      await eventually(isEmpty, { withinMs, describe: "an empty queue" });
    },
  };
}

async function untilConcluded({ sql }: ExecutionBench, ids: readonly string[], withinMs: number) {
  let open: readonly string[] = ids;
  let rows: readonly OperationRow[] = [];
  const areFinal = async () => {
    rows = await sql<OperationRow[]>`select * from keiyaku.operations where id = any (${[...ids]}) order by sequence`;
    const final = new Set(rows.filter((row) => row.concluded_at !== null).map(({ id }) => id));
    open = ids.filter((id) => !final.has(id));
    return open.length === 0;
  };
  await eventually(areFinal, { withinMs, describe: "operations to be concluded" }).catch((error: Error) => {
    const shown = open.slice(0, 5).map((id) => {
      const row = rows.find((candidate) => candidate.id === id);
      return row === undefined ? `${id} is unknown` : `${id} is ${row.state}, ${row.wait_reason}`;
    });
    throw new Error(`${error.message}; ${open.length} are open: ${shown.join("; ")}`, { cause: error });
  });
  return rows;
}

/** A proxy before the world's database, and the database's URL through it, for tests of what the network does to a worker. */
export async function proxyDatabase({ databaseUrl }: World): Promise<{ proxy: TcpProxy; databaseUrl: string }> {
  const url = new URL(databaseUrl);
  const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  onTestFinished(() => proxy.stop());
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  return { proxy, databaseUrl: url.href };
}

/** A request of an operator, typed by its kind. */
export function requestOf<Kind extends OperationKind>(
  id: string,
  kind: Kind,
  contractId: string,
  rest: Partial<TypedRequest<Kind>> = {},
): TypedRequest<Kind> {
  return { id, kind, contractId, actor: { type: "operator", id: "alice" }, ...rest } as TypedRequest<Kind>;
}
