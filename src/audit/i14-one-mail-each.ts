import { type Invariant, pageOfContracts } from "./invariant.ts";

/**
 * I14: of every failed attempt at an invoice customer and operators are told once each, whatever reports of it came, and of
 * everything else each is told once for its cause. One that was noted as news has its mails in the outbox, sent or not.
 */
export const oneMailEach: Invariant = {
  id: "I14",
  claim: "Everybody is told once of each failed attempt at an invoice, and once of each other cause.",
  subjects: "contracts",
  page: pageOfContracts,
  violations: `
    select n.contract_id as subject,
      format('%s mails to the %s about attempt %s at %s', count(*), n.recipient, n.detail ->> 'attempt',
        n.detail ->> 'invoiceId') as detail
    from keiyaku.notifications n
    where n.contract_id > $after and n.contract_id <= $last and n.kind = 'payment_failed'
    group by n.contract_id, n.recipient, n.address, n.detail ->> 'invoiceId', n.detail ->> 'attempt' having count(*) > 1
    union all
    select n.contract_id, format('%s mails %s to the %s because of %s', count(*), n.kind, n.recipient, n.cause)
    from keiyaku.notifications n
    where n.contract_id > $after and n.contract_id <= $last and n.kind <> 'payment_failed'
    group by n.contract_id, n.kind, n.recipient, n.address, n.cause having count(*) > 1
    union all
    select o.contract_id, format('no mail to the %s about attempt %s at %s, of which %s told', told.recipient,
      o.params ->> 'attempt', o.params ->> 'invoiceId', o.id)
    from keiyaku.operations o
    join keiyaku.contracts c on c.id = o.contract_id
    cross join (values ('customer'), ('operators')) as told (recipient)
    where o.contract_id > $after and o.contract_id <= $last and o.kind = 'record_payment_failure'
      and o.state = 'succeeded' and not coalesce((o.outcome ->> 'superseded')::boolean, false)
      and not exists (
        select from keiyaku.notifications n
        where n.contract_id = o.contract_id and n.kind = 'payment_failed' and n.recipient = told.recipient
          and n.detail ->> 'invoiceId' = o.params ->> 'invoiceId' and n.detail ->> 'attempt' = o.params ->> 'attempt')`,
};
