import { canceledSubscription } from "../billing/canceling.ts";
import { recordPaymentIntent, recordSubscription } from "../billing/effects.ts";
import { periodAt, periodIndexOf } from "../billing/periods.ts";
import type { Change } from "../core/change.ts";
import type { StoredSubscription } from "../core/stored.ts";
import { customerObject } from "../objects/customer.ts";
import { paymentIntentObject } from "../objects/payment-intent.ts";
import { commonRecurrence, priceObject } from "../objects/price.ts";
import { productObject } from "../objects/product.ts";
import { NOT_CANCELED, subscriptionObject } from "../objects/subscription.ts";
import { itemOf } from "../objects/subscription-item.ts";
import { CURRENCY } from "../resources/read-currency.ts";
import { existing, putNew, tailOf } from "./put-new.ts";
import { seedOneOffInvoice, seedSubscriptionInvoice } from "./seed-invoice.ts";
import { seedPaid } from "./seed-payment.ts";
import type {
  PaymentIntentSeed,
  ReadSeed,
  SeededInvoice,
  SeededPayment,
  SeededSubscription,
  SeedReport,
  SubscriptionInvoiceSeed,
  SubscriptionSeed,
} from "./seed-schema.ts";

/**
 * Puts a seed's objects into the world, all of them or none. They are not effects of any request; the ledger says
 * `seeded` of each, so that sums can be computed from the ledger alone. Throws an Error in a sentence for an id that is
 * taken or missing.
 */
export function plantSeed(change: Change, seed: ReadSeed): SeedReport {
  seedCatalog(change, seed);
  return {
    subscriptions: seed.subscriptions.map((subscription) => seedSubscription(change, subscription)),
    paymentIntents: seed.paymentIntents.map((intent) => seedPaymentIntent(change, intent)),
    invoices: seed.invoices.map((invoice) => seedFurtherInvoice(change, invoice)),
  };
}

function seedCatalog(change: Change, { customers, products, prices }: ReadSeed): void {
  for (const { paymentMethod, createdAt, ...facts } of customers) {
    const created = createdAt ?? change.now;
    const customer = putNew(change, customerObject({ ...facts, created, defaultPaymentMethod: paymentMethod }));
    change.record({ effect: "seeded", object: "customer", objectId: customer.id, metadata: customer.metadata });
  }
  for (const { createdAt, name, ...facts } of products) {
    const created = createdAt ?? change.now;
    const product = putNew(change, productObject({ ...facts, created, name: name ?? facts.id }));
    change.record({ effect: "seeded", object: "product", objectId: product.id, metadata: product.metadata });
  }
  for (const { createdAt, amount, interval, intervalCount, ...facts } of prices) {
    existing(change.objects.product, "product", facts.product);
    const recurrence = interval === null ? null : { interval, count: intervalCount };
    const created = createdAt ?? change.now;
    const price = putNew(
      change,
      priceObject({ ...facts, created, currency: CURRENCY, unitAmount: amount, recurrence }),
    );
    change.record({ effect: "seeded", object: "price", objectId: price.id, amount, metadata: price.metadata });
  }
}

function seedSubscription(change: Change, seed: SubscriptionSeed): SeededSubscription {
  const items = [
    { id: seed.item ?? `si_${tailOf(seed.id)}`, price: seed.price, quantity: seed.quantity },
    ...seed.furtherItems,
  ].map((item) => ({ ...item, price: existing(change.objects.price, "price", item.price) }));
  existing(change.objects.customer, "customer", seed.customer);
  const recurrence = commonRecurrence(items.map(({ price }) => price));
  if (recurrence === null) throw new Error(`The prices of ${seed.id} do not recur, or not all alike`);
  const asOf = seed.asOf ?? seed.endedAt ?? change.now;
  const current = periodIndexOf(seed.anchorAt, recurrence, asOf);
  const base = subscriptionObject({
    id: seed.id,
    created: seed.anchorAt,
    customer: seed.customer,
    items,
    status: seed.status,
    anchor: seed.anchorAt,
    period: periodAt(seed.anchorAt, recurrence, current),
    metadata: seed.metadata,
  });
  const subscription = putNew(change, withEnd(base, seed, change.now));
  const invoices = invoicesOf(seed, current).map((invoice) =>
    seedSubscriptionInvoice(change, subscription, invoice, invoice.period === 0 ? seed.initialFee : 0),
  );
  const last = change.put({ ...subscription, latest_invoice: invoices.at(-1)?.id ?? null });
  recordSubscription(change, "seeded", last);
  return { id: last.id, item: itemOf(last).id, invoices };
}

function withEnd(subscription: StoredSubscription, seed: SubscriptionSeed, now: number): StoredSubscription {
  const requested = { ...NOT_CANCELED, reason: "cancellation_requested" as const };
  if (seed.status === "canceled") return canceledSubscription(subscription, seed.endedAt ?? now, requested);
  if (!seed.cancelAtPeriodEnd && seed.cancelAt === undefined) return subscription;
  return {
    ...subscription,
    cancel_at: seed.cancelAt ?? itemOf(subscription).current_period_end,
    cancel_at_period_end: seed.cancelAtPeriodEnd,
    canceled_at: now,
    cancellation_details: requested,
  };
}

function invoicesOf({ invoices }: SubscriptionSeed, current: number): SubscriptionInvoiceSeed[] {
  if (invoices !== "all_paid") return invoices;
  return Array.from({ length: current + 1 }, (_, period) => ({
    period,
    status: "paid",
    paidOutOfBand: false,
    payment: { refunds: [], disputed: false },
  }));
}

function seedPaymentIntent(change: Change, seed: PaymentIntentSeed): SeededPayment {
  const customer = seed.customer === null ? null : existing(change.objects.customer, "customer", seed.customer);
  const intent = putNew(
    change,
    paymentIntentObject({
      id: seed.id,
      created: seed.createdAt ?? change.now,
      amount: seed.amount,
      currency: CURRENCY,
      customer: seed.customer,
      paymentMethod: null,
      metadata: seed.metadata,
    }),
  );
  const card = customer?.invoice_settings.default_payment_method ?? null;
  if (seed.isPaid) return seedPaid(change, intent, seed.payment, card);
  recordPaymentIntent(change, "seeded", intent);
  return { paymentIntent: intent.id, refunds: [] };
}

/** A later invoice of a subscription becomes its latest one. */
function seedFurtherInvoice(change: Change, seed: ReadSeed["invoices"][number]): SeededInvoice {
  if (!("subscription" in seed)) return seedOneOffInvoice(change, seed);
  const { subscription: id, ...invoiceSeed } = seed;
  const subscription = existing(change.objects.subscription, "subscription", id);
  const invoice = seedSubscriptionInvoice(change, subscription, invoiceSeed, 0);
  change.put({ ...subscription, latest_invoice: invoice.id });
  return invoice;
}
