import fc from "fast-check";
import { begunPeriods, nextRenewalAfter } from "../../../../src/contract/calendar.ts";
import {
  type ContractStatus,
  contractStatuses,
  finalStatuses,
  isOneOf,
  runningStatuses,
} from "../../../../src/contract/contract.ts";
import { type OperationKind, operationKinds } from "../../../../src/contract/operation.ts";
import { daysAfter, inMonth, noonOf, today as registeredOn } from "../../../support/facts.ts";

/*
 * Lives of contracts: a registration, then operations, days apart. Most kinds are refused in most states, so that lives
 * which begin anyhow and in which anything is asked seldom get far: families of them begin where a promise could be broken.
 */

const parts = {
  kind: fc.constantFrom("monthly", "one_time"),
  paymentMethod: fc.constantFrom("card", "bank_transfer"),
  startsInDays: fc.oneof(fc.integer({ min: -95, max: 0 }), fc.integer({ min: 1, max: 20 })),
  hasFee: fc.boolean(),
  specialMonths: fc.integer({ min: 0, max: 5 }),
  /** Whether the initial fee and the price have been paid. */
  isPaid: fc.boolean(),
  paidPeriods: fc.oneof(
    fc.constant("begun" as const),
    fc.constant<number[]>([]),
    fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
  ),
  /** What the payments by card name of the money that they are. */
  names: fc.constantFrom("both", "both", "intent", "nothing"),
  /** Where it stands in the system that it comes from; by its payments and dates, where it cannot stand there. */
  status: fc.option(fc.constantFrom(...contractStatuses), { nil: undefined, freq: 2 }),
  isReserved: fc.boolean(),
  /** Of a suspended one: whether the period before is unpaid as well. */
  isLongUnpaid: fc.boolean(),
};
type Parts = { readonly [Part in keyof typeof parts]: (typeof parts)[Part] extends fc.Arbitrary<infer T> ? T : never };

/** Registrations that are in order, of any sort but for the parts given. */
function registrationsWith(given: Partial<typeof parts> = {}) {
  return fc.record({ ...parts, ...given } as typeof parts).map(registrationOf);
}

function registrationOf(of: Parts) {
  const { kind, paymentMethod, hasFee, specialMonths } = of;
  const isMonthly = kind === "monthly";
  const byCard = paymentMethod === "card";
  const startOn = daysAfter(registeredOn, of.startsInDays);
  const begun = begunPeriods(startOn, registeredOn).length;
  const status = canStandAt(of) ? of.status : undefined;
  const current = Math.max(0, begun - 1);
  const isSuspended = status === "payment_unconfirmed";
  const unpaidPeriods = isSuspended ? [current, ...(of.isLongUnpaid && current > 0 ? [current - 1] : [])] : [];
  const periods = of.paidPeriods === "begun" ? Array.from({ length: begun }, (_, index) => index) : of.paidPeriods;
  const isBillable = (period: number) => byCard || period === 0 || period < begun;
  const paysPrice = status !== "awaiting_payment";
  const reservation = {
    terminationOn: nextRenewalAfter(startOn, startOn > registeredOn ? startOn : registeredOn),
    terminationSource: "person",
  };
  const names = (n: number) => ({
    ...(byCard && of.names !== "nothing" ? { stripePaymentIntentId: `pi_${isMonthly ? n : 0}` } : {}),
    ...(byCard && of.names === "both" ? { stripeInvoiceId: `in_${n}` } : {}),
  });
  const paid = (subject: object, n = 0) => ({ ...subject, paidAt: noonOf(registeredOn), ...names(n) });
  return {
    productId: "p-1",
    customerId: "cust-1",
    kind,
    paymentMethod,
    priceMinor: 1_980,
    initialFeeMinor: hasFee ? 5_000 : 0,
    ...(isMonthly && specialMonths > 0 ? { specialMonths, specialPriceMinor: 980 } : {}),
    startOn,
    ...(byCard
      ? { stripe: { customerId: "cus_1", ...(isMonthly ? { subscriptionId: "sub_1" } : { paymentIntentId: "pi_0" }) } }
      : {}),
    payments: [
      ...(hasFee && of.isPaid && (isMonthly || paysPrice) ? [paid({ subject: "initial_fee" })] : []),
      ...(!isMonthly && of.isPaid && paysPrice ? [paid({ subject: "one_time_price" })] : []),
      ...(isMonthly && paysPrice ? periods : [])
        .filter((period) => isBillable(period) && !unpaidPeriods.includes(period))
        .map((period) => paid({ subject: "period", period }, period)),
    ],
    ...(status === undefined
      ? {}
      : {
          state: {
            status,
            ...(status === "termination_reserved" || (isSuspended && of.isReserved) ? { reservation } : {}),
            ...(isSuspended ? { unpaidPeriods } : {}),
            ...(isOneOf(status, finalStatuses) ? { endedAt: noonOf(registeredOn) } : {}),
          },
        }),
  };
}

