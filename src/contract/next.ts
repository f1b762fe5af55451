import type { z } from "zod";
import { isOneOf } from "./contract.ts";
import { fieldLengthMax, firstIssueOf } from "./first-issue.ts";
import { type Facts, requestingActorTypes } from "./operation.ts";
import { ruleOf } from "./operations/index.ts";
import { type Rule, reject } from "./rule.ts";
import type { Answers, Step } from "./step.ts";

/**
 * What comes next for an operation, given what is known: the one question that admission, every step and every attempt
 * after a crash ask. Pure: the same facts and answers always lead to the same step.
 *
 * Where several rules refuse, the first of this order answers: parameters, contract, actor, held; then the kind's own
 * rule with kind and payment method, status, dates, money.
 */
export function nextStep(facts: Facts, answers: Answers): Step {
  const rule = ruleOf(facts.operation.kind);
  const { params = {} } = facts.operation;
  const parsed = rule.params.safeParse(params);
  if (!parsed.success) return invalidParams(parsed.error);

  const refusal = refuseActor(rule, facts) ?? refuseWhileHeld(facts);
  if (facts.tombstone !== null) {
    if (rule.subject === "new_contract" || rule.nextAfterDeletion === undefined) return reject("contract_deleted");
    if (refusal !== undefined) return refusal;
    return rule.nextAfterDeletion({ ...facts, tombstone: facts.tombstone, params: parsed.data }, answers);
  }
  if (rule.subject === "new_contract") {
    if (facts.world !== null) return reject("contract_exists");
    if (refusal !== undefined) return refusal;
    return rule.next({ ...facts, params: parsed.data }, answers);
  }
  if (facts.world === null) return reject("contract_not_found");
  if (refusal !== undefined) return refusal;
  return rule.next({ ...facts, world: facts.world, params: parsed.data }, answers);
}

function invalidParams(error: z.ZodError): Step {
  const { path, problem } = firstIssueOf(error);
  return reject("invalid_request", { field: ["params", ...path].join(".").slice(0, fieldLengthMax), problem });
}

function refuseActor(rule: Rule, { operation: { actor }, world }: Facts): Step | undefined {
  const mayAsk = rule.actors.includes(actor.type);
  const isStranger = actor.type === "customer" && world !== null && actor.id !== world.contract.customerId;
  const isTooLate =
    actor.type === "customer" &&
    world !== null &&
    rule.subject === "contract" &&
    rule.customerMayAsk?.(world.contract) === false;
  return mayAsk && !isStranger && !isTooLate ? undefined : reject("actor_not_allowed", { actor: actor.type });
}

/** People are told at once that something waits for a person; what the schedule and Stripe bring waits with it. */
function refuseWhileHeld({ operation, heldOperationId }: Facts): Step | undefined {
  if (heldOperationId === null || heldOperationId === operation.id) return undefined;
  if (!isOneOf(operation.actor.type, requestingActorTypes)) return undefined;
  return reject("operation_held", { operationId: heldOperationId });
}
