import type { BusinessDate } from "../../../../src/contract/calendar.ts";
import type { ContractWorld } from "../../../../src/contract/contract.ts";
import type { Facts, OperationKind } from "../../../../src/contract/operation.ts";
import { makeFacts, noonOf, on } from "../../../support/facts.ts";

/** The day on which the tests' runs come to ask: long after each date that they catch up on. */
const caughtUpOn = on("2026-06-30");

/** When the tests' scheduled operations were taken. */
export const takenAt = noonOf(caughtUpOn);

/**
 * The calendar's request of this kind for a contract, by the run of `date`. It is taken more than a year later, so that a
 * rule which looks at the day it is taken, instead of its date, gives itself away.
 */
export function makeScheduled(kind: OperationKind, world: ContractWorld, date: BusinessDate): Facts {
  return makeFacts(kind, {
    world,
    params: { date },
    actor: { type: "schedule", id: "daily" },
    today: caughtUpOn,
  });
}

/** The same facts, asked for by the run of another date. */
export function onDate(facts: Facts, date: string): Facts {
  return { ...facts, operation: { ...facts.operation, params: { date } } };
}
