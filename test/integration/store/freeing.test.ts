import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rejectOperation } from "../../../src/store/reject-operation.ts";
import { isStillInTheWay } from "../../../src/store/ring-list.ts";
import { settleOperation } from "../../../src/store/settle-operation.ts";
import { isConflict } from "../../../src/store/store-error.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addContract, addOperations, callRow, insertRows, rowOf } from "../../support/store-rows.ts";
import { untilWaitingForLocks } from "./support/until-waiting.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());

/** A contract under an executing operation, `op-1`. */
beforeEach(async () => {
  await bench.sql`truncate keiyaku.operations, keiyaku.contracts cascade`;
  bench.bells.length = 0;
  await addContract(bench.sql);
  await addOperations(bench.sql, { id: "op-1", state: "executing" });
});

const guard = { operationId: "op-1", state: "executing", attempt: 1 } as const;
const contract = { contractId: "c-1", version: 1 };
const settle = () =>
  settleOperation(bench.db, { guard, contractId: "c-1", contract, product: null, change: {}, outcome: {} });
const reject = () =>
  rejectOperation(bench.db, guard, "c-1", contract, { code: "status_not_allowed", detail: { status: "active" } });

describe.each([
  ["settling", settle],
  ["rejecting", reject],
])("%s, which frees the contract", (_, conclude) => {
  it("names the contract's oldest open operation, to be rung for", async () => {
    await addOperations(bench.sql, { id: "of-another", contract_id: "c-2" }, { id: "next", rings: 2 }, { id: "later" });
    expect(await conclude()).toEqual({ operationId: "next", attempt: 0, ring: 2 });
  });

  it("names nobody when nobody waits, or the next waits for its time", async () => {
    expect(await conclude()).toBeUndefined();
    await addOperations(
      bench.sql,
      { id: "op-2", state: "executing" },
      { id: "later", next_attempt_at: "2125-01-01T00:00:00Z" },
    );
    await bench.sql`update keiyaku.contracts set version = 1`;
    const ending = rejectOperation(bench.db, { ...guard, operationId: "op-2" }, "c-1", null, {
      code: "contract_not_found",
      detail: {},
    });
    expect(await ending).toBeUndefined();
  });

  it("names an operation that is accepted while it is at work itself", async () => {
    const other = await bench.sql.reserve();
    await other`begin`;
    await other`select from keiyaku.contracts where id = 'c-1' for update`;
    const concluding = conclude();
    await untilWaitingForLocks(bench.sql, 1);
    await bench.accept({ id: "meanwhile", kind: "suspend", contractId: "c-1" });
    await other`commit`;
    other.release();

    expect(await concluding).toMatchObject({ operationId: "meanwhile" });
  });

  it("is waited for by whoever finds the operation in the way, and then it is so no longer", async () => {
    const other = await bench.sql.reserve();
    await other`begin`;
    await other`select from keiyaku.contracts where id = 'c-1' for update`;
    const concluding = conclude();
    await untilWaitingForLocks(bench.sql, 1);
    const looking = isStillInTheWay(bench.db, "op-1");
    await untilWaitingForLocks(bench.sql, 2);
    await other`commit`;
    other.release();

    expect(await looking).toBe(false);
    await concluding;
  });

  it("leaves the operation in the way when it meets a conflict", async () => {
    const other = await bench.sql.reserve();
    await other`begin`;
    await other`update keiyaku.contracts set version = 2 where id = 'c-1'`;
    const concluding = conclude().catch((error: unknown) => error);
    await untilWaitingForLocks(bench.sql, 1);
    const looking = isStillInTheWay(bench.db, "op-1");
    await untilWaitingForLocks(bench.sql, 2);
    await other`commit`;
    other.release();

    expect(isConflict(await concluding)).toBe(true);
    expect(await looking).toBe(true);
  });
});

describe("isStillInTheWay", () => {
  it("says so of open operations only, and of none that does not exist", async () => {
    const states = ["requested", "executing", "held", "succeeded", "rejected", "abandoned"];
    await addOperations(bench.sql, ...states.map((state) => ({ id: state, contract_id: `of-${state}`, state })));

    const answers = await Promise.all([...states, "nothing"].map((id) => isStillInTheWay(bench.db, id)));
    expect(answers).toEqual([true, true, true, false, false, false, false]);
  });
});

describe("an operation that has made a call, and was put back, when an older one becomes visible", () => {
  beforeEach(async () => {
    await bench.sql`truncate keiyaku.operations cascade`;
    await addOperations(bench.sql, { id: "older", kind: "resume" }, { id: "younger", attempt: 1, occupies: true });
    await insertRows(
      bench.sql,
      "stripe_calls",
      callRow({ operation_id: "younger", answer: { type: "done", value: {} } }),
    );
  });

  it("goes on, while the older one waits for it; neither waits for the other for ever", async () => {
    expect(await bench.execute("older")).toMatchObject({ type: "deferred", reason: "not_its_turn" });
    expect(await bench.execute("younger")).toEqual({ type: "succeeded" });
    expect(bench.bells).toMatchObject([{ operationId: "older", delayMs: 0 }]);
    expect(await bench.execute("older")).toEqual({ type: "succeeded" });
    expect(await rowOf(bench.sql, "contracts", "c-1")).toMatchObject({ changed_by_operation_id: "older" });
  });
});
