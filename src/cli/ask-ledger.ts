import { type Acceptance, acceptRequest } from "../store/accept-request.ts";
import { StoreError } from "../store/store-error.ts";
import type { CommandContext } from "./context.ts";

/** Waits between repetitions after a conflict: whoever was met there is gone after the first, nearly always. */
const conflictDelaysMs = [20, 100, 500];

/** Waits while the database does not answer: some 8 seconds, a restart of the server. */
const outageDelaysMs = [100, 300, 1_000, 2_000, 5_000];

type Asking = Pick<CommandContext, "clock" | "signal">;

/**
 * Brings a request to the ledger's door, and again after a conflict or an outage, which is safe: the same id with the same
 * content is the same operation. Throws what the last try threw.
 */
export function askLedger(context: Pick<CommandContext, "db"> & Asking, request: unknown): Promise<Acceptance> {
  return untilAnswered(context, () => acceptRequest(context.db, request, null));
}

/** Repeats a statement that may be repeated, a bounded number of times, while its failure is one that passes. */
export async function untilAnswered<T>({ clock, signal }: Asking, statement: () => Promise<T>): Promise<T> {
  const failed = { conflict: 0, outage: 0 };
  for (;;) {
    try {
      return await statement();
    } catch (error) {
      const delayMs = delayAfter(error, failed);
      if (delayMs === undefined) throw error;
      await clock.sleep(delayMs * (0.75 + Math.random() / 2), signal);
    }
  }
}

function delayAfter(error: unknown, failed: { conflict: number; outage: number }): number | undefined {
  if (!(error instanceof StoreError) || error.fault === "refused") return undefined;
  if (error.fault === "conflict") return conflictDelaysMs[failed.conflict++];
  return outageDelaysMs[failed.outage++];
}
