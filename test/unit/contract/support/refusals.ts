import { expect } from "vitest";
import { type Contract, type ContractStatus, contractStatuses } from "../../../../src/contract/contract.ts";
import type { Facts } from "../../../../src/contract/operation.ts";
import type { RejectionCode } from "../../../../src/contract/rejection.ts";
import { makeTombstone } from "../../../support/facts.ts";
import { ask } from "./play.ts";

/** One way to spoil good facts, and the code that must answer it. */
export type Spoiler = readonly [code: RejectionCode, spoil: (facts: Facts) => Facts];

/** The refusals that any kind of an existing contract can meet before its own, in the order of the specification. */
export const commonSpoilers: readonly Spoiler[] = [
  ["invalid_request", (facts) => ({ ...facts, operation: { ...facts.operation, params: { colour: "red" } } })],
  ["contract_deleted", (facts) => ({ ...facts, tombstone: makeTombstone() })],
  ["contract_not_found", (facts) => ({ ...facts, world: null })],
  ["actor_not_allowed", askedBy("customer", "a-stranger")],
  ["operation_held", (facts) => ({ ...facts, heldOperationId: "op-0" })],
];

/** Those of a kind that the calendar or Stripe asks for: it is not refused while another one is held, it waits with it. */
export const commonSpoilersOfEvents = commonSpoilers.filter(([code]) => code !== "operation_held");

export function askedBy(type: Facts["operation"]["actor"]["type"], id = "someone") {
  return (facts: Facts): Facts => ({ ...facts, operation: { ...facts.operation, actor: { type, id } } });
}

/** Changes the contract's own columns. */
export function withContract(overrides: Partial<Contract>) {
  return (facts: Facts): Facts =>
    facts.world === null
      ? facts
      : { ...facts, world: { ...facts.world, contract: { ...facts.world.contract, ...overrides } } };
}

/** The code with which these facts are refused at once, or undefined. */
export function refusalOf(facts: Facts): RejectionCode | undefined {
  const step = ask(facts, new Map());
  return step.type === "reject" ? step.rejection.code : undefined;
}

/**
 * Holds the order of refusals: facts spoiled in every way from the first on are refused with the first code, from the
 * second on with the second, and so on; good facts are not refused at all.
 */
export function expectRefusalsInOrder(good: Facts, own: readonly Spoiler[], common = commonSpoilers): void {
  const spoilers = [...common, ...own];
  const codes = spoilers.map((_, index) => {
    const spoiled = spoilers.slice(index).reduceRight((facts, [, spoil]) => spoil(facts), good);
    return refusalOf(spoiled);
  });
  expect(codes).toEqual(spoilers.map(([code]) => code));
  expect(refusalOf(good)).toBeUndefined();
}

/** The statuses, of all nine, that the kind does not refuse. Holds that a refusal names the status. */
export function statusesAllowed(factsIn: (status: ContractStatus) => Facts): readonly ContractStatus[] {
  return contractStatuses.filter((status) => {
    const step = ask(factsIn(status), new Map());
    if (step.type !== "reject") return true;
    expect(step.rejection).toMatchObject({ code: "status_not_allowed", detail: { status } });
    return false;
  });
}
