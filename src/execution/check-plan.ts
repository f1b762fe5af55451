import { isOneOf } from "../contract/contract.ts";
import { type RejectionCode, rejection } from "../contract/rejection.ts";
import type { Step } from "../contract/step.ts";
import type { Attempt } from "./attempt.ts";
import type { ExecutionDeps } from "./deps.ts";
import { foreseeOperation } from "./foresee-operation.ts";
import { defer, type StepsEnding, unanswered } from "./steps-ending.ts";

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
  deps: Pick<ExecutionDeps, "gateway" | "stopping">,
  attempt: Attempt,
): Promise<StepsEnding | undefined> {
  const { expectedPlan, facts, answers } = attempt;
  if (expectedPlan === null || attempt.callJournaled) return undefined;
  const foreseen = await foreseeOperation(deps.gateway, facts, answers, deps.stopping);
  if (foreseen.type === "stopped") return defer("shutting_down");
  if (foreseen.type === "plan") {
    const { plan } = foreseen;
    if (plan.digest === expectedPlan) return undefined;
    return { type: "reject", rejection: { ...rejection("plan_changed", { digest: plan.digest }), plan } };
  }
  return unanswered(foreseen.lookName, foreseen.reply);
}
