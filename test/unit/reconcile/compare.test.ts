import { describe, expect, it } from "vitest";
import type { BusinessDate } from "../../../src/contract/calendar.ts";
import type { Contract, Payment, Refund } from "../../../src/contract/contract.ts";
import type { RefundSeen, SubscriptionSeen } from "../../../src/contract/step.ts";
import { compare } from "../../../src/reconcile/compare.ts";
import { type Difference, differenceTypes, explainDifference } from "../../../src/reconcile/difference.ts";
import type { SeenInvoice, StripeFacts } from "../../../src/reconcile/stripe-facts.ts";
import type { BookedContract } from "../../../src/store/read-books.ts";

/*
 * A monthly contract by card that began on 8 October 2024 and is in its period 3, from 8 January 2025 on: periods 0 and 3 are
 * paid and named. Each case says what is otherwise in our books or at Stripe, and what is told of it.
 */

const on = (date: string) => date as BusinessDate;

const contract: Contract = {
  id: "c-1",
  productId: "magazine",
  customerId: "customer-1",
  kind: "monthly",
  paymentMethod: "card",
  origin: "application",
  status: "active",
  currency: "jpy",
  priceMinor: 1_980,
  initialFeeMinor: 0,
  specialPriceMinor: null,
  specialMonths: 0,
  startOn: on("2024-10-08"),
  terminationOn: null,
  terminationSource: null,
  terminationAskedBy: null,
  renewalDueOn: null,
  createdAt: "2024-10-01T03:00:00Z",
  endedAt: null,
  stripeCustomerId: "cus_1",
  stripeSubscriptionId: "sub_1",
  formerStripeSubscriptionIds: [],
  stripePaymentIntentId: null,
  version: 4,
};

function payment(period: number, overrides: Partial<Payment> = {}): Payment {
  return {
    id: `c-1:period:${period}`,
    subject: "period",
    period,
    amountMinor: 1_980,
    state: "paid",
    paidAt: "2025-01-08T03:00:00Z",
    stripePaymentIntentId: `pi_${period}`,
    stripeInvoiceId: `in_${period}`,
    dispute: null,
    ...overrides,
  };
}

function refund(overrides: Partial<Refund> = {}): Refund {
  return {
    id: "c-1:period:3:refund:1",
    paymentId: "c-1:period:3",
    amountMinor: 1_980,
    state: "succeeded",
    stripeRefundId: "re_1",
    stripePaymentIntentId: "pi_3",
    supersededBy: null,
    ...overrides,
  };
}

type Subscription = Extract<SubscriptionSeen, { type: "found" }>;

function subscription(overrides: Partial<Subscription> = {}): Subscription {
  return {
    type: "found",
    id: "sub_1",
    customerId: "cus_1",
    stripeSubscriptionStatus: "active",
    cancelAtPeriodEnd: false,
    cancelAt: null,
    currentPeriodStartAt: "2025-01-08T03:00:00Z",
    currentPeriodEndAt: "2025-02-08T03:00:00Z",
    endedAt: null,
    ...overrides,
  };
}

function invoice(period: number, lines: "read" | "unread" = "unread"): SeenInvoice {
  const startsAt = `2025-0${period - 2}-08T03:00:00Z`;
  const paid = { id: `in_${period}`, amountPaidMinor: 1_980, paidAt: startsAt, paymentIntentId: `pi_${period}` };
  return {
    ...paid,
    lines:
      lines === "unread"
        ? null
        : {
            type: "found",
            stripeInvoiceStatus: "paid",
            amountDueMinor: 1_980,
            subscriptionId: "sub_1",
            billingReason: "subscription_cycle",
            autoAdvance: false,
            nextAttemptAt: null,
            ...paid,
            lines: [
              {
                id: "il_1",
                amountMinor: 1_980,
                startsAt,
                endsAt: `2025-0${period - 1}-08T03:00:00Z`,
                billsSubscription: true,
                isProration: false,
              },
            ],
          },
  };
}

