import { type SQL, sql } from "drizzle-orm";
import type { Deletion } from "../contract/change.ts";
import { kindsAfterDeletion } from "../contract/operations/index.ts";
import { foundReasons } from "../inbox/decide-event.ts";
import { waitsFor } from "./event-parts.ts";
import { json, type Part } from "./guarded-statement.ts";
import { idsOfNoOther } from "./mentioned.ts";
import type { ContractGuard } from "./operation-parts.ts";

/**
 * The parts of a guarded statement that erase a contract: payments, sign-up, licenses, settled refunds, mails, journal,
 * bodies of stored events that have been dealt with or waited for a person, operations, what was refused of requests for it, and the contract itself, with its customer if
 * that was their last one. The tombstone takes its place.
 *
 * Left are: the deletion's own row of the ledger, without its reason; the bare ids of the other operations and of events;
 * that of the customer with their version; the refunds that are owed or on their way; events that were still to be looked
 * at, whose bodies go when they are. Requests that waited behind the
 * deletion are answered `contract_deleted`, their words forgotten.
 *
 * PostgreSQL checks foreign keys when the whole statement is done, so the order of the parts does not matter to them.
 */
export function erasureParts(contract: ContractGuard, operationId: string, deletion: Deletion): Part[] {
  const { contractId, version } = contract;
  const kinds = `{${kindsAfterDeletion.join(",")}}`;
  const ofContract = sql`contract_id = ${contractId}`;
  const others = sql`${ofContract} and id <> ${operationId}`;
  const isLastOf = sql`c.id = ${contractId} and u.id = c.customer_id
    and not exists (select from keiyaku.contracts o where o.customer_id = u.id and o.id <> c.id)`;
  const siblings = sql`keiyaku.contracts o join keiyaku.contracts c on c.customer_id = o.customer_id
    where c.id = ${contractId} and o.id <> c.id`;
  const erase = (name: string, statement: Part["statement"]): Part => ({ name, rows: "any", statement });
  return [
    {
      name: "contract",
      rows: 1,
      statement: sql`delete from keiyaku.contracts where id = ${contractId} and version = ${version} returning id`,
    },
    {
      name: "tombstone",
      rows: 1,
      statement: sql`insert into keiyaku.tombstones (contract_id, operation_id, customer_id, stripe_ids, payments)
        values (${contractId}, ${operationId}, ${deletion.customerId},
          array(select jsonb_array_elements_text(${json(deletion.stripeIds)})), ${json(deletion.payments)})
        returning contract_id`,
    },
    {
      // Of two deletions at once each would leave the customer to the other: whoever waits for the other's contract finds it gone.
      name: "contracts_left",
      rows: 1,
      statement: sql`select 1 as same from (select o.id from ${siblings} for key share of o) as locked
        having count(*) = (select count(*) from ${siblings})`,
    },
    erase(
      "erased_customer",
      sql`delete from keiyaku.customers u using keiyaku.contracts c where ${isLastOf} returning u.id`,
    ),
    erase(
      "erased_customer_id",
      sql`insert into keiyaku.erased_customers as e (id, version)
        select u.id, u.version from keiyaku.customers u, keiyaku.contracts c where ${isLastOf}
        on conflict (id) do update set version = greatest(e.version, excluded.version) returning id`,
    ),
    erase(
      "erased_refused",
      sql`update keiyaku.refused_requests set content = ''
        where request_id in (select id from keiyaku.operations where ${ofContract})
          or ${ofContract} returning id`,
    ),
    erase("erased_licenses", sql`delete from keiyaku.licenses where ${ofContract} returning payment_id`),
    erase("erased_payments", sql`delete from keiyaku.payments where ${ofContract} returning id`),
    erase("erased_signup", sql`delete from keiyaku.signups where ${ofContract} returning contract_id`),
    erase(
      "erased_refunds",
      sql`delete from keiyaku.refunds where ${ofContract}
        and (state in ('succeeded', 'manual_done', 'waived') or superseded_by is not null) returning id`,
    ),
    erase("erased_mails", sql`delete from keiyaku.notifications where ${ofContract} returning id`),
    erase(
      "erased_journal",
      sql`delete from keiyaku.stripe_calls s using keiyaku.operations o
        where o.id = s.operation_id and o.contract_id = ${contractId} returning s.name`,
    ),
    erase(
      "erased_operations",
      sql`delete from keiyaku.operations where ${others} and state in ('succeeded', 'rejected', 'abandoned') returning id`,
    ),
    erase(
      "erased_ids",
      sql`insert into keiyaku.erased_operations (id, contract_id)
        select id, contract_id from keiyaku.operations where ${others} and state in ('succeeded', 'rejected', 'abandoned')
        on conflict (id) do nothing returning id`,
    ),
    erase(
      "answered_operations",
      sql`update keiyaku.operations set state = 'rejected', concluded_at = clock_timestamp(), params = '{}', reason = null,
          rejection_code = 'contract_deleted', rejection_detail = '{}', next_attempt_at = null, wait_reason = null,
          ring_at = null
        where ${others} and state = 'requested' and kind <> all (${kinds}::keiyaku.operation_kind[]) returning id`,
    ),
    erase(
      "erased_events",
      // What is still to be looked at is looked at now, and forgotten then: it may tell of money that came late.
      sql`update keiyaku.stripe_events set
          body = case when state in ('received', 'unmatched') then body end,
          mentions = case when state in ('received', 'unmatched') then mentions end,
          look_at = case when state in ('received', 'unmatched') then clock_timestamp() end,
          state_reason = case state when 'held' then 'contract_deleted'
            else regexp_replace(state_reason, '(replayed|ignored) by operator .*$', '\\1 by operator') end,
          concluded_at = case state when 'held' then clock_timestamp() else concluded_at end,
          state = case state when 'held' then 'ignored' else state end
        where ${isEventOf(contractId, deletion.stripeIds, isLastOf)} returning id, pg_notify('keiyaku_event', '')`,
    ),
  ];
}

/**
 * Whether an event of the inbox is about a contract: by itself, by the object that it is about, by the operation that came
 * of it, by what it waits to find, or by what it mentions. An id that another contract has too, as that of a customer who has
 * several, tells nothing: it goes with the last of them. So does the customer's mail address.
 */
function isEventOf(contractId: string, stripeIds: readonly string[], isLastOf: SQL): SQL {
  const ownIds = idsOfNoOther(stripeIds, contractId);
  const addresses = sql`array(select lower(u.email) from keiyaku.customers u, keiyaku.contracts c where ${isLastOf})`;
  return sql`(contract_id = ${contractId} or object_id = any (${ownIds})
    or id = any (array(
      select actor_id from keiyaku.operations where contract_id = ${contractId} and actor_type = 'stripe'))
    or state in ('unmatched', 'ignored') and ${waitsFor(stripeIds.flatMap(foundReasons))}
    or mentions && (${ownIds} || ${addresses}))`;
}
