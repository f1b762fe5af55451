import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { type BusinessDate, begunPeriods } from "../../../src/contract/calendar.ts";
import {
  type ContractStatus,
  type ContractWorld,
  contractStatuses,
  effectiveRefundStates,
  finalStatuses,
  isOneOf,
} from "../../../src/contract/contract.ts";
import { operationKinds } from "../../../src/contract/operation.ts";
import { rules } from "../../../src/contract/operations/index.ts";
import type { Answer } from "../../../src/contract/step.ts";
import { inMonth, makeCatalog, makeFacts, makeProduct, noonOf, today as registeredOn } from "../../support/facts.ts";
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

const requests = fc.record({
  kind: fc.constantFrom(...operationKinds.filter((kind) => kind !== "register"), ...reversible),
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
type Request = typeof requests extends fc.Arbitrary<infer T> ? T : never;

const lives = fc.tuple(registrations, fc.array(requests, { maxLength: 14 }));

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

/** Carries out one request; gives the world as it was if a rule refuses. */
function carryOut(before: ContractWorld, request: Request, today: BusinessDate): ContractWorld {
  const { kind, params, productMonth, whims } = request;
  const world = { ...before, product: { ...before.product, automaticTerminationMonth: productMonth } };
  let chosen = 0;
  const pick: Pick = (...options) => {
    const whim = whims[chosen++ % whims.length] ?? 0;
    return options[whim % options.length] ?? options[0];
  };
  const stripe = new RandomStripe(world, today, pick);
  let { refunds } = world;
  const isScheduled = (rules[kind].actors as readonly string[]).includes("schedule");
  const parts = isScheduled
    ? { params: { date: today }, actor: { type: "schedule", id: "daily" } as const }
    : { params };
  const { end } = playWith(makeFacts(kind, { world, today, ...parts }), (step): Answer => {
    const answer = stripe.answer(step);
    if (step.type === "call") refunds = journalRefund(refunds, step, answer);
    return answer;
  });
  return end.type === "settle" ? applyChange({ ...world, refunds }, end.change, noonOf(today)) : world;
}

function expectSound({ contract, payments, refunds, licenses }: ContractWorld, today: BusinessDate): void {
  const { status, terminationOn, terminationSource } = contract;
  expect(terminationOn === null).toBe(terminationSource === null);
  if (status === "termination_reserved") expect(terminationOn).not.toBeNull();
  if (terminationOn !== null) expect(["termination_reserved", "payment_unconfirmed"]).toContain(status);
  expect(contract.endedAt !== null).toBe(isOneOf(status, finalStatuses));
  if (contract.kind === "one_time") {
    expect(["awaiting_payment", "not_started", "established", "canceled"]).toContain(status);
  }

  expect(new Set(payments.map(({ id }) => id)).size).toBe(payments.length);
  expect(new Set(payments.map(({ subject, period }) => `${subject} ${period}`)).size).toBe(payments.length);
  if (contract.paymentMethod !== "card") {
    const begun = begunPeriods(contract.startOn, today).length;
    expect(payments.filter(({ period }) => period !== null && period > 0 && period >= begun)).toEqual([]);
  }
  for (const { state, paidAt } of payments) expect(paidAt !== null).toBe(state === "paid" || state === "refunded");

  const open = licenses.filter(({ revokedBecause }) => revokedBecause === null);
  for (const { paymentId } of open) expect(payments.find(({ id }) => id === paymentId)?.state).toBe("paid");
  if (["awaiting_payment", "not_started", "canceled"].includes(status)) expect(open).toEqual([]);
  if (isOneOf(status, finalStatuses)) {
    expect(payments.filter(({ state }) => state === "due" || state === "unpaid")).toEqual([]);
  }

  for (const payment of payments) {
    const returned = refunds
      .filter(({ paymentId, state }) => paymentId === payment.id && isOneOf(state, effectiveRefundStates))
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    expect(returned).toBeLessThanOrEqual(payment.amountMinor);
  }
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
    expectSound(world, today);
    if (isOneOf(before.contract.status, finalStatuses)) expect({ ...world, product: before.product }).toEqual(before);
    const ids = new Set(world.payments.map(({ id }) => id));
    expect(before.payments.filter(({ id }) => !ids.has(id))).toEqual([]);
    statuses.push(world.contract.status);
  }
  return statuses;
}
type Life = typeof lives extends fc.Arbitrary<infer T> ? T : never;

describe("whatever is asked of a contract", () => {
  test("it never leaves a final status, its history is never lost or doubled, and its rows agree with each other", () => {
    fc.assert(
      fc.property(lives, (life) => {
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
