import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { type BusinessDate, begunPeriods } from "../../../src/contract/calendar.ts";
import type { Deletion } from "../../../src/contract/change.ts";
import {
  type ContractStatus,
  type ContractWorld,
  contractStatuses,
  effectiveRefundStates,
  finalStatuses,
  isOneOf,
  type Refund,
} from "../../../src/contract/contract.ts";
import { type ActorType, type OperationKind, operationKinds } from "../../../src/contract/operation.ts";
import { rules } from "../../../src/contract/operations/index.ts";
import { isOwed } from "../../../src/contract/refunding.ts";
import type { Answer } from "../../../src/contract/step.ts";
import {
  type FactsParts,
  inMonth,
  makeCatalog,
  makeFacts,
  makeProduct,
  noonOf,
  today as registeredOn,
} from "../../support/facts.ts";
import { applyChange, journalRefund } from "./support/apply-change.ts";
import { playWith } from "./support/play.ts";
import { type Pick, RandomStripe } from "./support/random-stripe.ts";

/*
 * Lives of contracts: a registration of any sort, then operations of any kind, days apart, with a Stripe that answers as it
 * likes. Nothing about them is prescribed but what must never happen.
 */

const registrations = fc
  .record({
    kind: fc.constantFrom("monthly", "one_time"),
    paymentMethod: fc.constantFrom("card", "bank_transfer"),
    startsInDays: fc.oneof(fc.integer({ min: -95, max: 0 }), fc.integer({ min: 1, max: 20 })),
    hasFee: fc.boolean(),
    specialMonths: fc.integer({ min: 0, max: 5 }),
    paidPeriods: fc.oneof(fc.constant<number[]>([]), fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { maxLength: 4 })),
    isPaid: fc.boolean(),
    state: fc.option(
      fc.record({
        status: fc.constantFrom(...contractStatuses),
        isReserved: fc.boolean(),
        unpaidPeriods: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 2 }),
      }),
      { nil: undefined, freq: 2 },
    ),
  })
  .map(({ kind, paymentMethod, startsInDays, hasFee, specialMonths, paidPeriods, isPaid, state }) => {
    const isMonthly = kind === "monthly";
    const paidAt = noonOf(registeredOn);
    const source = (n: number) =>
      paymentMethod === "card" ? { stripePaymentIntentId: `pi_${n}`, stripeInvoiceId: `in_${n}` } : {};
    const unpaidPeriods = state?.unpaidPeriods ?? [];
    return {
      productId: "p-1",
      customerId: "cust-1",
      kind,
      paymentMethod,
      priceMinor: 1_980,
      initialFeeMinor: hasFee ? 5_000 : 0,
      ...(isMonthly && specialMonths > 0 ? { specialMonths, specialPriceMinor: 980 } : {}),
      startOn: daysAfter(registeredOn, startsInDays),
      ...(paymentMethod === "card"
        ? {
            stripe: { customerId: "cus_1", ...(isMonthly ? { subscriptionId: "sub_1" } : { paymentIntentId: "pi_0" }) },
          }
        : {}),
      payments: [
        ...(hasFee && isPaid ? [{ subject: "initial_fee", paidAt, ...source(0) }] : []),
        ...(isMonthly
          ? paidPeriods
              .filter((period) => !unpaidPeriods.includes(period))
              .map((period) => ({ subject: "period", period, paidAt, ...source(period) }))
          : isPaid
            ? [{ subject: "one_time_price", paidAt, ...source(0) }]
            : []),
      ],
      ...(state === undefined ? {} : { state: stateOf(state) }),
    };
  });

function stateOf({ status, isReserved, unpaidPeriods }: State) {
  const isSuspended = status === "payment_unconfirmed";
  const reservation = { terminationOn: daysAfter(registeredOn, 15), terminationSource: "person" };
  return {
    status,
    ...(status === "termination_reserved" || (isSuspended && isReserved) ? { reservation } : {}),
    ...(isSuspended ? { unpaidPeriods } : {}),
    ...(isOneOf(status, finalStatuses) ? { endedAt: noonOf(registeredOn) } : {}),
  };
}
interface State {
  readonly status: ContractStatus;
  readonly isReserved: boolean;
  readonly unpaidPeriods: readonly number[];
}

