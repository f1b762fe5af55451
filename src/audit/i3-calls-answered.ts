import type { Invariant } from "./invariant.ts";

/**
 * I3, as far as our own tables tell: every call of an operation that succeeded has its one answer, and every refund that a
 * call made is the refund of its row, over the same amount. What Stripe's ledger has of it is `keiyaku reconcile`'s to compare.
 * The rows of a deleted contract are gone, or are what is still owed.
 */
export const callsAnswered: Invariant = {
  id: "I3",
  claim: "Every call of an operation that succeeded is answered, and what it made is what our rows say.",
  subjects: "operations with calls",
  page: `
    select max(id) as last, count(*)::int as checked
    from (
      select distinct operation_id as id from keiyaku.stripe_calls where operation_id > $after
      order by operation_id limit $limit
    ) as page`,
  violations: `
    select o.id as subject, format('its call %s has no answer', s.name) as detail
    from keiyaku.stripe_calls s join keiyaku.operations o on o.id = s.operation_id
    where s.operation_id > $after and s.operation_id <= $last
      and s.type = 'call' and s.answer is null and o.state = 'succeeded'
    union all
    select o.id,
      format('Stripe made %s over %s of refund %s, whose row says %s over %s', s.answer #>> '{value,id}',
        s.answer #>> '{value,amountMinor}', s.request ->> 'refundId', coalesce(r.stripe_refund_id, 'none'),
        coalesce(r.amount_minor::text, 'nothing'))
    from keiyaku.stripe_calls s
    join keiyaku.operations o on o.id = s.operation_id
    join keiyaku.contracts c on c.id = o.contract_id
    left join keiyaku.refunds r on r.id = s.request ->> 'refundId'
    where s.operation_id > $after and s.operation_id <= $last
      and s.type = 'call' and s.request ->> 'verb' = 'refund_payment' and s.answer ->> 'type' = 'done'
      and (r.stripe_refund_id is distinct from s.answer #>> '{value,id}'
        or r.amount_minor is distinct from (s.answer #>> '{value,amountMinor}')::bigint)`,
};