function charge(refunds: readonly Partial<RefundSeen>[] = [], chargedMinor = 1_980) {
  const seen = refunds.map((each) => ({
    id: "re_1",
    amountMinor: 1_980,
    stripeRefundStatus: "succeeded",
    refundId: null,
    ...each,
  }));
  const given = seen.filter(({ stripeRefundStatus }) => !["failed", "canceled"].includes(stripeRefundStatus));
  const leftMinor = given.reduce((left, { amountMinor }) => left - amountMinor, chargedMinor);
  return { type: "found", chargedMinor, leftMinor, disputed: false, refunds: seen } as const;
}

interface Case {
  readonly contract?: Partial<Contract>;
  readonly payments?: readonly Payment[];
  readonly refunds?: readonly Refund[];
  readonly notedPaid?: readonly string[];
  readonly stripe?: Partial<StripeFacts>;
}

function differencesOf({
  contract: terms = {},
  payments = [payment(3)],
  refunds = [],
  notedPaid = [],
  stripe = {},
}: Case) {
  const books: BookedContract = {
    contract: { ...contract, ...terms },
    payments,
    refunds,
    notedPaid,
    isBusy: false,
  };
  const facts: StripeFacts = {
    subscription: subscription(),
    formerRunning: [],
    strangers: [],
    invoices: [invoice(3)],
    paymentIntent: null,
    refunds: new Map([["pi_3", charge()]]),
    ...stripe,
  };
  return compare(books, facts, "Asia/Tokyo");
}

const suspended = { status: "payment_unconfirmed" } as const;
const reserved = {
  status: "termination_reserved",
  terminationOn: on("2025-02-08"),
  terminationSource: "person",
} as const;
const ended = { status: "terminated", endedAt: "2025-01-10T00:00:00Z" } as const;
const of = (overrides: Partial<Subscription>) => ({ subscription: subscription(overrides) });
const refundsOf = (...refunds: readonly Partial<RefundSeen>[]) => ({ refunds: new Map([["pi_3", charge(refunds)]]) });
const oneTime = {
  kind: "one_time",
  status: "established",
  stripeSubscriptionId: null,
  stripePaymentIntentId: "pi_9",
} as const;
const once = payment(0, {
  id: "c-1:one_time_price",
  subject: "one_time_price",
  period: null,
  stripeInvoiceId: null,
  stripePaymentIntentId: "pi_9",
});
const intent = {
  type: "found",
  id: "pi_9",
  stripePaymentIntentStatus: "succeeded",
  amountReceivedMinor: 1_980,
  paidAt: "2024-10-08T03:00:00Z",
} as const;
const noSubscription = { subscription: null, invoices: [] } as const;

const change = "record_subscription_change sub_1";

