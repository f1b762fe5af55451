import { type Invariant, pageOfContracts } from "./invariant.ts";

/**
 * I21, as far as our own tables tell: what a contract was paid is what is kept, given back, or lost in a dispute, and nothing
 * twice. Of a charge of which others had given back a part, as Stripe's list said when ours was sent, the rest is all of it. What Stripe took and gave back is `keiyaku reconcile`'s to compare. While an operation is at work on a contract, its
 * refunds may be ahead of its payments; they are then left for the next audit.
 */
export const moneyIsConserved: Invariant = {
  id: "I21",
  claim: "What was paid is kept, given back or lost in a dispute: each yen once.",
  subjects: "contracts",
  page: pageOfContracts,
  violations: `
    with at_rest as (
      select c.id from keiyaku.contracts c
      where c.id > $after and c.id <= $last and not exists (
        select from keiyaku.operations o
        where o.contract_id = c.id and o.occupies and o.state in ('requested', 'executing', 'held'))),
    given as (
      select r.payment_id, sum(r.amount_minor) as minor,
        sum(r.amount_minor) filter (where r.state in ('succeeded', 'manual_done')) as settled_minor,
        sum(r.amount_minor) filter (where r.stripe_refund_id is not null) as stripe_minor
      from keiyaku.refunds r join at_rest a on a.id = r.contract_id
      where r.state in ('pending', 'requires_action', 'succeeded', 'manual_done') group by 1),
    charges as (
      select p.stripe_payment_intent_id as intent, sum(p.amount_minor) as paid_minor,
        coalesce(sum(g.settled_minor), 0) as settled_minor
      from keiyaku.payments p join at_rest a on a.id = p.contract_id left join given g on g.payment_id = p.id
      where p.stripe_payment_intent_id is not null and p.state in ('paid', 'refunded') group by 1),
    held as (
      select p.*, coalesce(g.minor, 0) as given_minor, coalesce(g.settled_minor, 0) as settled_minor,
        coalesce(g.stripe_minor, 0) as stripe_minor, coalesce(c.settled_minor >= c.paid_minor, false) as charge_is_back
      from keiyaku.payments p join at_rest a on a.id = p.contract_id
      left join given g on g.payment_id = p.id left join charges c on c.intent = p.stripe_payment_intent_id)
    select p.id as subject, format('is refunded over %s, and %s of it is settled', p.amount_minor, p.settled_minor) as detail
    from held p
    where p.state = 'refunded' and p.settled_minor < p.amount_minor and not p.charge_is_back
      and not exists (
        select from keiyaku.operations o, jsonb_array_elements(o.outcome -> 'attention') as told
        where o.contract_id = p.contract_id and o.state = 'succeeded' and told ->> 'code' = 'refunded_elsewhere'
          and told #>> '{detail,paymentId}' = p.id)
      and not exists (
        select from keiyaku.operations o join keiyaku.stripe_calls s on s.operation_id = o.id
        where o.contract_id = p.contract_id and o.state = 'succeeded' and s.type = 'look'
          and s.request ->> 'verb' = 'list_refunds' and s.request ->> 'paymentIntentId' = p.stripe_payment_intent_id
          and (s.answer ->> 'leftMinor')::bigint <= p.settled_minor)
    union all
    select p.id, format('is paid over %s, and all of it has been given back', p.amount_minor)
    from held p where p.state = 'paid' and p.amount_minor > 0 and p.settled_minor >= p.amount_minor
    union all
    select p.id, format('is %s, and %s of it has been given back', p.state, p.given_minor)
    from held p where p.state not in ('paid', 'refunded') and p.given_minor > 0
    union all
    select p.id, format('was lost in a dispute over %s, and Stripe gave back %s of it', p.amount_minor, p.stripe_minor)
    from held p where p.dispute = 'lost' and p.stripe_minor > 0
    union all
    select r.id, format('gives back %s, and its payment came by %s', r.stripe_payment_intent_id,
      coalesce(p.stripe_payment_intent_id, 'no intent'))
    from keiyaku.refunds r join at_rest a on a.id = r.contract_id join keiyaku.payments p on p.id = r.payment_id
    where r.stripe_payment_intent_id is distinct from p.stripe_payment_intent_id and r.stripe_refund_id is not null`,
};
