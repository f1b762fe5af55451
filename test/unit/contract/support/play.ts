import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { nextStep } from "../../../../src/contract/next.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import type { Answer, Step } from "../../../../src/contract/step.ts";

export type LookStep = Extract<Step, { type: "look" }>;
export type CallStep = Extract<Step, { type: "call" }>;
export type EndStep = Extract<Step, { type: "settle" | "reject" }>;

/** What an operation came to: the looks and calls that it took, in order, and how it ended. */
export interface Play {
  readonly steps: readonly (LookStep | CallStep)[];
  readonly end: EndStep;
}

/**
 * The step that comes next. Holds on the way what every rule promises: asking again, in whatever order the answers stand,
 * and with facts and answers that have been through the journal as JSON, gives the same step; and a step is plain data.
 */
export function ask(facts: Facts, answers: ReadonlyMap<string, Answer>): Step {
  const step = nextStep(facts, answers);
  expectSame(nextStep(facts, new Map([...answers].reverse())), step);
  expectSame(nextStep(journaled(facts), new Map(throughJournal([...answers]))), step);
  expectSame(throughJournal(step), step);
  return step;
}

const journaledFacts = new WeakMap<Facts, Facts>();

/** The facts as the journal keeps them: written once for an operation, whatever the number of its steps. */
function journaled(facts: Facts): Facts {
  const known = journaledFacts.get(facts) ?? throughJournal(facts);
  journaledFacts.set(facts, known);
  return known;
}

/** Compares the cheap way, since this is done thousands of times, and asks for words only where there is something to tell. */
function expectSame(step: Step, first: Step): void {
  if (!isDeepStrictEqual(step, first)) expect(step).toStrictEqual(first);
}

/**
 * Drives the rule through the answers, as a worker would, and returns what it did.
 *
 * Throws for a step that has no answer, for one that is asked a second time, and for an answer that nobody asked for.
 */
export function play(facts: Facts, script: Readonly<Record<string, Answer>> = {}): Play {
  return playWith(
    facts,
    ({ name }) => {
      const answer = script[name];
      if (answer === undefined) throw new Error(`the rule asks for ${name}, and the test has no answer to that`);
      return answer;
    },
    Object.keys(script),
  );
}

/** As {@link play}, with answers that are made up as the steps come. */
export function playWith(
  facts: Facts,
  answer: (step: LookStep | CallStep) => Answer,
  expected: readonly string[] = [],
): Play {
  const answers = new Map<string, Answer>();
  const steps: (LookStep | CallStep)[] = [];
  for (;;) {
    const step = ask(facts, answers);
    if (step.type === "settle" || step.type === "reject") {
      const unasked = expected.filter((name) => !answers.has(name));
      if (unasked.length > 0) throw new Error(`the rule ended without asking for ${unasked.join(", ")}`);
      return { steps, end: step };
    }
    if (answers.has(step.name)) throw new Error(`the rule asks for ${step.name} a second time`);
    steps.push(step);
    answers.set(step.name, answer(step));
  }
}

/** What the operation changes, in full; fails the test if it was rejected. */
export function settled({ end }: Play) {
  if (end.type !== "settle") throw new Error(`rejected: ${JSON.stringify(end.rejection)}`);
  return end.change;
}

/** Why the operation was rejected; fails the test if it was settled. */
export function rejected({ end }: Play) {
  if (end.type !== "reject") throw new Error(`settled: ${JSON.stringify(end.change)}`);
  return end.rejection;
}

function throughJournal<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
