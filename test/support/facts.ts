import { Temporal } from "temporal-polyfill";
import { paymentId } from "../../src/contract/billing.ts";
import { type BusinessDate, type BusinessMonth, type Instant, parseBusinessDate } from "../../src/contract/calendar.ts";
import {
  type Contract,
  type ContractWorld,
  finalStatuses,
  isOneOf,
  type License,
  type LicenseRevocation,
  type Payment,
  type Product,
  type Refund,
  type Tombstone,
} from "../../src/contract/contract.ts";
import type { Facts, MoneyPolicy, OperationKind } from "../../src/contract/operation.ts";

/*
 * Builders of facts for tests. Each takes what its test is about and fills in the rest so that it agrees with itself: a
 * card contract has its ids at Stripe, a reserved one its date, an ended one its end.
 *
 * The defaults tell one story. Contract `c-1` of customer `cust-1` began on 8 October 2024, so it renews on every 8th.
 * Today is 20 January 2025, noon in Tokyo: period 3, which runs from 8 January until 8 February.
 */

export const zone = "Asia/Tokyo";
/** The settings about money, as they are by default. */
export const policy: MoneyPolicy = { refundCutoffOn: parseBusinessDate("2018-08-04"), latePayment: "refund" };
export const today = parseBusinessDate("2025-01-20");
export const nextRenewalOn = parseBusinessDate("2025-02-08");
/** When the payments of the story were made. */
export const paidAt: Instant = "2024-10-08T01:00:00Z";

/** A business date; throws for a day that does not exist. */
export function on(text: string): BusinessDate {
  return parseBusinessDate(text);
}

export function inMonth(text: `${number}-${number}`): BusinessMonth {
  return text as BusinessMonth;
}

export function daysAfter(date: BusinessDate, days: number): BusinessDate {
  return Temporal.PlainDate.from(date).add({ days }).toString() as BusinessDate;
}

/** The moment at which requests of that day are taken: noon in Tokyo. */
export function noonOf(date: BusinessDate): Instant {
  return `${date}T03:00:00Z`;
}

export function makeProduct(overrides: Partial<Product> = {}): Product {
  return {
    id: "p-1",
    kind: "monthly",
    access: "per_period",
    priceMinor: 1_980,
    automaticTerminationMonth: null,
    automaticTerminationMonthSetAt: "2024-01-01T03:00:00Z",
    version: 1,
    ...overrides,
  };
}

/** An active monthly contract paid by bank transfer, unless told otherwise. */
export function makeContract(overrides: Partial<Contract> = {}): Contract {
  const { kind = "monthly", paymentMethod = "bank_transfer", status = "active" } = overrides;
  const byCard = paymentMethod === "card";
  const isReserved = status === "termination_reserved";
  return {
    id: "c-1",
    productId: "p-1",
    customerId: "cust-1",
    kind,
    paymentMethod,
    origin: "application",
    status,
    currency: "jpy",
    priceMinor: 1_980,
    initialFeeMinor: 0,
    specialPriceMinor: null,
    specialMonths: 0,
    startOn: on("2024-10-08"),
    terminationOn: isReserved ? nextRenewalOn : null,
    terminationSource: isReserved ? "person" : null,
    terminationAskedBy: null,
    renewalDueOn: kind === "monthly" && !byCard ? nextRenewalOn : null,
    createdAt: "2024-10-01T03:00:00Z",
    endedAt: isOneOf(status, finalStatuses) ? "2025-01-15T03:00:00Z" : null,
    stripeCustomerId: byCard ? "cus_1" : null,
    stripeSubscriptionId: byCard && kind === "monthly" ? "sub_1" : null,
    formerStripeSubscriptionIds: [],
    stripePaymentIntentId: byCard && kind === "one_time" ? "pi_1" : null,
    version: 1,
    ...overrides,
  };
}

