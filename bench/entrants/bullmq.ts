import { createPostgresBackend, Queue, type QueueOptions, Worker, type WorkerOptions, withBackend } from "bullmq";
import type { OperationRequest } from "../../src/contract/operation.ts";
import { pgOptions } from "../../src/database-url.ts";
import type { QueueBackend } from "../../src/queue/queue-backend.ts";
import { confirmBare } from "../confirmations.ts";
import type { BenchServers } from "../servers.ts";
import type { BullSide } from "./bull-side.ts";
import { concurrency } from "./keiyaku.ts";

/*
 * BullMQ with a bare handler, as its documentation advises for throughput: jobs are added in bulk, one worker has a
 * concurrency factor, and finished jobs are removed at once ("PostgreSQL backend", tuning: "let retention do its work"). On
 * PostgreSQL its pool has as many connections as the handlers have. It has no batches: those are BullMQ Pro's.
 */

/**
 * "Something between 100 and 300 is a quite standard setting" for handlers that wait for I/O ("Parallelism and
 * Concurrency"). No more than {@link concurrency} of their statements run at a time; the rest have their next job at hand,
 * which was faster by a fifth than {@link concurrency} of them.
 */
export const advisedConcurrency = 100;

const name = "bare";
const withoutHistory = { removeOnComplete: { count: 0 } };

const onPostgres = withBackend(createPostgresBackend);

export async function openBullmq({ sql }: BenchServers, backend: QueueBackend): Promise<BullSide> {
  const handler = ({ data }: { readonly data: OperationRequest }) => confirmBare(sql, data);
  const queue = openQueue(backend, { defaultJobOptions: withoutHistory });
  queue.on("error", (error) => console.error(error));
  await queue.waitUntilReady();
  return {
    queue,
    jobOf: (request) => ({ name, data: request }),
    openWorker(atOnce = concurrency) {
      const options: Omit<WorkerOptions, "connection"> = { concurrency: atOnce, ...withoutHistory };
      return backend.type === "redis"
        ? new Worker(name, handler, { ...options, connection: { url: backend.url, maxRetriesPerRequest: null } })
        : (new onPostgres.Worker(name, handler, { ...options, connection: poolOf(backend) }) as unknown as Worker);
    },
    close: async () => undefined,
  };
}

function openQueue(backend: QueueBackend, options: Omit<QueueOptions, "connection">): Queue {
  return backend.type === "redis"
    ? new Queue(name, { ...options, connection: { url: backend.url } })
    : (new onPostgres.Queue(name, { ...options, connection: poolOf(backend) }) as unknown as Queue);
}

function poolOf({ address }: Extract<QueueBackend, { type: "postgres" }>) {
  return { ...pgOptions(address), max: concurrency };
}
