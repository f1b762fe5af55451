import { nextStep } from "../contract/next.ts";
import type { Step } from "../contract/step.ts";
import { journalLook } from "../store/journal.ts";
import { isConflict, isOutage } from "../store/store-error.ts";
import { look } from "../stripe/gateway.ts";
import type { Attempt } from "./attempt.ts";
import { checkPlan, isPlanned } from "./check-plan.ts";
import type { ExecutionDeps } from "./deps.ts";
import { makeCall } from "./make-call.ts";
import { showingLife } from "./show-life.ts";
import { defer, type StepsEnding, unanswered } from "./steps-ending.ts";

/**
 * Asks the rule what comes next and does it, until it says settle or reject, or something stands in the way.
 *
 * A conflict here most likely means that another attempt of the same operation has taken over: `conclude` finds out.
 */
export async function takeSteps(idle: ExecutionDeps, attempt: Attempt): Promise<StepsEnding> {
  const deps: ExecutionDeps = { ...idle, gateway: showingLife(idle, attempt) };
  try {
    for (;;) {
      const step = nextStep(attempt.facts, attempt.answers);
      const ends = step.type === "settle" || step.type === "reject";
      if (!ends && deps.stopping.aborted) return defer("shutting_down");
      if (isPlanned(step)) {
        const changed = await checkPlan(deps, attempt);
        if (changed !== undefined) return changed;
      }
      if (ends) return step;
      const hindrance =
        step.type === "look" ? await takeLook(deps, attempt, step) : await makeCall(deps, attempt, step);
      if (hindrance !== undefined) return hindrance;
    }
  } catch (error) {
    if (isConflict(error)) return { type: "conflict" };
    // Without the database nothing can be written, not even that it failed: the sweep finds the operation silent.
    if (isOutage(error)) throw error;
    deps.log.error({ err: error, operationId: attempt.operationId }, "an attempt failed");
    return { type: "failed", reason: error instanceof Error ? error.name : "unknown" };
  }
}

/** Reads Stripe for the rule. Undefined when it was answered. */
async function takeLook(
  deps: ExecutionDeps,
  attempt: Attempt,
  { name, look: wanted }: Extract<Step, { type: "look" }>,
): Promise<StepsEnding | undefined> {
  const reply = await look(deps.gateway, wanted);
  if (reply.type !== "done") return unanswered(name, reply);
  const seen = { name, look: wanted, answer: reply.value, requestId: reply.requestId };
  if (attempt.callJournaled) await journalLook(deps.db, attempt.guard, seen);
  else attempt.freshLooks.push(seen);
  attempt.answers.set(name, reply.value);
  return undefined;
}
