import type {
  AtRest,
  CallRow,
  ContractRow,
  Effect,
  FinalEvidence,
  OperationRow,
  PaymentRow,
  RefundRow,
  SentRequest,
  Tables,
} from "../../chaos/judge/evidence.ts";

/*
 * The evidence of a small world in which all is well: a contract by card, which was registered, reserved its end at Stripe and had a
 * payment refunded; another that was refused; a mail; an event; two days. Each test plants one thing that is wrong.
 */

export function contract(overrides: Partial<ContractRow> = {}): ContractRow {
  return {
    id: "c1",
    kind: "monthly",
    payment_method: "card",
    status: "termination_reserved",
    version: 7,
    changed_by_operation_id: "refund-c1",
    termination_on: "2026-12-08",
    termination_source: "person",
    renewal_due_on: null,
    start_on: "2026-09-08",
    stripe_subscription_id: "sub_c1",
    former_stripe_subscription_ids: [],
    digest: "as it is",
    ...overrides,
  };
}

export function operation(overrides: Partial<OperationRow> = {}): OperationRow {
  return {
    id: "register-c1",
    sequence: 1,
    kind: "register",
    contract_id: "c1",
    actor_type: "operator",
    params: {},
    state: "succeeded",
    attempt: 1,
    occupies: false,
    accepted_at_ms: 1_000,
    concluded_at_ms: 1_500,
    rejection_code: null,
    outcome: { statusBefore: null, statusAfter: "active" },
    held_question: null,
    ...overrides,
  };
}

export const reserve = operation({
  id: "reserve-c1",
  sequence: 2,
  kind: "reserve_termination",
  accepted_at_ms: 2_000,
  concluded_at_ms: 3_000,
  outcome: { statusBefore: "active", statusAfter: "termination_reserved" },
});

export const refundOperation = operation({
  id: "refund-c1",
  sequence: 3,
  kind: "refund_payment",
  accepted_at_ms: 3_000,
  concluded_at_ms: 4_500,
  outcome: { statusBefore: "termination_reserved", statusAfter: "termination_reserved" },
});

export const refused = operation({
  id: "cancel-c1",
  sequence: 4,
  kind: "cancel",
  state: "rejected",
  rejection_code: "status_not_allowed",
  outcome: null,
  accepted_at_ms: 5_000,
  concluded_at_ms: 5_100,
});

export function call(overrides: Partial<CallRow> = {}): CallRow {
  return {
    operation_id: "refund-c1",
    name: "refund:c1:period:0",
    type: "call",
    request: { verb: "refund_payment", refundId: "c1:period:0:refund:1", paymentIntentId: "pi_c1_0" },
    idempotency_key: "keiyaku:refund-c1:refund:c1:period:0:1",
    key_number: 1,
    first_sent_at_ms: 4_000,
    answer: { type: "done", value: { id: "re_1", amountMinor: 1_980 } },
    answered_at_ms: 4_200,
    learned_by: "reply",
    request_id: "req_2",
    ...overrides,
  };
}

const reserveCall = call({
  operation_id: "reserve-c1",
  name: "reserve",
  request: { verb: "set_cancel_at_period_end", subscriptionId: "sub_c1" },
  idempotency_key: "keiyaku:reserve-c1:reserve:1",
  first_sent_at_ms: 2_500,
  answer: { type: "done", value: {} },
  answered_at_ms: 2_700,
  request_id: "req_1",
});

export function effect(overrides: Partial<Effect> = {}): Effect {
  return {
    sequence: 3,
    effect: "refund.created",
    object: "refund",
    objectId: "re_1",
    amount: 1_980,
    status: "succeeded",
    paymentIntent: "pi_c1_0",
    charge: "ch_c1_0",
    metadata: { keiyaku_refund: "c1:period:0:refund:1", keiyaku_operation: "refund-c1" },
    idempotencyKey: "keiyaku:refund-c1:refund:c1:period:0:1",
    requestId: "req_2",
    ...overrides,
  };
}

