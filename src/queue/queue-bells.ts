import type { Queue } from "bullmq";
import type { Logger } from "pino";
import type { Bells } from "../execution/deps.ts";
import { bellJob, within } from "./enqueue.ts";

/** Longer than a healthy queue takes and shorter than anyone should wait for a bell. */
const ringWithinMs = 2_000;

/** Rings by adding a job. A bell that cannot be rung is no failure: the sweep rings again. */
export function createQueueBells(queue: Queue, log: Logger): Bells {
  return {
    async ring(ringing, cause, delayMs) {
      const { name, data, opts } = bellJob({ ...ringing, cause }, delayMs);
      try {
        await within(ringWithinMs, queue.add(name, data, opts));
      } catch (error) {
        log.debug({ operationId: ringing.operationId, error: (error as Error).name }, "a bell could not be rung");
      }
    },
  };
}
