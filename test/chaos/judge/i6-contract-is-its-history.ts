import { type ContractRow, grouped, type OperationRow, type SafetyJudge } from "./evidence.ts";
import { follow } from "./life.ts";

export const contractIsItsHistory: SafetyJudge = {
  id: "I6",
  claim: "A contract stands where its succeeded operations lead, one after the other.",
  judge({ tables }) {
    const succeeded = grouped(
      tables.operations.filter(({ state }) => state === "succeeded"),
      ({ contract_id }) => contract_id,
    );
    const violations: string[] = [];
    for (const contract of tables.contracts) {
      const history = inOrder(succeeded.get(contract.id) ?? []);
      const places: ReadonlySet<string> = follow(
        history.map(({ kind, outcome }) => ({ kind, isSuperseded: outcome?.superseded === true })),
      );
      const told = history.map(({ kind }) => kind).join(", ");
      if (!places.has(placeOf(contract))) {
        violations.push(
          `${contract.id} is ${placeOf(contract)} after ${told}, which leads to ${[...places].join(" or ")}`,
        );
      }
      // The ledger keeps where each found the contract and where it left it: the chain must not break.
      for (const [index, { id, outcome }] of history.entries()) {
        const left = index === 0 ? null : (history[index - 1]?.outcome?.statusAfter ?? null);
        if ((outcome?.statusBefore ?? null) !== left) {
          violations.push(`${id} found ${contract.id} ${outcome?.statusBefore}, and it had been left ${left}`);
        }
      }
      const last = history.at(-1)?.outcome?.statusAfter;
      if (last !== contract.status) violations.push(`${contract.id} is ${contract.status}, and was left ${last}`);
    }
    return { checked: tables.contracts.length, violations };
  },
};

function placeOf({ status, termination_on }: ContractRow): string {
  return `${status}${termination_on === null ? "" : "*"}`;
}

function inOrder(operations: readonly OperationRow[]): readonly OperationRow[] {
  return operations.toSorted((a, b) => (a.concluded_at_ms ?? 0) - (b.concluded_at_ms ?? 0) || a.sequence - b.sequence);
}
