import {
  callRow,
  contractRow,
  customerRow,
  licenseRow,
  lookRow,
  notificationRow,
  operationRow,
  paymentRow,
  productRow,
  refundRow,
  type StoreRow,
  someHash,
  someTime,
} from "../../../support/store-rows.ts";

/** A valid row of every table, in an order in which they can be inserted. Together they tell one contract's story. */
export const validRows = {
  products: productRow(),
  customers: customerRow(),
  contracts: contractRow({ payment_method: "card" }),
  signups: { contract_id: "c-1", applied_at: someTime, channel: "web" },
  payments: paymentRow({ stripe_invoice_id: "in_1" }),
  licenses: licenseRow(),
  refunds: refundRow({ state: "due" }),
  operations: operationRow({ state: "executing" }),
  stripe_calls: callRow(),
  notifications: notificationRow(),
  refused_requests: {
    code: "id_reused",
    field: "id",
    problem: "was used before",
    content_hash: someHash,
    content: "{}",
    size_bytes: 2,
  },
  stripe_events: {
    id: "evt_1",
    type: "invoice.paid",
    livemode: false,
    api_version: "2025-01-01",
    created_at: someTime,
    arrived_by: "relay",
  },
  event_backfills: { source: "stripe", listed_until: someTime, finished_at: someTime, missed: 0 },
  maintenance_runs: { business_date: "2025-01-20", state: "running", phase: "start", cursor: [] },
  book_checks: { kind: "reconcile", asked_by: "nightly", total: 3 },
  refund_hours: { hour: someTime, amount_minor: 1_980 },
  tombstones: { contract_id: "c-0", operation_id: "op-0", stripe_ids: "{sub_0}", payments: [] },
  erased_customers: { id: "cust-0", version: 3 },
  erased_operations: { id: "op-00", contract_id: "c-0" },
} as const satisfies Readonly<Record<string, StoreRow>>;

export type TableName = keyof typeof validRows;

/** Another contract, payment, … beside the valid one: the same but for its key and what must differ. */
const card = (overrides: StoreRow): StoreRow =>
  contractRow({ id: "c-2", payment_method: "card", stripe_subscription_id: "sub_2", ...overrides });
const contract = (overrides: StoreRow): StoreRow => contractRow({ id: "c-2", ...overrides });
const once = (overrides: StoreRow): StoreRow => contract({ kind: "one_time", status: "established", ...overrides });
const payment = (overrides: StoreRow): StoreRow => paymentRow({ id: "payment", period: 1, ...overrides });
const refund = (overrides: StoreRow): StoreRow => refundRow({ id: "refund", payment_id: "c-1:period:0", ...overrides });
const operation = (overrides: StoreRow): StoreRow => operationRow({ id: "op-2", contract_id: "c-2", ...overrides });
const call = (overrides: StoreRow): StoreRow => callRow({ name: "another", ...overrides });
const look = (overrides: StoreRow): StoreRow => lookRow({ name: "another", ...overrides });
const mail = (overrides: StoreRow): StoreRow => notificationRow({ cause: "op-2", ...overrides });
const operatorsMail = { recipient: "operators", address: "a@example.com" };
const event = (overrides: StoreRow): StoreRow => ({ ...validRows.stripe_events, id: "evt_2", ...overrides });
const run = (overrides: StoreRow): StoreRow => ({
  ...validRows.maintenance_runs,
  business_date: "2025-01-21",
  ...overrides,
});
const runDone = { state: "done", phase: null, cursor: null, done_at: someTime, result: {} };
const refused = (overrides: StoreRow): StoreRow => ({
  ...validRows.refused_requests,
  content_hash: "f".repeat(64),
  ...overrides,
});
const bookCheck = (overrides: StoreRow): StoreRow => ({ ...validRows.book_checks, ...overrides });
const tooMuch = 1_000_000_000_000;

/**
 * For every constraint and unique index of a table, rows that violate it and nothing else, beside the valid rows. A row
 * each for the ways in which a condition of several parts can be violated.
 */
