import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";

describe("operations without Stripe", () => {
  let bench: ExecutionBench;
  beforeAll(async () => {
    bench = await createExecutionBench();
  });
  afterAll(() => bench.close());

  it("carries a contract from registration through payment, suspension and resumption", async () => {
    const { sql } = bench;
    expect(await bench.perform({ id: "r1", kind: "register", contractId: "c1", params: monthlyTerms() })).toMatchObject(
      {
        state: "succeeded",
        outcome: { statusBefore: null, statusAfter: "awaiting_payment", attention: [] },
      },
    );
    expect(await sql`select subject, state from keiyaku.payments where contract_id = 'c1' order by id`).toEqual([
      { subject: "initial_fee", state: "due" },
      { subject: "period", state: "due" },
    ]);

    expect(await bench.perform({ id: "p1", kind: "confirm_payment", contractId: "c1" })).toMatchObject({
      state: "succeeded",
      attempt: 1,
      outcome: { statusBefore: "awaiting_payment", statusAfter: "active" },
    });
    expect(await bench.perform({ id: "s1", kind: "suspend", contractId: "c1" })).toMatchObject({ state: "succeeded" });
    const revoked =
      await sql`select revoked_because from keiyaku.licenses where contract_id = 'c1' and revoked_at is not null`;
    expect(revoked).toEqual([{ revoked_because: "suspended" }]);

    expect(await bench.perform({ id: "s2", kind: "suspend", contractId: "c1" })).toMatchObject({
      state: "rejected",
      rejection_code: "status_not_allowed",
      rejection_detail: { status: "payment_unconfirmed" },
    });
    expect(await bench.perform({ id: "u1", kind: "resume", contractId: "c1" })).toMatchObject({ state: "succeeded" });
    expect(
      await sql`select count(*)::int as open from keiyaku.licenses where contract_id = 'c1' and revoked_at is not null`,
    ).toEqual([{ open: 0 }]);
    const [contract] =
      await sql`select status, version, changed_by_operation_id from keiyaku.contracts where id = 'c1'`;
    expect(contract).toEqual({ status: "active", version: 4, changed_by_operation_id: "u1" });
  });

  it("answers an unknown contract with a final rejection", async () => {
    expect(await bench.perform({ id: "x1", kind: "cancel", contractId: "nobody" })).toMatchObject({
      state: "rejected",
      rejection_code: "contract_not_found",
    });
  });
});