const told: readonly (readonly [string, Case, readonly string[]])[] = [
  ["all the same", {}, []],
  [
    "a subscription that Stripe does not have",
    { stripe: { subscription: { type: "missing" } } },
    ["subscription_missing"],
  ],
  ["one of another customer", { stripe: of({ customerId: "cus_2" }) }, ["subscription_of_other_customer"]],
  [
    "one that has ended",
    { stripe: of({ stripeSubscriptionStatus: "canceled", endedAt: "2025-01-09T00:00:00Z" }) },
    ["subscription_ended record_subscription_end sub_1"],
  ],
  [
    "one that never began",
    {
      contract: { status: "awaiting_payment" },
      payments: [],
      stripe: { ...of({ stripeSubscriptionStatus: "incomplete_expired" }), invoices: [] },
    },
    ["subscription_ended record_subscription_end sub_1"],
  ],
  ...["past_due", "unpaid", "paused"].flatMap((stripeSubscriptionStatus) =>
    (["active", "special_period", "not_started"] as const).map(
      (status) =>
        [
          `${stripeSubscriptionStatus} while ${status}`,
          { contract: { status }, stripe: of({ stripeSubscriptionStatus }) },
          [`subscription_unpaid ${change}`],
        ] as const,
    ),
  ),
  ["past_due while suspended", { contract: suspended, stripe: of({ stripeSubscriptionStatus: "past_due" }) }, []],
  [
    "past_due while nothing was paid yet",
    { contract: { status: "awaiting_payment" }, stripe: of({ stripeSubscriptionStatus: "past_due" }) },
    [],
  ],
  ["incomplete while active", { stripe: of({ stripeSubscriptionStatus: "incomplete" }) }, ["subscription_incomplete"]],
  [
    "incomplete while nothing was paid yet",
    {
      contract: { status: "awaiting_payment" },
      payments: [],
      stripe: { ...of({ stripeSubscriptionStatus: "incomplete" }), invoices: [], refunds: new Map() },
    },
    [],
  ],
  ["active and paid while suspended", { contract: suspended }, [`contract_still_suspended ${change}`]],
  [
    "active and unpaid while suspended",
    { contract: suspended, payments: [], stripe: { invoices: [], refunds: new Map() } },
    ["subscription_runs_unpaid"],
  ],
  [
    "active while suspended, and the payment is missing here",
    { contract: suspended, payments: [], stripe: { invoices: [invoice(3, "read")], refunds: new Map() } },
    ["payment_missing record_payment in_3"],
  ],
  [
    "an end at the period's end that is not reserved",
    { stripe: of({ cancelAtPeriodEnd: true }) },
    [`reservation_missing ${change}`],
  ],
  [
    "an end at a moment that is not reserved",
    { stripe: of({ cancelAt: "2025-06-08T03:00:00Z" }) },
    [`reservation_missing ${change}`],
  ],
  [
    "the same while suspended",
    { contract: suspended, stripe: of({ stripeSubscriptionStatus: "past_due", cancelAtPeriodEnd: true }) },
    [`reservation_missing ${change}`],
  ],
  ["the same before it starts", { contract: { status: "not_started" }, stripe: of({ cancelAtPeriodEnd: true }) }, []],
  ["a reservation on both sides", { contract: reserved, stripe: of({ cancelAtPeriodEnd: true }) }, []],
  ["a reservation that Stripe does not have", { contract: reserved }, [`reservation_lifted ${change}`]],
  [
    "a reservation for another date",
    { contract: reserved, stripe: of({ cancelAt: "2025-03-08T03:00:00Z" }) },
    [`reservation_date_differs ${change}`],
  ],
  ["another end of the period", { stripe: of({ currentPeriodEndAt: "2025-02-12T03:00:00Z" }) }, ["period_end_differs"]],
  [
    "another end of the period of a subscription that took the place of another",
    {
      contract: { formerStripeSubscriptionIds: ["sub_0"] },
      stripe: of({ currentPeriodEndAt: "2025-02-12T03:00:00Z" }),
    },
    [],
  ],
  [
    "another end of the period while suspended",
    {
      contract: suspended,
      stripe: of({ stripeSubscriptionStatus: "past_due", currentPeriodEndAt: "2025-02-12T03:00:00Z" }),
    },
    [],
  ],
  [
    "the end of a trial",
    { stripe: of({ stripeSubscriptionStatus: "trialing", currentPeriodEndAt: "2025-02-12T03:00:00Z" }) },
    [],
  ],
  // 31 January 00:30 in Tokyo is 30 January 15:30 in UTC, a month after which is 28 February 15:30: 1 March in Tokyo.
  [
    "an end that UTC clips at the end of February",
    {
      contract: { startOn: on("2025-01-31") },
      payments: [],
      stripe: {
        ...of({ currentPeriodStartAt: "2025-01-30T15:30:00Z", currentPeriodEndAt: "2025-02-28T15:30:00Z" }),
        invoices: [],
        refunds: new Map(),
      },
    },
    [],
  ],
  // 1 March 00:30 in Tokyo is 28 February in UTC, so that it renews on the 28th there: 29 March in Tokyo.
  [
    "an end that UTC counts from the month before",
    {
      contract: { startOn: on("2025-03-01") },
      payments: [],
      stripe: {
        ...of({ currentPeriodStartAt: "2025-02-28T15:30:00Z", currentPeriodEndAt: "2025-03-28T15:30:00Z" }),
        invoices: [],
        refunds: new Map(),
      },
    },
    [],
  ],
  [
    "an end a day late that UTC does not clip",
    {
      contract: { startOn: on("2025-01-31") },
      payments: [],
      stripe: {
        ...of({ currentPeriodStartAt: "2025-01-31T03:00:00Z", currentPeriodEndAt: "2025-03-01T03:00:00Z" }),
        invoices: [],
        refunds: new Map(),
      },
    },
    ["period_end_differs"],
  ],
  [
    "an ended contract whose subscription has ended",
    { contract: ended, stripe: of({ stripeSubscriptionStatus: "canceled" }) },
    [],
  ],
  ["an ended contract without a subscription", { contract: ended, stripe: { subscription: { type: "missing" } } }, []],
  ["an ended contract whose subscription runs", { contract: ended }, ["subscription_outlives_contract"]],
  [
    "a former subscription that runs",
    { stripe: { formerRunning: [{ id: "sub_0", stripeSubscriptionStatus: "active" }] } },
    ["former_subscription_runs"],
  ],
  [
    "others of the customer",
    {
      stripe: {
        strangers: [
          { id: "sub_a", claimedContractId: "c-1", sellsTheSame: false },
          { id: "sub_b", claimedContractId: "c-2", sellsTheSame: true },
          { id: "sub_c", claimedContractId: null, sellsTheSame: true },
          { id: "sub_d", claimedContractId: null, sellsTheSame: false },
        ],
      },
    },
    ["subscription_claims_contract", "subscription_of_nobody"],
  ],
  [
    "a paid invoice without a row",
    { stripe: { invoices: [invoice(3), invoice(4, "read")] } },
    ["payment_missing record_payment in_4"],
  ],
  [
    "a paid invoice whose row waits",
    {
      payments: [
        payment(3),
        payment(4, { state: "due", paidAt: null, stripeInvoiceId: null, stripePaymentIntentId: null }),
      ],
      stripe: { invoices: [invoice(3), invoice(4, "read")] },
    },
    ["payment_missing record_payment in_4"],
  ],
  [
    "a paid invoice whose row has no ids",
    {
      payments: [payment(3, { stripeInvoiceId: null, stripePaymentIntentId: null })],
      stripe: { invoices: [invoice(3, "read")], refunds: new Map() },
    },
    ["payment_unnamed record_payment in_3"],
  ],
  [
    "a paid invoice that bills nothing of the contract",
    {
      stripe: {
        invoices: [
          invoice(3),
          { ...invoice(4, "read"), lines: { ...(invoice(4, "read").lines as object), lines: [] } as never },
        ],
      },
    },
    ["payment_missing record_payment in_4"],
  ],
  [
    "the same once it has been noted",
    {
      notedPaid: ["in_4"],
      stripe: {
        invoices: [
          invoice(3),
          { ...invoice(4, "read"), lines: { ...(invoice(4, "read").lines as object), lines: [] } as never },
        ],
      },
    },
    [],
  ],
  [
    "late money of an ended contract",
    {
      contract: ended,
      stripe: { ...of({ stripeSubscriptionStatus: "canceled" }), invoices: [invoice(3), invoice(4, "read")] },
    },
    ["payment_missing record_payment in_4"],
  ],
  [
    "a row whose invoice nobody paid",
    { payments: [payment(3), payment(2, { stripePaymentIntentId: null })] },
    ["payment_not_at_stripe"],
  ],
  [
    "a row whose intent charged nothing",
    { stripe: { refunds: new Map([["pi_3", charge([], 0)]]) } },
    ["payment_not_at_stripe"],
  ],
  [
    "a row whose intent Stripe does not have",
    { stripe: { refunds: new Map([["pi_3", { type: "missing" }]]) } },
    ["payment_not_at_stripe"],
  ],
  [
    "a row of more than was charged",
    { stripe: { refunds: new Map([["pi_3", charge([], 1_000)]]) } },
    ["payment_amount_differs"],
  ],
  ["a row of less than was charged", { stripe: { refunds: new Map([["pi_3", charge([], 2_178)]]) } }, []],
  ["a row of nothing", { payments: [payment(3), payment(2, { amountMinor: 0 })] }, []],
  [
    "money that came by other ways",
    { payments: [payment(3), payment(2, { stripeInvoiceId: null, stripePaymentIntentId: null })] },
    [],
  ],
  [
    "a one-time contract that is paid",
    {
      contract: oneTime,
      payments: [once],
      stripe: { ...noSubscription, paymentIntent: intent, refunds: new Map([["pi_9", charge()]]) },
    },
    [],
  ],
  [
    "a one-time contract whose payment is missing here",
    {
      contract: { ...oneTime, status: "awaiting_payment" },
      payments: [],
      stripe: { ...noSubscription, paymentIntent: intent, refunds: new Map() },
    },
    ["payment_missing record_payment pi_9"],
  ],
  [
    "a one-time contract that nobody has paid",
    {
      contract: { ...oneTime, status: "awaiting_payment" },
      payments: [],
      stripe: {
        ...noSubscription,
        paymentIntent: {
          ...intent,
          stripePaymentIntentStatus: "requires_payment_method",
          amountReceivedMinor: 0,
          paidAt: null,
        },
        refunds: new Map(),
      },
    },
    [],
  ],
  ["a refund without a row", { stripe: refundsOf({ amountMinor: 500 }) }, ["refund_missing record_refund pi_3"]],
  ["a refund without a row that failed", { stripe: refundsOf({ stripeRefundStatus: "failed" }) }, []],
  [
    "a refund that is the same",
    { payments: [payment(3, { state: "refunded" })], refunds: [refund()], stripe: refundsOf({}) },
    [],
  ],
  [
    "a refund of ours whose answer was lost",
    {
      refunds: [refund({ state: "due", stripeRefundId: null })],
      stripe: refundsOf({ refundId: "c-1:period:3:refund:1" }),
    },
    ["refund_state_differs record_refund pi_3"],
  ],
  [
    "a refund that failed later",
    {
      payments: [payment(3, { state: "refunded" })],
      refunds: [refund()],
      stripe: refundsOf({ stripeRefundStatus: "failed" }),
    },
    ["refund_state_differs record_refund pi_3"],
  ],
  [
    "a refund that failed, and whose place another took",
    {
      payments: [payment(3, { state: "refunded" })],
      refunds: [
        refund({ state: "failed", supersededBy: "c-1:period:3:refund:2" }),
        refund({ id: "c-1:period:3:refund:2", stripeRefundId: "re_2" }),
      ],
      stripe: refundsOf({ stripeRefundStatus: "failed" }, { id: "re_2" }),
    },
    [],
  ],
  [
    "a refund that a person gave in its place",
    {
      payments: [payment(3, { state: "refunded" })],
      refunds: [refund({ state: "manual_done" })],
      stripe: refundsOf({ stripeRefundStatus: "failed" }),
    },
    [],
  ],
  [
    "a refund of less than its row",
    { payments: [payment(3, { state: "refunded" })], refunds: [refund()], stripe: refundsOf({ amountMinor: 980 }) },
    ["refund_amount_differs"],
  ],
  [
    "a refund that Stripe does not have",
    { payments: [payment(3, { state: "refunded" })], refunds: [refund()] },
    ["refund_not_at_stripe"],
  ],
  ["a refund that is owed", { refunds: [refund({ state: "due", stripeRefundId: null })] }, []],
  [
    "a charge that went back, and a payment that is paid",
    { refunds: [refund()], stripe: refundsOf({}) },
    ["payment_wholly_refunded record_refund pi_3"],
  ],
  [
    "a payment that is refunded, and a charge that is not",
    { payments: [payment(3, { state: "refunded" })] },
    ["payment_not_refunded"],
  ],
  [
    "a payment that was refunded by hand",
    {
      payments: [payment(3, { state: "refunded" })],
      refunds: [refund({ state: "manual_done", stripeRefundId: null, stripePaymentIntentId: null })],
    },
    [],
  ],
];

function inShort({ type, repair }: Difference): string {
  return repair === null ? type : `${type} ${repair.kind} ${Object.values(repair.params).join(" ")}`;
}

describe("our books beside Stripe's", () => {
  it.each(told)("of %s", (_, told, differences) => {
    expect(differencesOf(told).map(inShort)).toEqual(differences);
  });

  it("show every type of difference in this table", () => {
    const shown = new Set(told.flatMap(([, each]) => differencesOf(each).map(({ type }) => type)));
    expect(differenceTypes.filter((type) => !shown.has(type))).toEqual([]);
  });

  it("are told apart in both languages, with everything filled in", () => {
    for (const difference of told.flatMap(([, each]) => differencesOf(each))) {
      for (const language of ["ja", "en"] as const) {
        const { sentence, remedy } = explainDifference(difference, language);
        expect(`${sentence} ${remedy}`).not.toMatch(/[{}–]|undefined/);
        if (difference.repair !== null) expect(remedy).toContain("--repair");
      }
    }
  });
});