export const plantedViolations: Readonly<Record<TableName, Readonly<Record<string, readonly StoreRow[]>>>> = {
  products: {
    products_pkey: [productRow()],
    products_id_form: ["", "a b", "a/b", "ä", "x".repeat(65)].map((id) => productRow({ id })),
    products_price_is_amount: [-1, tooMuch].map((price_minor) => productRow({ id: "p-2", price_minor })),
    products_month_form: ["2025-00", "2025-13", "2025/01", "25-01-0"].map((month) =>
      productRow({ id: "p-2", automatic_termination_month: month }),
    ),
    products_version_counts_from_one: [productRow({ id: "p-2", version: 0 })],
  },
  customers: {
    customers_pkey: [customerRow()],
    customers_id_form: [customerRow({ id: "a:b" })],
    customers_locale_is_known: [customerRow({ id: "cust-2", locale: "fr" })],
    customers_email_is_one_address: ["", "nobody", "a@b@c", "a b@c", "a@b, c@d"].map((email) =>
      customerRow({ id: "cust-2", email }),
    ),
    customers_version_counts_from_one: [customerRow({ id: "cust-2", version: 0 })],
  },
  contracts: {
    contracts_pkey: [contractRow()],
    contracts_product_id_products_id_fk: [contract({ product_id: "nothing" })],
    contracts_customer_id_customers_id_fk: [contract({ customer_id: "nobody" })],
    contracts_id_form: [contract({ id: "a b" })],
    contracts_price_is_amount: [-1, tooMuch].map((price_minor) => contract({ price_minor })),
    contracts_initial_fee_is_amount: [-1, tooMuch].map((initial_fee_minor) => contract({ initial_fee_minor })),
    contracts_special_price_is_amount: [-1, tooMuch].map((price) =>
      contract({ special_months: 1, special_price_minor: price }),
    ),
    contracts_special_price_has_months: [
      contract({ special_months: 1 }),
      contract({ special_price_minor: 0 }),
      contract({ special_months: -1 }),
    ],
    contracts_only_monthly_is_special: [once({ special_months: 1, special_price_minor: 0 })],
    contracts_renewed_by_the_calendar: [
      contract({ renewal_due_on: null }),
      card({ renewal_due_on: "2025-02-08" }),
      once({ renewal_due_on: "2025-02-08" }),
    ],
    contracts_status_fits_kind: [
      contract({ status: "established" }),
      ...["active", "special_period", "termination_reserved", "payment_unconfirmed", "terminated"].map((status) =>
        once({ ...pick(contractRow({ status }), "termination_on", "termination_source", "ended_at"), status }),
      ),
    ],
    contracts_operator_never_by_card: [card({ origin: "operator" })],
    contracts_card_names_its_stripe_objects: [
      card({ stripe_customer_id: null }),
      card({ stripe_subscription_id: null }),
      once({ payment_method: "card", stripe_customer_id: null }),
      once({ payment_method: "card", stripe_payment_intent_id: null }),
      contract({ stripe_customer_id: "cus_2" }),
      contract({ stripe_subscription_id: "sub_2" }),
      contract({ stripe_payment_intent_id: "pi_2" }),
    ],
    contracts_reservation_is_whole: [
      contract({ status: "termination_reserved", termination_source: null }),
      contract({ status: "termination_reserved", termination_on: null }),
      contract({ status: "termination_reserved", termination_on: null, termination_source: null }),
      contract({ termination_on: "2025-02-08", termination_source: "person" }),
    ],
    contracts_asked_by_another_than_the_month: [
      contract({
        status: "termination_reserved",
        termination_on: "2025-02-08",
        termination_source: "person",
        termination_asked_by: "person",
      }),
      contract({
        status: "termination_reserved",
        termination_on: "2025-02-08",
        termination_source: "product_month",
        termination_asked_by: "product_month",
      }),
    ],
    contracts_end_has_a_time: [
      contract({ ended_at: someTime }),
      contract({ status: "canceled", ended_at: null }),
      contract({ status: "terminated", ended_at: null }),
    ],
    contracts_former_subscriptions_are_former: [
      card({ former_stripe_subscription_ids: "{sub_2}" }),
      contract({ former_stripe_subscription_ids: "{sub_0}" }),
    ],
    contracts_version_counts_from_one: [contract({ version: 0 })],
    contracts_one_per_subscription: [card({ stripe_subscription_id: "sub_1" })],
    contracts_one_per_payment_intent: [once({ id: "c-4", payment_method: "card", stripe_payment_intent_id: "pi_3" })],
  },
  signups: {
    signups_pkey: [validRows.signups],
    signups_contract_id_contracts_id_fk: [{ ...validRows.signups, contract_id: "nowhere" }],
  },
  payments: {
    payments_pkey: [payment({ id: "c-1:period:0" })],
    payments_contract_id_contracts_id_fk: [payment({ contract_id: "nowhere" })],
    payments_amount_is_amount: [-1, tooMuch].map((amount_minor) => payment({ amount_minor })),
    payments_period_is_whole: [
      payment({ subject: "initial_fee", period: 1, starts_on: "2024-11-08" }),
      payment({ period: null, starts_on: null }),
    ],
    payments_period_has_a_start: [
      payment({ starts_on: null }),
      payment({ subject: "initial_fee", period: null, starts_on: "2024-11-08" }),
    ],
    payments_period_counts_from_zero: [payment({ period: -1 })],
    payments_paid_has_a_time: [
      payment({ paid_at: null }),
      payment({ state: "refunded", paid_at: null }),
      payment({ state: "due", paid_at: someTime }),
    ],
    payments_one_per_subject_by_hand: [
      payment({ period: 7 }),
      payment({ subject: "initial_fee", period: null, starts_on: null }),
    ],
    payments_one_per_subject_of_intent: [payment({ period: 9, stripe_payment_intent_id: "pi_9" })],
    payments_one_per_subject_of_invoice: [payment({ period: 0, stripe_invoice_id: "in_1" })],
  },
  licenses: {
    licenses_pkey: [validRows.licenses],
    licenses_payment_id_payments_id_fk: [licenseRow({ payment_id: "nothing" })],
    licenses_contract_id_contracts_id_fk: [licenseRow({ payment_id: "c-1:period:7", contract_id: "nowhere" })],
    licenses_revocation_is_whole: [
      licenseRow({ payment_id: "c-1:period:7", revoked_at: someTime }),
      licenseRow({ payment_id: "c-1:period:7", revoked_because: "refunded" }),
    ],
  },
  refunds: {
    refunds_pkey: [refund({ id: "c-1:period:0:refund:1", state: "succeeded", stripe_refund_id: "re_2" })],
    refunds_amount_is_positive: [-1, 0, tooMuch].map((amount_minor) => refund({ amount_minor })),
    refunds_stripe_id_fits_state: [
      ...["pending", "requires_action", "succeeded", "failed", "canceled"].map((state) =>
        refund({ state, stripe_refund_id: null }),
      ),
      ...["due", "manual_due"].map((state) => refund({ state, stripe_refund_id: "re_2" })),
    ],
    refunds_only_failed_ones_are_superseded: ["due", "pending", "manual_due"].map((state) =>
      refund({ ...refundRow({ state }), id: "refund", payment_id: "c-1:period:7", superseded_by: "another" }),
    ),
    refunds_by_hand_is_not_of_stripe: [refund({ payment_id: "c-1:period:7", stripe_payment_intent_id: "pi_1" })],
    refunds_only_owed_ones_are_refused: ["manual_done", "manual_due", "pending"].map((state) =>
      refund({ ...refundRow({ state }), id: "refund", refusal_code: "charge_disputed" }),
    ),
    refunds_settled_has_a_time: [
      ...["succeeded", "manual_done", "waived"].map((state) => refund({ state, settled_at: null })),
      ...["manual_due", "pending", "failed"].map((state) => refund({ state, settled_at: someTime })),
    ],
    refunds_one_per_stripe_refund_and_payment: [
      refund({ payment_id: "c-1:period:7", state: "succeeded", stripe_refund_id: "re_9" }),
    ],
    refunds_one_waiting_per_payment: [refund({ state: "due" }), refund({ state: "manual_due" })],
  },
  operations: {
    operations_pkey: [operation({ id: "op-1" })],
    operations_id_form: [operation({ id: "a b" })],
    operations_contract_id_form: [operation({ contract_id: "a b" })],
    operations_params_is_object: [operation({ params: [] }), operation({ params: "{}" })],
    operations_frozen_facts_is_object: [operation({ frozen_facts: "{}" })],
    operations_held_question_is_object: [operation({ held_question: "{}" })],
    operations_rejection_detail_is_object: [operation({ rejection_detail: "{}" })],
    operations_outcome_is_object: [operation({ state: "succeeded", outcome: "{}" })],
    operations_abandonment_is_object: [operation({ state: "abandoned", abandonment: "{}" })],
    operations_retries_is_list: [operation({ retries: "[]" }), operation({ retries: {} })],
    operations_attempts_count_up: [
      operation({ attempt: 1, attempts_counted: 2 }),
      operation({ attempt: 1, attempts_counted: -1 }),
    ],
    operations_final_has_a_time: [
      operation({ concluded_at: someTime }),
      ...["succeeded", "rejected", "abandoned"].map((state) => operation({ state, concluded_at: null })),
    ],
    operations_succeeded_has_outcome: [
      operation({ state: "succeeded", outcome: null }),
      operation({ state: "rejected", outcome: {} }),
    ],
    operations_rejected_has_code: [
      operation({ state: "rejected", rejection_code: null }),
      operation({ state: "succeeded", rejection_code: "period_unpaid" }),
    ],
    operations_abandoned_has_person: [
      operation({ state: "abandoned", abandonment: null }),
      operation({ abandonment: {} }),
    ],
    operations_held_has_question: [operation({ state: "held", held_question: null })],
    operations_only_open_ones_occupy: ["succeeded", "rejected", "abandoned"].map((state) =>
      operation({ state, occupies: true }),
    ),
    operations_executing_occupies: [
      operation({ state: "executing", occupies: false }),
      operation({ state: "executing", touched_at: null }),
    ],
    operations_ringing_is_for_open_ones: [
      operation({ ring_at: null }),
      operation({ state: "executing", ring_at: null }),
      operation({ state: "held", ring_at: someTime }),
      operation({ state: "succeeded", ring_at: someTime }),
    ],
    operations_one_occupies_a_contract: [
      operation({ contract_id: "c-1", state: "executing" }),
      operation({ contract_id: "c-1", state: "held", occupies: true }),
    ],
  },
  stripe_calls: {
    stripe_calls_operation_id_name_pk: [callRow()],
    stripe_calls_operation_id_operations_id_fk: [call({ operation_id: "nothing" })],
    stripe_calls_request_is_object: [call({ request: "{}" }), look({ request: [] })],
    stripe_calls_answer_is_object: [call({ answer: "{}" }), look({ answer: [] })],
    stripe_calls_type_is_known: [look({ type: "glance" })],
    stripe_calls_call_has_key: [
      ...["idempotency_key", "key_number", "first_sent_at", "last_sent_at"].map((column) => call({ [column]: null })),
      look({ idempotency_key: "key" }),
      look({ key_number: 1 }),
      look({ first_sent_at: someTime }),
      look({ last_sent_at: someTime }),
    ],
    stripe_calls_look_is_answered: [look({ answer: null, answered_at: null, learned_by: null })],
    stripe_calls_answer_is_whole: [
      call({ answered_at: someTime }),
      call({ learned_by: "look" }),
      call({ answer: {}, answered_at: null }),
      call({ answer: {}, learned_by: null }),
    ],
    stripe_calls_learned_by_is_known: [call({ answer: {}, learned_by: "hearsay" })],
    stripe_calls_key_counts_from_one: [call({ key_number: 0 })],
    stripe_calls_last_follows_first: [call({ last_sent_at: "2025-01-20T02:59:59Z" })],
  },
  notifications: {
    notifications_detail_is_object: [mail({ detail: "{}" })],
    notifications_recipient_is_known: [mail({ recipient: "everybody" })],
    notifications_only_operators_have_an_address: [mail({ address: "a@example.com" })],
    notifications_copy_has_an_address: [mail({ recipient: "operators", copy_of: 1 })],
    notifications_copy_of_notifications_id_fk: [mail({ ...operatorsMail, copy_of: 99 })],
    notifications_one_copy_per_address: [mail({ ...operatorsMail, copy_of: 1 })],
    notifications_state_is_known: [mail({ state: "lost" })],
    notifications_sent_has_a_time: [mail({ state: "sent", sent_at: null }), mail({ sent_at: someTime })],
    notifications_claimed_has_a_time: [mail({ state: "claimed", claimed_at: null }), mail({ claimed_at: someTime })],
    notifications_refused_has_a_problem: [mail({ state: "refused", problem: null })],
    notifications_attempts_count_up: [mail({ attempt: -1 })],
    notifications_resends_is_list: [mail({ resends: "{}" })],
    notifications_waiting_has_a_time: [
      mail({ next_attempt_at: null }),
      mail({ state: "claimed", next_attempt_at: someTime }),
    ],
    notifications_one_per_cause_and_recipient: [notificationRow()],
  },
  refused_requests: {
    refused_requests_code_is_known: [refused({ code: "disliked" })],
    refused_requests_content_is_an_excerpt: [refused({ content: "x".repeat(8_193) })],
    refused_requests_once_each: [validRows.refused_requests],
  },
  stripe_events: {
    stripe_events_pkey: [event({ id: "evt_1" })],
    stripe_events_body_is_object: [event({ body: "{}" })],
    stripe_events_mentions_are_of_a_body: [event({ mentions: "{cus_1}" })],
    stripe_events_state_is_known: [event({ state: "lost", look_at: null })],
    stripe_events_concluded_has_a_time: [
      event({ state: "applied", operation_id: "op-1", look_at: null }),
      event({ state: "ignored", state_reason: "unknown_type", look_at: null }),
      event({ concluded_at: someTime }),
    ],
    stripe_events_reason_where_needed: [
      event({ state: "ignored", concluded_at: someTime, look_at: null }),
      event({ state: "held", look_at: null }),
    ],
    stripe_events_arrived_by_is_known: [event({ arrived_by: "pigeon" })],
    stripe_events_applied_names_operation: [
      event({ state: "applied", concluded_at: someTime, look_at: null }),
      event({ operation_id: "op-1" }),
    ],
    stripe_events_looked_at_while_waiting: [
      event({ look_at: null }),
      event({ state: "held", state_reason: "unreadable" }),
    ],
    stripe_events_looks_count_up: [event({ looks: -1 })],
  },
  event_backfills: {
    event_backfills_pkey: [validRows.event_backfills],
    event_backfills_one_row: [{ ...validRows.event_backfills, source: "other" }],
    event_backfills_missed_counts_up: [{ ...validRows.event_backfills, missed: -1 }],
  },
  refund_hours: {
    refund_hours_pkey: [validRows.refund_hours],
    refund_hours_amount_is_positive: [{ ...validRows.refund_hours, amount_minor: 0 }],
  },
  maintenance_runs: {
    maintenance_runs_pkey: [validRows.maintenance_runs],
    maintenance_runs_result_is_object: [run({ ...runDone, result: "{}" })],
    maintenance_runs_cursor_is_list: [run({ cursor: {} })],
    maintenance_runs_requested_counts_up: [run({ requested: -1 })],
    maintenance_runs_state_is_known: [run({ ...runDone, state: "late", done_at: null, result: null })],
    maintenance_runs_running_has_a_phase: [run({ phase: null }), run({ ...runDone, phase: "renew" })],
    maintenance_runs_done_looks_no_further: [run({ ...runDone, cursor: [] })],
    maintenance_runs_done_has_a_time: [run({ ...runDone, done_at: null }), run({ done_at: someTime })],
    maintenance_runs_done_has_result: [run({ ...runDone, result: null }), run({ result: {} })],
  },
  book_checks: {
    book_checks_kind_is_known: [bookCheck({ kind: "guess" })],
    book_checks_asked_by_is_known: [bookCheck({ asked_by: "nobody" })],
    book_checks_state_is_known: [bookCheck({ state: "late" })],
    book_checks_done_has_a_time: [bookCheck({ state: "done" }), bookCheck({ done_at: someTime })],
    book_checks_looked_counts_up: [bookCheck({ looked: -1 }), bookCheck({ total: -1 })],
    book_checks_counts_is_object: [bookCheck({ counts: "{}" })],
    book_checks_findings_is_list: [bookCheck({ findings: "[]" }), bookCheck({ findings: {} })],
  },
  tombstones: {
    tombstones_pkey: [validRows.tombstones],
    tombstones_payments_is_list: [{ ...validRows.tombstones, contract_id: "c-9", payments: {} }],
    tombstones_contract_id_form: [{ ...validRows.tombstones, contract_id: "a b" }],
    tombstones_version_counts_from_one: [{ ...validRows.tombstones, contract_id: "c-9", version: 0 }],
  },
  erased_customers: {
    erased_customers_pkey: [validRows.erased_customers],
    erased_customers_id_form: [{ id: "cust 1", version: 1 }],
    erased_customers_version_counts_from_one: [{ id: "cust-9", version: 0 }],
  },
  erased_operations: { erased_operations_pkey: [validRows.erased_operations] },
};

/** Rows beside the valid ones that some violations collide with. */
export const furtherRows: readonly (readonly [TableName, StoreRow])[] = [
  [
    "contracts",
    contractRow({
      id: "c-3",
      kind: "one_time",
      status: "established",
      payment_method: "card",
      stripe_payment_intent_id: "pi_3",
    }),
  ],
  ["notifications", mail({ ...operatorsMail, copy_of: 1 })],
  ["payments", paymentRow({ period: 7 })],
  ["payments", paymentRow({ period: 9, stripe_payment_intent_id: "pi_9" })],
  ["payments", paymentRow({ subject: "initial_fee" })],
  ["refunds", refundRow({ id: "settled", payment_id: "c-1:period:7", state: "succeeded", stripe_refund_id: "re_9" })],
];

/** Keys that only the database gives out: a number cannot be given twice because nobody may give one. */
export const generatedKeys: readonly string[] = [
  "book_checks_pkey",
  "notifications_pkey",
  "refused_requests_pkey",
  "operations_sequence_unique",
];

function pick(row: StoreRow, ...columns: string[]): StoreRow {
  return Object.fromEntries(columns.map((column) => [column, row[column]]));
}
