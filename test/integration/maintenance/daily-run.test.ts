import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askedOn, driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addContract, insertRows, operationRow, paymentRow, rowOf } from "../../support/store-rows.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());
beforeEach(async () => {
  await bench.sql`truncate keiyaku.operations, keiyaku.contracts, keiyaku.products, keiyaku.maintenance_runs cascade`;
});

/** A contract that began on 8 October 2024 and has paid for the periods up to the one given. */
async function addPaid(id: string, last: number, overrides: Record<string, unknown> = {}) {
  await addContract(bench.sql, { id, renewal_due_on: `2025-0${last - 1}-08`, ...overrides });
  for (let period = 0; period <= last; period += 1) {
    await insertRows(bench.sql, "payments", paymentRow({ contract_id: id, period }));
  }
}

const resultOf = async (date: string) => {
  const [row] = await bench.sql`select state, phase, cursor, result from keiyaku.maintenance_runs
    where business_date = ${date}`;
  return row;
};

describe("the run of a date", () => {
  it("asks for what the date brings, phase after phase, and says in the end what came of it", async () => {
    await addContract(bench.sql, { id: "c-start", status: "not_started", start_on: "2025-01-20" });
    await addContract(bench.sql, { id: "c-end", status: "termination_reserved", termination_on: "2025-01-08" });
    await addContract(bench.sql, {
      id: "c-special",
      status: "special_period",
      special_months: 3,
      special_price_minor: 980,
      renewal_due_on: "2025-02-08",
    });
    await addPaid("c-renew", 2);
    await addPaid("c-paid", 3);

    expect(await driveOn(bench, "2025-01-20")).toEqual(["2025-01-20"]);

    expect(await askedOn(bench, "2025-01-20")).toEqual([
      "start c-start: succeeded",
      "terminate_at_renewal c-end: succeeded",
      "end_special_period c-special: succeeded",
      "renew c-renew: succeeded",
      "renew c-start: succeeded",
    ]);
    expect(await resultOf("2025-01-20")).toEqual({
      state: "done",
      phase: null,
      cursor: null,
      result: {
        operations: {
          start: { succeeded: 1 },
          terminate_at_renewal: { succeeded: 1 },
          end_special_period: { succeeded: 1 },
          renew: { succeeded: 2 },
        },
        heldCount: 0,
        held: [],
      },
    });
    expect(await rowOf(bench.sql, "contracts", "c-renew")).toMatchObject({ status: "active" });
  });

  it("is made once: a second one finds it done", async () => {
    await addPaid("c-1", 2);
    await driveOn(bench, "2025-01-20");
    expect(await driveOn(bench, "2025-01-20")).toEqual([]);
    expect(await askedOn(bench, "2025-01-20")).toEqual(["renew c-1: succeeded"]);
  });

  it("names what is held, and goes on without it", async () => {
    await addPaid("c-held", 2);
    await addPaid("c-1", 2);
    await insertRows(bench.sql, "operations", operationRow({ id: "op-held", contract_id: "c-held", state: "held" }));

    await driveOn(bench, "2025-01-20");

    expect(await askedOn(bench, "2025-01-20")).toEqual(["renew c-1: succeeded", "renew c-held: requested"]);
    const id = "renew.c-held.20250108.1.20250120";
    expect(await resultOf("2025-01-20")).toMatchObject({
      state: "done",
      result: {
        operations: { renew: { succeeded: 1, waiting: 1 } },
        heldCount: 1,
        held: [{ operationId: id, kind: "renew", contractId: "c-held", heldOperationId: "op-held" }],
      },
    });

    // While it is open, the same is not asked again; the next period is.
    await driveOn(bench, "2025-02-08");
    expect(await askedOn(bench, "2025-01-21")).toEqual([]);
    expect(await askedOn(bench, "2025-02-08")).toEqual(["renew c-held: requested", "renew c-1: succeeded"]);
  });

  it("names a hundred of what is held, and counts all", async () => {
    for (let n = 0; n < 101; n += 1) {
      await addPaid(`c-${n}`, 2);
      await insertRows(bench.sql, "operations", operationRow({ id: `h-${n}`, contract_id: `c-${n}`, state: "held" }));
    }

    await driveOn(bench, "2025-01-20");

    const { state, result } = (await resultOf("2025-01-20")) as { state: string; result: { held: unknown[] } };
    expect([state, result.held.length]).toEqual(["done", 100]);
    expect(result).toMatchObject({ heldCount: 101, operations: { renew: { waiting: 101 } } });
  });

  it("asks again the next day for what was refused", async () => {
    const special = { special_months: 3, special_price_minor: 980 };
    await addContract(bench.sql, { id: "c-1", payment_method: "card", status: "special_period", ...special });
    // By card it is asked for as early as Stripe may have come to it.
    await driveOn(bench, "2025-01-08", { first: "2025-01-03" });

    const asked = await Promise.all(
      ["03", "04", "05", "06", "07", "08"].map((day) => askedOn(bench, `2025-01-${day}`)),
    );
    const refused = ["end_special_period c-1: rejected not_due"];
    expect(asked).toEqual([[], refused, refused, refused, refused, ["end_special_period c-1: succeeded"]]);
    const [operation] = await bench.sql`select id from keiyaku.operations order by sequence limit 1`;
    expect(operation?.id).toBe("end_special_period.c-1.20250104.1.20250104");
  });

  it("finds everything page by page, each once", async () => {
    const ids = Array.from({ length: 23 }, (_, index) => `c-${String(index).padStart(2, "0")}`);
    for (const id of ids) await addPaid(id, 2);
    await driveOn(bench, "2025-01-20", { pageSize: 5 });
    expect(await askedOn(bench, "2025-01-20")).toEqual(ids.map((id) => `renew ${id}: succeeded`));
  });
});
