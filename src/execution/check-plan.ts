import { rejection } from "../contract/rejection.ts";
import type { Attempt } from "./attempt.ts";
import type { ExecutionDeps } from "./deps.ts";
import { foreseeOperation } from "./foresee-operation.ts";
import { defer, deferNotNow, type StepsEnding, unexplained } from "./steps-ending.ts";

/**
 * Holds what the operation would do now against the plan that its requester was shown. Undefined when it is the same, or
 * when they were shown none; otherwise it is refused with the new plan, or Stripe could not be looked at for it.
 *
 * Asked before anything is called or settled, and no more once a call is journaled: what has begun is ended.
 */
export async function checkPlan(
  { gateway, stopping }: Pick<ExecutionDeps, "gateway" | "stopping">,
  attempt: Attempt,
): Promise<StepsEnding | undefined> {
  const { expectedPlan, facts, answers } = attempt;
  if (expectedPlan === null || attempt.callJournaled) return undefined;
  const foreseen = await foreseeOperation(gateway, facts, answers, stopping);
  if (foreseen.type === "stopped") return defer("shutting_down");
  if (foreseen.type === "plan") {
    const { plan } = foreseen;
    if (plan.digest === expectedPlan) return undefined;
    return { type: "reject", rejection: { ...rejection("plan_changed", { digest: plan.digest }), plan } };
  }
  const { reply, lookName } = foreseen;
  switch (reply.type) {
    case "not_now":
      return deferNotNow(reply.reason);
    case "unknown":
      return defer("stripe_unreachable");
    case "refused":
      return unexplained(lookName, reply.code, null, reply.requestId);
    case "unexplained":
      return unexplained(lookName, reply.code, reply.httpStatus, reply.requestId);
  }
}