/** Tried twice as often as the others, lest most lives be short. */
const reversible = ["confirm_payment", "suspend", "resume", "reserve_termination", "withdraw_reservation"] as const;

const anyKind = fc.constantFrom(...operationKinds.filter((kind) => kind !== "register"), ...reversible);
/** What Stripe tells of a contract by card, and what people do about that. */
const kindsByCard = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "record_payment",
      "record_payment",
      "record_payment_failure",
      "record_subscription_change",
      "record_subscription_end",
      "record_refund",
      "record_dispute",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("start", "refund_payment", "terminate", "reserve_termination", "waive_refund", "delete"),
  },
) satisfies fc.Arbitrary<OperationKind>;

const requestsOf = (kind: fc.Arbitrary<OperationKind>) =>
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
    /** What the product says by then of the month in which its contracts end. */
    productMonth: fc.constantFrom(null, null, inMonth("2025-02"), inMonth("2025-04")),
    whims: fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 8 }),
  });
const requests = requestsOf(anyKind);
type Request = typeof requests extends fc.Arbitrary<infer T> ? T : never;

const lives = fc.tuple(registrations, fc.array(requests, { maxLength: 14 }));
const livesByCard = fc.tuple(
  registrations.filter(({ paymentMethod }) => paymentMethod === "card"),
  fc.array(requestsOf(kindsByCard), { maxLength: 14 }),
);

/** An invoice of two payments and what becomes of its refunds: sent, failed, made by others, and asked for again. */
const livesOfRefunds = fc.tuple(
  registrations.map((registration) => {
    const { kind: _, stripe: __, state: ___, ...rest } = registration;
    const paid = (subject: object) => ({ ...subject, paidAt: noonOf(registeredOn), ...byIntent });
    return {
      ...rest,
      kind: "monthly",
      paymentMethod: "card",
      initialFeeMinor: 5_000,
      startOn: daysAfter(registeredOn, -5),
      stripe: { customerId: "cus_1", subscriptionId: "sub_1" },
      payments: [paid({ subject: "initial_fee" }), paid({ subject: "period", period: 0 })],
    };
  }),
  fc.array(
    requestsOf(
      fc.constantFrom(
        "refund_payment",
        "refund_payment",
        "record_refund",
        "record_refund",
        "record_manual_refund",
        "waive_refund",
        "record_dispute",
      ),
    ),
    { minLength: 3, maxLength: 10 },
  ),
);
const byIntent = { stripePaymentIntentId: "pi_0", stripeInvoiceId: "in_0" };

function daysAfter(date: BusinessDate, days: number): BusinessDate {
  return Temporal.PlainDate.from(date).add({ days }).toString() as BusinessDate;
}

function register(params: { kind: string }): ContractWorld | undefined {
  const catalog = makeCatalog({ product: makeProduct({ kind: params.kind === "monthly" ? "monthly" : "one_time" }) });
  const { end } = playWith(makeFacts("register", { params, catalog }), () => {
    throw new Error("register neither looks nor calls");
  });
  return end.type === "settle" ? applyChange(null, end.change, noonOf(registeredOn)) : undefined;
}

/** Who asks for an operation of this kind, and with what: people, or the calendar and Stripe for what is theirs. */
function partsOf(
  kind: OperationKind,
  world: ContractWorld,
  today: BusinessDate,
  params: Request["params"],
  pick: Pick,
): FactsParts {
  const actors: readonly ActorType[] = rules[kind].actors;
  if (actors.includes("schedule")) return { params: { date: today }, actor: { type: "schedule", id: "daily" } };
  if (actors.includes("stripe")) {
    return { params: reportOf(kind, world, pick), actor: { type: "stripe", id: "evt_1" } };
  }
  const { payments, refunds } = world;
  if (kind === "refund_payment") {
    const paymentId = pick(payments.at(-1)?.id ?? "none", payments[0]?.id ?? "none");
    return { params: { paymentId, revokeLicense: pick(false, true) } };
  }
  if (kind === "record_manual_refund" || kind === "waive_refund") {
    return { params: { refundId: refunds.find(isOwed)?.id ?? "none" } };
  }
  if (kind === "delete") return { params: { confirm: world.contract.id } };
  return { params };
}

