import type { Processor, Queue, Worker } from "bullmq";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { countWaiting } from "./count-waiting.ts";
import { within } from "./enqueue.ts";
import type { QueueName } from "./payloads.ts";
import { openWorker, type QueueBackend, type QueueTelemetry } from "./queue-backend.ts";

export interface SupervisedWorkerOptions {
  readonly backend: QueueBackend;
  readonly name: QueueName;
  readonly processor: Processor;
  readonly concurrency: number;
  /** For asking how many jobs wait. */
  readonly queue: Queue;
  readonly telemetry?: QueueTelemetry | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** How long an idle worker may pick up nothing while jobs wait. */
  readonly deafAfterMs?: number;
  /** Told of each worker that is built, the first included: tests make one deaf. */
  readonly onBuilt?: (worker: Worker) => void;
}

/** A worker that is replaced when it has gone deaf. */
export interface SupervisedWorker {
  /** Stops taking jobs and waits for those at work, at most so long; then cancels them and leaves them to other workers. */
  close(deadlineMs: number): Promise<void>;
}

/** An idle worker asks for work every few seconds; one that found none for half a minute, while some waits, will not. */
const deafAfterMsDefault = 30_000;

/**
 * Starts a worker with a watchdog.
 *
 * A BullMQ worker can go deaf without a word: one on PostgreSQL that was built while the server was away never works again.
 * So when this process is idle, jobs wait, and nothing has been picked up for a while, the worker is thrown away and a new
 * one built. A false alarm costs a reconnection.
 */
export function startSupervisedWorker(options: SupervisedWorkerOptions): SupervisedWorker {
  const { log, clock, queue } = options;
  const deafAfterMs = options.deafAfterMs ?? deafAfterMsDefault;
  const errors = createErrorLog(log, clock);
  let active = 0;
  let lastSignMs = clock.monotonicMs();
  let closing = false;
  let worker = build();

  function build(): Worker {
    const built = openWorker(
      options.backend,
      options.name,
      // The third parameter is what makes BullMQ hand over a signal.
      async (job, token, signal) => {
        active += 1;
        lastSignMs = clock.monotonicMs();
        try {
          return await options.processor(job, token, signal);
        } finally {
          active -= 1;
          lastSignMs = clock.monotonicMs();
        }
      },
      { concurrency: options.concurrency, telemetry: options.telemetry },
    );
    built.on("error", errors);
    // BullMQ goes on with a job whose lock it could not keep. Another worker will take it, so this one gives it up.
    built.on("lockRenewalFailed", (jobIds) => {
      for (const jobId of jobIds) built.cancelJob(jobId, "lock lost");
    });
    options.onBuilt?.(built);
    return built;
  }

  async function look(): Promise<void> {
    if (active > 0) return;
    const waiting = await countWaiting(queue);
    if (waiting === 0) lastSignMs = clock.monotonicMs();
    if (closing || active > 0 || clock.monotonicMs() - lastSignMs < deafAfterMs) return;
    log.warn({ queue: options.name, waiting }, "the worker has gone deaf; building a new one");
    const deaf = worker;
    lastSignMs = clock.monotonicMs();
    worker = build();
    await within(2_000, deaf.close(true)).catch(() => undefined);
  }

  const timer = setInterval(() => {
    look().catch((error: unknown) => errors(error));
  }, deafAfterMs / 3);
  timer.unref();

  return {
    async close(deadlineMs) {
      closing = true;
      clearInterval(timer);
      const closed = worker.close();
      try {
        await within(deadlineMs, closed);
      } catch {
        worker.cancelAllJobs("shutting down");
        await within(1_000, closed).catch(() => undefined);
      }
    },
  };
}

/** Logs errors of a connection once a second at the most, with how many there were: a lost Redis makes thousands. */
function createErrorLog(log: Logger, clock: Clock): (error: unknown) => void {
  let silenced = 0;
  let loggedMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - loggedMs < 1_000) {
      silenced += 1;
      return;
    }
    const code = (error as { code?: unknown }).code;
    log.warn(
      { code: typeof code === "string" ? code : (error as Error).name, silenced },
      "the queue's connection failed",
    );
    loggedMs = nowMs;
    silenced = 0;
  };
}
