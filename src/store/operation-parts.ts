import { type SQL, sql } from "drizzle-orm";
import type { Part } from "./guarded-statement.ts";

/** The attempt that is at work, or the requested operation that is about to be admitted: what each write is guarded by. */
export interface Guard {
  readonly operationId: string;
  /** `requested` before admission, `executing` after it, `held` for what a person decides. */
  readonly state: "requested" | "executing" | "held";
  /** The attempt's number as it was read. */
  readonly attempt: number;
}

/** Writes the operation's row, if it is still in the state and at the attempt that the guard names. */
export function operationPart({ operationId, state, attempt }: Guard, assignments: SQL): Part {
  return {
    name: "operation",
    rows: 1,
    statement: sql`update keiyaku.operations set ${assignments}
      where id = ${operationId} and state = ${state}::keiyaku.operation_state and attempt = ${attempt} returning id`,
  };
}

/**
 * Takes the contract's next version, if it still has the one that was read; of a deleted contract, its tombstone's. Every
 * change of its rows goes through this.
 */
export function contractPart(contract: ContractGuard, operationId: string): Part {
  if (contract.isTombstone === true) return tombstonePart(contract);
  return {
    name: "contract",
    rows: 1,
    statement: sql`update keiyaku.contracts set version = version + 1, changed_by_operation_id = ${operationId},
        updated_at = clock_timestamp()
      where id = ${contract.contractId} and version = ${contract.version} returning id`,
  };
}

/** The same of a deleted contract, with what else changes on its tombstone. */
export function tombstonePart({ contractId, version }: ContractGuard, assignments?: SQL): Part {
  return {
    name: "contract",
    rows: 1,
    statement: sql`update keiyaku.tombstones set version = version + 1${assignments === undefined ? sql`` : sql`, ${assignments}`}
      where contract_id = ${contractId} and version = ${version} returning contract_id`,
  };
}

/** The contract as it was read, or the tombstone that remains of it. */
export interface ContractGuard {
  readonly contractId: string;
  /** Whether the contract has been deleted and its tombstone was read instead. */
  readonly isTombstone?: boolean;
  readonly version: number;
}

/** Makes sure that the contract which a refusal was decided from is still the same when the refusal is written. */
export function contractUnchangedPart({ isTombstone = false, contractId, version }: ContractGuard): Part {
  return {
    name: "contract",
    rows: 1,
    statement: isTombstone
      ? sql`select contract_id from keiyaku.tombstones where contract_id = ${contractId} and version = ${version} for share`
      : sql`select id from keiyaku.contracts where id = ${contractId} and version = ${version} for share`,
  };
}

/** What every final state has in common: nothing waits, rings or occupies any more. */
export function concluded(state: "succeeded" | "rejected" | "abandoned"): SQL {
  return sql`state = ${state}::keiyaku.operation_state, concluded_at = clock_timestamp(), occupies = false,
    next_attempt_at = null, wait_reason = null, ring_at = null, touched_at = clock_timestamp()`;
}
