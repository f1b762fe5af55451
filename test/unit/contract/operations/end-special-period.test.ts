import { describe, expect, test } from "vitest";
import type { Contract } from "../../../../src/contract/contract.ts";
import type { Answer } from "../../../../src/contract/step.ts";
import { makeWorld, on } from "../../../support/facts.ts";
import { play, rejected, settled } from "../support/play.ts";
import {
  commonSpoilersOfEvents,
  expectRefusalsInOrder,
  refusalOf,
  statusesAllowed,
  withContract,
} from "../support/refusals.ts";
import { makeScheduled, onDate } from "../support/scheduled.ts";
import { missing, subscriptionEnded, subscriptionSeen } from "../support/stripe-answers.ts";

/** A contract since 8 October whose first three months are special, on the day of renewal 3. */
function setup(contract: Partial<Contract> = {}) {
  const special = { status: "special_period", specialMonths: 3, specialPriceMinor: 980 } as const;
  return makeScheduled("end_special_period", makeWorld({ contract: { ...special, ...contract } }), on("2025-01-08"));
}

test.each(["bank_transfer", "card"] as const)("only from special_period, paid by %s", (paymentMethod) => {
  expect(statusesAllowed((status) => setup({ status, paymentMethod }))).toEqual(["special_period"]);
});

test("refusals come in the specified order", () => {
  expectRefusalsInOrder(
    setup(),
    [
      ["not_monthly", withContract({ kind: "one_time" })],
      ["status_not_allowed", withContract({ status: "active" })],
      ["not_due", withContract({ specialMonths: 4 })],
    ],
    commonSpoilersOfEvents,
  );
});

test("makes it active and nothing else", () => {
  const played = play(setup());
  expect(played.steps).toEqual([]);
  expect(settled(played)).toEqual({ status: "active" });
});

describe("renewal k", () => {
  test("has not come on the day before, which the refusal names", () => {
    expect(rejected(play(onDate(setup(), "2025-01-07")))).toEqual({ code: "not_due", detail: { date: "2025-01-07" } });
  });

  test.each(["2025-01-08", "2025-01-09", "2025-06-30"])("has come on %s, however late", (date) => {
    expect(refusalOf(onDate(setup(), date))).toBeUndefined();
  });

  test.each([
    ["2025-01-31", 1, "2025-02-27", "2025-02-28"],
    ["2025-01-31", 2, "2025-03-30", "2025-03-31"],
    ["2024-01-31", 1, "2024-02-28", "2024-02-29"],
    ["2024-11-30", 3, "2025-02-27", "2025-02-28"],
  ])("of a contract since %s with %i special months comes not on %s but on %s", (start, specialMonths, before, day) => {
    const facts = setup({ startOn: on(start), specialMonths });
    expect(refusalOf(onDate(facts, before))).toBe("not_due");
    expect(refusalOf(onDate(facts, day))).toBeUndefined();
  });
});

describe("renewal k by card is Stripe's", () => {
  // 28 February 15:30 in UTC is 1 March in Tokyo; by the calendar the contract renews on 28 February.
  const boundary = "2025-02-28T15:30:00Z";
  const contract = { paymentMethod: "card", startOn: on("2025-01-31"), specialMonths: 1 } as const;
  const first = subscriptionSeen({ currentPeriodStartAt: "2025-01-31T03:00:00Z", currentPeriodEndAt: boundary });
  const second = subscriptionSeen({ currentPeriodStartAt: boundary, currentPeriodEndAt: "2025-03-31T03:00:00Z" });
  const endOn = (date: string, subscription: Answer) => play(onDate(setup(contract), date), { subscription });

  test("it has not come while Stripe still bills the special month", () => {
    expect(rejected(endOn("2025-02-28", first)).code).toBe("not_due");
  });

  test("it has come before the calendar's where Stripe's has", () => {
    // Begun on 1 March, 00:30 in Tokyo: a 28th in UTC, so Stripe renews on 29 March where we count 1 April.
    const early = { paymentMethod: "card", startOn: on("2025-03-01"), specialMonths: 1 } as const;
    const renewed = { currentPeriodStartAt: "2025-03-28T15:30:00Z", currentPeriodEndAt: "2025-04-28T15:30:00Z" };
    const played = play(onDate(setup(early), "2025-03-30"), { subscription: subscriptionSeen(renewed) });
    expect(settled(played)).toEqual({ status: "active" });
  });

  test.each([
    ["it comes on the date of Stripe's boundary, rolled over or not", "2025-03-01", first],
    ["and has come once Stripe bills the next month", "2025-02-28", second],
    ["of a subscription that has ended the calendar decides", "2025-02-28", subscriptionEnded],
    ["and of one that is not there", "2025-02-28", missing],
  ])("%s", (_, date, subscription) => {
    expect(settled(endOn(date, subscription))).toEqual({ status: "active" });
  });
});
