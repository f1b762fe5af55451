import type { Change } from "../contract/change.ts";
import type { Facts } from "../contract/operation.ts";
import type { ContractGuard, Guard } from "../store/operation-parts.ts";
import type { Settlement } from "../store/settle-operation.ts";

/** A rule's change with what the store needs to write it: who writes, what was read, what the ledger keeps. */
export function settlementOf(
  decided: {
    readonly guard: Guard;
    readonly contract: ContractGuard | null;
    readonly facts: Facts;
    readonly frozen: boolean;
  },
  change: Change,
): Settlement {
  const { guard, contract, facts } = decided;
  const before = facts.world?.contract.status ?? null;
  // Once a call was made, the facts are frozen: a product that changed since is the next operation's affair.
  const product = decided.frozen ? null : (facts.world?.product ?? facts.catalog?.product ?? null);
  return {
    guard,
    contractId: facts.operation.contractId,
    contract,
    product: product === null ? null : { id: product.id, version: product.version },
    change,
    outcome: {
      statusBefore: before,
      statusAfter:
        change.deletion === undefined ? (change.status ?? change.registration?.contract.status ?? before) : null,
      // In the order of these the changes of a contract were made, whatever the clocks said.
      contractVersion: change.deletion === undefined ? (contract?.version ?? 0) + 1 : null,
      attention: change.attention ?? [],
      ...(change.superseded === true ? { superseded: true } : {}),
    },
  };
}
