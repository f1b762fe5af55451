import type { FaultRule } from "../../sandbox/stripe/core/fault-rule.ts";
import type { OperationKind } from "../../src/contract/operation.ts";
import { executeOperation } from "../../src/execution/execute-operation.ts";
import type { StripeGateway } from "../../src/stripe/gateway.ts";
import type { World } from "../e2e/workers/set-up.ts";
import { insertRows, operationRow } from "../support/store-rows.ts";
import { addDeleted, addMonthly, addOneTime, addOwed, addPending, type Monthly } from "./contracts.ts";

/** One kind of operation on a contract that is ready for it, and what is to come of it. */
export interface Scenario {
  readonly name: string;
  readonly kind: OperationKind;
  /** By which door it comes: as a request through the queue, or as a row of the ledger of 20 January 2025. */
  readonly door: "queue" | "ledger";
  readonly actor: "operator" | "schedule" | "stripe";
  readonly params: (contractId: string) => Readonly<Record<string, unknown>>;
  readonly prepare: (world: World, contractId: string) => Promise<void>;
  /** What hits its requests to Stripe in any case. */
  readonly faults: (contractId: string) => readonly FaultRule[];
  /** What its first attempt has done, once it is in the ledger and before any worker has it. */
  readonly begin?: (world: World, operationId: string) => Promise<void>;
  /** What is to take effect at Stripe, once each: written by hand from the specification. */
  readonly effects: readonly string[];
  /** The contract's status afterwards; null where it is deleted. */
  readonly status: string | null;
}

const paid = ["paid", "paid", "paid", "paid"] as const;
const suspended: Monthly = {
  contract: { status: "payment_unconfirmed" },
  periods: ["paid", "paid", "paid", "unpaid"],
  subscription: { status: "past_due" },
};
const reserved = { status: "termination_reserved", termination_on: "2025-02-08", termination_source: "person" };
/** The most that a worker of these tests refunds without asking a person. */
export const refundLimitMinor = 50_000;

const date = "2025-01-20";

function scenario(
  name: string,
  kind: OperationKind,
  prepare: Monthly | Scenario["prepare"],
  rest: Pick<Scenario, "effects" | "status"> & Partial<Scenario>,
): Scenario {
  return {
    name,
    kind,
    door: "ledger",
    actor: "operator",
    params: () => ({}),
    faults: () => [],
    prepare: typeof prepare === "function" ? prepare : (world, id) => addMonthly(world, id, prepare),
    ...rest,
  };
}

/** Cancelling the subscription stops the collection of its open invoice, which is then voided. */
const endedWithOpenInvoice = [
  "subscription.canceled",
  "invoice.updated 1980",
  "invoice.voided 1980",
  "payment_intent.canceled 1980",
];

/**
 * An attempt that read the subscription a month ago and was turned away with its first call. When it is taken up again, Stripe
 * has begun the period that it has by now.
 */
async function beginBeforeRenewal({ deps }: World, operationId: string): Promise<void> {
  const { gateway } = deps;
  const before: StripeGateway = {
    ...gateway,
    async readSubscription(id) {
      const reply = await gateway.readSubscription(id);
      if (reply.type !== "done" || reply.value.type !== "found") return reply;
      const period = { currentPeriodStartAt: "2024-12-08T03:00:00Z", currentPeriodEndAt: "2025-01-08T03:00:00Z" };
      return { ...reply, value: { ...reply.value, ...period } };
    },
    setCancelAtPeriodEnd: async () => ({ type: "not_now", reason: "rate_limited", requestId: null }),
  };
  await executeOperation({ ...deps, gateway: before }, operationId);
}

export const refund = scenario(
  "refund_payment",
  "refund_payment",
  { periods: paid },
  {
    door: "queue",
    params: (id) => ({ paymentId: `${id}:period:2`, revokeLicense: true }),
    effects: ["refund.created 1980"],
    status: "active",
  },
);

/** {@link refund}, for which Stripe takes longer over the look than an attempt may be silent before it goes on. */
export const slowRefund: Scenario = {
  ...refund,
  name: "refund_payment, and Stripe is slow",
  faults: (id) => [{ mode: "hold", ms: 10_500, method: "GET", path: `/v1/payment_intents/pi_${id}_2` }],
};

/**
 * Every kind that asks Stripe for anything, each on the longest of its ways, and the ways that only some operations take.
 * `dry-checks.ts` holds that none of those kinds is left out.
 */
