import type { Seed } from "../../sandbox/stripe/control/seed-schema.ts";
import type { IdempotencyKey } from "../../src/stripe/gateway.ts";
import type { World } from "../e2e/workers/set-up.ts";
import {
  contractRow,
  customerRow,
  insertRows,
  licenseRow,
  paymentRow,
  productRow,
  refundRow,
  type StoreRow,
} from "../support/store-rows.ts";

/*
 * Contracts as they stand on 20 January 2025, here and at Stripe: they began on 8 October 2024, at noon of Tokyo, and are in
 * period 3. Whatever is theirs at Stripe is named after them: the contract `c-1` has `sub_c-1`, `in_c-1_0`, `pi_c-1_0`.
 */

type SubscriptionSeed = NonNullable<Seed["subscriptions"]>[number];
type InvoiceSeed = Exclude<NonNullable<SubscriptionSeed["invoices"]>, "all_paid">[number];
type Money = "paid" | "unpaid" | "due" | "never_charged";

export interface Monthly {
  readonly contract?: StoreRow;
  readonly product?: StoreRow;
  /** The state of each period's row, from period 0 on. What is paid is open, what is unpaid was shut by suspension. */
  readonly periods?: readonly Money[];
  /** Of 5,000 yen, on the invoice of period 0. */
  readonly initialFee?: Money;
  readonly subscription?: Partial<SubscriptionSeed>;
  /** How the invoice of each period stands at Stripe; paid unless told otherwise, and as many as there are periods. */
  readonly invoices?: readonly Partial<InvoiceSeed>[];
  /** Whether a former subscription is still running at Stripe. */
  readonly former?: boolean;
}

export const catalogAtStripe: Seed = {
  products: [{ id: "prod_magazine" }],
  prices: [{ id: "price_magazine", product: "prod_magazine", amount: 1_980 }],
};

/** A monthly contract by card, at Stripe and here, each as it is told. */
export async function addMonthly({ sql, stripe }: World, id: string, parts: Monthly = {}): Promise<void> {
  const { contract = {}, product = {}, periods = [], initialFee, subscription = {}, former = false } = parts;
  const { invoices = periods.map((state) => ({ status: state === "paid" ? "paid" : "open" }) as const) } = parts;
  const common = {
    customer: `cus_${id}`,
    price: "price_magazine",
    anchorAt: "2024-10-08T03:00:00Z",
    asOf: "2025-01-20T03:00:00Z",
  };
  await stripe.control.seed({
    customers: [{ id: `cus_${id}` }],
    subscriptions: [
      {
        id: `sub_${id}`,
        ...common,
        ...(initialFee === undefined ? {} : { initialFee: 5_000 }),
        ...subscription,
        invoices: invoices.map((invoice, period) => ({ id: `in_${id}_${period}`, period, ...invoice })),
      },
      ...(former ? [{ id: `sub_${id}_former`, ...common }] : []),
    ],
  });
  const atStripe = {
    stripe_customer_id: `cus_${id}`,
    stripe_subscription_id: `sub_${id}`,
    ...(former ? { former_stripe_subscription_ids: [`sub_${id}_former`] } : {}),
  };
  await addRows(sql, id, product, { kind: "monthly", ...atStripe, ...contract });
  const namesOf = (period: number, state: Money) => ({
    stripe_invoice_id: `in_${id}_${period}`,
    stripe_payment_intent_id: state === "paid" ? `pi_${id}_${period}` : null,
  });
  if (initialFee !== undefined) {
    const row = { contract_id: id, subject: "initial_fee", state: initialFee, amount_minor: 5_000 };
    await insertRows(sql, "payments", paymentRow({ ...row, ...namesOf(0, initialFee) }));
  }
  for (const [period, state] of periods.entries()) {
    await insertRows(sql, "payments", paymentRow({ contract_id: id, period, state, ...namesOf(period, state) }));
    if (contract.status === "not_started" || (state !== "paid" && state !== "unpaid")) continue;
    const revoked = state === "unpaid" ? { revoked_at: "2025-01-09T00:00:00Z", revoked_because: "suspended" } : {};
    await insertRows(
      sql,
      "licenses",
      licenseRow({ contract_id: id, payment_id: `${id}:period:${period}`, ...revoked }),
    );
  }
}

