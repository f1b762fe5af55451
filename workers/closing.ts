import { DeadlineMissed, within } from "../src/queue/enqueue.ts";

/** Longest time for closing connections, of all roles together; what has not said goodbye by then ends with the process. */
const closesWithinMs = 4_000;

type Undo = () => Promise<unknown>;

/** What a process has to undo when it stops, or when its start fails. */
export interface Closing {
  /** Has work in hand ended, before anything is closed. All of it ends at the same time: each minds its own deadline. */
  onDrain(drain: Undo): void;
  /** Has something closed. What was opened last is closed first. */
  onClose(close: Undo): void;
  /**
   * Drains and closes. `failed` is told of what fails on the way, and whether it was late; it stops nothing.
   *
   * Takes as long as the longest drain and at most {@link closesWithinMs} more.
   */
  run(failed: (error: unknown) => void): Promise<void>;
}

/** Collects what a process has to undo. */
export function createClosing(): Closing {
  const drains: Undo[] = [];
  const closes: Undo[] = [];

  async function closeAll(failed: (error: unknown) => void): Promise<void> {
    for (const close of closes.splice(0).toReversed()) await close().catch(failed);
  }

  return {
    onDrain: (drain) => void drains.push(drain),
    onClose: (close) => void closes.push(close),
    async run(failed) {
      await Promise.all(drains.splice(0).map((drain) => drain().catch(failed)));
      await within(closesWithinMs, closeAll(failed)).catch((error: unknown) => {
        if (!(error instanceof DeadlineMissed)) throw error;
        failed(error);
      });
    },
  };
}
