import { type Job, WaitingError } from "bullmq";
import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import { StoreError } from "../src/store/store-error.ts";

/** The longest wait between two tries to reach the database with a job in hand. */
const inHandDelayMsMax = 2_000;

/**
 * Writes what a job carries into the database, however long that takes to come back: nothing else knows of it, and its
 * producer may have set no attempts. A process that has to stop puts the job back into the queue.
 *
 * `write` must be safe to repeat. What it throws but a StoreError ends as `unexpected_error`: BullMQ keeps the message,
 * so only a code of ours may be in it.
 */
export async function writeInHand<T>(
  { clock, log, stopping }: { readonly clock: Clock; readonly log: Logger; readonly stopping: AbortSignal },
  job: Job<unknown>,
  token: string | undefined,
  write: () => Promise<T>,
): Promise<T> {
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, inHandDelayMsMax)) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof StoreError)) throw new Error("unexpected_error");
      log.warn({ err: error }, "a request waits for the database");
    }
    await clock.sleep(delayMs, stopping).catch(() => undefined);
    if (stopping.aborted) {
      // If the queue is away as well, the job stays as it is, and is found once its lock has run out.
      await job.moveToWait(token).catch(() => undefined);
      throw new WaitingError();
    }
  }
}

export { isAboutContent } from "../src/store/store-error.ts";
