import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { expect, test } from "vitest";
import { type BusinessDate, monthOf, parseBusinessDate, renewalDate } from "../../../src/contract/calendar.ts";
import type { ContractWorld } from "../../../src/contract/contract.ts";
import { inMonth, makePayment, makeProduct, makeWorld } from "../../support/facts.ts";
import { applyChange } from "./support/apply-change.ts";
import { play } from "./support/play.ts";
import { makeScheduled, takenAt } from "./support/scheduled.ts";

/*
 * Whole lives of contracts that nobody touches: they are paid beforehand, and from then on only days go by. What must come
 * of that is counted here from the start date and the terms alone.
 */

/** In the order in which one date brings them. */
const scheduledKinds = [
  "start",
  "terminate_at_renewal",
  "end_special_period",
  "renew",
  "reserve_by_product_month",
  "release_by_product_month",
] as const;

const lives = fc.record({
  startOn: fc
    .integer({ min: 0, max: 800 })
    .map((offset) => parseBusinessDate(Temporal.PlainDate.from("2023-06-01").add({ days: offset }).toString())),
  specialMonths: fc.integer({ min: 0, max: 4 }),
  /** How many months after that of the start the product ends; null for never. */
  endsInMonths: fc.option(fc.integer({ min: -1, max: 6 })),
});

/** Contract and month are known before any life begins. */
const knownSince = "2023-05-01T03:00:00Z";

/** The day before the start and before each of five renewals, the day itself, and the day after. */
function eventfulDays(startOn: BusinessDate): readonly BusinessDate[] {
  return [0, 1, 2, 3, 4, 5].flatMap((n) =>
    [-1, 0, 1].map((days) => Temporal.PlainDate.from(renewalDate(startOn, n)).add({ days }).toString() as BusinessDate),
  );
}

/** Asks everything of one date, as its run would. */
function liveThrough(before: ContractWorld, date: BusinessDate): ContractWorld {
  return scheduledKinds.reduce((world, kind) => {
    const { end } = play(makeScheduled(kind, world, date));
    return end.type === "settle" ? applyChange(world, end.change, takenAt) : world;
  }, before);
}

test("as days go by, each month is billed once at its price, the special period ends, and the product's month ends it all", () => {
  fc.assert(
    fc.property(lives, ({ startOn, specialMonths, endsInMonths }) => {
      const month =
        endsInMonths === null ? null : inMonth(monthOf(shift(startOn, endsInMonths)) as `${number}-${number}`);
      const endsOn = month === null ? null : firstRenewalIn(startOn, month);
      let world: ContractWorld = makeWorld({
        contract: {
          status: "not_started",
          renewalDueOn: startOn,
          startOn,
          createdAt: knownSince,
          specialMonths,
          specialPriceMinor: specialMonths > 0 ? 980 : null,
        },
        product: makeProduct({ automaticTerminationMonth: month, automaticTerminationMonthSetAt: knownSince }),
        payments: [makePayment({ period: 0, state: "due", amountMinor: specialMonths > 0 ? 980 : 1_980 })],
      });
      for (const date of eventfulDays(startOn)) {
        world = liveThrough(world, date);
        expect([date, world.contract.status]).toEqual([date, statusOn(date)]);
        const billed = renewalsUntil(date).map((_, period) => [period, period < specialMonths ? 980 : 1_980]);
        const paid = world.payments.filter(({ state }) => state === "paid");
        expect(paid.map(({ period, amountMinor }) => [period, amountMinor])).toEqual(billed);
        expect(world.licenses).toEqual(paid.map(({ id }) => ({ paymentId: id, revokedBecause: null })));
      }

      /** The start and every renewal that has come by a date, unless the contract has ended before. */
      function renewalsUntil(date: BusinessDate): readonly BusinessDate[] {
        return Array.from({ length: 8 }, (_, n) => renewalDate(startOn, n)).filter(
          (renewalOn) => renewalOn <= date && (endsOn === null || renewalOn < endsOn),
        );
      }

      function statusOn(date: BusinessDate) {
        if (date < startOn) return "not_started";
        if (endsOn !== null && date >= endsOn) return "terminated";
        const current = renewalsUntil(date).length - 1;
        if (endsOn === renewalDate(startOn, current + 1)) return "termination_reserved";
        return current < specialMonths ? "special_period" : "active";
      }
    }),
    { numRuns: 100 },
  );
}, 60_000);

function shift(date: BusinessDate, months: number): BusinessDate {
  return parseBusinessDate(Temporal.PlainDate.from(date).add({ months }).toString());
}

function firstRenewalIn(startOn: BusinessDate, month: string): BusinessDate {
  const renewals = Array.from({ length: 8 }, (_, n) => renewalDate(startOn, n + 1));
  const first = renewals.find((renewalOn) => monthOf(renewalOn) >= month);
  if (first === undefined) throw new Error(`no renewal until ${month}`);
  return first;
}
