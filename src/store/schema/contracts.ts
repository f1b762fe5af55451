import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import { char, check, index, integer, text, uniqueIndex } from "drizzle-orm/pg-core";
import { customers } from "./customers.ts";
import {
  amountMinor,
  businessDate,
  contractKind,
  contractOrigin,
  contractStatus,
  instant,
  isAmount,
  isId,
  keiyaku,
  paymentMethod,
  reservationSource,
} from "./keiyaku-schema.ts";
import { products } from "./products.ts";

/**
 * From which day on the end of a special period is to be asked for: renewal k. By card Stripe's boundary may come up to four
 * days before it, by the calendar of UTC and by summer time; what is asked for too early is refused as not due.
 */
export function specialPeriodDueOn(table: Record<"startOn" | "specialMonths" | "paymentMethod", AnyColumn | SQL>): SQL {
  return sql`((${table.startOn} + make_interval(months => ${table.specialMonths}))::date
    - case when ${table.paymentMethod} = 'card' then 4 else 0 end)`;
}

/**
 * By which day of the month a contract renews: 1 to 31, and 32 to 62 by card. All of one slot come to their product's month on
 * the same day, so that what has not come to it is not looked at.
 */
export function renewalSlot(table: Record<"startOn" | "paymentMethod", AnyColumn | SQL>): SQL {
  return sql`(extract(day from ${table.startOn})::integer + case when ${table.paymentMethod} = 'card' then 31 else 0 end)`;
}

/**
 * One customer's purchase of one product: its terms and its state. Every write to it, or to a row that belongs to it,
 * goes through `version`.
 */
