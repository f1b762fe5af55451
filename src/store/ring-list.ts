import { sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** An operation to ring for. Attempt and ring number tell one ring from the next. */
export interface Ringing {
  readonly operationId: string;
  readonly attempt: number;
  readonly ring: number;
}

/**
 * The contract's oldest open operation, if it waits for nothing but its turn. Asked in a statement of its own after the
 * one that freed the contract, so that an operation which was accepted meanwhile is seen.
 */
export async function nextOperationOf(db: Database, contractId: string): Promise<Ringing | undefined> {
  const [row] = await db.run<{ id: string; attempt: number; rings: number; state: string; due: boolean }>(
    "next_operation",
    sql`select id, attempt, rings, state, coalesce(next_attempt_at <= clock_timestamp(), true) as due
      from keiyaku.operations
      where contract_id = ${contractId} and state in ('requested', 'executing', 'held') order by sequence limit 1`,
  );
  if (row === undefined || row.state !== "requested" || !row.due) return undefined;
  return { operationId: row.id, attempt: row.attempt, ring: row.rings };
}

/**
 * Lists what is due and silent, oldest first, and notes that it is being rung for: the next ring comes only after a gap
 * that doubles each time, up to an hour, unless an attempt gives a sign of life before.
 *
 * Several sweeps at once get different operations. Left out is what waits behind an older operation of its contract,
 * which will ring for it; a person's request behind a held one is rung for, since it is to be refused.
 */
export async function takeSilentOperations(db: Database, limit: number): Promise<readonly Ringing[]> {
  const rows = await db.run<{ id: string; attempt: number; rings: number }>(
    "take_silent_operations",
    sql`update keiyaku.operations set rings = rings + 1,
        ring_at = clock_timestamp() + least(interval '30 seconds' * power(2, least(rings, 8)), interval '1 hour')
      where id in (
        select o.id from keiyaku.operations o
        where o.ring_at <= clock_timestamp()
          and not exists (
            select from keiyaku.operations e
            where e.contract_id = o.contract_id and e.sequence < o.sequence
              and (e.state in ('requested', 'executing')
                or e.state = 'held' and o.actor_type in ('schedule', 'stripe')))
        order by o.ring_at limit ${limit} for update skip locked)
      returning id, attempt, rings`,
  );
  return rows.map(({ id, attempt, rings }) => ({ operationId: id, attempt, ring: rings }));
}
