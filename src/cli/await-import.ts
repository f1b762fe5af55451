import type { OperationSummary } from "../store/operation-summary.ts";
import { readOutcomes } from "../store/read-outcomes.ts";
import { untilAnswered } from "./ask-ledger.ts";
import { pollEveryMs } from "./await-outcome.ts";
import type { CommandContext } from "./context.ts";

/**
 * The operations that an import waits for: the number that each has in the ledger's sequence, and its line's number. Two
 * lists of numbers, since a million of them must not fill the memory.
 */
export interface AwaitedOperations {
  readonly sequences: number[];
  readonly lines: number[];
}

/** As many as one statement asks about. */
const windowMax = 1_000;

/**
 * Waits until every operation is final or held, and hands each over with its line's number. Operations come to their end
 * roughly in order, so it asks about the oldest thousand that are open and never about all.
 *
 * Returns false when none has come to its end for `patienceMs`; rejects with an `AbortError` on a signal.
 */
export async function awaitImport(
  context: Pick<CommandContext, "db" | "clock" | "signal">,
  { sequences, lines }: AwaitedOperations,
  patienceMs: number,
  onConcluded: (operation: OperationSummary, line: number) => void,
): Promise<boolean> {
  const { db, clock, signal } = context;
  const open = new Map<number, number>();
  let next = 0;
  let lastProgressMs = clock.monotonicMs();
  for (;;) {
    for (; next < sequences.length && open.size < windowMax; next += 1)
      open.set(sequences[next] ?? 0, lines[next] ?? 0);
    if (open.size === 0) return true;
    const concluded = await untilAnswered(context, () => readOutcomes(db, [...open.keys()]));
    for (const operation of concluded) {
      onConcluded(operation, open.get(operation.sequence) ?? 0);
      open.delete(operation.sequence);
    }
    if (concluded.length > 0) lastProgressMs = clock.monotonicMs();
    else if (clock.monotonicMs() - lastProgressMs >= patienceMs) return false;
    // Half a window in one poll means that the workers are ahead: the next half is likely done as well.
    if (concluded.length < windowMax / 2) await clock.sleep(pollEveryMs, signal);
  }
}
