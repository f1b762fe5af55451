import { sql } from "drizzle-orm";
import type { OperationState } from "../contract/operation.ts";
import type { EventFacts } from "../inbox/decide-event.ts";
import type { EventReference } from "../stripe/events.ts";
import type { Database } from "./database.ts";

/** The request that caused an event, as far as it may be a call of ours. */
export interface PossibleCause {
  /** Stripe's id of the request: all that is known of one that has no key, such as a cancel. */
  readonly requestId: string | null;
  /** The call whose key it carried; undefined when that key is none of ours. */
  readonly call: { readonly operationId: string; readonly name: string } | undefined;
}

/**
 * Finds the contract that an event is about, and the operation whose call caused it, in one statement and so of one moment.
 * Locks nothing; every look is by an index.
 *
 * By the ids that contracts have at Stripe first, present before former; then by what was paid and given back; then by
 * what remains of deleted contracts; at last by the operation that caused it. A call counts only while its journal knows it: a
 * second key of the same call does not make the first one a stranger's.
 */
export async function findEventContract(
  db: Database,
  { subscriptionId, paymentIntentId, refundId }: EventReference,
  { requestId, call }: PossibleCause,
): Promise<EventFacts> {
  const [row] = await db.run<FactsRow>(
    "find_event_contract",
    sql`with asked as (
        select ${subscriptionId ?? null}::text as subscription_id, ${paymentIntentId ?? null}::text as payment_intent_id,
          ${refundId ?? null}::text as refund_id, ${requestId}::text as request_id,
          ${call?.operationId ?? null}::text as operation_id, ${call?.name ?? null}::text as call_name),
      keyed as (
        select o.id, o.state, o.contract_id from asked a
        join keiyaku.stripe_calls s on s.operation_id = a.operation_id and s.name = a.call_name and s.type = 'call'
        join keiyaku.operations o on o.id = s.operation_id),
      known as (
        select c.id as contract_id, 'contract' as known_by, 1 as place
          from asked a join keiyaku.contracts c on c.stripe_subscription_id = a.subscription_id
        union all select c.id, 'contract', 2
          from asked a join keiyaku.contracts c on c.former_stripe_subscription_ids @> array[a.subscription_id]
        union all select c.id, 'contract', 1
          from asked a join keiyaku.contracts c on c.stripe_payment_intent_id = a.payment_intent_id
        union all select p.contract_id, 'payment', 3
          from asked a join keiyaku.payments p on p.stripe_payment_intent_id = a.payment_intent_id
        union all select r.contract_id, 'refund', 4
          from asked a join keiyaku.refunds r on r.stripe_payment_intent_id = a.payment_intent_id
        union all select r.contract_id, 'refund', 4
          from asked a join keiyaku.refunds r on r.id = a.refund_id
        union all select t.contract_id, 'tombstone', 5
          from asked a join keiyaku.tombstones t
            on t.stripe_ids @> array[a.subscription_id] or t.stripe_ids @> array[a.payment_intent_id]
        union all select contract_id, 'own_call', 6 from keyed),
      found as (select contract_id, known_by from known order by place, contract_id limit 1),
      requested as (
        select o.id, o.state from asked a, found f
        join keiyaku.operations o on o.contract_id = f.contract_id
        join keiyaku.stripe_calls s on s.operation_id = o.id and s.type = 'call'
        where s.request_id = a.request_id)
      select (select contract_id from found) as "contractId", (select known_by from found) as "knownBy",
        exists (select from found f join keiyaku.tombstones t on t.contract_id = f.contract_id) as "isDeleted",
        exists (select from known where known_by in ('payment', 'refund')) as "isPaymentKnown",
        exists (select from asked a join keiyaku.stripe_events e on e.object_id = a.payment_intent_id
          where e.state = 'ignored' and e.state_reason like 'not_ours: %') as "isIntentForeign",
        cause.id as "causeId", cause.state as "causeState"
      from (select) as one left join (
        select id, state from keyed union all select id, state from requested limit 1) as cause on true`,
  );
  if (row === undefined) throw new Error("what is known of an event is one row");
  const { causeId, causeState, ...known } = row;
  const cause = causeId === null || causeState === null ? null : { operationId: causeId, state: causeState };
  return { ...known, cause };
}

type FactsRow = Omit<EventFacts, "cause"> & {
  readonly causeId: string | null;
  readonly causeState: OperationState | null;
} & Record<string, unknown>;
