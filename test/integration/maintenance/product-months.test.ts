import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { putProduct } from "../../../src/store/put-catalog.ts";
import type { IdempotencyKey } from "../../../src/stripe/gateway.ts";
import { auditOf } from "../../support/audit.ts";
import { addByCard } from "../../support/card-rows.ts";
import { productPut } from "../../support/catalog.ts";
import { askedOn, driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { insertRows, operationRow, productRow, rowOf } from "../../support/store-rows.ts";
import { addOneOfEach, addPaid, forgetAll } from "./set-up-runs.ts";

/*
 * A product's automatic-termination month through the daily run, for contracts that renew on every 8th. The month is put by the one
 * statement that the queue `catalog`, HTTP and the command line share; their own tests hold that they do.
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());
beforeEach(() => forgetAll(bench));

let versions = 1;

/** Sets, moves or clears the month of a product, at noon of the business date; long ago unless told otherwise. */
async function setMonth(id: string, automaticTerminationMonth: string | null, on = "2024-12-01"): Promise<void> {
  versions += 1;
  const answer = await putProduct(bench.db, productPut({ id, automaticTerminationMonth, version: versions }));
  expect(answer).toEqual({ answer: "updated", version: versions });
  await setSince(id, `${on}T03:00:00Z`);
}

async function setSince(id: string, since: string): Promise<void> {
  await bench.sql`update keiyaku.products set automatic_termination_month_set_at = ${since} where id = ${id}`;
}

/** Where a contract stands: status and reservation. */
async function standingOf(id: string): Promise<string> {
  const [row] = await bench.sql`select concat_ws(' ', status, termination_on, termination_source) as standing
    from keiyaku.contracts where id = ${id}`;
  return String(row?.standing);
}

/** What the audit says that nobody asked for. */
async function notAsked(): Promise<readonly string[]> {
  return (await auditOf(bench)).violations.filter((each) => each.startsWith("I13"));
}

async function askWithdrawal(contractId: string) {
  return bench.perform({ id: `w-${contractId}`, kind: "withdraw_reservation", contractId });
}

describe("a month that was set in time", () => {
  it("ends the contract on its renewal date in that month: reserved as soon as that is the next one, and not before", async () => {
    await addPaid(bench, "c-1", 3);
    await setMonth("p-1", "2025-03");

    await driveOn(bench, "2025-02-07", { first: "2025-01-20" });
    expect(await standingOf("c-1")).toBe("active");
    expect(await bench.sql`select id from keiyaku.operations`).toHaveLength(0);

    await driveOn(bench, "2025-02-08");
    expect(await askedOn(bench, "2025-02-08")).toEqual([
      "renew c-1: succeeded",
      "reserve_by_product_month c-1: succeeded",
    ]);
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-03-08 product_month");

    await driveOn(bench, "2025-03-09");
    expect(await askedOn(bench, "2025-03-08")).toEqual(["terminate_at_renewal c-1: succeeded"]);
    expect(await standingOf("c-1")).toBe("terminated");
    const [paid] = await bench.sql`select max(period) as period from keiyaku.payments where state = 'paid'`;
    expect(paid?.period).toBe(4);
  });

  it("cannot be withdrawn, and says so in a sentence", async () => {
    await addPaid(bench, "c-1", 3);
    // Its date lies ahead of the moment at which the withdrawal is asked for, whenever that is.
    const reservation = { termination_on: "2125-02-08", termination_source: "product_month" };
    await addPaid(bench, "c-2", 3, { status: "termination_reserved", ...reservation });
    const { state, rejection_code, rejection_detail } = await askWithdrawal("c-2");
    expect({ state, rejection_code }).toEqual({ state: "rejected", rejection_code: "reserved_by_product_month" });
    expect(rejection_detail).toEqual({});
  });

  it("leaves alone what an operator made by hand, and what a person ends earlier", async () => {
    await addPaid(bench, "c-made", 3, { origin: "operator" });
    await addPaid(bench, "c-earlier", 3, { status: "termination_reserved", termination_on: "2025-02-08" });
    await setMonth("p-1", "2025-03");
    await driveOn(bench, "2025-02-08");
    expect([await standingOf("c-made"), await standingOf("c-earlier")]).toEqual(["active", "terminated"]);
  });

  it("takes a person's reservation for that date over, once", async () => {
    await addPaid(bench, "c-1", 3, { status: "termination_reserved", termination_on: "2025-02-08" });
    await setMonth("p-1", "2025-02");
    await driveOn(bench, "2025-01-21", { first: "2025-01-20" });
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-02-08 product_month");
    expect(await askedOn(bench, "2025-01-21")).toEqual([]);

    await setMonth("p-1", null);
    await driveOn(bench, "2025-01-22");
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-02-08 person");
  });
});

describe("a month that was set late, moved or cleared", () => {
  it.each(["2025-02", "2025-01", "2024-06"])(
    "set to %s in January ends the contract on its next renewal date",
    async (month) => {
      await addPaid(bench, "c-1", 3);
      await setMonth("p-1", month);
      await driveOn(bench, "2025-01-20");
      expect(await standingOf("c-1")).toBe("termination_reserved 2025-02-08 product_month");
    },
  );

  it("moved later lifts the reservation, and makes its own when its time comes", async () => {
    await addPaid(bench, "c-1", 3);
    await setMonth("p-1", "2025-02");
    await driveOn(bench, "2025-01-20");
    await setMonth("p-1", "2025-04");
    await driveOn(bench, "2025-01-21");
    expect(await askedOn(bench, "2025-01-21")).toEqual(["release_by_product_month c-1: succeeded"]);
    expect(await standingOf("c-1")).toBe("active");

    await driveOn(bench, "2025-03-08");
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-04-08 product_month");
  });

  it("moved earlier leaves the reservation for the next renewal as it is", async () => {
    await addPaid(bench, "c-1", 3);
    await setMonth("p-1", "2025-02");
    await driveOn(bench, "2025-01-20");
    await setMonth("p-1", "2024-01");
    await driveOn(bench, "2025-01-21");
    expect(await askedOn(bench, "2025-01-21")).toEqual([]);
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-02-08 product_month");
  });

  it("cleared and set again makes another reservation: another cause", async () => {
    await addPaid(bench, "c-1", 3);
    for (const [day, month] of [
      ["2025-01-20", "2025-02"],
      ["2025-01-21", null],
      ["2025-01-22", "2025-02"],
    ] as const) {
      await setMonth("p-1", month);
      await driveOn(bench, day);
    }
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-02-08 product_month");
    const rows = await bench.sql`select id from keiyaku.operations order by sequence`;
    expect(rows.map(({ id }) => String(id).replace(/\.\d+(?=\.\d{8}$)/, ".v"))).toEqual([
      "reserve_by_product_month.c-1.20250108.v.20250120",
      "release_by_product_month.c-1.20250208.v.20250121",
      "reserve_by_product_month.c-1.20250108.v.20250122",
    ]);
  });
});

describe("a catch-up on dates of which nobody made the runs", () => {
  const catchUp = () => driveOn(bench, "2025-02-21", { first: "2025-02-06" });
  const reserved = { termination_on: "2025-02-08", termination_source: "product_month" };

  /** What was asked for by a product's month, and for which date. */
  async function askedByMonth(): Promise<readonly string[]> {
    const rows = await bench.sql<{ asked: string }[]>`select actor_id || ' ' || kind || ' ' || state as asked
      from keiyaku.operations where kind::text like '%by_product_month' order by sequence`;
    return rows.map(({ asked }) => asked);
  }

  /** What was at noon of Tokyo is found on the date before, too, as if the zone were the one furthest behind, and refused there. */
  const foundFrom = (dayBefore: string, day: string) => [
    `${dayBefore} reserve_by_product_month rejected`,
    `${day} reserve_by_product_month succeeded`,
  ];

  it("reserves by a month from the date on which it was set, not for a renewal date that was over then", async () => {
    await addPaid(bench, "c-1", 3);
    await setMonth("p-1", "2025-02", "2025-02-20");
    await catchUp();
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-03-08 product_month");
    expect(await rowOf(bench.sql, "payments", "c-1:period:4")).toMatchObject({ state: "paid" });
    expect(await askedByMonth()).toEqual(foundFrom("2025-02-19", "2025-02-20"));
  });

  it.each([
    ["2025-02-07T14:59:59Z", "terminated"],
    ["2025-02-07T15:00:00Z", "termination_reserved 2025-03-08 product_month"],
  ])("goes by the business date of the moment at which it was set, %s: %s", async (since, standing) => {
    await addPaid(bench, "c-1", 3);
    await setMonth("p-1", "2025-02");
    await setSince("p-1", since);
    await catchUp();
    expect(await standingOf("c-1")).toBe(standing);
  });

  it("ends on its date what a month had reserved that was cleared later", async () => {
    await addPaid(bench, "c-1", 3, { status: "termination_reserved", ...reserved });
    await setMonth("p-1", null, "2025-02-20");
    await catchUp();
    expect(await standingOf("c-1")).toBe("terminated");
    expect(await askedByMonth()).toEqual([]);
  });

  it.each([
    ["2025-02-07T14:59:59Z", "active"],
    ["2025-02-07T15:00:00Z", "terminated"],
  ])("lifts what stands when the month was cleared, by the business date of %s: %s", async (since, standing) => {
    await addPaid(bench, "c-1", 3, { status: "termination_reserved", ...reserved });
    await setMonth("p-1", null);
    await setSince("p-1", since);
    await catchUp();
    expect(await standingOf("c-1")).toBe(standing);
  });

  it.each([
    ["2025-02-07T14:59:59Z", "terminated"],
    ["2025-02-07T15:00:00Z", "termination_reserved 2025-03-08 product_month"],
  ])("ends no contract as of a date before it was registered, at %s: %s", async (created_at, standing) => {
    await addPaid(bench, "c-1", 3, { created_at });
    await setMonth("p-1", "2025-02");
    await catchUp();
    expect(await standingOf("c-1")).toBe(standing);
  });

  it("leaves a contract that was imported on 10 March to the runs from then on", async () => {
    await addPaid(bench, "c-1", 4, { created_at: "2025-03-10T03:00:00Z" });
    await setMonth("p-1", "2025-02");
    await driveOn(bench, "2025-03-10", { first: "2025-02-06" });
    expect(await standingOf("c-1")).toBe("termination_reserved 2025-04-08 product_month");
    expect(await askedByMonth()).toEqual(foundFrom("2025-03-09", "2025-03-10"));
  });

  it("leaves nothing on its way of which the audit says that nobody asked for it", async () => {
    await addPaid(bench, "c-set", 3);
    const created_at = "2025-03-10T03:00:00Z";
    await insertRows(bench.sql, "products", productRow({ id: "p-ending", automatic_termination_month: "2025-02" }));
    await addPaid(bench, "c-imported", 3, { product_id: "p-ending", created_at });
    await insertRows(bench.sql, "products", productRow({ id: "p-on" }));
    await addPaid(bench, "c-cleared", 3, { product_id: "p-on", status: "termination_reserved", ...reserved });
    await setMonth("p-1", "2025-02", "2025-02-20");
    await setSince("p-on", "2025-02-20T03:00:00Z");
    await driveOn(bench, "2025-02-07", { first: "2025-02-06" });
    await bench.sql`update keiyaku.products set updated_at = '2025-01-01'`;
    await bench.sql`update keiyaku.contracts set updated_at = '2025-01-01'`;
    expect(await notAsked()).toEqual([]);

    await bench.sql`update keiyaku.products set automatic_termination_month_set_at = '2025-02-05T03:00:00Z'`;
    await bench.sql`update keiyaku.contracts set created_at = '2025-02-05T03:00:00Z'`;
    expect((await notAsked()).toSorted()).toEqual([
      "I13 c-cleared: release_by_product_month was due by 2025-02-07, and nobody has asked for it",
      "I13 c-imported: reserve_by_product_month was due by 2025-02-07, and nobody has asked for it",
      "I13 c-set: reserve_by_product_month was due by 2025-02-07, and nobody has asked for it",
    ]);
  });
});

describe("a suspended contract", () => {
  const suspended = { status: "payment_unconfirmed" };

  it("stays suspended with the reservation beside it, and ends on its date", async () => {
    await addPaid(bench, "c-1", 3, suspended);
    await setMonth("p-1", "2025-02");
    await driveOn(bench, "2025-01-20");
    expect(await standingOf("c-1")).toBe("payment_unconfirmed 2025-02-08 product_month");
    await driveOn(bench, "2025-02-08");
    expect(await standingOf("c-1")).toBe("terminated");
  });

  it("stays suspended when the month is cleared", async () => {
    await addPaid(bench, "c-1", 3, suspended);
    await setMonth("p-1", "2025-02");
    await driveOn(bench, "2025-01-20");
    await setMonth("p-1", null);
    await driveOn(bench, "2025-01-21");
    expect(await standingOf("c-1")).toBe("payment_unconfirmed");
  });
});

describe("a contract by card", () => {
  /** The whole stand-in goes on to this moment, as Stripe would, whoever is down. */
  const letPass = (to: string) => bench.stripe.control.advanceClock({ to });

  async function paidInvoices(subscriptionId: string): Promise<number> {
    const ledger = await bench.stripe.control.ledger();
    return ledger.filter(({ effect, subscription }) => effect === "invoice.paid" && subscription === subscriptionId)
      .length;
  }

  it("is reserved at Stripe too: nothing is charged though every worker is down on the day, and it ends with the catch-up", async () => {
    // Anchored ahead of the stand-in's own clock, so that its days can pass.
    const now = new Date();
    const anchor = new Date(now.getTime() - 20 * 86_400_000);
    const dateOf = (at: Date) => new Date(at.getTime() + 9 * 3_600_000).toISOString().slice(0, 10);
    const [start, today] = [dateOf(anchor), dateOf(now)];
    const { contractId, subscriptionId, productId } = await addByCard(
      bench,
      { contract: { start_on: start } },
      { anchorAt: anchor.toISOString(), asOf: now.toISOString() },
    );
    await setMonth(productId, today.slice(0, 7));
    await driveOn(bench, today);
    const row = await rowOf(bench.sql, "contracts", contractId);
    expect(row).toMatchObject({ status: "termination_reserved", termination_source: "product_month" });

    const before = await paidInvoices(subscriptionId);
    const inTwoMonths = new Date(now.getTime() + 60 * 86_400_000);
    await letPass(inTwoMonths.toISOString());
    expect(await paidInvoices(subscriptionId)).toBe(before);

    await driveOn(bench, dateOf(inTwoMonths));
    expect(await rowOf(bench.sql, "contracts", contractId)).toMatchObject({ status: "terminated" });
    expect(await paidInvoices(subscriptionId)).toBe(before);
  });

  it("whose reservation is lifted at Stripe is reserved again by the next run", async () => {
    const { contractId, subscriptionId, productId } = await addByCard(bench);
    await setMonth(productId, "2025-02");
    await driveOn(bench, "2025-01-20");
    expect(await standingOf(contractId)).toBe("termination_reserved 2025-02-08 product_month");

    await bench.deps.gateway.setCancelAtPeriodEnd(subscriptionId, false, `lift-${contractId}` as IdempotencyKey);
    const reported = {
      id: "reported",
      kind: "record_subscription_change",
      contract_id: contractId,
      params: { subscriptionId },
    };
    await insertRows(bench.sql, "operations", operationRow({ ...reported, actor_type: "stripe", actor_id: "evt_1" }));
    await bench.execute("reported");
    expect(await standingOf(contractId)).toBe("active");

    await driveOn(bench, "2025-01-21");
    expect(await standingOf(contractId)).toBe("termination_reserved 2025-02-08 product_month");
    const seen = await bench.deps.gateway.readSubscription(subscriptionId);
    expect(seen).toMatchObject({ type: "done", value: { type: "found", cancelAtPeriodEnd: true } });
  });

  /** What the runs of these days asked for of a contract, as `2025-02-03 rejected not_due`. */
  async function askedOf(contractId: string): Promise<readonly string[]> {
    const rows = await bench.sql<{ asked: string }[]>`
      select actor_id || ' ' || state || coalesce(' ' || rejection_code, '') as asked from keiyaku.operations
      where contract_id = ${contractId} and actor_type = 'schedule' order by sequence`;
    return rows.map(({ asked }) => asked);
  }

  it("that renews near a month's end is asked about once while Stripe has not come to the month, not each day", async () => {
    const { contractId, productId } = await addByCard(
      bench,
      { contract: { start_on: "2024-10-30" } },
      { anchorAt: "2024-10-30T03:00:00Z", asOf: "2025-02-03T03:00:00Z" },
    );
    await setMonth(productId, "2025-03");
    await driveOn(bench, "2025-02-10", { first: "2025-02-03" });
    expect(await askedOf(contractId)).toEqual(["2025-02-03 rejected not_due"]);

    // Another month is another cause.
    await setMonth(productId, "2025-02");
    await driveOn(bench, "2025-02-11");
    expect(await askedOf(contractId)).toEqual(["2025-02-03 rejected not_due", "2025-02-11 succeeded"]);
    expect(await standingOf(contractId)).toBe("termination_reserved 2025-02-28 product_month");
  });

  it("is asked about again on the day of Stripe's boundary", async () => {
    const { contractId, productId } = await addByCard(
      bench,
      { contract: { start_on: "2024-10-30" } },
      { anchorAt: "2024-10-30T03:00:00Z", asOf: "2025-02-03T03:00:00Z" },
    );
    await setMonth(productId, "2025-03");
    await driveOn(bench, "2025-02-28", { first: "2025-02-27" });
    expect(await askedOf(contractId)).toEqual([
      "2025-02-27 rejected not_due",
      "2025-02-28 rejected renewal_date_today",
    ]);
    await bench.sql`update keiyaku.contracts set updated_at = '2025-01-01'`;
    await bench.sql`update keiyaku.products set updated_at = '2025-01-01'`;
    expect(await notAsked()).toEqual([]);
  });

  it("that Stripe renews on another day than the calendar does is, to the audit, asked about until that day", async () => {
    const { contractId, productId } = await addByCard(
      bench,
      {},
      { anchorAt: "2024-10-20T03:00:00Z", asOf: "2025-02-03T03:00:00Z" },
    );
    await setMonth(productId, "2025-03");
    await driveOn(bench, "2025-02-10", { first: "2025-02-08" });
    expect(await askedOf(contractId)).toEqual(["2025-02-08 rejected not_due"]);
    await bench.sql`update keiyaku.contracts set updated_at = '2025-01-01'`;
    await bench.sql`update keiyaku.products set updated_at = '2025-01-01'`;
    expect(await notAsked()).toEqual([]);

    // Of the product as it was before, and until another day, it says nothing.
    const missed = [`I13 ${contractId}: reserve_by_product_month was due by 2025-02-10, and nobody has asked for it`];
    await bench.sql`update keiyaku.operations set accepted_at = '2024-12-31'`;
    expect(await notAsked()).toEqual(missed);
    await bench.sql`update keiyaku.operations set accepted_at = '2025-01-02',
      rejection_detail = jsonb_set(rejection_detail, '{askAgainOn}', '"2025-02-10"')`;
    expect(await notAsked()).toEqual(missed);
  });

  it("waits on its renewal date until Stripe has rolled over, and is asked for again the next day", async () => {
    const { contractId, subscriptionId, productId } = await addByCard(bench, {}, { asOf: "2025-02-08T02:00:00Z" });
    await setMonth(productId, "2025-03");
    await driveOn(bench, "2025-02-08");
    expect(await askedOn(bench, "2025-02-08")).toEqual([
      `reserve_by_product_month ${contractId}: rejected renewal_date_today`,
    ]);
    expect(await standingOf(contractId)).toBe("active");
    const ledger = await bench.stripe.control.ledger();
    expect(ledger.filter(({ effect, subscription }) => effect !== "seeded" && subscription === subscriptionId)).toEqual(
      [],
    );
  });
});

it("leaves nothing of which the audit says that nobody asked for it, what was refused or is held among it", async () => {
  await addOneOfEach(bench);
  await addByCard(bench, {}, { asOf: "2025-02-08T02:00:00Z" });
  await addPaid(bench, "c-held", 3, { product_id: "p-ending" });
  await insertRows(bench.sql, "operations", operationRow({ id: "op-held", contract_id: "c-held", state: "held" }));
  await bench.sql`update keiyaku.products set automatic_termination_month = '2025-03' where id <> 'p-on'`;
  await driveOn(bench, "2025-02-08", { first: "2025-02-07" });
  await bench.sql`update keiyaku.products set updated_at = '2025-01-01'`;
  await bench.sql`update keiyaku.contracts set updated_at = '2025-01-01'`;

  expect(await notAsked()).toEqual([]);
  await bench.sql`delete from keiyaku.operations where actor_type = 'schedule' and state <> 'succeeded'`;
  expect((await notAsked()).length).toBeGreaterThan(2);
});
