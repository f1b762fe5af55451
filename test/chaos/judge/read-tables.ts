import type postgres from "postgres";
import type { Tables } from "./evidence.ts";

const readers = {
  contracts: `select id, kind::text, payment_method::text, status::text, version, changed_by_operation_id,
    termination_on::text, termination_source::text, renewal_due_on::text, start_on::text, stripe_subscription_id,
    former_stripe_subscription_ids, md5((to_jsonb(c) - 'version' - 'updated_at' - 'changed_by_operation_id')::text) as digest
    from keiyaku.contracts c`,
  operations: `select id, sequence::int, kind::text, contract_id, actor_type::text, params, state::text, attempt, occupies,
    (extract(epoch from accepted_at) * 1000)::float8 as accepted_at_ms,
    (extract(epoch from concluded_at) * 1000)::float8 as concluded_at_ms, rejection_code::text, outcome, held_question
    from keiyaku.operations`,
  calls: `select operation_id, name, type, request, idempotency_key, key_number,
    (extract(epoch from first_sent_at) * 1000)::float8 as first_sent_at_ms, answer,
    (extract(epoch from answered_at) * 1000)::float8 as answered_at_ms, learned_by, request_id from keiyaku.stripe_calls`,
  payments: `select id, contract_id, subject::text, period, state::text, amount_minor::int, stripe_payment_intent_id
    from keiyaku.payments`,
  refunds: `select id, contract_id, payment_id, state::text, amount_minor::int, stripe_payment_intent_id, stripe_refund_id,
    operation_id from keiyaku.refunds`,
  events: "select id, state, operation_id from keiyaku.stripe_events",
  notifications: "select id::int, cause, kind, recipient, state from keiyaku.notifications",
  runs: `select business_date::text as date, state, (extract(epoch from started_at) * 1000)::float8 as started_at_ms
    from keiyaku.maintenance_runs`,
  tombstones: "select contract_id as id from keiyaku.tombstones",
  erased: "select id from keiyaku.erased_operations",
} as const satisfies Record<keyof Tables, string>;

/** One statement, and so one moment: each table as a list of JSON, beside the others. */
const statement = `select ${Object.entries(readers)
  .map(([table, select]) => `(select coalesce(jsonb_agg(to_jsonb(r)), '[]') from (${select}) r) as ${table}`)
  .join(", ")}`;

/** Reads all tables as they are at one moment. Throws when the server is away. */
export async function readTables(sql: postgres.Sql): Promise<Tables> {
  const [row] = await sql.unsafe<Record<keyof Tables, unknown>[]>(statement);
  if (row === undefined) throw new Error("the tables at a moment are one row");
  const idsOf = (rows: unknown) => (rows as { id: string }[]).map(({ id }) => id);
  return { ...row, tombstones: idsOf(row.tombstones), erased: idsOf(row.erased) } as Tables;
}