interface OneTime {
  readonly status?: "established" | "canceled";
  readonly priceMinor?: number;
}

/** A one-time contract by card: price (9,800 yen unless told) and initial fee (3,000 yen) were paid by one charge. */
export async function addOneTime({ sql, stripe }: World, id: string, parts: OneTime = {}): Promise<void> {
  const { status = "established", priceMinor = 9_800 } = parts;
  const intent = `pi_${id}_0`;
  const payment = { paidAt: "2025-01-20T03:00:01Z" };
  await stripe.control.seed({
    customers: [{ id: `cus_${id}` }],
    paymentIntents: [{ id: intent, customer: `cus_${id}`, amount: priceMinor + 3_000, payment }],
  });
  await addRows(
    sql,
    id,
    {},
    {
      kind: "one_time",
      status,
      price_minor: priceMinor,
      initial_fee_minor: 3_000,
      stripe_customer_id: `cus_${id}`,
      stripe_payment_intent_id: intent,
    },
  );
  const money =
    status === "established" ? { state: "paid", stripe_payment_intent_id: intent } : { state: "never_charged" };
  const fee = paymentRow({ contract_id: id, subject: "initial_fee", amount_minor: 3_000, ...money });
  const price = paymentRow({ contract_id: id, subject: "one_time_price", amount_minor: priceMinor, ...money });
  await insertRows(sql, "payments", fee, price);
  if (status !== "established") return;
  await insertRows(sql, "licenses", licenseRow({ contract_id: id, payment_id: `${id}:one_time_price` }));
}

/** A contract that was deleted while its last invoice was open, which has been paid since. */
export async function addDeleted({ sql, stripe }: World, id: string): Promise<void> {
  await stripe.control.seed({
    customers: [{ id: `cus_${id}` }],
    subscriptions: [
      {
        id: `sub_${id}`,
        customer: `cus_${id}`,
        price: "price_magazine",
        anchorAt: "2024-10-08T03:00:00Z",
        status: "canceled",
        endedAt: "2025-01-20T03:00:00Z",
        invoices: [{ id: `in_${id}_0`, period: 0 }],
      },
    ],
  });
  await insertRows(sql, "tombstones", {
    contract_id: id,
    operation_id: "op-0",
    stripe_ids: [`cus_${id}`, `sub_${id}`],
    payments: [],
  });
}

/** A refund row that an abandoned operation has left owed. */
export async function addOwed({ sql }: World, id: string, period: number): Promise<void> {
  const paymentId = `${id}:period:${period}`;
  const names = { id: `${paymentId}:refund:1`, contract_id: id, payment_id: paymentId, operation_id: "given-up" };
  await insertRows(
    sql,
    "refunds",
    refundRow({ ...names, state: "due", stripe_payment_intent_id: `pi_${id}_${period}` }),
  );
}

/** A contract with a refund that was on its way when we last heard of it, and that Stripe has carried out since. */
export async function addPending(world: World, id: string, period: number): Promise<void> {
  await addMonthly(world, id, { periods: ["paid", "paid", "paid", "paid"] });
  const paymentId = `${id}:period:${period}`;
  const [refundId, paymentIntentId] = [`${paymentId}:refund:1`, `pi_${id}_${period}`];
  const asked = { refundId, operationId: "before", paymentIntentId, amountMinor: 1_980 };
  const reply = await world.deps.gateway.refundPayment(asked, `before:${refundId}` as IdempotencyKey);
  if (reply.type !== "done") throw new Error(`Stripe does not refund ${paymentId}: ${reply.type}`);
  const names = { id: refundId, contract_id: id, payment_id: paymentId, operation_id: "before" };
  const atStripe = { stripe_refund_id: reply.value.id, stripe_payment_intent_id: paymentIntentId };
  await insertRows(world.sql, "refunds", refundRow({ ...names, state: "pending", ...atStripe }));
}

async function addRows(sql: World["sql"], id: string, product: StoreRow, contract: StoreRow): Promise<void> {
  await sql`insert into keiyaku.customers ${sql({ ...customerRow() } as Record<string, string>)} on conflict do nothing`;
  await insertRows(sql, "products", productRow({ id: `p-${id}`, kind: contract.kind, ...product }));
  const own = { id, product_id: `p-${id}`, payment_method: "card" };
  await insertRows(sql, "contracts", contractRow({ ...own, ...contract }));
}
