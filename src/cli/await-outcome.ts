import type { OperationSummary } from "../store/operation-summary.ts";
import { readOutcomes } from "../store/read-outcomes.ts";
import type { CommandContext } from "./context.ts";

/** Quick enough for a person who looks on, and four reads by index a second for the database. */
export const pollEveryMs = 250;

/**
 * Waits until an operation is final or held and returns it as it then is; undefined if that takes longer than `withinMs`.
 * Asks the ledger, since nothing else knows; rejects with an `AbortError` on a signal.
 */
export async function awaitOutcome(
  { db, clock, signal }: Pick<CommandContext, "db" | "clock" | "signal">,
  sequence: number,
  withinMs: number,
): Promise<OperationSummary | undefined> {
  const untilMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const [concluded] = await readOutcomes(db, [sequence]);
    if (concluded !== undefined) return concluded;
    const leftMs = untilMs - clock.monotonicMs();
    if (leftMs <= 0) return undefined;
    await clock.sleep(Math.min(pollEveryMs, leftMs), signal);
  }
}
