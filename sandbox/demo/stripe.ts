import { Temporal } from "temporal-polyfill";
import type { z } from "zod";
import type { registerParams } from "../../src/contract/registering.ts";
import type { Seed } from "../stripe/control/seed-schema.ts";
import { demoProducts } from "./data/catalog.ts";
import type { DemoDay } from "./notation.ts";
import { type StripeHistory, stripeHistories } from "./stripe-histories.ts";

/** A contract as its line says, dates resolved and defaults filled in. */
export interface DemoContract {
  readonly contractId: string;
  readonly params: z.infer<typeof registerParams>;
}

type Params = DemoContract["params"];
type SubscriptionSeed = NonNullable<Seed["subscriptions"]>[number];
type InvoiceSeed = Exclude<NonNullable<SubscriptionSeed["invoices"]>, "all_paid">[number];
type IntentSeed = NonNullable<Seed["paymentIntents"]>[number];
type OneOffSeed = NonNullable<Seed["invoices"]>[number];

/**
 * What Stripe knows when the demo begins: for every contract by card its customer, subscription, invoices and charges as
 * the books have them, and for a few a history of their own (`stripe-histories.ts`). Contracts that name the same objects
 * as an earlier one add nothing: they are mistakes that the requests contain on purpose.
 */
export function stripeSeed(contracts: readonly DemoContract[], day: DemoDay): Seed {
  const customers = new Set<string>();
  const prices = new Map<string, { id: string; product: string; amount: number }>();
  const subscriptions = new Map<string, SubscriptionSeed>();
  const paymentIntents = new Map<string, IntentSeed>();
  const invoices: OneOffSeed[] = [];
  for (const { contractId, params } of contracts) {
    const { customerId, subscriptionId, paymentIntentId } =
      params.paymentMethod === "card" ? (params.stripe ?? {}) : {};
    const history = stripeHistories[contractId];
    if (customerId === undefined) continue;
    customers.add(customerId);
    if (history?.type === "unknown_to_stripe") {
      invoices.push(...looseInvoicesOf(params, customerId));
      continue;
    }
    if (paymentIntentId !== undefined && !paymentIntents.has(paymentIntentId)) {
      paymentIntents.set(paymentIntentId, intentOf(params, paymentIntentId, customerId, history));
    }
    if (subscriptionId !== undefined && !subscriptions.has(subscriptionId)) {
      const price = priceOf(params);
      prices.set(price.id, price);
      const ids = { id: subscriptionId, customer: customerId, price: price.id };
      subscriptions.set(subscriptionId, subscriptionOf(params, ids, day, history));
      invoices.push(...feeInvoicesOf(params, customerId));
    }
  }
  return {
    customers: Array.from(customers, (id) => ({ id })),
    products: demoProducts.map(({ id, name }) => ({ id, name })),
    prices: [...prices.values()],
    subscriptions: [...subscriptions.values()],
    paymentIntents: [...paymentIntents.values()],
    invoices,
  };
}

/** A contract in its campaign has a subscription at the campaign's price. */
function priceOf({ productId, priceMinor, specialPriceMinor }: Params) {
  const amount = specialPriceMinor ?? priceMinor;
  return { id: `price_${productId}_${amount}`, product: productId, amount };
}

function intentOf(
  { payments, priceMinor, initialFeeMinor }: Params,
  id: string,
  customer: string,
  history: StripeHistory | undefined,
): IntentSeed {
  const amount = priceMinor + initialFeeMinor;
  const [paid] = payments;
  if (paid === undefined) return { id, customer, amount, isPaid: false };
  const createdAt = paid.paidAt;
  const refunded = history?.type === "refunded_on_dashboard" ? history.amountMinor : 0;
  const refundAmount = refunded === "all" ? amount : refunded;
  const refunds = refundAmount === 0 ? [] : [{ amount: refundAmount, metadata: { by: "dashboard" } }];
  return { id, customer, amount, createdAt, payment: { refunds, disputed: history?.type === "disputed" } };
}

