import { sql } from "drizzle-orm";
import type { Rejection } from "../contract/rejection.ts";
import type { Database } from "./database.ts";
import { guardedStatement, json } from "./guarded-statement.ts";
import { type ContractGuard, concluded, contractUnchangedPart, type Guard, operationPart } from "./operation-parts.ts";

/**
 * Writes that a rule said no, and frees the contract. A conflict means that the operation, or the contract that the refusal
 * was decided from, has changed: decide again. About a contract that does not exist, the operation's row alone decides.
 */
export async function rejectOperation(
  db: Database,
  guard: Guard,
  contract: ContractGuard | null,
  { code, detail }: Rejection,
): Promise<void> {
  const parts = [
    operationPart(
      guard,
      sql`${concluded("rejected")}, rejection_code = ${code}::keiyaku.rejection_code, rejection_detail = ${json(detail)}`,
    ),
  ];
  if (contract !== null) parts.push(contractUnchangedPart(contract));
  await db.run("reject_operation", guardedStatement(parts));
}
