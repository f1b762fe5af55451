import { nextStep } from "./next.ts";
import type { Actor, Facts, OperationKind } from "./operation.ts";
import { requestableKinds, ruleOf } from "./operations/index.ts";
import { explainRejection, type Rejection } from "./rejection.ts";
import type { Rule, RuleChoice } from "./rule.ts";

/** The facts about a contract before anybody has asked for anything. */
export type ContractFacts = Omit<Facts, "operation"> & { readonly contractId: string };

/** One button of a contract: pressed now it would be carried out, or it would be refused for this reason. */
export type Button = ButtonHead &
  (
    | {
        readonly allowed: true;
        /** Whether Stripe is asked on the way, and may still say something against it. */
        readonly asksStripe: boolean;
        /**
         * With which parameters it may be pressed, for a kind that needs some: which payment, which refund. Empty where
         * they are for the person to name, such as a new subscription.
         */
        readonly choices?: readonly Choice[];
      }
    | {
        readonly allowed: false;
        readonly rejection: Rejection;
        readonly sentence: { readonly ja: string; readonly en: string };
      }
  );

/** The parameters of a request that would not be refused by what is known here. */
export interface Choice {
  readonly params: Readonly<Record<string, unknown>>;
  /** What is left of the payment, or owed, in the currency's minor unit; null where it is about no money. */
  readonly amountMinor: number | null;
}

interface ButtonHead {
  readonly kind: OperationKind;
  readonly button: { readonly ja: string; readonly en: string };
  readonly summary: { readonly ja: string; readonly en: string };
}

/**
 * The kinds that people ask of a contract that is there: what the calendar and Stripe ask is no button, and a registration
 * has no contract yet.
 */
export const buttonKinds: readonly OperationKind[] = requestableKinds.filter(
  (kind) => ruleOf(kind).subject === "contract",
);

/**
 * Which buttons a contract shows to this actor now, and why not the others: every kind that people may ask, in the order of
 * the specification. Asks the rules themselves, with our own facts alone; what Stripe would say is not known here.
 */
export function buttonsOf(facts: ContractFacts, actor: Actor): readonly Button[] {
  return buttonKinds.map((kind) => buttonOf(kind, facts, actor));
}

/** The id of what nobody has requested: none of the form that operations have, lest it be taken for one of the ledger. */
const unrequestedId = "(unrequested)";

function buttonOf(kind: OperationKind, { contractId, ...facts }: ContractFacts, actor: Actor): Button {
  const rule = ruleOf(kind);
  const head = { kind, button: rule.button, summary: rule.summary };
  const choices = choicesOf(rule, { ...facts, contractId });
  const asked = (choices ?? [{ params: {} }]).map((choice) => {
    // Whoever presses the button is asked for the reason then.
    const operation = { id: unrequestedId, kind, contractId, actor, params: choice.params, hasReason: true };
    return { choice, step: nextStep({ ...facts, operation }, new Map()) };
  });
  const allowed = asked.filter(({ step }) => step.type !== "reject");
  if (allowed.length > 0) {
    const asksStripe = allowed.some(({ step }) => step.type === "look" || step.type === "call");
    const offered = allowed.flatMap(({ choice: { params, amountMinor = null, isStandIn } }) =>
      isStandIn === true ? [] : [{ params, amountMinor }],
    );
    return { ...head, allowed: true, asksStripe, ...(choices === undefined ? {} : { choices: offered }) };
  }
  const refused = asked[0];
  if (refused?.step.type !== "reject") throw new Error(`${kind} has no choice to ask about`);
  const rejection = withoutStandIn(refused.step.rejection, refused.choice);
  const sentence = { ja: explainRejection(rejection, "ja"), en: explainRejection(rejection, "en") };
  return { ...head, allowed: false, rejection, sentence };
}

/** The rejection without naming what only stands for there being nothing. */
function withoutStandIn(rejection: Rejection, { params, isStandIn }: RuleChoice): Rejection {
  if (isStandIn !== true) return rejection;
  const isNamed = ([name, value]: [string, string]) => params[name] !== value;
  return { ...rejection, detail: Object.fromEntries(Object.entries(rejection.detail).filter(isNamed)) };
}

/** Undefined for a kind that needs no parameters. */
function choicesOf(rule: Rule, facts: ContractFacts): readonly RuleChoice[] | undefined {
  return rule.subject === "contract" ? rule.choices?.(facts) : undefined;
}
