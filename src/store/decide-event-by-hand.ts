import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import type { Decision } from "./decide-held-operation.ts";
import { StoreError } from "./store-error.ts";

/** How an event stands when somebody decides about it; a conflict if it stands otherwise by then. */
export interface EventGuard {
  readonly eventId: string;
  readonly state: "unmatched" | "held" | "ignored" | "applied";
  readonly looks: number;
}

/**
 * Has an event looked at again as if it had just arrived, and notes who wanted that and why. One that was applied only if its
 * operation was abandoned or rejected: it becomes another operation then. A conflict if it no longer stands as the guard
 * says, or its body is gone.
 */
export async function replayEvent(db: Database, guard: EventGuard, decision: Decision): Promise<void> {
  const assignments = sql`state = 'received', state_reason = ${`replayed by operator ${inWords(decision)}`},
    operation_id = null, looks = 0, look_at = clock_timestamp(), concluded_at = null`;
  const ended = sql`e.body is not null and (e.state <> 'applied' or exists (
    select from keiyaku.operations o where o.id = e.operation_id and o.state in ('abandoned', 'rejected')))`;
  const rows = await db.run<{ id: string }>("replay_event", decided(guard, assignments, ended));
  if (rows.length === 0) throw new StoreError("conflict", "40001", "replay_event");
}

/** Ends the wait of an event for a person: nothing follows from it, and it says who said so and why. */
export async function ignoreEventByHand(
  db: Database,
  guard: EventGuard & { readonly state: "unmatched" | "held" },
  decision: Decision,
): Promise<void> {
  const assignments = sql`state = 'ignored', state_reason = ${`ignored by operator ${inWords(decision)}`},
    look_at = null, concluded_at = clock_timestamp()`;
  const rows = await db.run<{ id: string }>("ignore_event_by_hand", decided(guard, assignments, sql`true`));
  if (rows.length === 0) throw new StoreError("conflict", "40001", "ignore_event_by_hand");
}

function decided({ eventId, state, looks }: EventGuard, assignments: SQL, condition: SQL): SQL {
  return sql`update keiyaku.stripe_events e set ${assignments}
    where e.id = ${eventId} and e.state = ${state} and e.looks = ${looks} and ${condition}
    returning e.id, pg_notify('keiyaku_event', '')`;
}

function inWords({ operatorId, reason }: Decision): string {
  return `${operatorId}: ${reason}`;
}
