import { type OperationView, readOperation } from "../store/read-operation.ts";
import { isOutage } from "../store/store-error.ts";
import { admit } from "./admit.ts";
import type { Attempt } from "./attempt.ts";
import { attemptOf, contractGuardOf } from "./attempt.ts";
import { attemptsCountedMax } from "./back-off.ts";
import { conclude } from "./conclude.ts";
import type { ExecutionDeps } from "./deps.ts";
import type { AttemptReport } from "./outcome.ts";
import { takeSteps } from "./take-steps.ts";

/**
 * Carries an operation as far as it will go now: from the last fact that was committed to its end, or to the reason why
 * it has to wait. May be called any number of times, also at once: what it writes is guarded by state and attempt.
 *
 * `known` spares a look at the ledger to a caller who has just taken one. Throws a `StoreError` when the database is out of reach for longer than an attempt can wait.
 */
export async function executeOperation(
  deps: ExecutionDeps,
  operationId: string,
  known?: OperationView,
): Promise<AttemptReport> {
  const admission = await admit(deps, operationId, known);
  if (admission.type !== "admitted") return admission.report; // concluded, refused, or not its turn
  let attempt: Attempt | undefined = admission.attempt;
  for (let outage = 0; attempt !== undefined; outage += 1) {
    try {
      const ending = isExhausted(attempt) ? workerDied : await takeSteps(deps, attempt); // looks and calls, until settle
      return await conclude(deps, attempt, ending);
    } catch (error) {
      if (!isOutage(error) || outage >= outageDelaysMs.length || deps.stopping.aborted) throw error;
      await deps.clock.sleep(outageDelaysMs[outage] ?? 0);
      attempt = await takeUpAgain(deps, attempt);
    }
  }
  return { type: "deferred", reason: "superseded", delayMs: null };
}

/** More attempts than an operation has can only have begun: those before died without a word, and this one may, too. */
function isExhausted({ attemptsCounted }: Attempt): boolean {
  return attemptsCounted > attemptsCountedMax;
}

const workerDied = { type: "failed", reason: "worker_died" } as const;

/**
 * How an attempt waits while the database does not answer, some 15 seconds in all: a restart of the server or a fail-over.
 * After that the sweep takes the operation up, 60 seconds after its last sign of life.
 */
const outageDelaysMs = [50, 200, 500, 1_000, 2_000, 4_000, 7_000];

/** The attempt where the journal stands now, since nobody knows whether its last statement took effect. */
async function takeUpAgain(deps: ExecutionDeps, attempt: Attempt): Promise<Attempt | undefined> {
  try {
    const view = await readOperation(deps.db, attempt.operationId);
    if (view?.operation.state !== "executing" || view.operation.attempt !== attempt.guard.attempt) return undefined;
    const resumed = attemptOf(deps, view, { guard: attempt.guard, contract: contractGuardOf(view) });
    return { ...resumed, attemptsCounted: view.operation.attemptsCounted };
  } catch (error) {
    if (isOutage(error)) return attempt;
    throw error;
  }
}
