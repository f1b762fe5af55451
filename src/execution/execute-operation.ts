import { admit } from "./admit.ts";
import { conclude } from "./conclude.ts";
import type { ExecutionDeps } from "./deps.ts";
import type { AttemptReport } from "./outcome.ts";
import { takeSteps } from "./take-steps.ts";

/**
 * Carries an operation as far as it will go now: from the last fact that was committed to its end, or to the reason why
 * it has to wait. May be called any number of times, also at once: what it writes is guarded by state and attempt.
 */
export async function executeOperation(deps: ExecutionDeps, operationId: string): Promise<AttemptReport> {
  const admission = await admit(deps, operationId);
  if (admission.type !== "admitted") return admission.report; // concluded, refused, or not its turn
  const ending = await takeSteps(deps, admission.attempt); // looks and calls, until the rule says settle
  return conclude(deps, admission.attempt, ending);
}
