import { describe, expect, test } from "vitest";
import { rules } from "../../../src/contract/operations/index.ts";
import { makeRunningWorld, today } from "../../support/facts.ts";
import { ask } from "./support/play.ts";
import { askedBy, refusalOf } from "./support/refusals.ts";
import { makeScheduled, onDate } from "./support/scheduled.ts";

/** In the order in which one date brings them. */
const scheduledKinds = [
  "start",
  "terminate_at_renewal",
  "end_special_period",
  "renew",
  "reserve_by_product_month",
  "release_by_product_month",
] as const;

describe.each(scheduledKinds)("%s", (kind) => {
  const facts = makeScheduled(kind, makeRunningWorld(), today);

  test("is asked for by the calendar alone", () => {
    expect(rules[kind].actors).toEqual(["schedule"]);
    for (const type of ["operator", "service", "customer", "stripe"] as const) {
      expect(refusalOf(askedBy(type, "cust-1")(facts))).toBe("actor_not_allowed");
    }
  });

  test.each(["2025-02-30", "2025-2-3", "20250203", "tomorrow", 7, null])("is refused for the date %j", (date) => {
    const step = ask({ ...facts, operation: { ...facts.operation, params: { date } } }, new Map());
    expect(step).toMatchObject({ rejection: { code: "invalid_request", detail: { field: "params.date" } } });
  });

  test("is refused without a date", () => {
    const step = ask({ ...facts, operation: { ...facts.operation, params: {} } }, new Map());
    expect(step).toMatchObject({ rejection: { code: "invalid_request", detail: { field: "params.date" } } });
  });

  test("waits behind a held operation, which refuses only people", () => {
    const before = ask(facts, new Map());
    expect(ask({ ...facts, heldOperationId: "op-0" }, new Map())).toEqual(before);
  });

  test("reads the date as today, whenever it is taken", () => {
    const later = { ...onDate(facts, "2025-03-01"), today, takenAt: facts.takenAt };
    expect(ask(later, new Map())).toEqual(ask({ ...later, today: facts.today }, new Map()));
  });
});
