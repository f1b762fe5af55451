import { sql } from "drizzle-orm";
import { requestingActorTypes } from "../contract/operation.ts";
import type { Database } from "./database.ts";
import { freeingStatement, type Part } from "./guarded-statement.ts";
import { hasCome } from "./has-come.ts";

/** An operation to ring for. Attempt and ring number tell one ring of the same cause from the next. */
export interface Ringing {
  readonly operationId: string;
  readonly attempt: number;
  readonly ring: number;
  /** Whether the calendar asked for it: then it is rung for behind whatever people want. */
  readonly behindPeople?: true;
}

/** Runs a guarded statement that frees a contract, and returns the operation that may come next. */
export async function runFreeing(
  db: Database,
  name: string,
  parts: readonly Part[],
  contractId: string,
): Promise<Ringing | undefined> {
  const [row] = await db.run<{ next: Ringing | null }>(name, freeingStatement(parts, contractId));
  return row?.next ?? undefined;
}

/** The contract's operation whose turn it is, if it waits for nothing else: the one that occupies it, or the oldest open one. */
export async function nextOperationOf(db: Database, contractId: string): Promise<Ringing | undefined> {
  const [row] = await db.run<{ next: Ringing | null }>(
    "next_operation",
    sql`select keiyaku.next_operation(${contractId}, true) as next`,
  );
  return row?.next ?? undefined;
}

/**
 * Whether an operation that stands in the way is still open once a statement that is ending it now has been waited for.
 * Together with the look at the end of that statement this leaves no moment in which both miss each other.
 */
export async function isStillInTheWay(db: Database, operationId: string): Promise<boolean> {
  const [row] = await db.run<{ open: boolean }>(
    "still_in_the_way",
    sql`select state in ('requested', 'executing', 'held') as open from keiyaku.operations where id = ${operationId} for share`,
  );
  return row?.open ?? false;
}

/**
 * Lists what is due and silent, the longest silent first, and notes that it is being rung for: the next ring comes only
 * after a gap that doubles each time, up to an hour, unless an attempt gives a sign of life before.
 *
 * Several sweeps at once get different operations. Left out is what waits behind another operation of its contract, which
 * will ring for it; a person's request is rung for as long as an operation is held, since it is to be refused at once.
 */
export async function takeSilentOperations(db: Database, limit: number): Promise<readonly Ringing[]> {
  const people = sql`${`{${requestingActorTypes.join(",")}}`}::keiyaku.actor_type[]`;
  // The limit stands in a part of its own, which is run once: inside a join the planner may run it once for every row.
  const rows = await db.run<{ id: string; attempt: number; rings: number; scheduled: boolean }>(
    "take_silent_operations",
    sql`with silent as (
        select o.id, o.ring_at from keiyaku.operations o
        where ${hasCome(sql`o.ring_at`)}
          and (o.occupies
            or not exists (
              select from keiyaku.operations e
              where e.contract_id = o.contract_id and e.id <> o.id and e.state in ('requested', 'executing', 'held')
                and (e.occupies or e.sequence < o.sequence))
            or o.actor_type = any (${people}) and exists (
              select from keiyaku.operations h where h.contract_id = o.contract_id and h.state = 'held'))
        order by o.ring_at limit ${limit} for update of o skip locked),
      rung as (
        update keiyaku.operations o set rings = rings + 1,
          ring_at = clock_timestamp() + least(interval '30 seconds' * power(2, least(rings, 8)), interval '1 hour')
        from silent where o.id = silent.id returning o.id, o.attempt, o.rings, o.actor_type = 'schedule' as scheduled, silent.ring_at)
      select id, attempt, rings, scheduled from rung order by ring_at`,
  );
  return rows.map(({ id, attempt, rings, scheduled }) => ({
    operationId: id,
    attempt,
    ring: rings,
    ...(scheduled ? { behindPeople: true } : {}),
  }));
}
