import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { guardedStatement } from "./guarded-statement.ts";
import { type Guard, operationPart } from "./operation-parts.ts";

/** Why and for how long an operation is put back. `counted`: whether the attempt that ends counts against the limit. */
export interface PutBack {
  readonly reason: string;
  readonly delayMs: number;
  readonly counted: boolean;
}

/**
 * Puts an executing operation back to `requested`, to be tried again after a delay by the database's clock. It goes on
 * occupying its contract if a call of it is journaled. The sweep rings for it when the delay is over and nothing else did.
 */
export async function putBackOperation(
  db: Database,
  guard: Guard,
  { reason, delayMs, counted }: PutBack,
): Promise<void> {
  const due = sql`clock_timestamp() + ${Math.round(delayMs)} * interval '1 millisecond'`;
  const part = operationPart(
    guard,
    sql`state = 'requested', wait_reason = ${reason}, next_attempt_at = ${due}, ring_at = ${due} + interval '5 seconds',
      rings = 0, touched_at = clock_timestamp(), attempts_counted = attempts_counted - ${counted ? 0 : 1},
      occupies = exists (select from keiyaku.stripe_calls s where s.operation_id = ${guard.operationId} and s.type = 'call')`,
  );
  await db.run("put_back_operation", guardedStatement([part]));
}
