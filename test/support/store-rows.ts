import type postgres from "postgres";

/*
 * Rows of the store for tests, by their columns' names. Each builder takes what its test is about and fills in the rest
 * so that the database accepts it: an operation has what its state asks for, a card contract its ids at Stripe.
 */

/** A row by its columns' names. An object or array is JSON, unless the column is a PostgreSQL array. */
export type StoreRow = Readonly<Record<string, unknown>>;

/** A moment of the past, for whatever has to have one. */
export const someTime = "2025-01-20T03:00:00.000Z";

/** Sixty-four hexadecimal digits, for whatever has to have a hash. */
export const someHash = "0123456789abcdef".repeat(4);

export function productRow(overrides: StoreRow = {}): StoreRow {
  return {
    id: "p-1",
    kind: "monthly",
    access: "per_period",
    price_minor: 1_980,
    automatic_termination_month_set_at: "2024-01-01T03:00:00Z",
    ...overrides,
  };
}

export function customerRow(overrides: StoreRow = {}): StoreRow {
  return { id: "cust-1", email: "hanako@example.com", name: "山田 花子", locale: "ja", ...overrides };
}

/** An active monthly contract paid by bank transfer, unless told otherwise. */
export function contractRow(overrides: StoreRow = {}): StoreRow {
  const { kind = "monthly", payment_method = "bank_transfer", status = "active" } = overrides;
  const byCard = payment_method === "card";
  const isReserved = status === "termination_reserved";
  const { start_on = "2024-10-08" } = overrides;
  return {
    id: "c-1",
    product_id: "p-1",
    customer_id: "cust-1",
    kind,
    payment_method,
    origin: "application",
    status,
    currency: "jpy",
    price_minor: 1_980,
    initial_fee_minor: 0,
    special_months: 0,
    start_on,
    renewal_due_on: kind === "monthly" && !byCard ? start_on : null,
    termination_on: isReserved ? "2025-02-08" : null,
    termination_source: isReserved ? "person" : null,
    ended_at: status === "canceled" || status === "terminated" ? someTime : null,
    stripe_customer_id: byCard ? "cus_1" : null,
    stripe_subscription_id: byCard && kind === "monthly" ? "sub_1" : null,
    stripe_payment_intent_id: byCard && kind === "one_time" ? "pi_1" : null,
    version: 1,
    changed_by_operation_id: "op-0",
    created_at: "2024-01-01T03:00:00Z",
    ...overrides,
  };
}

/** The paid fee of period 0 of `c-1`, unless told otherwise. */
export function paymentRow(overrides: StoreRow = {}): StoreRow {
  const { contract_id = "c-1", subject = "period", state = "paid" } = overrides;
  const { period = subject === "period" ? 0 : null } = overrides;
  return {
    id: [contract_id, subject, ...(period === null ? [] : [period])].join(":"),
    contract_id,
    subject,
    period,
    starts_on: period === null ? null : "2024-10-08",
    amount_minor: 1_980,
    state,
    paid_at: state === "paid" || state === "refunded" ? someTime : null,
    ...overrides,
  };
}

export function licenseRow(overrides: StoreRow = {}): StoreRow {
  return { payment_id: "c-1:period:0", contract_id: "c-1", granted_at: someTime, ...overrides };
}

const statesAtStripe: readonly unknown[] = ["pending", "requires_action", "succeeded", "failed", "canceled"];
const settledStates: readonly unknown[] = ["succeeded", "manual_done", "waived"];

/** A refund of the payment of `paymentRow` that is owed by hand, unless told otherwise. */
export function refundRow(overrides: StoreRow = {}): StoreRow {
  const { state = "manual_due" } = overrides;
  return {
    id: "c-1:period:0:refund:1",
    contract_id: "c-1",
    payment_id: "c-1:period:0",
    amount_minor: 1_980,
    state,
    stripe_refund_id: statesAtStripe.includes(state) ? "re_1" : null,
    operation_id: "op-1",
    settled_at: settledStates.includes(state) ? someTime : null,
    ...overrides,
  };
}

/** An operator's `suspend` of `c-1` that waits for its first attempt, unless told otherwise. */
export function operationRow(overrides: StoreRow = {}): StoreRow {
  const { state = "requested" } = overrides;
  const isFinal = state === "succeeded" || state === "rejected" || state === "abandoned";
  const attempt = state === "requested" ? 0 : 1;
  return {
    id: "op-1",
    kind: "suspend",
    contract_id: "c-1",
    actor_type: "operator",
    actor_id: "alice",
    params: {},
    requested_at: someTime,
    taken_at: someTime,
    accepted_at: someTime,
    content_hash: someHash,
    state,
    attempt,
    attempts_counted: overrides.attempt ?? attempt,
    occupies: state === "executing",
    ring_at: state === "requested" || state === "executing" ? someTime : null,
    touched_at: attempt === 0 ? null : someTime,
    held_question: state === "held" ? { code: "attempts_exhausted", detail: {} } : null,
    rejection_code: state === "rejected" ? "status_not_allowed" : null,
    outcome: state === "succeeded" ? { statusBefore: null, statusAfter: null } : null,
    abandonment: state === "abandoned" ? { operatorId: "alice", reason: "by hand" } : null,
    concluded_at: isFinal ? someTime : null,
    ...overrides,
  };
}

