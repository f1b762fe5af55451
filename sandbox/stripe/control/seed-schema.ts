import { z } from "zod";
import { INVOICE_STATUSES, REFUND_STATUSES } from "../core/stored.ts";
import { INTERVALS } from "../objects/price.ts";
import { SUBSCRIPTION_STATUSES } from "../objects/subscription.ts";

/** A moment: seconds, or an ISO instant with its offset. Read as seconds. */
const instant = z.union([
  z.int().nonnegative(),
  z.iso.datetime({ offset: true }).transform((text) => Math.floor(Date.parse(text) / 1000)),
]);
const id = z.string().min(1).max(255);
const amount = z.int().nonnegative();
const metadata = z.record(z.string(), z.string()).optional();

const refund = z.strictObject({
  id: id.optional(),
  amount: z.int().positive(),
  status: z.enum(REFUND_STATUSES).default("succeeded"),
  createdAt: instant.optional(),
  metadata,
});

/** How something was paid. Ids that are left out follow from the id of what was paid: `in_a_0` → `pi_a_0`, `ch_a_0`. */
const payment = z.strictObject({
  paymentIntent: id.optional(),
  charge: id.optional(),
  invoicePayment: id.optional(),
  /** When the money was taken; by default when the invoice or PaymentIntent was created. */
  paidAt: instant.optional(),
  refunds: z.array(refund).default([]),
  disputed: z.boolean().default(false),
});

const invoiceState = {
  status: z.enum(INVOICE_STATUSES).default("paid"),
  createdAt: instant.optional(),
  /** Attempts to collect so far; by default 1 for an open or paid invoice. */
  attemptCount: z.int().nonnegative().optional(),
  nextPaymentAttemptAt: instant.optional(),
  /** By default true for a draft or open invoice. */
  autoAdvance: z.boolean().optional(),
  /** Paid outside Stripe: the invoice is paid and has no PaymentIntent. */
  paidOutOfBand: z.boolean().default(false),
  payment: payment.prefault({}),
  metadata,
};

/** The invoice of one period of a subscription. Its id is by default `in_<tail of the subscription>_<period>`. */
const subscriptionInvoice = z.strictObject({
  id: id.optional(),
  /** Counts from 0, the period that begins at the anchor. */
  period: z.int().nonnegative(),
  ...invoiceState,
});

const subscription = z.strictObject({
  id,
  item: id.optional(),
  customer: id,
  price: id,
  quantity: z.int().positive().default(1),
  /** Prices beside the first one. */
  furtherItems: z
    .array(z.strictObject({ id: id.optional(), price: id, quantity: z.int().positive().default(1) }))
    .default([]),
  /** The billing cycle anchor: where period 0 begins. */
  anchorAt: instant,
  status: z.enum(SUBSCRIPTION_STATUSES).default("active"),
  /** The current period is the one in which this moment lies; by default now, or when the subscription ended. */
  asOf: instant.optional(),
  cancelAtPeriodEnd: z.boolean().default(false),
  cancelAt: instant.optional(),
  /** For a canceled one; by default now. */
  endedAt: instant.optional(),
  /** Charged once, on the invoice of period 0, as a line of its own. */
  initialFee: amount.default(0),
  /** One by one, or a paid invoice for every period up to the current one. */
  invoices: z.union([z.literal("all_paid"), z.array(subscriptionInvoice)]).default([]),
  metadata,
});

/** Everything a test wants to be there, dated as it likes. Later parts may refer to earlier parts and to what exists. */
export const seedSchema = z.strictObject({
  customers: z
    .array(
      z.strictObject({
        id,
        name: z.string().optional(),
        email: z.string().optional(),
        /** The default card; null for none. */
        paymentMethod: z.string().startsWith("pm_").nullable().default("pm_card_visa"),
        createdAt: instant.optional(),
        metadata,
      }),
    )
    .default([]),
  products: z
    .array(z.strictObject({ id, name: z.string().optional(), createdAt: instant.optional(), metadata }))
    .default([]),
  prices: z
    .array(
      z.strictObject({
        id,
        product: id,
        amount,
        /** Null for a price that is paid once. */
        interval: z.enum(INTERVALS).nullable().default("month"),
        intervalCount: z.int().positive().default(1),
        createdAt: instant.optional(),
        metadata,
      }),
    )
    .default([]),
  subscriptions: z.array(subscription).default([]),
  /** Payments beside any invoice, as one-off purchases are. Paid unless `isPaid` is false. */
  paymentIntents: z
    .array(
      z.strictObject({
        id,
        customer: id.nullable().default(null),
        amount: z.int().positive(),
        isPaid: z.boolean().default(true),
        createdAt: instant.optional(),
        payment: payment.omit({ paymentIntent: true, invoicePayment: true }).prefault({}),
        metadata,
      }),
    )
    .default([]),
  /** Further invoices of a subscription that exists, or one-off invoices of a customer. */
  invoices: z
    .array(
      z.union([
        subscriptionInvoice.extend({ subscription: id }),
        z.strictObject({ id, customer: id, amount, ...invoiceState }),
      ]),
    )
    .default([]),
});

/** What a caller writes; everything with a default may be left out. */
export type Seed = z.input<typeof seedSchema>;

export type ReadSeed = z.output<typeof seedSchema>;
export type SubscriptionSeed = z.output<typeof subscription>;
export type SubscriptionInvoiceSeed = z.output<typeof subscriptionInvoice>;
export type PaymentSeed = z.output<typeof payment>;
export type OneOffInvoiceSeed = Exclude<ReadSeed["invoices"][number], { subscription: string }>;
export type PaymentIntentSeed = ReadSeed["paymentIntents"][number];

/** The ids that came into being, in the order of the seed. */
export interface SeedReport {
  readonly subscriptions: readonly SeededSubscription[];
  readonly paymentIntents: readonly SeededPayment[];
  readonly invoices: readonly SeededInvoice[];
}

export interface SeededSubscription {
  readonly id: string;
  readonly item: string;
  readonly invoices: readonly SeededInvoice[];
}

export interface SeededInvoice {
  readonly id: string;
  /** Undefined for a draft, an invoice over nothing, and one that was paid out of band. */
  readonly payment?: SeededPayment;
}

export interface SeededPayment {
  readonly paymentIntent: string;
  /** Undefined until it is paid. */
  readonly charge?: string;
  readonly refunds: readonly string[];
}