/** What an event of Stripe's says, about something that the contract knows or not. */
function reportOf(kind: OperationKind, { contract, payments }: ContractWorld, pick: Pick) {
  const { stripePaymentIntentId, stripeSubscriptionId, formerStripeSubscriptionIds } = contract;
  const invoices = payments.flatMap(({ stripeInvoiceId }) => stripeInvoiceId ?? []);
  const intents = payments.flatMap((row) => row.stripePaymentIntentId ?? []);
  const invoiceId = pick(`in_new_${payments.length}`, invoices.at(-1) ?? "in_9", invoices[0] ?? "in_9");
  const paymentIntentId = pick(intents.at(-1) ?? "pi_9", intents[0] ?? "pi_9", "pi_9");
  const subscriptionId = pick(stripeSubscriptionId ?? "sub_9", formerStripeSubscriptionIds[0] ?? "sub_9");
  if (kind === "record_payment") {
    return stripePaymentIntentId === null ? { invoiceId } : { paymentIntentId: stripePaymentIntentId };
  }
  if (kind === "record_payment_failure") {
    return { invoiceId, attempt: pick(1, 2), nextAttemptAt: null, actionRequired: pick(false, true) };
  }
  if (kind === "record_refund") return { paymentIntentId };
  if (kind === "record_dispute") {
    return { paymentIntentId, disputeId: "du_1", stripeDisputeStatus: pick("needs_response", "won", "lost") };
  }
  return { subscriptionId };
}

/** Carries out one request; gives the world as it was if a rule refuses, and none once the contract is deleted. */
function carryOut(before: ContractWorld, request: Request, today: BusinessDate): ContractWorld | undefined {
  const { kind, params, productMonth, whims } = request;
  const world = { ...before, product: { ...before.product, automaticTerminationMonth: productMonth } };
  let chosen = 0;
  const pick: Pick = (...options) => {
    const whim = whims[chosen++ % whims.length] ?? 0;
    return options[whim % options.length] ?? options[0];
  };
  const stripe = new RandomStripe(world, today, pick);
  let { refunds } = world;
  const parts = partsOf(kind, world, today, params, pick);
  const { end } = playWith(makeFacts(kind, { world, today, ...parts }), (step): Answer => {
    const answer = stripe.answer(step);
    if (step.type === "call") refunds = journalRefund(refunds, step, answer);
    return answer;
  });
  if (end.type === "reject") return world;
  const { deletion, ...change } = end.change;
  const after = applyChange({ ...world, refunds }, change, noonOf(today));
  if (deletion === undefined) return after;
  expectBuried(after, deletion);
  return undefined;
}

/** A deletion tells of every payment what became of it, gives none back twice, and leaves no money without a word. */
function expectBuried(last: ContractWorld, { payments: buried, customerId }: Deletion): void {
  const held = last.payments.filter(({ state }) => state === "paid" || state === "refunded");
  const told = buried.filter(({ subject }) => subject !== "unknown");
  const names = told.map(({ paymentId }) => paymentId);
  expect(names).toEqual(expect.arrayContaining(held.map(({ id }) => id)));
  expect(new Set(names).size).toBe(names.length);
  for (const { paymentId, amountMinor } of buried) expect(sumOf(last, paymentId)).toBeLessThanOrEqual(amountMinor);
  for (const { paymentId, result, refundId } of buried) {
    const refund = last.refunds.find(({ id }) => id === refundId);
    if (result === "refund_owed" || result === "refund_owed_by_hand") expect(refund && isOwed(refund)).toBe(true);
    if (result === "refunded") expect(sumOf(last, paymentId)).toBeGreaterThan(0);
  }
  expect(customerId !== null).toBe(last.refunds.some(({ state }) => state === "manual_due"));
}