/** A call of `op-1` that was sent and has no answer yet, unless told otherwise. */
export function callRow(overrides: StoreRow = {}): StoreRow {
  const isAnswered = overrides.answer !== undefined && overrides.answer !== null;
  return {
    operation_id: "op-1",
    name: "cancel_subscription",
    type: "call",
    request: { verb: "cancel_subscription", subscriptionId: "sub_1" },
    idempotency_key: "keiyaku:op-1:cancel_subscription:1",
    key_number: 1,
    first_sent_at: someTime,
    last_sent_at: someTime,
    answered_at: isAnswered ? someTime : null,
    learned_by: isAnswered ? "reply" : null,
    code_version: "0.0.0",
    ...overrides,
  };
}

/** A look of `op-1`, which always has its answer. */
export function lookRow(overrides: StoreRow = {}): StoreRow {
  return {
    operation_id: "op-1",
    name: "subscription",
    type: "look",
    request: { verb: "read_subscription", subscriptionId: "sub_1" },
    answer: { type: "missing" },
    answered_at: someTime,
    learned_by: "reply",
    code_version: "0.0.0",
    ...overrides,
  };
}

export function notificationRow(overrides: StoreRow = {}): StoreRow {
  const { state = "waiting" } = overrides;
  return {
    cause: "op-1",
    kind: "contract_suspended",
    recipient: "customer",
    contract_id: "c-1",
    detail: {},
    state,
    claimed_at: state === "waiting" ? null : someTime,
    next_attempt_at: state === "waiting" ? someTime : null,
    problem: state === "refused" ? "550" : null,
    sent_at: state === "sent" ? someTime : null,
    ...overrides,
  };
}

/** Inserts rows into a table of ours, in the order given. */
export async function insertRows(sql: postgres.Sql, table: string, ...rows: StoreRow[]): Promise<void> {
  for (const row of rows) {
    await sql`insert into keiyaku.${sql(table)} ${sql(row as Record<string, postgres.SerializableParameter>)}`;
  }
}

/** Inserts a contract, and the product and customer of the story unless they are there. */
export async function addContract(sql: postgres.Sql, overrides: StoreRow = {}): Promise<void> {
  await sql`insert into keiyaku.products ${sql({ ...productRow() } as Record<string, string>)} on conflict do nothing`;
  await sql`insert into keiyaku.customers ${sql({ ...customerRow() } as Record<string, string>)} on conflict do nothing`;
  await insertRows(sql, "contracts", contractRow(overrides));
}

/** Inserts operations as they stand in the ledger, whatever door they came by; they are accepted in the order given. */
export async function addOperations(sql: postgres.Sql, ...overrides: StoreRow[]): Promise<void> {
  await insertRows(sql, "operations", ...overrides.map(operationRow));
}

/** The one row of a table whose key is this; throws when there is none. */
export async function rowOf(sql: postgres.Sql, table: string, id: string): Promise<Record<string, unknown>> {
  const [row] = await sql`select * from keiyaku.${sql(table)} where id = ${id}`;
  if (row === undefined) throw new Error(`keiyaku.${table} has no row ${id}`);
  return row;
}

/** Every row of a contract in every table, as one value: what is compared to show that nothing at all was written. */
export async function everythingOf(sql: postgres.Sql, contractId: string): Promise<unknown> {
  const [row] = await sql`select
    (select json_agg(c) from keiyaku.contracts c where c.id = ${contractId}) as contract,
    (select json_agg(p order by p.id) from keiyaku.payments p where p.contract_id = ${contractId}) as payments,
    (select json_agg(r order by r.id) from keiyaku.refunds r where r.contract_id = ${contractId}) as refunds,
    (select json_agg(l order by l.payment_id) from keiyaku.licenses l where l.contract_id = ${contractId}) as licenses,
    (select json_agg(s) from keiyaku.signups s where s.contract_id = ${contractId}) as signup,
    (select json_agg(o order by o.sequence) from keiyaku.operations o where o.contract_id = ${contractId}) as operations,
    (select json_agg(s order by s.operation_id, s.name) from keiyaku.stripe_calls s
      join keiyaku.operations o on o.id = s.operation_id where o.contract_id = ${contractId}) as journal,
    (select json_agg(n order by n.id) from keiyaku.notifications n where n.contract_id = ${contractId}) as notifications`;
  return row;
}
