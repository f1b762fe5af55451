import type { Queue } from "bullmq";
import type { Logger } from "pino";
import type { RunBells } from "../maintenance/daily-run.ts";
import { countWaiting } from "./count-waiting.ts";
import { bellJob, within } from "./enqueue.ts";

/** A healthy queue takes a page of bells in a small part of this. */
const ringWithinMs = 5_000;

/** Rings for what the calendar has asked for, behind what people want. What cannot be rung for is rung for again later. */
export function createRunBells(queue: Queue, log: Pick<Logger, "debug">): RunBells {
  const failed = (error: unknown) => {
    log.debug({ error: (error as Error).name }, "what the calendar has asked for could not be rung for");
  };
  return {
    async countWaiting() {
      return countWaiting(queue).catch((error: unknown) => {
        failed(error);
        return null;
      });
    },
    async ring(operationIds) {
      const bells = operationIds.map((operationId) =>
        bellJob({ operationId, attempt: 0, ring: 0, cause: "scheduled", behindPeople: true }, 0),
      );
      await within(ringWithinMs, queue.addBulk(bells)).catch(failed);
    },
  };
}
