import { sql } from "drizzle-orm";
import type { Rejection } from "../contract/rejection.ts";
import type { Database } from "./database.ts";
import { json } from "./guarded-statement.ts";
import { type ContractGuard, concluded, contractUnchangedPart, type Guard, operationPart } from "./operation-parts.ts";
import { type Ringing, runFreeing } from "./ring-list.ts";

/**
 * Writes that a rule said no, and frees the contract: returns the operation to ring for. A conflict means that the operation, or the contract that the refusal
 * was decided from, has changed: decide again. About a contract that does not exist, the operation's row alone decides.
 */
export async function rejectOperation(
  db: Database,
  guard: Guard,
  contractId: string,
  contract: ContractGuard | null,
  { code, detail, plan }: Rejection,
): Promise<Ringing | undefined> {
  const parts = [
    operationPart(
      guard,
      sql`${concluded("rejected")}, rejection_code = ${code}::keiyaku.rejection_code, rejection_detail = ${json(
        plan === undefined ? detail : { ...detail, plan },
      )}${
        // Nobody's words and names are kept for a contract that has been deleted.
        contract?.isTombstone !== true ? sql`` : sql`, reason = null`
      }${code === "contract_deleted" ? sql`, params = '{}'` : sql``}`,
    ),
  ];
  if (contract !== null) parts.push(contractUnchangedPart(contract));
  return runFreeing(db, "reject_operation", parts, contractId);
}
