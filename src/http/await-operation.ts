import type { Clock } from "../clock.ts";
import type { Database } from "../store/database.ts";
import type { OperationSummary } from "../store/operation-summary.ts";
import { readOperationSummary } from "../store/read-operation-summary.ts";

/** Most operations are settled within a second: asked about often at first, and then less and less. */
const firstPollMs = 100;
const pollMsMax = 1_000;

/** States in which nothing happens any more unless a person decides. */
const restingStates: readonly string[] = ["held", "succeeded", "rejected", "abandoned"];

/**
 * Reads an operation as soon as it is final or held, at the latest after `waitMs`; undefined when there is none. No
 * connection and no lock is held while it waits: it reads the ledger's row by its key, at jittered intervals of at most a
 * second. Aborting ends the wait, and what is known then is returned.
 */
export async function awaitOperation(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  operationId: string,
  waitMs: number,
  ended: AbortSignal,
): Promise<OperationSummary | undefined> {
  const untilMs = clock.monotonicMs() + waitMs;
  for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 1.5, pollMsMax)) {
    const operation = await readOperationSummary(db, operationId);
    if (operation === undefined || restingStates.includes(operation.state)) return operation;
    const leftMs = untilMs - clock.monotonicMs();
    if (leftMs <= 0 || ended.aborted) return operation;
    await clock.sleep(Math.min(leftMs, pollMs * (0.75 + Math.random() / 4)), ended).catch(() => undefined);
  }
}