/** Whether a contract of this sort can stand at the status that is wanted of it. */
function canStandAt({ kind, paymentMethod, startsInDays, specialMonths, status }: Parts): boolean {
  if (status === undefined || (status === "special_period" && specialMonths === 0)) return false;
  const isOfMonthly = isOneOf(status, [...runningStatuses, "payment_unconfirmed", "terminated"]);
  if (kind === "monthly" ? status === "established" : isOfMonthly) return false;
  const hasBegun = isOneOf(status, ["established", ...runningStatuses]);
  const isSuspendedByHand = status === "payment_unconfirmed" && paymentMethod !== "card";
  return startsInDays <= 0 || !(hasBegun || isSuspendedByHand);
}

const kindsOfContracts = operationKinds.filter((kind) => kind !== "register");

/** What the product says from then on of the month in which its contracts end: nothing new, none, or one. */
const productMonths = (weight: number) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight, arbitrary: fc.constant(null) },
    { weight, arbitrary: fc.constantFrom(inMonth("2025-01"), inMonth("2025-03"), inMonth("2025-05")) },
  );

const requestsOf = (kind: fc.Arbitrary<OperationKind>, productMonth = productMonths(1)) =>
  fc.record({
    kind,
    daysLater: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 35 })),
    params: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      {
        weight: 1,
        arbitrary: fc.record({ paidPeriods: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }) }),
      },
      { weight: 1, arbitrary: fc.record({ period: fc.integer({ min: 0, max: 3 }) }) },
    ),
    productMonth,
    whims: fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 8 }),
  });
const requests = requestsOf(fc.constantFrom(...kindsOfContracts));
export type Request = typeof requests extends fc.Arbitrary<infer T> ? T : never;

/** A registration, and what is asked from then on. */
export type Life = readonly [ReturnType<typeof registrationOf>, readonly Request[]];

function livesOf(
  given: Partial<typeof parts>,
  kinds: fc.Arbitrary<OperationKind>,
  productMonth = productMonths(1),
): fc.Arbitrary<Life> {
  return fc.tuple(registrationsWith(given), fc.array(requestsOf(kinds, productMonth), { minLength: 2, maxLength: 12 }));
}

/** Each kind of the lists, as often as it stands there; one of everything else now and then. */
function mostly(...kinds: readonly OperationKind[]): fc.Arbitrary<OperationKind> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...kinds) },
    { weight: 1, arbitrary: fc.constantFrom(...kindsOfContracts) },
  );
}

/** A request of each of these kinds. */
function inOrder(kinds: readonly OperationKind[]): fc.Arbitrary<readonly Request[]> {
  return fc.tuple(...kinds.map((kind) => requestsOf(fc.constant(kind))));
}

const monthly = { kind: fc.constant("monthly") };
const byCard = { paymentMethod: fc.constant("card") };
const byHand = { paymentMethod: fc.constant("bank_transfer") };
const hasBegun = { startsInDays: fc.integer({ min: -95, max: 0 }) };
const isPaid = { isPaid: fc.constant(true), paidPeriods: fc.constant("begun" as const) };
const standsAt = (...statuses: readonly (ContractStatus | undefined)[]) => ({ status: fc.constantFrom(...statuses) });
const runs = {
  ...monthly,
  ...hasBegun,
  ...isPaid,
  ...standsAt("active", "special_period", "termination_reserved"),
  specialMonths: fc.integer({ min: 0, max: 2 }),
};

