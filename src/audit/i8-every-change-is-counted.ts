import { type Invariant, pageOfContracts } from "./invariant.ts";

/**
 * I8: a contract's version grows by one with every change, and every change names its operation. What the ledger knows of
 * changes is counted: each attempt, each end, each call, each answer about a refund, and each refund that was held back. It
 * does not tell an end with its attempt from one without, nor how often a refund was held: so the version lies between the
 * least and the most that it can be. Each end tells the version that it made: no two the same, none beyond the contract's.
 */
export const everyChangeIsCounted: Invariant = {
  id: "I8",
  claim: "A contract's version counts its changes, and the last change names the operation that made it.",
  subjects: "contracts",
  page: pageOfContracts,
  violations: `
    with written as (
      select o.contract_id,
        sum(case when o.kind = 'register' and o.state = 'succeeded' then 0 else o.attempt end) as attempts,
        count(*) filter (where o.state = 'succeeded' and o.kind <> 'register') as ends,
        sum(case when o.held_question is null then 0 else jsonb_array_length(o.retries) + 1 end) as holds
      from keiyaku.operations o
      where o.contract_id > $after and o.contract_id <= $last group by 1),
    called as (
      select o.contract_id, count(*) as calls,
        count(*) filter (where s.request ->> 'verb' = 'refund_payment' and s.answer is not null) as refunds
      from keiyaku.operations o join keiyaku.stripe_calls s on s.operation_id = o.id
      where o.contract_id > $after and o.contract_id <= $last and s.type = 'call' group by 1),
    ends as (
      select o.contract_id, o.id, (o.outcome ->> 'contractVersion')::int as made
      from keiyaku.operations o
      where o.contract_id > $after and o.contract_id <= $last and o.state = 'succeeded'),
    bounds as (
      select w.contract_id, 1 + w.attempts + coalesce(s.calls + s.refunds, 0) as least,
        1 + w.attempts + w.ends + w.holds + coalesce(s.calls + s.refunds, 0) as most
      from written w left join called s on s.contract_id = w.contract_id)
    select c.id as subject, format('has version %s, and its operations account for %s to %s', c.version,
      coalesce(b.least, 1), coalesce(b.most, 1)) as detail
    from keiyaku.contracts c left join bounds b on b.contract_id = c.id
    where c.id > $after and c.id <= $last and c.version not between coalesce(b.least, 1) and coalesce(b.most, 1)
    union all
    select c.id, format('names %s for its last change, which is no operation of it that wrote', c.changed_by_operation_id)
    from keiyaku.contracts c
    left join keiyaku.operations o on o.id = c.changed_by_operation_id and o.contract_id = c.id and o.attempt > 0
    where c.id > $after and c.id <= $last and o.id is null
    union all
    select c.id, format('is at version %s, last changed by %s, and %s made version %s', c.version, c.changed_by_operation_id,
      e.id, coalesce(e.made::text, 'none'))
    from ends e join keiyaku.contracts c on c.id = e.contract_id
    where e.made is null or e.made > c.version or (e.made = c.version and e.id <> c.changed_by_operation_id)
    union all
    select e.contract_id, format('%s operations made version %s', count(*), e.made)
    from ends e join keiyaku.contracts c on c.id = e.contract_id
    where e.made is not null group by e.contract_id, e.made having count(*) > 1`,
};
