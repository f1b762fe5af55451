import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { guardedStatement } from "./guarded-statement.ts";
import { type ContractGuard, contractPart, type Guard, operationPart } from "./operation-parts.ts";

/** How long after the last write of an attempt another one may take over; also when the sweep rings for a silent one. */
export const takeoverAfterMs = 60_000;

/**
 * Begins an attempt: the operation is `executing`, occupies its contract, and counts one attempt more.
 *
 * Takes the contract's next version too, so that whoever decided about the contract without seeing this admission decides
 * again. Of several callers one succeeds; the others get a conflict. Also a conflict while another operation occupies it.
 */
export async function admitOperation(db: Database, guard: Guard, contract: ContractGuard | null): Promise<void> {
  const parts = [
    operationPart(
      guard,
      sql`state = 'executing', attempt = attempt + 1, attempts_counted = attempts_counted + 1, occupies = true,
        touched_at = clock_timestamp(), next_attempt_at = null, wait_reason = null, rings = 0,
        ring_at = clock_timestamp() + ${takeoverAfterMs} * interval '1 millisecond'`,
    ),
  ];
  if (contract !== null) parts.push(contractPart(contract, guard.operationId));
  await db.run("admit_operation", guardedStatement(parts));
}
