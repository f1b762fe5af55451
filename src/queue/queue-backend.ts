import {
  type Processor,
  Queue,
  type QueueOptions,
  type Telemetry,
  Worker,
  type WorkerOptions,
  withBackend,
} from "bullmq";
import { type DatabaseOptions as DatabaseAddress, pgOptions } from "../database-url.ts";
import { within } from "./enqueue.ts";
import { createGuardedPostgresBackend } from "./guarded-postgres.ts";
import type { QueueName } from "./payloads.ts";

/** Where the queue lives: Redis in production, or the database of the data for small installations and development. */
export type QueueBackend =
  | { readonly type: "redis"; readonly url: string }
  | { readonly type: "postgres"; readonly address: DatabaseAddress };

/** What lets a trace travel with a job, from whoever adds it to the worker that takes it. */
export type QueueTelemetry = Telemetry;

/** Keys of one queue share a hash slot, so that a Redis Cluster can hold them. */
export function prefixOf(name: QueueName): string {
  return `{keiyaku-${name}}`;
}

/** A reconnection every 2 s at the longest, with jitter: BullMQ's own back-off grows to 20 s. */
const retryStrategy = (times: number) => Math.min(100 * times, 2_000) + Math.floor(Math.random() * 100);

/** After a fail-over an old primary answers READONLY: connect again and repeat the command. */
const reconnectOnError = (error: Error) => (error.message.startsWith("READONLY") ? 2 : false);

const redisBase = { connectTimeout: 5_000, retryStrategy, reconnectOnError };

/** Longer than a healthy queue ever takes, and as long as a caller should wait for it. */
const producerTimeoutMs = 2_000;

/**
 * What a producer needs of Redis: to fail soon rather than to wait. A connection that has died without a word, as behind
 * a router that forgot it, is thrown away after the first vain command; TCP alone would go on hoping for a quarter of an hour.
 */
const redisForProducers = {
  ...redisBase,
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
  commandTimeout: producerTimeoutMs,
  socketTimeout: producerTimeoutMs,
};

/** What a worker needs: to wait for Redis however long it takes. A command time-out would cut its blocking reads. */
const redisForWorkers = { ...redisBase, maxRetriesPerRequest: null };

function postgresConnection(address: DatabaseAddress, poolSize: number) {
  return {
    ...pgOptions(address),
    max: poolSize,
    connectionTimeoutMillis: 5_000,
    application_name: "keiyaku-queue",
  };
}

const onPostgres = withBackend(createGuardedPostgresBackend);

/**
 * Opens a queue for adding jobs, connected within the deadline or not at all: one whose beginning failed never recovers by
 * itself, so it is closed here and the error is thrown. Later losses of the connection it survives. The caller closes it.
 */
export async function openQueue(
  backend: QueueBackend,
  name: QueueName,
  deadlineMs: number,
  telemetry?: QueueTelemetry,
): Promise<Queue> {
  const queue = constructQueue(backend, name, telemetry);
  // Every failure reaches a caller through the call that it spoils.
  queue.on("error", () => undefined);
  try {
    await within(deadlineMs, queue.waitUntilReady());
    return queue;
  } catch (error) {
    closeQueue(queue, deadlineMs).catch(() => undefined);
    throw error;
  }
}

/** Closes a queue within the deadline, whatever has become of its server. Never rejects. */
export async function closeQueue(queue: Queue, deadlineMs: number): Promise<void> {
  await within(deadlineMs, queue.close()).catch(() => undefined);
  // A close that could not say goodbye to Redis leaves a connection that tries to come back for ever. This waits for an
  // end that may never be told, so nobody waits for it.
  queue.disconnect().catch(() => undefined);
}

function constructQueue(backend: QueueBackend, name: QueueName, telemetry: QueueTelemetry | undefined): Queue {
  const options: Omit<QueueOptions, "connection"> = {
    prefix: prefixOf(name),
    // Nothing of ours reads the event stream; it is kept short.
    streams: { events: { maxLen: 1_000 } },
    ...(telemetry === undefined ? {} : { telemetry }),
  };
  if (backend.type === "redis") {
    return new Queue(name, { ...options, connection: { url: backend.url, ...redisForProducers } });
  }
  // As on Redis, a connection that does not answer is thrown away.
  const connection = { ...postgresConnection(backend.address, 2), query_timeout: producerTimeoutMs };
  return new onPostgres.Queue(name, { ...options, connection }) as unknown as Queue;
}

/** Opens a worker, each number with its reason. The caller listens to its `error` events and closes it. */
export function openWorker(
  backend: QueueBackend,
  name: QueueName,
  processor: Processor,
  { concurrency, telemetry }: { readonly concurrency: number; readonly telemetry?: QueueTelemetry | undefined },
): Worker {
  const options: Omit<WorkerOptions, "connection"> = {
    prefix: prefixOf(name),
    concurrency,
    ...(telemetry === undefined ? {} : { telemetry }),
    // A longer lock only delays recovery: what is safe is safe by the guards and the keys.
    lockDuration: 30_000,
    // A job of a killed worker is found within the lock and two checks.
    stalledInterval: 10_000,
    // The default of 1 gives a job up at the second crash of its life; the ledger counts attempts instead.
    maxStalledCount: 1_000,
    // The default pause of 15 s after a connection error would be the length of the outage.
    runRetryDelay: 2_000,
    removeOnComplete: { count: 0 },
    // A failed request is kept for whoever looks into it. A failed put or delivery is not: its customer's data stays in no
    // queue; the producer can put it again, and the back-fill finds the event.
    removeOnFail: name === "operations" ? { count: 1_000, age: 7 * 24 * 3_600 } : { count: 0 },
  };
  if (backend.type === "redis") {
    return new Worker(name, processor, { ...options, connection: { url: backend.url, ...redisForWorkers } });
  }
  const connection = postgresConnection(backend.address, 4);
  return new onPostgres.Worker(name, processor, { ...options, connection }) as unknown as Worker;
}
