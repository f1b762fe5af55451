import { isOneOf } from "../contract/contract.ts";
import { type RejectionCode, rejection } from "../contract/rejection.ts";
import type { Step } from "../contract/step.ts";
import { takeoverAfterMs } from "../store/admit-operation.ts";
import { giveSignOfLife } from "../store/journal.ts";
import type { Attempt } from "./attempt.ts";
import type { ExecutionDeps } from "./deps.ts";
import { foreseeOperation } from "./foresee-operation.ts";
import { defer, type StepsEnding, unanswered } from "./steps-ending.ts";

/** A third of the time after which an attempt that is silent is taken over: two of them may be late. */
const signOfLifeEveryMs = takeoverAfterMs / 3;

/** Rejections that answer before what the contract offers is looked at: nobody's preview speaks of anything else. */
const beforeAnyPlan = [
  "invalid_request",
  "id_reused",
  "contract_not_found",
  "contract_deleted",
  "actor_not_allowed",
  "operation_held",
] as const satisfies readonly RejectionCode[];

/** Whether a step is held against the plan that a requester was shown: the end, a call, and what the contract now refuses. */
export function isPlanned(step: Step): boolean {
  if (step.type === "look") return false;
  return step.type !== "reject" || !isOneOf(step.rejection.code, beforeAnyPlan);
}

/**
 * Holds what the operation would do now against the plan that its requester was shown. Undefined when it is the same, or
 * when they were shown none; otherwise it is refused with the new plan, which says so where a rule now refuses it, or Stripe
 * could not be looked at for it.
 *
 * Asked before anything is called or settled, and no more once a call is journaled: what has begun is ended.
 */
export async function checkPlan(
  deps: Pick<ExecutionDeps, "db" | "gateway" | "clock" | "stopping">,
  attempt: Attempt,
): Promise<StepsEnding | undefined> {
  const { expectedPlan, facts, answers } = attempt;
  if (expectedPlan === null || attempt.callJournaled) return undefined;
  const foreseen = await foreseeOperation(deps.gateway, facts, answers, deps.stopping, signsOfLife(deps, attempt));
  if (foreseen.type === "stopped") return defer("shutting_down");
  if (foreseen.type === "plan") {
    const { plan } = foreseen;
    if (plan.digest === expectedPlan) return undefined;
    return { type: "reject", rejection: { ...rejection("plan_changed", { digest: plan.digest }), plan } };
  }
  return unanswered(foreseen.lookName, foreseen.reply);
}

/** To be called after each look: the plan of an old contract may take longer to see than an attempt may be silent. */
function signsOfLife({ db, clock }: Pick<ExecutionDeps, "db" | "clock">, { guard }: Attempt): () => Promise<void> {
  let lastMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - lastMs < signOfLifeEveryMs) return;
    await giveSignOfLife(db, guard);
    lastMs = clock.monotonicMs();
  };
}
