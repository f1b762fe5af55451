import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { OperationKind } from "../../../src/contract/operation.ts";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { addByCard } from "../../support/card-rows.ts";
import { askedOn, carryOut, driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { rowOf } from "../../support/store-rows.ts";
import { addPaid, forgetAll } from "./set-up-runs.ts";

/*
 * The race at midnight, for contracts that renew on 8 February 2025 in Tokyo: what was asked for on the eve and comes to be carried
 * out after the renewal, what is asked for on the day, and by card the hours before and after Stripe has rolled over (at noon).
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());
beforeEach(() => forgetAll(bench));

const lastSecondOfTheEve = "2025-02-07T14:59:59Z";
const firstSecondOfTheDay = "2025-02-07T15:00:00Z";
const theDay = "2025-02-08";

/** Writes a request into the ledger as one that the queue took at that moment. */
async function ask(kind: OperationKind, contractId: string, takenAt: string): Promise<string> {
  const id = `${kind}-${contractId}`;
  await acceptRequest(bench.db, { id, kind, contractId, actor: { type: "operator", id: "alice" } }, Date.now());
  await bench.sql`update keiyaku.operations set taken_at = ${takenAt} where id = ${id}`;
  return id;
}

const endOf = async (id: string) => {
  const { state, rejection_code: code } = await bench.operation(id);
  return [state, code].flatMap((word) => (typeof word === "string" ? [word] : [])).join(" ");
};

const contractOf = async (id: string) => {
  const { status, termination_on } = await rowOf(bench.sql, "contracts", id);
  return { status, reserved: termination_on !== null };
};

describe("by bank transfer", () => {
  const reserved = { status: "termination_reserved", termination_on: theDay };

  it.each([
    [
      "on the eve, and carried out in time, it ends the contract on the day",
      lastSecondOfTheEve,
      "before",
      "succeeded",
      "terminated",
    ],
    [
      "on the eve, and carried out after the renewal, it is refused",
      lastSecondOfTheEve,
      "after",
      "rejected renewal_already_processed",
      "active",
    ],
    [
      "on the day, before the run, it is refused",
      firstSecondOfTheDay,
      "before",
      "rejected renewal_date_today",
      "active",
    ],
    ["on the day, after the run, it is refused", firstSecondOfTheDay, "after", "rejected renewal_date_today", "active"],
  ] as const)("a reservation asked for %s", async (_, takenAt, moment, end, status) => {
    await addPaid(bench, "c-1", 3);
    if (moment === "after") await driveOn(bench, theDay);
    const id = await ask("reserve_termination", "c-1", takenAt);
    await carryOut(bench, [id]);
    if (moment === "before") await driveOn(bench, theDay);

    expect(await endOf(id)).toBe(end);
    expect(await contractOf("c-1")).toEqual({ status, reserved: false });
    const [paid] = await bench.sql`select count(*)::int as periods from keiyaku.payments where state = 'paid'`;
    expect(paid?.periods).toBe(status === "active" ? 5 : 4);
  });

  it.each([
    ["on the eve, and carried out in time, the contract renews", lastSecondOfTheEve, "before", "succeeded", "active"],
    [
      "on the eve, and carried out after the end, it is too late",
      lastSecondOfTheEve,
      "after",
      "rejected status_not_allowed",
      "terminated",
    ],
    [
      "on the day, before the run, it is refused",
      firstSecondOfTheDay,
      "before",
      "rejected renewal_date_reached",
      "terminated",
    ],
    [
      "on the day, after the run, it is too late",
      firstSecondOfTheDay,
      "after",
      "rejected status_not_allowed",
      "terminated",
    ],
  ] as const)("a withdrawal asked for %s", async (_, takenAt, moment, end, status) => {
    await addPaid(bench, "c-1", 3, reserved);
    if (moment === "after") await driveOn(bench, theDay);
    const id = await ask("withdraw_reservation", "c-1", takenAt);
    await carryOut(bench, [id]);
    if (moment === "before") await driveOn(bench, theDay);

    expect(await endOf(id)).toBe(end);
    expect(await contractOf("c-1")).toEqual({ status, reserved: false });
  });

  it("a withdrawal of the eve that waits when the run asks is carried out first: the end has nothing to end", async () => {
    await addPaid(bench, "c-1", 3, reserved);
    const withdrawal = await ask("withdraw_reservation", "c-1", lastSecondOfTheEve);

    await driveOn(bench, theDay, {
      // Nobody has heard of it but the run's own bell, which it stands in the way of.
      bells: { countWaiting: async () => 0, ring: (ids) => carryOut(bench, ids) },
      onStep: async ({ did }) => {
        if (did === "waited") await carryOut(bench, [withdrawal]);
      },
    });

    expect(await endOf(withdrawal)).toBe("succeeded");
    expect(await askedOn(bench, theDay)).toEqual([
      "terminate_at_renewal c-1: rejected status_not_allowed",
      "renew c-1: succeeded",
    ]);
    expect(await contractOf("c-1")).toEqual({ status: "active", reserved: false });
  });
});

describe("by card", () => {
  const beforeRollOver = { asOf: "2025-02-08T02:59:00Z" };
  const afterRollOver = { asOf: "2025-02-08T03:00:01Z" };

  it.each([
    [
      "of the eve before Stripe rolled over ends the contract with the period",
      lastSecondOfTheEve,
      beforeRollOver,
      "succeeded",
    ],
    ["of the eve after it is refused", lastSecondOfTheEve, afterRollOver, "rejected renewal_already_processed"],
    ["of the day before it is refused", firstSecondOfTheDay, beforeRollOver, "rejected renewal_date_today"],
    ["of the day after it is refused", firstSecondOfTheDay, afterRollOver, "rejected renewal_date_today"],
  ] as const)("a reservation %s", async (_, takenAt, seed, end) => {
    const { contractId } = await addByCard(bench, {}, seed);
    const id = await ask("reserve_termination", contractId, takenAt);
    await driveOn(bench, theDay);
    await carryOut(bench, [id]);

    expect(await endOf(id)).toBe(end);
    // The run of the day came before it: what was reserved on the eve ends with the next run.
    await driveOn(bench, "2025-02-09");
    const status = end === "succeeded" ? "terminated" : "active";
    expect(await contractOf(contractId)).toEqual({ status, reserved: false });
  });

  const reserved = { contract: { status: "termination_reserved", termination_on: theDay } };

  it.each([
    ["of the eve, carried out before the run, is heard", lastSecondOfTheEve, "before", "succeeded", "active"],
    [
      "of the eve, carried out after it, is too late",
      lastSecondOfTheEve,
      "after",
      "rejected status_not_allowed",
      "terminated",
    ],
    ["of the day is refused", firstSecondOfTheDay, "before", "rejected renewal_date_reached", "terminated"],
  ] as const)("a withdrawal %s", async (_, takenAt, moment, end, status) => {
    const { contractId } = await addByCard(bench, reserved, { ...beforeRollOver, cancelAtPeriodEnd: true });
    if (moment === "after") await driveOn(bench, theDay);
    const id = await ask("withdraw_reservation", contractId, takenAt);
    await carryOut(bench, [id]);
    if (moment === "before") await driveOn(bench, theDay);

    expect(await endOf(id)).toBe(end);
    expect(await contractOf(contractId)).toEqual({ status, reserved: false });
  });

  it.each([
    [
      "that Stripe has ended is refused, and ends",
      { asOf: "2025-02-08T03:00:01Z", status: "canceled", endedAt: "2025-02-08T03:00:00Z", cancelAtPeriodEnd: true },
      "rejected subscription_not_running",
      { status: "terminated", reserved: false },
    ],
    [
      "that Stripe has renewed, its end lifted there, is refused, and goes on",
      afterRollOver,
      "rejected renewal_already_processed",
      { status: "active", reserved: false },
    ],
    [
      "that Stripe has renewed, its end put off there, is refused, and ends with the next period",
      { ...afterRollOver, cancelAtPeriodEnd: true },
      "rejected renewal_already_processed",
      { status: "termination_reserved", reserved: true },
    ],
  ] as const)("a withdrawal of the eve, carried out after roll-over, of one %s", async (_, seed, end, contract) => {
    // Made at Stripe, a reservation follows Stripe to the last.
    const atStripe = { contract: { ...reserved.contract, termination_source: "stripe" } };
    const { contractId } = await addByCard(bench, atStripe, seed);
    const id = await ask("withdraw_reservation", contractId, lastSecondOfTheEve);
    await carryOut(bench, [id]);
    await driveOn(bench, theDay);

    expect(await endOf(id)).toBe(end);
    expect(await contractOf(contractId)).toEqual(contract);
  });
});
