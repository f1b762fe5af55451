import { type Invariant, pageOfContracts } from "./invariant.ts";

/**
 * I6: a contract is what it was registered as, changed by its succeeded operations one after the other. The ledger keeps the
 * status before and after each, so the chain must not break and must end at the contract's status. Of reservations it keeps
 * which operations made and lifted one: the last of them must agree with the row, and so must the date of a registration.
 *
 * In the order of the versions that they made of the contract, which no clock that is set back can turn round.
 */
export const contractIsItsHistory: Invariant = {
  id: "I6",
  claim: "A contract is what it was registered as and what its succeeded operations made of it, in their order.",
  subjects: "contracts",
  page: pageOfContracts,
  violations: `
    with done as (
      select o.contract_id, o.id, o.kind::text as kind, o.params,
        o.outcome ->> 'statusBefore' as before, o.outcome ->> 'statusAfter' as after,
        coalesce((o.outcome ->> 'superseded')::boolean, false) as is_superseded,
        row_number() over in_order as place,
        lag(o.outcome ->> 'statusAfter') over in_order as previous,
        count(*) over (partition by o.contract_id) - row_number() over in_order + 1 as from_end
      from keiyaku.operations o
      where o.contract_id > $after and o.contract_id <= $last and o.state = 'succeeded'
      window in_order as (partition by o.contract_id 
        order by (o.outcome ->> 'contractVersion')::int, o.sequence)),
    reserving as (
      select distinct on (contract_id) contract_id, id, kind, params from done
      where not is_superseded and kind in ('register', 'reserve_termination', 'withdraw_reservation',
        'reserve_by_product_month', 'release_by_product_month', 'terminate_at_renewal', 'start', 'record_payment',
        'record_subscription_change', 'replace_subscription')
      order by contract_id, place desc)
    select c.id as subject, format('registered by %s operations', count(d.id)) as detail
    from keiyaku.contracts c left join done d on d.contract_id = c.id and d.kind = 'register'
    where c.id > $after and c.id <= $last group by c.id having count(d.id) <> 1
    union all
    select c.id, format('%s found it %s, and it had been left %s', d.id, coalesce(d.before, 'absent'),
      coalesce(d.previous, 'absent'))
    from done d join keiyaku.contracts c on c.id = d.contract_id
    where d.before is distinct from d.previous or (d.place = 1) <> (d.kind = 'register')
    union all
    select c.id, format('is %s, and %s left it %s', c.status, d.id, coalesce(d.after, 'absent'))
    from done d join keiyaku.contracts c on c.id = d.contract_id
    where d.from_end = 1 and d.after is distinct from c.status::text
    union all
    select c.id, format('is reserved for %s (%s), and the last to say so was %s (%s)', coalesce(c.termination_on::text, 'no date'),
      coalesce(c.termination_source::text, 'by nobody'), r.id, r.kind)
    from reserving r join keiyaku.contracts c on c.id = r.contract_id
    where c.status in ('termination_reserved', 'payment_unconfirmed', 'active', 'special_period')
      and case r.kind
        when 'register' then c.termination_on is distinct from (r.params #>> '{state,reservation,terminationOn}')::date
        when 'reserve_termination' then c.termination_source is null or c.termination_source = 'stripe'
        when 'reserve_by_product_month' then c.termination_source is distinct from 'product_month'
        when 'withdraw_reservation' then c.termination_on is not null
        when 'release_by_product_month' then c.termination_source = 'product_month'
        else false end`,
};