const whatPeopleTurn = [
  "confirm_payment",
  "suspend",
  "resume",
  "reserve_termination",
  "withdraw_reservation",
  "replace_subscription",
] as const;
const whatDatesBring = ["terminate_at_renewal", "end_special_period", "renew", "reserve_by_product_month"] as const;
const whatStripeTells = [
  "record_payment",
  "record_payment",
  "record_payment",
  "record_payment_failure",
  "record_payment_failure",
  "record_subscription_change",
  "record_subscription_change",
  "record_subscription_end",
  "record_refund",
  "record_dispute",
] as const;
const whatMovesMoney = ["record_payment", "record_payment", "record_refund", "refund_payment"] as const;

/** Every family of lives, named for what its contracts do. */
export const families = {
  "begin anyhow, with anything asked": livesOf({}, fc.constantFrom(...kindsOfContracts, ...whatPeopleTurn)),

  "begin before their start": livesOf(
    {
      startsInDays: fc.integer({ min: 1, max: 20 }),
      ...standsAt("not_started", "awaiting_payment", "awaiting_payment", undefined),
    },
    mostly(
      "record_payment",
      "record_payment",
      "record_payment_failure",
      "confirm_payment",
      "confirm_payment",
      "refund_payment",
      "start",
      "start",
      "cancel",
    ),
  ),

  "are bought once": livesOf(
    { kind: fc.constant("one_time"), isPaid: fc.constant(true), ...standsAt("not_started", "established", undefined) },
    mostly(
      ...whatMovesMoney,
      "start",
      "cancel_manual_refund",
      "cancel_with_refund",
      "record_manual_refund",
      "record_dispute",
    ),
  ),

  "begin running, paid by hand": livesOf(
    { ...runs, ...byHand },
    mostly(
      "suspend",
      "suspend",
      "resume",
      "resume",
      "reserve_termination",
      "reserve_termination",
      "withdraw_reservation",
      ...whatDatesBring,
    ),
  ),

  "begin running, paid by card": livesOf(
    { ...runs, ...byCard, paidPeriods: fc.constantFrom("begun" as const, [0]) },
    mostly(
      ...whatStripeTells,
      "replace_subscription",
      "reserve_termination",
      "withdraw_reservation",
      "terminate_at_renewal",
      "end_special_period",
    ),
  ),

  "begin running, of a product with a month in which they end": livesOf(
    runs,
    mostly(
      "reserve_by_product_month",
      "reserve_by_product_month",
      "release_by_product_month",
      "release_by_product_month",
      "reserve_termination",
      "withdraw_reservation",
      "suspend",
      "terminate_at_renewal",
    ),
    productMonths(6),
  ),

  "begin suspended": livesOf(
    { ...monthly, ...hasBegun, ...isPaid, ...standsAt("payment_unconfirmed") },
    mostly("resume", "resume", "terminate", "record_payment", "record_payment", ...whatStripeTells, ...whatDatesBring),
  ),

  "begin waiting for their payment by card": livesOf(
    { ...byCard, ...standsAt("awaiting_payment", undefined), isPaid: fc.boolean(), paidPeriods: fc.constant([]) },
    mostly(...whatStripeTells, "cancel", "start"),
  ),

  "begin ended": fc.tuple(
    fc.oneof(
      registrationsWith({ ...monthly, ...standsAt("canceled", "terminated") }),
      registrationsWith({ kind: fc.constant("one_time"), ...standsAt("canceled") }),
    ),
    fc.shuffledSubarray([...kindsOfContracts, ...whatMovesMoney], { minLength: 14 }).chain(inOrder),
  ),

  "have refunds: sent, failed, made by others, and asked for again": livesOf(
    {
      ...monthly,
      ...byCard,
      startsInDays: fc.constantFrom(-40, -5, 5),
      hasFee: fc.constant(true),
      isPaid: fc.constant(true),
      paidPeriods: fc.constantFrom([0], [0, 1]),
      ...standsAt(undefined),
    },
    mostly(
      "refund_payment",
      "refund_payment",
      "record_refund",
      "record_refund",
      "record_payment",
      "record_manual_refund",
      "waive_refund",
      "record_dispute",
      "cancel",
      "delete",
    ),
  ),
} satisfies Readonly<Record<string, fc.Arbitrary<Life>>>;
