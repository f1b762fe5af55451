import { Temporal } from "temporal-polyfill";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { nextRenewalAfter, parseBusinessDate, renewalDate } from "../../../src/contract/calendar.ts";
import type { OperationKind, OperationRequest } from "../../../src/contract/operation.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { insertRows, operationRow } from "../../support/store-rows.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());

/** What every contract's column must say: the day after the last period that the history settles, by the history alone. */
afterEach(async () => {
  const wrong = await bench.sql`select c.id from keiyaku.contracts c
    where c.renewal_due_on is distinct from case when c.kind = 'monthly' and c.payment_method <> 'card'
      then (c.start_on + make_interval(months => coalesce((select max(p.period) + 1 from keiyaku.payments p
        where p.contract_id = c.id and p.state <> 'due'), 0)))::date end`;
  expect(wrong).toEqual([]);
});

const today = Temporal.Now.plainDateISO("Asia/Tokyo");
const startOn = parseBusinessDate(today.subtract({ months: 2, days: 3 }).toString());

const nextRenewal = nextRenewalAfter(startOn, parseBusinessDate(today.toString()));

let operations = 0;

async function perform(kind: OperationKind, contractId: string, params: OperationRequest["params"] = {}) {
  operations += 1;
  const row = await bench.perform({ id: `op-${operations}`, kind, contractId, params });
  expect(row.state, JSON.stringify(row.rejection_detail)).toBe("succeeded");
}

async function dueOf(contractId: string) {
  const [row] = await bench.sql`select renewal_due_on::text as "dueOn" from keiyaku.contracts where id = ${contractId}`;
  return row?.dueOn;
}

describe("the day from which on a period is to be recorded", () => {
  it("is the start, until a period is settled; then the first day of the next", async () => {
    await perform("register", "c-1", monthlyTerms({ startOn }));
    expect(await dueOf("c-1")).toBe(startOn);
    await perform("confirm_payment", "c-1");
    expect(await dueOf("c-1")).toBe(nextRenewal);
  });

  it("follows what a registration brings along", async () => {
    const payments = [0, 1].map((period) => ({ subject: "period", period, paidAt: `${startOn}T03:00:00Z` }));
    await perform("register", "c-2", monthlyTerms({ startOn, initialFeeMinor: 0, payments }));
    // The period that runs is not among them: it is unpaid, and so settled for now.
    expect(await dueOf("c-2")).toBe(nextRenewal);
    const ahead = parseBusinessDate(today.add({ days: 9 }).toString());
    const paid = [{ subject: "period", period: 0, paidAt: `${startOn}T03:00:00Z` }];
    await perform("register", "c-5", monthlyTerms({ startOn: ahead, initialFeeMinor: 0, payments: paid }));
    expect(await dueOf("c-5")).toBe(renewalDate(ahead, 1));
  });

  it("stays ahead while a period is suspended and resumed, and moves with a renewal", async () => {
    await perform("register", "c-3", monthlyTerms({ startOn }));
    await perform("confirm_payment", "c-3");
    await perform("suspend", "c-3");
    expect(await dueOf("c-3")).toBe(nextRenewal);
    await perform("resume", "c-3");
    expect(await dueOf("c-3")).toBe(nextRenewal);

    const renew = {
      kind: "renew",
      contract_id: "c-3",
      actor_type: "schedule",
      actor_id: nextRenewal,
      params: { date: nextRenewal },
    };
    await insertRows(bench.sql, "operations", operationRow({ id: "renew-3", ...renew }));
    await bench.execute("renew-3");
    expect(await dueOf("c-3")).toBe(nextRenewalAfter(startOn, nextRenewal));
  });

  it("never goes back for what becomes of an older period", async () => {
    await perform("register", "c-6", monthlyTerms({ startOn }));
    await perform("confirm_payment", "c-6");
    await perform("suspend", "c-6", { period: 0 });
    expect(await dueOf("c-6")).toBe(nextRenewal);
    await perform("resume", "c-6");
    await perform("refund_payment", "c-6", { paymentId: "c-6:period:0" });
    expect(await dueOf("c-6")).toBe(nextRenewal);
  });

  it("is none for what is bought once", async () => {
    const product = { id: "course", kind: "one_time", priceMinor: 19_800 };
    await perform("register", "c-4", monthlyTerms({ kind: "one_time", productId: "course", product, startOn }));
    expect(await dueOf("c-4")).toBeNull();
  });
});
