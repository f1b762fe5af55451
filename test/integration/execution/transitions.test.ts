import { afterAll, beforeAll, expect, it } from "vitest";
import type { OperationState } from "../../../src/contract/operation.ts";
import type { AttemptReport } from "../../../src/execution/outcome.ts";
import { holdOperation } from "../../../src/store/hold-operation.ts";
import type { Guard } from "../../../src/store/operation-parts.ts";
import { putBackOperation } from "../../../src/store/put-back-operation.ts";
import { rejectOperation } from "../../../src/store/reject-operation.ts";
import { settleOperation } from "../../../src/store/settle-operation.ts";
import { isConflict } from "../../../src/store/store-error.ts";
import { insertRows, operationRow } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

/**
 * Every state, every report, and where it leads when an attempt that believes to be at work writes it down. `stays`: the
 * state is not the attempt's to change. Written by hand from docs/operation-lifecycle.md.
 */
const table: readonly (readonly [OperationState, AttemptReport["type"], OperationState | "stays"])[] = [
  ["requested", "succeeded", "succeeded"],
  ["requested", "rejected", "rejected"],
  ["requested", "abandoned", "stays"],
  ["requested", "deferred", "stays"],
  ["requested", "retry", "stays"],
  ["requested", "held", "stays"],
  ["executing", "succeeded", "succeeded"],
  ["executing", "rejected", "rejected"],
  ["executing", "abandoned", "stays"],
  ["executing", "deferred", "requested"],
  ["executing", "retry", "requested"],
  ["executing", "held", "held"],
  ["held", "succeeded", "stays"],
  ["held", "rejected", "stays"],
  ["held", "abandoned", "stays"],
  ["held", "deferred", "stays"],
  ["held", "retry", "stays"],
  ["held", "held", "stays"],
  ["succeeded", "succeeded", "stays"],
  ["succeeded", "rejected", "stays"],
  ["succeeded", "abandoned", "stays"],
  ["succeeded", "deferred", "stays"],
  ["succeeded", "retry", "stays"],
  ["succeeded", "held", "stays"],
  ["rejected", "succeeded", "stays"],
  ["rejected", "rejected", "stays"],
  ["rejected", "abandoned", "stays"],
  ["rejected", "deferred", "stays"],
  ["rejected", "retry", "stays"],
  ["rejected", "held", "stays"],
  ["abandoned", "succeeded", "stays"],
  ["abandoned", "rejected", "stays"],
  ["abandoned", "abandoned", "stays"],
  ["abandoned", "deferred", "stays"],
  ["abandoned", "retry", "stays"],
  ["abandoned", "held", "stays"],
];

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

/** Writes a report down as the execution does, through the store's own statements. */
async function writeDown(report: AttemptReport["type"], guard: Guard, contractId: string): Promise<void> {
  const { db } = store;
  switch (report) {
    case "succeeded":
      await settleOperation(db, { guard, contractId, contract: null, product: null, change: {}, outcome: {} });
      return;
    case "rejected":
      await rejectOperation(db, guard, contractId, null, { code: "contract_not_found", detail: {} });
      return;
    case "deferred":
    case "retry":
      await putBackOperation(db, guard, { reason: "rate_limited", delayMs: 1_000, counted: report === "retry" });
      return;
    case "held":
      await holdOperation(db, guard, contractId, { code: "answer_unexplained", detail: {} });
      return;
    case "abandoned":
      // An attempt never abandons: it only reports that somebody has, and writes nothing.
      return;
  }
}

it("every state meets every report in the table, once", () => {
  expect(new Set(table.map(([state, report]) => `${state} ${report}`)).size).toBe(6 * 6);
});

it.each(table)("%s, reported %s: %s", async (state, report, leadsTo) => {
  const id = `${state}-${report}`;
  const contractId = `c-${id}`;
  await insertRows(
    store.sql,
    "operations",
    operationRow({ id, contract_id: contractId, state, attempt: 1, attempts_counted: 1 }),
  );
  // An operation that needs neither looks nor calls is concluded from `requested`; everything else is an attempt's.
  const concludesAtOnce = state === "requested" && (report === "succeeded" || report === "rejected");
  const guard: Guard = { operationId: id, state: concludesAtOnce ? "requested" : "executing", attempt: 1 };
  const refused = await writeDown(report, guard, contractId).then(
    () => false,
    (error: unknown) => {
      if (!isConflict(error)) throw error;
      return true;
    },
  );
  const [row] = await store.sql`select state from keiyaku.operations where id = ${id}`;
  expect(row).toEqual({ state: leadsTo === "stays" ? state : leadsTo });
  expect(refused).toBe(leadsTo === "stays" && report !== "abandoned");
});
