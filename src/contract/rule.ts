import { z } from "zod";
import type { Instant } from "./calendar.ts";
import type { Attention, Change } from "./change.ts";
import {
  type Contract,
  type ContractWorld,
  finalStatuses,
  isOneOf,
  runningStatuses,
  statusNamesJa,
  type Tombstone,
} from "./contract.ts";
import type { ActorType, Facts, OperationKind } from "./operation.ts";
import { type RejectionCode, rejection } from "./rejection.ts";
import type { Answers, Step } from "./step.ts";

/** The facts as a rule of an existing contract reads them: the world is there and the parameters are parsed. */
export type RuleFacts<Params> = Omit<Facts, "world"> & { readonly world: ContractWorld; readonly params: Params };

/** The facts as a rule reads them when the contract has been deleted. */
export type TombstoneFacts<Params> = Omit<Facts, "world" | "tombstone"> & {
  readonly tombstone: Tombstone;
  readonly params: Params;
};

/** The facts as `register` reads them: there is no contract yet. */
export type RegistrationFacts<Params> = Omit<Facts, "world"> & { readonly params: Params };

/** What a choice of parameters may be made of. */
export type ChoiceFacts = Pick<Facts, "world" | "tombstone"> & { readonly contractId: string };

/** Parameters that whoever presses a button may choose. */
export interface RuleChoice {
  readonly params: Readonly<Record<string, unknown>>;
  /** The money that it is about: what is left of a payment, or owed. Left out where it is about none. */
  readonly amountMinor?: number;
  /** True for one that only stands for what a person has to name, or for there being nothing to choose: never offered. */
  readonly isStandIn?: true;
}

interface RuleHead<Schema extends z.ZodType> {
  readonly kind: OperationKind;
  /** What the button says on the operator's page. */
  readonly button: { readonly ja: string; readonly en: string };
  /** What becomes true, in a sentence for people: `docs/operations.md` and the doors show it. */
  readonly summary: { readonly ja: string; readonly en: string };
  /** Who may ask. A customer may only ask for a contract of their own. */
  readonly actors: readonly ActorType[];
  readonly params: Schema;
}

/**
 * The rule of one kind: given the facts and the answers so far, what comes next.
 *
 * Pure, and the same for the same arguments: it is asked again after every answer and after every crash.
 */
export interface ContractRule<Schema extends z.ZodType> extends RuleHead<Schema> {
  readonly subject: "contract";
  /** Of the contracts that are theirs, those for which customers may ask this; all of them when left out. */
  customerMayAsk?(contract: Contract): boolean;
  next(facts: RuleFacts<z.output<Schema>>, answers: Answers): Step;
  /**
   * The parameters among which a person who presses the button chooses, at least one: those that name what there is, such
   * as each payment, or else a stand-in that the rule judges in their place. Left out for a kind that needs none.
   */
  choices?(facts: ChoiceFacts): readonly RuleChoice[];
  /** What comes next when the contract has been deleted. Left out: it is refused as `contract_deleted`. */
  nextAfterDeletion?(facts: TombstoneFacts<z.output<Schema>>, answers: Answers): Step;
}

/** The rule of a kind that brings its contract into being. */
export interface RegistrationRule<Schema extends z.ZodType> extends RuleHead<Schema> {
  readonly subject: "new_contract";
  next(facts: RegistrationFacts<z.output<Schema>>, answers: Answers): Step;
}

export type Rule<Schema extends z.ZodType = z.ZodType> = ContractRule<Schema> | RegistrationRule<Schema>;

/** The parameters of a kind that takes none. */
export const noParams = z.strictObject({}).describe("This kind takes no parameters.");
export type NoParams = z.output<typeof noParams>;

/** Operators and services may ask for everything; the other actors where a rule names them. */
export const staff = ["operator", "service"] as const satisfies readonly ActorType[];
/** What a date brings is asked for by the calendar alone, and what Stripe reports by Stripe alone. */
export const schedule = ["schedule"] as const satisfies readonly ActorType[];
export const stripe = ["stripe"] as const satisfies readonly ActorType[];
export const staffAndCustomer = [...staff, "customer"] as const satisfies readonly ActorType[];

/** The step that writes the end. */
export function settle(change: Change): Step {
  return { type: "settle", change };
}

/** A final status, and when it began where Stripe tells: what was paid later is late money. */
export function endAs(
  status: (typeof finalStatuses)[number],
  endedAt: Instant | null,
): Pick<Change, "status" | "endedAt"> {
  return endedAt === null ? { status } : { status, endedAt };
}

/**
 * The end of what is older than what is known, as a report of Stripe's may be: it changes nothing, but for what may be given
 * (a mail that goes out all the same). Stripe gives no order and sends twice, so this is an ordinary end.
 */
export function superseded(change: Pick<Change, "notices" | "attention"> = {}): Step {
  return settle({ ...change, superseded: true });
}

/**
 * The end of a report about something that Stripe does not have: two accounts, or test and live mode, are mixed up, or it
 * was removed there. Nothing is known that could change anything, and a person should find out.
 */
export function missingAtStripe(stripeId: string): Step {
  return superseded({ attention: [remarkOnMissing(stripeId)] });
}

export function remarkOnMissing(stripeId: string): Attention {
  return { code: "missing_at_stripe", detail: { stripeId } };
}

/** The step that refuses. */
export function reject(code: RejectionCode, detail: Readonly<Record<string, string>> = {}): Step {
  return { type: "reject", rejection: rejection(code, detail) };
}

/** The step that refuses because of the contract's status, and names it. */
export function rejectStatus(contract: Contract): Step {
  return reject("status_not_allowed", { status: contract.status, statusJa: statusNamesJa[contract.status] });
}

export function isRunning(contract: Pick<Contract, "status">): boolean {
  return isOneOf(contract.status, runningStatuses);
}

export function isFinal(contract: Pick<Contract, "status">): boolean {
  return isOneOf(contract.status, finalStatuses);
}
