import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { guardedStatement, json } from "./guarded-statement.ts";
import { concluded, type Guard, operationPart } from "./operation-parts.ts";

/** Who decides about a held operation, and why. */
export interface Decision {
  readonly operatorId: string;
  readonly reason: string;
}

/**
 * Lets a held operation be tried again, counting its attempts anew, and notes who did, and about which question. A conflict if
 * it is not held.
 */
export async function retryHeldOperation(
  db: Database,
  guard: Guard & { state: "held" },
  { operatorId, reason }: Decision,
): Promise<void> {
  const part = operationPart(
    guard,
    sql`state = 'requested', attempts_counted = 0, next_attempt_at = null, wait_reason = 'retried_by_operator',
      ring_at = clock_timestamp(), rings = 0,
      retries = retries || (${json({ operatorId, reason })} ||
        jsonb_build_object('at', clock_timestamp(), 'question', held_question))`,
  );
  await db.run("retry_held_operation", guardedStatement([part]));
}

/** Whether the question that a person is asked says that the call in question had, and will have, no effect. */
const noEffect = sql`(o.held_question ->> 'code' = 'result_still_unknown'
  or o.held_question #>> '{detail,effect}' is not distinct from 'none')`;

/**
 * Ends a held operation undone. What its journal says was done stays done and is listed with it; refunds that were not sent
 * stay owed; the contract is free. A conflict if it is no longer held, or while the result of a call is unknown.
 *
 * Known is a result also when a look has found no effect, and no sending can have one any more: the question says so.
 */
export async function abandonHeldOperation(
  db: Database,
  guard: Guard & { state: "held" },
  { operatorId, reason }: Decision,
): Promise<void> {
  const parts = [
    operationPart(guard, sql`${concluded("abandoned")}, abandonment = ${json({ operatorId, reason })}`),
    {
      name: "unanswered",
      rows: 0,
      statement: sql`select s.name from keiyaku.stripe_calls s join keiyaku.operations o on o.id = s.operation_id
        where s.operation_id = ${guard.operationId} and s.answer is null and not ${noEffect} for update of s`,
    },
  ];
  await db.run("abandon_held_operation", guardedStatement(parts));
}
