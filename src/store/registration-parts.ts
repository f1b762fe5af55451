import { sql } from "drizzle-orm";
import type { NewPayment, Registration } from "../contract/change.ts";
import { json, type Part } from "./guarded-statement.ts";

/** The first period of a new contract that the calendar has to record; none where Stripe collects, or nobody by the month. */
function firstRenewalOf({ kind, paymentMethod }: Registration["contract"], newPayments: readonly NewPayment[]) {
  if (kind !== "monthly" || paymentMethod === "card") return null;
  return Math.max(0, ...newPayments.map(({ period, state }) => (period === null || state === "due" ? 0 : period + 1)));
}

/** The parts that bring a contract into being, with what it brings along: product, customer, sign-up. */
export function registrationParts(
  { contract, product, customer, signup }: Registration,
  newPayments: readonly NewPayment[],
  operationId: string,
  isProductKnown: boolean,
): Part[] {
  const parts: Part[] = [
    {
      name: "registered",
      rows: 1,
      statement: sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
          price_minor, initial_fee_minor, special_price_minor, special_months, start_on, termination_on, termination_source,
          renewal_due_on, ended_at, stripe_customer_id, stripe_subscription_id, former_stripe_subscription_ids, stripe_payment_intent_id,
          version, changed_by_operation_id, created_at)
        select "id", "productId", "customerId", "kind", "paymentMethod", "origin", "status", "currency", "priceMinor",
          "initialFeeMinor", "specialPriceMinor", "specialMonths", "startOn", "terminationOn", "terminationSource",
          keiyaku.renewal_date("startOn", ${firstRenewalOf(contract, newPayments)}::integer), "endedAt", "stripeCustomerId",
          "stripeSubscriptionId", "formerStripeSubscriptionIds", "stripePaymentIntentId", 1, ${operationId},
          (select taken_at from keiyaku.operations where id = ${operationId})
        from jsonb_to_record(${json(contract)}) as r("id" text, "productId" text, "customerId" text,
          "kind" keiyaku.contract_kind, "paymentMethod" keiyaku.payment_method, "origin" keiyaku.contract_origin,
          "status" keiyaku.contract_status, "currency" text, "priceMinor" bigint, "initialFeeMinor" bigint,
          "specialPriceMinor" bigint, "specialMonths" integer, "startOn" date, "terminationOn" date,
          "terminationSource" keiyaku.reservation_source, "endedAt" timestamptz, "stripeCustomerId" text,
          "stripeSubscriptionId" text, "formerStripeSubscriptionIds" text[], "stripePaymentIntentId" text) returning id`,
    },
  ];
  // One that somebody else has brought along meanwhile may be of another kind: then it is decided again.
  if (product !== null && !isProductKnown) {
    parts.push({ name: "cataloged_product", rows: 1, statement: insertProduct(product) });
  }
  if (customer !== null) parts.push({ name: "cataloged_customer", rows: "any", statement: insertCustomer(customer) });
  if (signup !== null) {
    parts.push({
      name: "signup",
      rows: 1,
      statement: sql`insert into keiyaku.signups (contract_id, applied_at, channel)
        values (${contract.id}, ${signup.appliedAt}::text::timestamptz, ${signup.channel}) returning contract_id`,
    });
  }
  return parts;
}

/** Writes a product unless one of its id is known; that one is then left as it is. */
function insertProduct(product: NonNullable<Registration["product"]>) {
  return sql`insert into keiyaku.products (id, kind, access, price_minor, automatic_termination_month)
    values (${product.id}, ${product.kind}::keiyaku.contract_kind, ${product.access}::keiyaku.product_access,
      ${product.priceMinor}, ${product.automaticTerminationMonth})
    on conflict (id) do nothing returning id`;
}

/**
 * Writes a customer unless one of this id is known; that one is then left as it is. One who was erased is known again in
 * the version that they had, so that puts from before stay late.
 */
function insertCustomer(customer: NonNullable<Registration["customer"]>) {
  return sql`insert into keiyaku.customers (id, email, name, locale, version)
    values (${customer.id}, ${customer.email}, ${customer.name}, ${customer.locale},
      coalesce((select version from keiyaku.erased_customers where id = ${customer.id}), 1))
    on conflict (id) do nothing returning id`;
}
