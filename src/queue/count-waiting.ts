import type { Queue } from "bullmq";
import { within } from "./enqueue.ts";

/** A queue that takes longer to count its jobs does not answer. */
const answersWithinMs = 5_000;

/**
 * How many jobs could be taken at once. Those with a priority are among them: BullMQ counts them apart, and any producer may
 * give one.
 */
export async function countWaiting(queue: Pick<Queue, "getJobCountByTypes">): Promise<number> {
  return await within(answersWithinMs, queue.getJobCountByTypes("waiting", "prioritized"));
}