export const contracts = keiyaku.table(
  "contracts",
  {
    /** The platform's own id. */
    id: text("id").primaryKey(),
    /** What was bought. */
    productId: text("product_id")
      .notNull()
      .references(() => products.id),
    /** Who bought it. */
    customerId: text("customer_id")
      .notNull()
      .references(() => customers.id),
    /** Bought once, or by the month. */
    kind: contractKind("kind").notNull(),
    /** Who collects the money: Stripe, or a person. */
    paymentMethod: paymentMethod("payment_method").notNull(),
    /** Whether the customer applied, or an operator made it by hand. */
    origin: contractOrigin("origin").notNull(),
    /** Where in its life it stands. */
    status: contractStatus("status").notNull(),
    /** ISO 4217, lower case as Stripe writes it. */
    currency: char("currency", { length: 3 }).notNull(),
    /** The price agreed: once, or of a month after the special months. */
    priceMinor: amountMinor("price_minor").notNull(),
    /** What is paid once at the beginning; 0 for nothing. */
    initialFeeMinor: amountMinor("initial_fee_minor").notNull(),
    /** The price of each special month; null when there are none. */
    specialPriceMinor: amountMinor("special_price_minor"),
    /** How many periods, from the first, bill the special price. */
    specialMonths: integer("special_months").notNull(),
    /** The first day of period 0; renewal dates are counted from it. */
    startOn: businessDate("start_on").notNull(),
    /** The renewal date on which a reservation ends the contract; null when nothing is reserved. */
    terminationOn: businessDate("termination_on"),
    /** Who made the reservation. */
    terminationSource: reservationSource("termination_source"),
    /** Of a reservation by product month: who else had asked for its date; null where nobody had. */
    terminationAskedBy: reservationSource("termination_asked_by"),
    /**
     * From this day on a period is to be recorded as paid: the first of the period after the last one that the history settles.
     * Null where Stripe collects, or nobody by the month.
     */
    renewalDueOn: businessDate("renewal_due_on"),
    /** When it was canceled or terminated; null before. */
    endedAt: instant("ended_at"),
    /** Stripe's customer, for a contract paid by card. */
    stripeCustomerId: text("stripe_customer_id"),
    /** The subscription that bills it now: card, monthly. */
    stripeSubscriptionId: text("stripe_subscription_id"),
    /** Subscriptions that billed it before, oldest first. */
    formerStripeSubscriptionIds: text("former_stripe_subscription_ids").array().notNull().default(sql`'{}'`),
    /** The payment intent that pays it: card, one-time. */
    stripePaymentIntentId: text("stripe_payment_intent_id"),
    /** Grows by one with every change; whoever writes names the one that was read. */
    version: integer("version").notNull(),
    /** The operation that made the last change. */
    changedByOperationId: text("changed_by_operation_id").notNull(),
    /** When it was registered: the moment for which its registration counts, however late that was carried out. */
    createdAt: instant("created_at").notNull().default(sql`clock_timestamp()`),
    /** When the last change was made. */
    updatedAt: instant("updated_at").notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    check("contracts_id_form", isId(table.id)),
    check("contracts_price_is_amount", isAmount(table.priceMinor)),
    check("contracts_initial_fee_is_amount", isAmount(table.initialFeeMinor)),
    check("contracts_special_price_is_amount", isAmount(table.specialPriceMinor)),
    check(
      "contracts_special_price_has_months",
      sql`${table.specialMonths} >= 0 and (${table.specialMonths} > 0) = (${table.specialPriceMinor} is not null)`,
    ),
    check("contracts_only_monthly_is_special", sql`${table.specialMonths} = 0 or ${table.kind} = 'monthly'`),
    check(
      "contracts_status_fits_kind",
      sql`case when ${table.status} = 'established' then ${table.kind} = 'one_time'
        when ${table.status} in ('active', 'special_period', 'termination_reserved', 'payment_unconfirmed', 'terminated')
        then ${table.kind} = 'monthly' else true end`,
    ),
    check("contracts_operator_never_by_card", sql`${table.origin} = 'application' or ${table.paymentMethod} <> 'card'`),
    check(
      "contracts_card_names_its_stripe_objects",
      sql`case when ${table.paymentMethod} <> 'card'
        then num_nonnulls(${table.stripeCustomerId}, ${table.stripeSubscriptionId}, ${table.stripePaymentIntentId}) = 0
        when ${table.kind} = 'monthly' then num_nulls(${table.stripeCustomerId}, ${table.stripeSubscriptionId}) = 0
        else num_nulls(${table.stripeCustomerId}, ${table.stripePaymentIntentId}) = 0 end`,
    ),
    check(
      "contracts_reservation_is_whole",
      sql`(${table.terminationOn} is null) = (${table.terminationSource} is null)
        and (${table.status} <> 'termination_reserved' or ${table.terminationOn} is not null)
        and (${table.terminationOn} is null or ${table.status} in ('termination_reserved', 'payment_unconfirmed'))`,
    ),
    check(
      "contracts_asked_by_another_than_the_month",
      sql`${table.terminationAskedBy} is null
        or (${table.terminationSource} = 'product_month' and ${table.terminationAskedBy} <> 'product_month')`,
    ),
    check(
      "contracts_end_has_a_time",
      sql`(${table.status} in ('canceled', 'terminated')) = (${table.endedAt} is not null)`,
    ),
    check(
      "contracts_former_subscriptions_are_former",
      sql`${table.formerStripeSubscriptionIds} = '{}'
        or (${table.stripeSubscriptionId} is not null and not ${table.stripeSubscriptionId} = any (${table.formerStripeSubscriptionIds}))`,
    ),
    check(
      "contracts_renewed_by_the_calendar",
      sql`(${table.renewalDueOn} is not null) = (${table.kind} = 'monthly' and ${table.paymentMethod} <> 'card')`,
    ),
    check("contracts_version_counts_from_one", sql`${table.version} >= 1`),
    uniqueIndex("contracts_one_per_subscription").on(table.stripeSubscriptionId),
    uniqueIndex("contracts_one_per_payment_intent").on(table.stripePaymentIntentId),
    index("contracts_by_card").on(table.id, table.endedAt).where(sql`${table.paymentMethod} = 'card'`),
    index("contracts_by_customer").on(table.customerId),
    index("contracts_by_stripe_customer").on(table.stripeCustomerId).where(sql`${table.stripeCustomerId} is not null`),
    // What a date brings is found by these, each by its due date and then by id: `find-due.ts`.
    index("contracts_to_start").on(table.startOn, table.id).where(sql`${table.status} = 'not_started'`),
    index("contracts_to_terminate").on(table.terminationOn, table.id).where(sql`${table.terminationOn} is not null`),
    index("contracts_to_end_special_period")
      .on(specialPeriodDueOn(table), table.id)
      .where(sql`${table.status} = 'special_period'`),
    index("contracts_to_renew")
      .on(table.renewalDueOn, table.id)
      .where(
        sql`${table.status} in ('active', 'special_period', 'termination_reserved') and ${table.renewalDueOn} is not null`,
      ),
    index("contracts_to_reserve_by_product_month")
      .on(table.productId, renewalSlot(table), table.id)
      .where(
        sql`${table.kind} = 'monthly' and ${table.origin} = 'application'
          and ${table.status} in ('active', 'special_period', 'termination_reserved', 'payment_unconfirmed')
          and ${table.terminationSource} is distinct from 'product_month'`,
      ),
    index("contracts_to_release_by_product_month")
      .on(table.productId, table.terminationOn, table.id)
      .where(sql`${table.terminationSource} = 'product_month'`),
    index("contracts_by_former_subscription").using("gin", table.formerStripeSubscriptionIds),
  ],
);
