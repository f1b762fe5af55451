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
  expect(nextStep(facts, answers)).toStrictEqual(step);
  expect(nextStep(facts, new Map([...answers].reverse()))).toStrictEqual(step);
  expect(nextStep(throughJournal(facts), new Map(throughJournal([...answers])))).toStrictEqual(step);
  expect(throughJournal(step)).toStrictEqual(step);
  return step;
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
