import { sql } from "drizzle-orm";
import type { Instant } from "../contract/calendar.ts";
import type { Actor, OperationKind } from "../contract/operation.ts";
import type { Database } from "./database.ts";
import { json } from "./guarded-statement.ts";
import { type OperationView, toView, type ViewRow } from "./read-operation.ts";

/** A request as far as deciding about it asks. */
export interface Unrequested {
  readonly kind: OperationKind;
  readonly contractId: string;
  readonly actor: Actor;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly reason?: string | undefined;
}

/**
 * What the ledger would show to an operation that nobody has requested, as if it were taken at this moment and came after
 * every other of its contract. One statement, one snapshot; writes and locks nothing.
 */
export async function viewUnrequested(db: Database, request: Unrequested, takenAt: Instant): Promise<OperationView> {
  const row = {
    // None of the form that operations have: one of the ledger under the request's id is another operation to it.
    id: "(unrequested)",
    kind: request.kind,
    contract_id: request.contractId,
    actor_type: request.actor.type,
    actor_id: request.actor.id,
    params: request.params ?? {},
    reason: request.reason ?? null,
    requested_at: takenAt,
    taken_at: takenAt,
    accepted_at: takenAt,
    state: "requested",
    // Behind whatever there is.
    sequence: "9223372036854775807",
    attempt: 0,
    attempts_counted: 0,
    occupies: false,
    retries: [],
  };
  const [found] = await db.run<{ view: ViewRow }>(
    "view_unrequested",
    sql`select keiyaku.view_of(jsonb_populate_record(null::keiyaku.operations, ${json(row)})) as view`,
  );
  if (found === undefined) throw new Error("keiyaku.view_of returned no row");
  return toView(found.view);
}
