import type { Invariant } from "./invariant.ts";

/**
 * I1, as far as our own tables tell: what Stripe's ledger says of the same is `keiyaku reconcile`'s to compare. What was given
 * back of a payment, or is on its way, is no more than it; and no refund of ours was made at Stripe by two requests.
 */
export const refundedOnce: Invariant = {
  id: "I1",
  claim: "No payment is refunded by more than one request of ours, nor by more than it came to.",
  subjects: "contracts with refunds",
  page: `
    select max(id) as last, count(*)::int as checked
    from (
      select distinct contract_id as id from keiyaku.refunds where contract_id > $after order by contract_id limit $limit
    ) as page`,
  violations: `
    select p.id as subject,
      format('%s given back of a payment of %s', sum(r.amount_minor), p.amount_minor) as detail
    from keiyaku.refunds r join keiyaku.payments p on p.id = r.payment_id
    where r.contract_id > $after and r.contract_id <= $last
      and r.state in ('pending', 'requires_action', 'succeeded', 'manual_done')
    group by p.id, p.amount_minor having sum(r.amount_minor) > p.amount_minor
    union all
    select s.request ->> 'refundId',
      format('%s refunds at Stripe: %s', count(distinct s.answer #>> '{value,id}'),
        string_agg(distinct s.answer #>> '{value,id}', ', '))
    from keiyaku.operations o join keiyaku.stripe_calls s on s.operation_id = o.id
    where o.contract_id > $after and o.contract_id <= $last
      and s.type = 'call' and s.request ->> 'verb' = 'refund_payment' and s.answer ->> 'type' = 'done'
    group by s.request ->> 'refundId' having count(distinct s.answer #>> '{value,id}') > 1`,
};
