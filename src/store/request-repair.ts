import { sql } from "drizzle-orm";
import type { OperationKind, OperationState } from "../contract/operation.ts";
import type { Database } from "./database.ts";
import { guardedStatement, json, type Part } from "./guarded-statement.ts";
import { notifySoon } from "./notify-soon.ts";
import { contractUnchangedPart } from "./operation-parts.ts";

/** An operation that would put right what is not as Stripe says. */
export interface WantedRepair {
  /** Made of what is to be put right: the same is asked for once. */
  readonly operationId: string;
  readonly kind: OperationKind;
  readonly params: Readonly<Record<string, unknown>>;
  readonly contractId: string;
  /** The version of the contract that was held against Stripe. */
  readonly version: number;
  /** Whether somebody has said that it may give money back. */
  readonly mayRefund: boolean;
}

/** The operation that was asked for, now or before, and where it stands. */
export interface AskedRepair {
  readonly operationId: string;
  readonly state: OperationState;
}

/**
 * Who asks, in the ledger: Stripe's own word, though it did not come by itself. Of the first kind nothing gives money back before a
 * person has said so (`brakes.ts`).
 */
export const repairActorIds = { withoutRefunds: "reconcile", withRefunds: "reconcile_with_refunds" } as const;

/**
 * Enters an operation into the ledger in Stripe's name, as an event that never came would have, and rings for it. Asking
 * twice is one effect: the id is the same, and one that waits already for the same is the one that is meant. A conflict: the contract has changed since it was
 * held against Stripe, and may be right by now.
 *
 * Its number becomes visible in its order, as in `keiyaku.accept`: under the same lock of the contract.
 */
export async function requestRepair(db: Database, wanted: WantedRepair): Promise<AskedRepair> {
  const { contractId, kind, version, operationId, mayRefund } = wanted;
  const actorId = mayRefund ? repairActorIds.withRefunds : repairActorIds.withoutRefunds;
  const params = json(wanted.params);
  const actor = sql`jsonb_build_object('type', 'stripe', 'id', ${actorId}::text)`;
  const request = sql`jsonb_build_object('id', ${operationId}::text, 'kind', ${kind}::text,
    'contractId', ${contractId}::text, 'actor', ${actor}, 'params', ${params})`;
  const parts: Part[] = [
    {
      name: "turn",
      rows: "any",
      statement: sql`select 1 as taken from pg_advisory_xact_lock(1262840145, hashtext(${contractId}))`,
    },
    contractUnchangedPart({ contractId, version }),
    {
      name: "asked_before",
      rows: "any",
      statement: sql`select o.id, o.state from keiyaku.operations o, turn
        where o.id = ${operationId} or (o.contract_id = ${contractId} and o.actor_type = 'stripe'
          and o.kind = ${kind}::keiyaku.operation_kind and o.state = 'requested' and o.attempt = 0 and o.params = ${params})
        order by o.id = ${operationId} desc, o.sequence limit 1`,
    },
    {
      name: "accepted",
      rows: "any",
      statement: sql`insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at,
          taken_at, accepted_at, content_hash, state, ring_at)
        select ${operationId}, ${kind}::keiyaku.operation_kind, ${contractId}, 'stripe', ${actorId}, ${params},
          clock_timestamp(), clock_timestamp(), clock_timestamp(), keiyaku.content_hash(${request}), 'requested',
          clock_timestamp()
        from turn where not exists (select from asked_before) returning id, state`,
    },
  ];
  const also = sql`, coalesce((select id from asked_before), (select id from accepted)) as id,
    coalesce((select state from asked_before), (select state from accepted)) as state,
    (select id from accepted) as accepted`;
  type Row = { readonly id: string; readonly state: OperationState; readonly accepted: string | null };
  const [row] = await db.run<Row>("request_repair", guardedStatement(parts, also));
  if (row === undefined) throw new Error("an operation that was asked for is one row");
  if (row.accepted !== null) notifySoon(db, "keiyaku_accepted", row.accepted);
  return { operationId: row.id, state: row.state };
}
