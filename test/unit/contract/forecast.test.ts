import { describe, expect, test } from "vitest";
import { parseBusinessDate } from "../../../src/contract/calendar.ts";
import type { Contract } from "../../../src/contract/contract.ts";
import { expectationsOf } from "../../../src/contract/forecast.ts";
import { inMonth, makeProduct, makeWorld } from "../../support/facts.ts";

const on = parseBusinessDate;
const days = { today: on("2025-01-20"), until: on("2025-03-21") };

/** What is ahead of a contract that began on 31 October 2024, as `date what why`. */
function ahead(contract: Partial<Contract>, month: `${number}-${number}` | null = null): readonly string[] {
  const product = makeProduct({ kind: contract.kind ?? "monthly", automaticTerminationMonth: month && inMonth(month) });
  const { contract: made } = makeWorld({ contract: { startOn: on("2024-10-31"), status: "active", ...contract } });
  return expectationsOf(made, product, days).map(({ on: day, what, why }) => `${day ?? "some day"} ${what} ${why}`);
}

const renewals = ["2025-01-31 renew renewal_date", "2025-02-28 renew renewal_date"];

describe("what is ahead of a contract", () => {
  test.each<readonly [string, Partial<Contract>, readonly string[]]>([
    ["its renewals", {}, renewals],
    [
      "its start, and the renewals after it",
      { status: "not_started", startOn: on("2025-02-01") },
      ["2025-02-01 start start_date", "2025-03-01 renew renewal_date"],
    ],
    [
      "the start alone of what is bought once",
      { kind: "one_time", status: "not_started", startOn: on("2025-02-01") },
      ["2025-02-01 start start_date"],
    ],
    ["nothing of a start beyond", { status: "not_started", startOn: on("2025-03-22") }, []],
    [
      "the end of its special months",
      { status: "special_period", specialMonths: 4, specialPriceMinor: 980 },
      [renewals[0] as string, "2025-02-28 end_special_period special_months", renewals[1] as string],
    ],
    [
      "the end that a person asked for, and no renewal from then on",
      { status: "termination_reserved", terminationOn: on("2025-02-28"), terminationSource: "person" },
      [renewals[0] as string, "2025-02-28 end asked_for"],
    ],
    [
      "the end that Stripe was told of",
      { status: "termination_reserved", terminationOn: on("2025-01-31"), terminationSource: "stripe" },
      ["2025-01-31 end stripe"],
    ],
    [
      "the end on a day in the midst of a period, as only Stripe's dashboard sets it, and the renewal shortly before",
      { status: "termination_reserved", terminationOn: on("2025-02-03"), terminationSource: "stripe" },
      [renewals[0] as string, "2025-02-03 end stripe"],
    ],
    ["an end on no known day while it is unpaid", { status: "payment_unconfirmed" }, ["some day end unpaid"]],
    [
      "its reserved end while it is unpaid",
      { status: "payment_unconfirmed", terminationOn: on("2025-01-31"), terminationSource: "person" },
      ["2025-01-31 end asked_for"],
    ],
  ])("is %s", (_, contract, expected) => {
    expect(ahead(contract)).toEqual(expected);
  });
});

describe("what a product's month makes of it", () => {
  const reserved = { status: "termination_reserved", terminationOn: on("2025-02-28") } as const;
  const byMonth = { ...reserved, terminationSource: "product_month" } as const;

  test.each<readonly [string, Partial<Contract>, `${number}-${number}` | null, readonly string[]]>([
    [
      "the end on the first renewal of the month",
      {},
      "2025-02",
      [renewals[0] as string, "2025-02-28 end product_month"],
    ],
    ["the next renewal, when the month was set late", {}, "2024-12", ["2025-01-31 end product_month"]],
    [
      "nothing, when an operator made the contract",
      { origin: "operator", paymentMethod: "bank_transfer" },
      "2025-02",
      renewals,
    ],
    ["nothing yet, when the month lies beyond", {}, "2025-04", renewals],
    ["the end that it has reserved", byMonth, "2025-02", [renewals[0] as string, "2025-02-28 end product_month"]],
    [
      "the end that it has reserved on the day that Stripe has",
      { ...byMonth, terminationOn: on("2025-03-01") },
      "2025-02",
      [renewals[0] as string, "2025-03-01 end product_month"],
    ],
    ["no end, when the month was cleared", byMonth, null, renewals],
    [
      "the end that somebody had asked for, when the month was cleared",
      { ...byMonth, terminationAskedBy: "person" },
      null,
      [renewals[0] as string, "2025-02-28 end asked_for"],
    ],
    [
      "an earlier end than somebody has asked for",
      { ...reserved, terminationSource: "person" },
      "2025-01",
      ["2025-01-31 end product_month"],
    ],
    [
      "the end of what has not started on its first renewal",
      { status: "not_started", startOn: on("2025-02-01") },
      "2025-01",
      ["2025-02-01 start start_date", "2025-03-01 end product_month"],
    ],
  ])("is %s", (_, contract, month, expected) => {
    expect(ahead(contract, month)).toEqual(expected);
  });
});
