import { randomUUID } from "node:crypto";
import type { Seed } from "../../sandbox/stripe/control/seed-schema.ts";
import type { ExecutionBench } from "./execution.ts";
import {
  contractRow,
  customerRow,
  insertRows,
  licenseRow,
  paymentRow,
  productRow,
  type StoreRow,
} from "./store-rows.ts";

type SubscriptionSeed = NonNullable<Seed["subscriptions"]>[number];

/**
 * A contract by card with its product and its subscription, which began on 8 October 2024 at noon of Tokyo and which Stripe has in
 * period 3, until 8 February, unless told otherwise. All four periods are paid.
 */
export async function addByCard(
  { sql, stripe }: ExecutionBench,
  rows: { readonly contract?: StoreRow; readonly product?: StoreRow } = {},
  seed: Partial<SubscriptionSeed> = {},
) {
  const tail = randomUUID().slice(0, 8);
  const [contractId, subscriptionId] = [`c-${tail}`, `sub_${tail}`];
  await stripe.control.seed({
    customers: [{ id: `cus_${tail}` }],
    products: [{ id: `prod_${tail}` }],
    prices: [{ id: `price_${tail}`, product: `prod_${tail}`, amount: 1_980 }],
    subscriptions: [
      {
        id: subscriptionId,
        customer: `cus_${tail}`,
        price: `price_${tail}`,
        anchorAt: "2024-10-08T03:00:00Z",
        asOf: "2025-01-20T03:00:00Z",
        ...seed,
        invoices: [0, 1, 2, 3].map((period) => ({ id: `in_${tail}_${period}`, period, status: "paid" as const })),
      },
    ],
  });
  await sql`insert into keiyaku.customers ${sql({ ...customerRow() } as Record<string, string>)} on conflict do nothing`;
  await insertRows(sql, "products", productRow({ id: `p-${tail}`, ...rows.product }));
  const stripeIds = { stripe_customer_id: `cus_${tail}`, stripe_subscription_id: subscriptionId };
  await insertRows(
    sql,
    "contracts",
    contractRow({ id: contractId, product_id: `p-${tail}`, payment_method: "card", ...stripeIds, ...rows.contract }),
  );
  for (const period of [0, 1, 2, 3]) {
    await insertRows(
      sql,
      "payments",
      paymentRow({ contract_id: contractId, period, stripe_invoice_id: `in_${tail}_${period}` }),
    );
    const license = { contract_id: contractId, payment_id: `${contractId}:period:${period}` };
    await insertRows(sql, "licenses", licenseRow(license));
  }
  return { contractId, subscriptionId, productId: `p-${tail}` };
}
