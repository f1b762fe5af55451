import { within } from "./enqueue.ts";
import type { QueueName } from "./payloads.ts";
import { closeQueue, openQueue, type QueueBackend } from "./queue-backend.ts";

/** How long a queue is. */
export interface QueueState {
  readonly name: QueueName;
  /** Jobs by BullMQ's state. */
  readonly counts: Readonly<Record<string, number>>;
  /** When the job that has waited longest was queued, in milliseconds since 1970; null when none waits. */
  readonly oldestWaitingAtMs: number | null;
}

const states = ["waiting", "prioritized", "active", "delayed", "failed"] as const;

/** Opens a queue, counts its jobs, and closes it. Rejects when it cannot be opened or read within the deadline. */
export async function inspectQueue(backend: QueueBackend, name: QueueName, deadlineMs: number): Promise<QueueState> {
  const queue = await openQueue(backend, name, deadlineMs);
  try {
    const [counts, oldest] = await within(
      deadlineMs,
      Promise.all([queue.getJobCounts(...states), queue.getJobs(["waiting"], 0, 0, true)]),
    );
    return { name, counts, oldestWaitingAtMs: oldest[0]?.timestamp ?? null };
  } finally {
    await closeQueue(queue, 1_000);
  }
}
