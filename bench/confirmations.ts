import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { systemClock } from "../src/clock.ts";
import type { OperationRequest } from "../src/contract/operation.ts";

/*
 * The work that keiyaku and its peers are measured by: `confirm_payment` of one-time contracts. One of them inserts an
 * operation and a license and updates the contract and two payments.
 */

/** Fresh contracts that wait for their payment, each with a due initial fee and price, and a request for each. */
export async function prepareConfirmations(sql: postgres.Sql, operations: number): Promise<OperationRequest[]> {
  const batch = randomUUID().slice(0, 8);
  await insertProductAndCustomer(sql);
  await sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
      price_minor, initial_fee_minor, special_months, start_on, version, changed_by_operation_id)
    select ${batch}::text || '-' || n, 'course', 'c', 'one_time', 'bank_transfer', 'application', 'awaiting_payment', 'jpy',
      19800, 3000, 0, '2024-10-08', 1, 'bench' from generate_series(1, ${operations}) as n`;
  await sql`insert into keiyaku.payments (id, contract_id, subject, amount_minor, state)
    select ${batch}::text || '-' || n || ':' || subject, ${batch}::text || '-' || n, subject::keiyaku.payment_subject, amount, 'due'
    from generate_series(1, ${operations}) as n, (values ('initial_fee', 3000), ('one_time_price', 19800)) as due(subject, amount)`;
  await sql`vacuum (analyze) keiyaku.contracts, keiyaku.payments, keiyaku.operations, keiyaku.licenses`;
  return Array.from({ length: operations }, (_, index) =>
    confirmationOf(`${batch}-op-${index + 1}`, `${batch}-${index + 1}`),
  );
}

/** What the contracts of the benches are about, and whose they are. */
export async function insertProductAndCustomer(sql: postgres.Sql): Promise<void> {
  await sql`insert into keiyaku.products (id, kind, access, price_minor) values ('course', 'one_time', 'per_period', 19800)
    on conflict do nothing`;
  await sql`insert into keiyaku.customers (id, email, name, locale) values ('c', 'c@example.com', 'C', 'ja')
    on conflict do nothing`;
}

export function confirmationOf(id: string, contractId: string): OperationRequest {
  return {
    id,
    kind: "confirm_payment",
    contractId,
    actor: { type: "operator", id: "bench" },
    params: {},
    requestedAt: systemClock.now(),
  };
}

/** Throws unless every request was carried out, once, with all its rows. */
export async function checkConfirmations(sql: postgres.Sql, requests: readonly OperationRequest[]): Promise<void> {
  const ids = requests.map(({ id, contractId }) => ({ id, contract_id: contractId }));
  const [found] = await sql`with request as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(ids)}::text::jsonb) as r(id text, contract_id text))
    select
      (select count(*)::int from request r join keiyaku.operations o on o.id = r.id
        where o.state = 'succeeded' and o.contract_id = r.contract_id and o.attempt = 1) as operations,
      (select count(*)::int from request r join keiyaku.contracts c on c.id = r.contract_id
        where c.status = 'established' and c.version = 2 and c.changed_by_operation_id = r.id) as contracts,
      (select count(*)::int from request r join keiyaku.payments p on p.contract_id = r.contract_id
        where p.state = 'paid') as payments,
      (select count(*)::int from request r join keiyaku.licenses l on l.contract_id = r.contract_id) as licenses`;
  const { length } = requests;
  const expected = { operations: length, contracts: length, payments: 2 * length, licenses: length };
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`Not all was carried out, or not once: ${JSON.stringify(found)} of ${JSON.stringify(expected)}.`);
  }
}

const outcome =
  '{"attention": [], "statusAfter": "established", "statusBefore": "awaiting_payment", "contractVersion": 2}';

/** What a handler without a ledger would do: the rows of one operation, by one statement, which decides and guards nothing. */
export async function confirmBare(
  sql: postgres.Sql,
  { id, kind, contractId, actor, requestedAt }: OperationRequest,
): Promise<void> {
  await sql`with operation as (
      insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at,
        accepted_at, content_hash, state, attempt, attempts_counted, touched_at, outcome, concluded_at)
      values (${id}, ${kind}, ${contractId}, ${actor.type}, ${actor.id}, '{}', ${requestedAt ?? null}, now(), now(),
        repeat('0', 64), 'succeeded', 1, 1, now(), ${outcome}::text::jsonb, now())),
    contract as (
      update keiyaku.contracts set status = 'established', version = version + 1, changed_by_operation_id = ${id},
        updated_at = now() where id = ${contractId}),
    payments as (
      update keiyaku.payments set state = 'paid', paid_at = now() where contract_id = ${contractId} and state = 'due')
    insert into keiyaku.licenses (payment_id, contract_id) values (${`${contractId}:one_time_price`}, ${contractId})`;
}

/** The same rows of many operations by one statement: all of them are written, or none is. */
export async function confirmBareTogether(sql: postgres.Sql, requests: readonly OperationRequest[]): Promise<void> {
  await sql`with request as materialized (
      select id, "contractId" as contract_id, kind, actor ->> 'type' as actor_type, actor ->> 'id' as actor_id, "requestedAt" as requested_at
      from jsonb_to_recordset(${JSON.stringify(requests)}::text::jsonb)
        as r(id text, "contractId" text, kind keiyaku.operation_kind, actor jsonb, "requestedAt" timestamptz)),
    operation as (
      insert into keiyaku.operations (id, kind, contract_id, actor_type, actor_id, params, requested_at, taken_at,
        accepted_at, content_hash, state, attempt, attempts_counted, touched_at, outcome, concluded_at)
      select id, kind, contract_id, actor_type::keiyaku.actor_type, actor_id, '{}', requested_at, now(), now(),
        repeat('0', 64), 'succeeded', 1, 1, now(), ${outcome}::text::jsonb, now() from request),
    contract as (
      update keiyaku.contracts c set status = 'established', version = version + 1, changed_by_operation_id = request.id,
        updated_at = now() from request where c.id = request.contract_id),
    payments as (
      update keiyaku.payments p set state = 'paid', paid_at = now()
      from request where p.contract_id = request.contract_id and p.state = 'due')
    insert into keiyaku.licenses (payment_id, contract_id) select contract_id || ':one_time_price', contract_id from request`;
}