/** What has gone back of a payment, is on its way, or is owed. */
function sumOf({ refunds }: ContractWorld, payment: string): number {
  const counts = (refund: Refund) => isOneOf(refund.state, effectiveRefundStates) || isOwed(refund);
  return refunds
    .filter((refund) => refund.paymentId === payment && counts(refund))
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

function expectSound(world: ContractWorld, today: BusinessDate): void {
  const { contract, payments, licenses } = world;
  const { status, terminationOn, terminationSource } = contract;
  expect(terminationOn === null).toBe(terminationSource === null);
  if (status === "termination_reserved") expect(terminationOn).not.toBeNull();
  if (terminationOn !== null) expect(["termination_reserved", "payment_unconfirmed"]).toContain(status);
  expect(contract.endedAt !== null).toBe(isOneOf(status, finalStatuses));
  if (contract.kind === "one_time") {
    expect(["awaiting_payment", "not_started", "established", "canceled"]).toContain(status);
  }

  expect(new Set(payments.map(({ id }) => id)).size).toBe(payments.length);
  // Stripe may take money for one thing twice; then each invoice has its row.
  const things = payments.map(({ subject, period, stripeInvoiceId }) => `${subject} ${period} ${stripeInvoiceId}`);
  expect(new Set(things).size).toBe(payments.length);
  if (contract.paymentMethod !== "card") {
    const begun = begunPeriods(contract.startOn, today).length;
    expect(payments.filter(({ period }) => period !== null && period > 0 && period >= begun)).toEqual([]);
  }
  for (const { state, paidAt } of payments) expect(paidAt !== null).toBe(state === "paid" || state === "refunded");

  const open = licenses.filter(({ revokedBecause }) => revokedBecause === null);
  // What was given back without taking the license stays viewable.
  for (const { paymentId } of open) {
    expect(["paid", "refunded"]).toContain(payments.find(({ id }) => id === paymentId)?.state);
  }
  if (["awaiting_payment", "not_started", "canceled"].includes(status)) expect(open).toEqual([]);
  if (isOneOf(status, finalStatuses)) {
    expect(payments.filter(({ state }) => state === "due" || state === "unpaid")).toEqual([]);
  }

  for (const payment of payments) {
    // Not even if everything that is owed were given back as well, by Stripe and by hand.
    expect(sumOf(world, payment.id)).toBeLessThanOrEqual(payment.amountMinor);
  }
}

const kindsOfMoney = [
  "record_payment",
  "record_refund",
  "record_dispute",
  "refund_payment",
  "record_manual_refund",
  "waive_refund",
] as const satisfies readonly OperationKind[];

/** After the end only money moves: what Stripe took late, or gave back. */
function expectStillEnded(before: ContractWorld, after: ContractWorld, kind: OperationKind): void {
  const { version: _, ...ended } = before.contract;
  expect(after.contract).toMatchObject(ended);
  if (!isOneOf(kind, kindsOfMoney)) expect(after).toMatchObject({ ...before, contract: ended, product: after.product });
}

/** Lives one life, holding after every operation what must always hold; tells every status that it came through. */
function live([registration, requested]: Life): readonly ContractStatus[] {
  let world = register(registration);
  if (world === undefined) return [];
  let today = registeredOn;
  expectSound(world, today);
  const statuses: ContractStatus[] = [world.contract.status];
  for (const request of requested) {
    today = daysAfter(today, request.daysLater);
    const before: ContractWorld = world;
    world = carryOut(before, request, today);
    if (world === undefined) return statuses;
    expectSound(world, today);
    if (isOneOf(before.contract.status, finalStatuses)) expectStillEnded(before, world, request.kind);
    const ids = new Set(world.payments.map(({ id }) => id));
    expect(before.payments.filter(({ id }) => !ids.has(id))).toEqual([]);
    statuses.push(world.contract.status);
  }
  return statuses;
}
type Life = readonly [{ readonly kind: string }, readonly Request[]];

describe("whatever is asked of a contract", () => {
  test("it never leaves a final status, its history is never lost or doubled, and its rows agree with each other", () => {
    fc.assert(
      fc.property(lives, (life) => {
        live(life);
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  test("the same of contracts by card, of which mostly Stripe tells", () => {
    fc.assert(
      fc.property(livesByCard, (life) => {
        live(life);
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  test("the same of an invoice's refunds, however often they are asked for, fail, or are made by others", () => {
    fc.assert(
      fc.property(livesOfRefunds, (life) => {
        live(life);
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  test("the lives that are tried come through every status", () => {
    const seen = new Set(fc.sample(lives, { numRuns: 400, seed: 20_241_008 }).flatMap((life) => live(life)));
    expect([...seen].sort()).toEqual([...contractStatuses].sort());
  }, 60_000);
});
