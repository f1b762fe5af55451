import { randomUUID } from "node:crypto";
import type { ExecutionBench } from "./execution.ts";

/** Moments around now, since Stripe's periods are read against the day on which a request is taken. */
function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000);
}

function businessDate(at: Date): string {
  return new Date(at.getTime() + 9 * 3_600_000).toISOString().slice(0, 10);
}

/** A one-time contract by card: initial fee and price, paid together by one payment intent. */
export async function oneTimeByCard(
  bench: Pick<ExecutionBench, "stripe" | "perform">,
  overrides: { refunds?: { amount: number }[] } = {},
) {
  const tail = randomUUID().slice(0, 8);
  const contractId = `once-${tail}`;
  const paymentIntentId = `pi_${tail}`;
  const paidAt = daysFromNow(-20);
  await bench.stripe.control.seed({
    customers: [{ id: `cus_${tail}` }],
    paymentIntents: [
      {
        id: paymentIntentId,
        customer: `cus_${tail}`,
        amount: 22_800,
        createdAt: paidAt.toISOString(),
        payment: { refunds: overrides.refunds ?? [] },
      },
    ],
  });
  const registered = await bench.perform({
    id: `register-${contractId}`,
    kind: "register",
    contractId,
    params: {
      productId: "course",
      product: { id: "course", kind: "one_time", priceMinor: 19_800 },
      customerId: "customer-1",
      customer: { id: "customer-1", email: "hanako@example.com", name: "山田 花子" },
      kind: "one_time",
      paymentMethod: "card",
      priceMinor: 19_800,
      initialFeeMinor: 3_000,
      startOn: businessDate(paidAt),
      stripe: { customerId: `cus_${tail}`, paymentIntentId },
      payments: [
        { subject: "initial_fee", paidAt: paidAt.toISOString() },
        { subject: "one_time_price", paidAt: paidAt.toISOString() },
      ],
    },
  });
  if (registered.state !== "succeeded")
    throw new Error(`not registered: ${JSON.stringify(registered.rejection_detail)}`);
  return { contractId, paymentIntentId };
}

/** A canceled one-time contract by card whose payment an import has left out: recorded, it would go back. */
export async function canceledWithoutItsPayment(bench: Pick<ExecutionBench, "stripe" | "perform" | "sql">) {
  const made = await oneTimeByCard(bench);
  const { contractId } = made;
  await bench.sql`delete from keiyaku.licenses where contract_id = ${contractId}`;
  await bench.sql`delete from keiyaku.payments where contract_id = ${contractId}`;
  await bench.sql`update keiyaku.contracts set status = 'canceled', ended_at = now() where id = ${contractId}`;
  return made;
}

/** A monthly contract by card that starts in 20 days, whose first period was paid yesterday, and came along without its ids. */
export async function startingByCard(bench: Pick<ExecutionBench, "stripe" | "perform">) {
  const tail = randomUUID().slice(0, 8);
  const contractId = `starting-${tail}`;
  const subscriptionId = `sub_${tail}`;
  const paidAt = daysFromNow(-1).toISOString();
  await seedSubscription(bench, tail, {
    anchorAt: paidAt,
    status: "active",
    invoices: [{ id: `in_${tail}_0`, period: 0 }],
  });
  await registerMonthly(bench, contractId, {
    startOn: businessDate(daysFromNow(20)),
    stripe: { customerId: `cus_${tail}`, subscriptionId },
    payments: [{ subject: "period", period: 0, paidAt }],
  });
  return { contractId, invoiceId: `in_${tail}_0`, paymentIntentId: `pi_${tail}_0` };
}

/** A monthly contract by card, in the middle of its second period; `suspended` leaves that period's invoice open. */
export async function monthlyByCard(bench: Pick<ExecutionBench, "stripe" | "perform">, { suspended = false } = {}) {
  const tail = randomUUID().slice(0, 8);
  const contractId = `monthly-${tail}`;
  const subscriptionId = `sub_${tail}`;
  // Noon of the business day, far from midnight and from month ends that Stripe and we would clamp differently.
  const anchor = daysFromNow(-45);
  anchor.setUTCHours(3, 0, 0, 0);
  anchor.setUTCDate(Math.min(anchor.getUTCDate(), 28));
  await seedSubscription(bench, tail, {
    anchorAt: anchor.toISOString(),
    status: suspended ? "past_due" : "active",
    invoices: [
      { id: `in_${tail}_0`, period: 0 },
      { id: `in_${tail}_1`, period: 1, status: suspended ? "open" : "paid" },
    ],
  });
  const paid = (period: number) => ({
    subject: "period",
    period,
    paidAt: new Date(anchor.getTime() + period * 31 * 86_400_000).toISOString(),
    stripeInvoiceId: `in_${tail}_${period}`,
    stripePaymentIntentId: `pi_${tail}_${period}`,
  });
  await registerMonthly(bench, contractId, {
    startOn: businessDate(anchor),
    stripe: { customerId: `cus_${tail}`, subscriptionId },
    payments: suspended ? [paid(0)] : [paid(0), paid(1)],
    ...(suspended ? { state: { status: "payment_unconfirmed", unpaidPeriods: [1] } } : {}),
  });
  return { contractId, subscriptionId, openInvoiceId: `in_${tail}_1` };
}

type Seed = Parameters<ExecutionBench["stripe"]["control"]["seed"]>[0];
type SubscriptionSeed = NonNullable<Seed["subscriptions"]>[number];

/** A subscription at Stripe to a price of ¥1,980 a month. */
async function seedSubscription(
  { stripe }: Pick<ExecutionBench, "stripe">,
  tail: string,
  subscription: Pick<SubscriptionSeed, "anchorAt" | "status" | "invoices">,
) {
  const [customer, product, price] = [`cus_${tail}`, `prod_${tail}`, `price_${tail}`];
  await stripe.control.seed({
    customers: [{ id: customer }],
    products: [{ id: product }],
    prices: [{ id: price, product, amount: 1_980 }],
    subscriptions: [{ id: `sub_${tail}`, customer, price, ...subscription }],
  });
}

async function registerMonthly(bench: Pick<ExecutionBench, "perform">, contractId: string, terms: object) {
  const registered = await bench.perform({
    id: `register-${contractId}`,
    kind: "register",
    contractId,
    params: {
      productId: "magazine",
      product: { id: "magazine", kind: "monthly", priceMinor: 1_980 },
      customerId: "customer-1",
      customer: { id: "customer-1", email: "hanako@example.com", name: "山田 花子" },
      kind: "monthly",
      paymentMethod: "card",
      priceMinor: 1_980,
      ...terms,
    },
  });
  if (registered.state !== "succeeded")
    throw new Error(`not registered: ${JSON.stringify(registered.rejection_detail)}`);
}