export const scenarios: readonly Scenario[] = [
  scenario("confirm_payment, which asks Stripe nothing", "confirm_payment", (world, id) => world.register(id), {
    door: "queue",
    effects: [],
    status: "active",
  }),
  scenario(
    "cancel",
    "cancel",
    {
      contract: { status: "not_started", start_on: "2025-02-08", initial_fee_minor: 5_000 },
      periods: ["paid"],
      initialFee: "paid",
      invoices: [{ status: "paid" }, { status: "open" }],
    },
    { effects: [...endedWithOpenInvoice, "refund.created 1980", "refund.created 5000"], status: "canceled" },
  ),
  scenario("cancel_with_refund", "cancel_with_refund", addOneTime, {
    door: "queue",
    effects: ["refund.created 3000", "refund.created 9800"],
    status: "canceled",
  }),
  scenario(
    "reserve_termination",
    "reserve_termination",
    { periods: paid },
    {
      effects: ["subscription.updated"],
      status: "termination_reserved",
    },
  ),
  scenario(
    "withdraw_reservation",
    "withdraw_reservation",
    {
      contract: reserved,
      periods: paid,
      subscription: { cancelAtPeriodEnd: true },
    },
    { effects: ["subscription.updated"], status: "active" },
  ),
  scenario(
    "withdraw_reservation of an end with a date",
    "withdraw_reservation",
    {
      contract: { ...reserved, termination_source: "stripe" },
      periods: paid,
      subscription: { cancelAt: "2025-02-08T03:00:00Z" },
    },
    { effects: ["subscription.updated"], status: "active" },
  ),
  scenario("terminate", "terminate", suspended, {
    door: "queue",
    effects: endedWithOpenInvoice,
    status: "terminated",
  }),
  refund,
  scenario(
    "refund_payment of what is owed",
    "refund_payment",
    async (world, id) => {
      await addMonthly(world, id, { periods: paid });
      await addOwed(world, id, 1);
    },
    {
      params: (id) => ({ paymentId: `${id}:period:1` }),
      effects: ["refund.created 1980"],
      status: "active",
    },
  ),
  scenario(
    "delete",
    "delete",
    {
      ...suspended,
      periods: ["paid", "unpaid", "due"],
      invoices: [{ status: "paid" }, { status: "open" }, { status: "draft" }],
      initialFee: "paid",
      former: true,
    },
    {
      door: "queue",
      params: (id) => ({ confirm: id }),
      effects: [
        // Both subscriptions, which stops the collection of what is open and drafted; then the open invoice.
        ...endedWithOpenInvoice,
        "subscription.canceled",
        "invoice.updated 1980",
        "refund.created 1980",
        "refund.created 5000",
      ],
      status: null,
    },
  ),
  scenario(
    "replace_subscription",
    "replace_subscription",
    async (world, id) => {
      await addMonthly(world, id, { periods: paid });
      const common = { customer: `cus_${id}`, price: "price_magazine", anchorAt: "2025-01-08T03:00:00Z" };
      await world.stripe.control.seed({ subscriptions: [{ id: `sub_${id}_new`, ...common }] });
    },
    {
      params: (id) => ({ subscriptionId: `sub_${id}_new` }),
      effects: [],
      status: "active",
    },
  ),
  scenario(
    "start, of one whose end was set at Stripe",
    "start",
    {
      contract: { status: "not_started", start_on: date },
      periods: ["paid"],
      subscription: { cancelAtPeriodEnd: true },
    },
    { actor: "schedule", params: () => ({ date }), effects: [], status: "termination_reserved" },
  ),
  scenario(
    "end_special_period",
    "end_special_period",
    {
      contract: { status: "special_period", special_months: 3, special_price_minor: 980 },
      periods: paid,
    },
    { actor: "schedule", params: () => ({ date }), effects: [], status: "active" },
  ),
  scenario(
    "terminate_at_renewal",
    "terminate_at_renewal",
    {
      ...suspended,
      contract: { ...reserved, status: "payment_unconfirmed" },
      subscription: { status: "past_due", cancelAtPeriodEnd: true },
    },
    {
      actor: "schedule",
      params: () => ({ date: "2025-02-08" }),
      effects: endedWithOpenInvoice,
      status: "terminated",
    },
  ),
  scenario(
    "reserve_by_product_month",
    "reserve_by_product_month",
    {
      product: { automatic_termination_month: "2025-02" },
      periods: paid,
    },
    {
      actor: "schedule",
      params: () => ({ date }),
      effects: ["subscription.updated"],
      status: "termination_reserved",
    },
  ),
  scenario(
    "release_by_product_month",
    "release_by_product_month",
    {
      contract: { ...reserved, termination_source: "product_month" },
      periods: paid,
      subscription: { cancelAtPeriodEnd: true },
    },
    { actor: "schedule", params: () => ({ date }), effects: ["subscription.updated"], status: "active" },
  ),
  scenario(
    "record_payment of late money",
    "record_payment",
    {
      contract: { status: "terminated", ended_at: "2025-01-07T00:00:00Z" },
      periods: ["paid", "paid", "paid", "never_charged"],
      invoices: [{}, {}, {}, {}],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
    },
    {
      actor: "stripe",
      params: (id) => ({ invoiceId: `in_${id}_3` }),
      effects: ["refund.created 1980"],
      status: "terminated",
    },
  ),
  scenario(
    "record_payment of late money by one charge",
    "record_payment",
    (world, id) => addOneTime(world, id, { status: "canceled" }),
    {
      actor: "stripe",
      params: (id) => ({ paymentIntentId: `pi_${id}_0` }),
      effects: ["refund.created 3000", "refund.created 9800"],
      status: "canceled",
    },
  ),
  scenario("record_payment after a deletion", "record_payment", addDeleted, {
    actor: "stripe",
    params: (id) => ({ invoiceId: `in_${id}_0` }),
    effects: ["refund.created 1980"],
    status: null,
  }),
  scenario(
    "record_subscription_end",
    "record_subscription_end",
    {
      ...suspended,
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      former: true,
    },
    {
      actor: "stripe",
      params: (id) => ({ subscriptionId: `sub_${id}` }),
      effects: endedWithOpenInvoice,
      status: "terminated",
    },
  ),
  scenario(
    "record_subscription_end before the start",
    "record_subscription_end",
    {
      contract: { status: "not_started", start_on: "2025-02-08" },
      periods: ["paid"],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
    },
    {
      actor: "stripe",
      params: (id) => ({ subscriptionId: `sub_${id}` }),
      effects: ["refund.created 1980"],
      status: "canceled",
    },
  ),
  scenario(
    "record_subscription_change of one that has ended",
    "record_subscription_change",
    {
      ...suspended,
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      former: true,
    },
    {
      actor: "stripe",
      params: (id) => ({ subscriptionId: `sub_${id}` }),
      effects: endedWithOpenInvoice,
      status: "terminated",
    },
  ),
  scenario(
    "record_payment_failure",
    "record_payment_failure",
    {
      periods: ["paid", "paid", "paid", "due"],
      subscription: { status: "past_due" },
    },
    {
      actor: "stripe",
      params: (id) => ({ invoiceId: `in_${id}_3`, attempt: 1 }),
      effects: [],
      status: "payment_unconfirmed",
    },
  ),
  scenario("record_refund", "record_refund", (world, id) => addPending(world, id, 2), {
    actor: "stripe",
    params: (id) => ({ paymentIntentId: `pi_${id}_2` }),
    // Made before, and the only one.
    effects: ["refund.created 1980"],
    status: "active",
  }),
  scenario(
    "a reservation that Stripe's renewal overtakes",
    "reserve_termination",
    { periods: paid },
    {
      begin: beginBeforeRenewal,
      effects: ["subscription.updated", "subscription.updated"],
      status: "active",
    },
  ),
  scenario(
    "a call that meets the limit first",
    "reserve_termination",
    { periods: paid },
    {
      faults: (id) => [{ mode: "rate_limit_429", method: "POST", path: `/v1/subscriptions/sub_${id}`, times: 2 }],
      effects: ["subscription.updated"],
      status: "termination_reserved",
    },
  ),
  scenario(
    "a refund that a person has to let pass",
    "refund_payment",
    (world, id) => addOneTime(world, id, { priceMinor: refundLimitMinor + 1 }),
    {
      params: (id) => ({ paymentId: `${id}:one_time_price` }),
      effects: [`refund.created ${refundLimitMinor + 1}`],
      status: "established",
    },
  ),
  scenario(
    "an operation behind another",
    "withdraw_reservation",
    async (world, id) => {
      await addMonthly(world, id, { periods: paid });
      const first = { id: `first-${id}`, kind: "reserve_termination", contract_id: id };
      // It waits for a day of its own, until somebody makes it due.
      const later = new Date(Date.now() + 86_400_000);
      await insertRows(world.sql, "operations", operationRow({ ...first, next_attempt_at: later, ring_at: later }));
    },
    { effects: ["subscription.updated", "subscription.updated"], status: "active" },
  ),
  scenario(
    "a request that is refused after a look",
    "reserve_termination",
    {
      periods: paid,
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
    },
    { effects: [], status: "active" },
  ),
];