const statusesAtStripe: Partial<Record<string, SubscriptionSeed["status"]>> = {
  payment_unconfirmed: "past_due",
  terminated: "canceled",
  canceled: "canceled",
};

function subscriptionOf(
  params: Params,
  ids: Pick<SubscriptionSeed, "id" | "customer" | "price">,
  day: DemoDay,
  history: StripeHistory | undefined,
): SubscriptionSeed {
  const { startOn, state, payments } = params;
  const endedAt = history?.type === "ended_at_stripe" ? morningOf(day.today, day.zone, -1) : state?.endedAt;
  const isWaiting = payments.length === 0;
  const status = isWaiting ? "incomplete" : (statusesAtStripe[state?.status ?? "active"] ?? "active");
  const hasFeeOnFirst = payments.some(
    ({ subject, stripeInvoiceId }) => subject === "initial_fee" && isFirst(stripeInvoiceId),
  );
  return {
    ...ids,
    // In the morning, when Tokyo and UTC have the same date: Stripe's periods then begin on the contract's renewal dates.
    anchorAt: morningOf(startOn, day.zone),
    status: endedAt === undefined ? status : "canceled",
    ...(endedAt === undefined ? {} : { endedAt }),
    cancelAtPeriodEnd: state?.reservation !== undefined,
    ...(hasFeeOnFirst ? { initialFee: params.initialFeeMinor } : {}),
    invoices: isWaiting
      ? [{ period: 0, status: "open" }]
      : [...paidInvoices(payments), ...unpaidInvoices(state, history)],
  };
}

function isFirst(invoiceId: string | undefined): boolean {
  return invoiceId?.endsWith("_0") ?? false;
}

function paidInvoices(payments: Params["payments"]): readonly InvoiceSeed[] {
  return payments.flatMap(({ period, paidAt, stripeInvoiceId, stripePaymentIntentId }) =>
    period === undefined || stripeInvoiceId === undefined || stripePaymentIntentId === undefined
      ? []
      : [{ id: stripeInvoiceId, period, payment: { paidAt, paymentIntent: stripePaymentIntentId } }],
  );
}

/** Three times the card was declined, and Stripe will not try again by itself. */
function unpaidInvoices(state: Params["state"], history: StripeHistory | undefined): readonly InvoiceSeed[] {
  const periods = state?.unpaidPeriods ?? [];
  return periods.map((period) => {
    const isDraft = history?.type === "newest_invoice_is_draft" && period === periods.at(-1);
    return isDraft ? { period, status: "draft" } : { period, status: "open", attemptCount: 3 };
  });
}

/** A fee that was charged before the first period has an invoice of its own. */
function feeInvoicesOf({ payments, initialFeeMinor }: Params, customer: string): readonly OneOffSeed[] {
  return payments.flatMap(({ subject, paidAt, stripeInvoiceId: id, stripePaymentIntentId: paymentIntent }) =>
    subject !== "initial_fee" || id === undefined || paymentIntent === undefined || isFirst(id)
      ? []
      : [{ id, customer, amount: initialFeeMinor, createdAt: paidAt, payment: { paidAt, paymentIntent } }],
  );
}

/** The customer's paid invoices, belonging to no subscription that Stripe knows. */
function looseInvoicesOf({ payments, priceMinor }: Params, customer: string): readonly OneOffSeed[] {
  return paidInvoices(payments).flatMap(({ id, payment }) =>
    id === undefined || payment?.paidAt === undefined
      ? []
      : [{ id, customer, amount: priceMinor, createdAt: payment.paidAt, payment }],
  );
}

/** Ten o'clock on a date, or so many days after it. */
function morningOf(date: string, zone: string, daysLater = 0): string {
  const day = Temporal.PlainDate.from(date).add({ days: daysLater });
  return day.toZonedDateTime({ timeZone: zone, plainTime: "10:00" }).toInstant().toString();
}
