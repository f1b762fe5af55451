import { nextStep } from "./next.ts";
import type { Facts } from "./operation.ts";
import { type PlannedOperation, planOf } from "./plan.ts";
import type { Answer, CallStep, Step } from "./step.ts";
import { supposeDone, supposeSeen } from "./supposing.ts";

/** Either a look that is still needed, or what the operation would do. */
export type Foreseen =
  | { readonly type: "look"; readonly step: Extract<Step, { type: "look" }> }
  | { readonly type: "planned"; readonly planned: PlannedOperation };

/**
 * What an operation would do, from facts and from what was really looked at, supposing that every call succeeds: the same
 * rule is asked as when it is carried out. Pure, and asked anew with each look that it wanted.
 *
 * Answers to calls are not among `looked`: an operation that has called already is no longer foreseen.
 */
export function foresee(facts: Facts, looked: ReadonlyMap<string, Answer>): Foreseen {
  const answers = new Map<string, Answer>();
  const calls: CallStep[] = [];
  for (;;) {
    const step = nextStep(facts, answers);
    if ("name" in step && answers.has(step.name)) throw new Error(`the rule asks for ${step.name} a second time`);
    const called = calls.map(({ call }) => call);
    switch (step.type) {
      case "look": {
        const seen = looked.get(step.name);
        if (seen === undefined) return { type: "look", step };
        answers.set(step.name, supposeSeen(step.look, seen, called, facts));
        break;
      }
      case "call":
        answers.set(step.name, supposeDone(step.call, facts, answers, called));
        calls.push(step);
        break;
      case "settle":
      case "reject":
        return { type: "planned", planned: planOf(facts, calls, step) };
    }
  }
}