export const taken = effect({
  sequence: 1,
  effect: "seeded",
  object: "charge",
  objectId: "ch_c1_0",
  status: "succeeded",
  metadata: {},
  requestId: null,
});

export function request(overrides: Partial<SentRequest> = {}): SentRequest {
  return {
    sequence: 2,
    at: 4_010,
    method: "POST",
    path: "/v1/refunds",
    parametersDigest: "these",
    idempotencyKey: "keiyaku:refund-c1:refund:c1:period:0:1",
    requestId: "req_2",
    status: 200,
    replayed: false,
    ...overrides,
  };
}

const reserveRequest = request({
  sequence: 1,
  at: 2_510,
  path: "/v1/subscriptions/sub_c1",
  parametersDigest: "those",
  idempotencyKey: "keiyaku:reserve-c1:reserve:1",
  requestId: "req_1",
});

export function payment(overrides: Partial<PaymentRow> = {}): PaymentRow {
  return {
    id: "c1:period:0",
    contract_id: "c1",
    subject: "period",
    period: 0,
    state: "refunded",
    amount_minor: 1_980,
    stripe_payment_intent_id: "pi_c1_0",
    ...overrides,
  };
}

export function refund(overrides: Partial<RefundRow> = {}): RefundRow {
  return {
    id: "c1:period:0:refund:1",
    contract_id: "c1",
    payment_id: "c1:period:0",
    state: "succeeded",
    amount_minor: 1_980,
    stripe_payment_intent_id: "pi_c1_0",
    stripe_refund_id: "re_1",
    operation_id: "refund-c1",
    ...overrides,
  };
}

export const tables: Tables = {
  contracts: [contract()],
  operations: [operation(), reserve, refundOperation, refused],
  calls: [reserveCall, call()],
  payments: [payment()],
  refunds: [refund()],
  events: [{ id: "evt_1", state: "applied", operation_id: "refund-c1" }],
  notifications: [{ id: 1, cause: "refund-c1", kind: "refund_refused", recipient: "operators", state: "sent" }],
  runs: [
    { date: "2026-11-27", state: "done", started_at_ms: 9_000 },
    { date: "2026-11-28", state: "done", started_at_ms: 9_500 },
  ],
  tombstones: [],
  erased: [],
};

export const rest: AtRest = {
  subscriptions: [{ id: "sub_c1", status: "active", cancelAtPeriodEnd: true, cancelAt: 1_796_000_000 }],
  eventIds: ["evt_1"],
  connections: [{ name: "keiyaku-worker", state: "idle" }],
  connectionsMax: 10,
  files: [{ name: "worker-0", before: 40, after: 41 }],
  restart: { before: { contracts: "1" }, after: { contracts: "1" } },
  datesOwed: { first: "2026-11-27", last: "2026-11-28" },
  limits: { perSecond: 2, perEndpoint: 2 },
};

export const evidence: FinalEvidence = {
  tables,
  before: tables,
  seenCalls: tables.calls,
  seenOperations: tables.operations,
  ledger: [
    taken,
    effect({
      sequence: 2,
      effect: "subscription.updated",
      object: "subscription",
      objectId: "sub_c1",
      idempotencyKey: "keiyaku:reserve-c1:reserve:1",
      requestId: "req_1",
      metadata: {},
    }),
    effect(),
  ].map(({ amount, charge, paymentIntent, ...each }) =>
    each.object === "subscription"
      ? each
      : {
          ...each,
          ...(amount === undefined ? {} : { amount }),
          ...(charge === undefined || each.object === "charge" ? {} : { charge }),
          ...(paymentIntent === undefined ? {} : { paymentIntent }),
        },
  ),
  requests: [reserveRequest, request()],
  mails: [{ messageId: "<keiyaku.1.20261128@example.com>", to: "operators@example.com" }],
  told: [
    { at: 1_000, operationId: "register-c1", contractId: "c1", said: "accepted" },
    { at: 5_200, operationId: "cancel-c1", contractId: "c1", said: { state: "rejected" } },
  ],
  rest,
};
