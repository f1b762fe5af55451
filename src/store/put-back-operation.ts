import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { guardedStatement, type Part } from "./guarded-statement.ts";
import { type Guard, operationPart } from "./operation-parts.ts";

/** Why and for how long an operation is put back. */
export interface PutBack {
  readonly reason: string;
  readonly delayMs: number;
  /** Whether the attempt that ends counts against the limit. */
  readonly counted: boolean;
  /** The call, if any, whose every sending under its present key was turned away: it counts as not sent. */
  readonly turnedAway?: string | undefined;
  /** The call, if any, that is to be sent under another key, since Stripe may go on answering this one with its refusal. */
  readonly renewed?: { readonly name: string; readonly nextKey: string } | undefined;
}

/**
 * Puts an executing operation back to `requested`, to be tried again after a delay by the database's clock. It goes on
 * occupying its contract if a call of it is journaled. The sweep rings for it when the delay is over and nothing else did.
 */
export async function putBackOperation(
  db: Database,
  guard: Guard,
  { reason, delayMs, counted, turnedAway, renewed }: PutBack,
): Promise<void> {
  if (turnedAway !== undefined && turnedAway === renewed?.name) {
    throw new Error("one statement cannot call a call unsent and renew it");
  }
  const due = sql`clock_timestamp() + ${Math.round(delayMs)} * interval '1 millisecond'`;
  const parts = [
    operationPart(
      guard,
      sql`state = 'requested', wait_reason = ${reason}, next_attempt_at = ${due}, ring_at = ${due} + interval '5 seconds',
      rings = 0, touched_at = clock_timestamp(), attempts_counted = attempts_counted - ${counted ? 0 : 1},
      occupies = exists (select from keiyaku.stripe_calls s where s.operation_id = ${guard.operationId} and s.type = 'call')`,
    ),
  ];
  if (turnedAway !== undefined) parts.push(unsentPart(guard, turnedAway));
  if (renewed !== undefined) parts.push(unsentPart(guard, renewed.name, renewed.nextKey));
  await db.run("put_back_operation", guardedStatement(parts));
}

/** Stripe may remember a key from its first sending on, and has never seen this one: it does not age. */
function unsentPart({ operationId }: Guard, name: string, nextKey?: string): Part {
  const key = nextKey === undefined ? sql`` : sql`idempotency_key = ${nextKey},`;
  return {
    name: nextKey === undefined ? "unsent" : "renewed",
    rows: 1,
    statement: sql`update keiyaku.stripe_calls set ${key} first_sent_at = null, last_sent_at = null
      where operation_id = ${operationId} and name = ${name} and answer is null returning name`,
  };
}