/** A row of the purchase history of `c-1`: one period's fee that was paid, unless told otherwise. */
export function makePayment(overrides: Partial<Payment> = {}): Payment {
  const { subject = "period", state = "paid" } = overrides;
  const period = overrides.period ?? (subject === "period" ? 0 : null);
  return {
    id: paymentId("c-1", subject, period),
    subject,
    period,
    amountMinor: subject === "initial_fee" ? 5_000 : 1_980,
    state,
    paidAt: state === "paid" || state === "refunded" ? paidAt : null,
    stripePaymentIntentId: null,
    stripeInvoiceId: null,
    dispute: null,
    ...overrides,
  };
}

/** Rows for the periods given, all alike but for their index. */
export function makePeriods(indexes: readonly number[], overrides: Partial<Payment> = {}): readonly Payment[] {
  return indexes.map((period) => makePayment({ ...overrides, subject: "period", period }));
}

/** An open license for each payment given. */
export function openFor(payments: readonly Payment[]): readonly License[] {
  return payments.map(({ id }) => ({ paymentId: id, revokedBecause: null }));
}

export function revokedFor(payment: Payment, revokedBecause: LicenseRevocation): License {
  return { paymentId: payment.id, revokedBecause };
}

/** A refund of the payment in full, which is on its way, unless told otherwise. */
export function makeRefund(payment: Payment, overrides: Partial<Refund> = {}): Refund {
  return {
    id: `${payment.id}:refund:1`,
    paymentId: payment.id,
    amountMinor: payment.amountMinor,
    state: "pending",
    stripeRefundId: null,
    stripePaymentIntentId: payment.stripePaymentIntentId,
    supersededBy: null,
    ...overrides,
  };
}

/** What remains of a deleted `c-1`: nothing is owed, and nothing of it was at Stripe, unless told otherwise. */
export function makeTombstone(overrides: Partial<Tombstone> = {}): Tombstone {
  return {
    contractId: "c-1",
    customerId: null,
    stripeIds: [],
    payments: [],
    refunds: [],
    deletedAt: "2025-01-15T03:00:00Z",
    version: 1,
    ...overrides,
  };
}

export function makeWorld(parts: Partial<Omit<ContractWorld, "contract">> & { contract?: Partial<Contract> } = {}) {
  const contract = makeContract(parts.contract);
  return {
    product: makeProduct({ kind: contract.kind }),
    payments: [],
    refunds: [],
    licenses: [],
    ...parts,
    contract,
  } satisfies ContractWorld;
}

/** A contract in its period 3 with periods 0 to 3 paid and open: running, unless told otherwise. */
export function makeRunningWorld(overrides: Partial<Contract> = {}): ContractWorld {
  const payments = makePeriods([0, 1, 2, 3]);
  return makeWorld({ contract: overrides, payments, licenses: openFor(payments) });
}

/** A catalog that knows the monthly product and the customer of the story, and nothing against a registration. */
export function makeCatalog(overrides: Partial<NonNullable<Facts["catalog"]>> = {}): NonNullable<Facts["catalog"]> {
  return { product: makeProduct(), customerKnown: true, stripeReferenceTaken: false, ...overrides };
}

/** The parts of the facts that a test may set; everything else follows from them. */
export interface FactsParts
  extends Partial<Omit<Facts, "operation">>,
    Partial<Pick<Facts["operation"], "actor" | "hasReason">> {
  readonly params?: unknown;
}

/** An operator's request of this kind for `c-1`, without parameters, taken at noon of `today`. */
export function makeFacts(
  kind: OperationKind,
  { actor, params = {}, hasReason = true, ...parts }: FactsParts = {},
): Facts {
  const asker = actor ?? { type: "operator", id: "alice" };
  return {
    operation: { id: "op-1", kind, contractId: "c-1", actor: asker, params, hasReason },
    today,
    takenAt: noonOf(parts.today ?? today),
    zone,
    world: null,
    tombstone: null,
    heldOperationId: null,
    policy,
    catalog: null,
    reportedEarly: [],
    ...parts,
  };
}
