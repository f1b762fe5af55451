import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { type ContractShowOptions, contractShow } from "../../../src/cli/contract-show.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { systemClock } from "../../../src/clock.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

function showing(options: Omit<ContractShowOptions, "contractId"> & { contractId?: string } = {}) {
  return (context: CommandContext) => contractShow(context, { contractId: "c-1", ...options });
}

/** Two columns for each character of the scripts that these tests use. */
function columnsOf(text: string): number {
  const wide = text.match(/[\u3000-\u9fff\uff00-\uffef]/g) ?? [];
  return text.length + wide.length;
}

describe("showing a contract", () => {
  let command: CommandBench;
  beforeAll(async () => {
    command = await setUpCommand();
    const { bench } = command;
    const actor = { type: "operator", id: "alice" } as const;
    const params = monthlyTerms({ signup: { appliedAt: "2024-10-01T00:00:00Z", channel: "spring-campaign" } });
    await bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params });
    await bench.perform({ id: "s-0", kind: "suspend", contractId: "c-1", actor, reason: "too early" });
    const paid = { paidPeriods: [0] };
    await bench.perform({
      id: "p-1",
      kind: "confirm_payment",
      contractId: "c-1",
      actor,
      reason: "振込を確認",
      params: paid,
    });
    await bench.sql`insert into keiyaku.refunds (id, contract_id, payment_id, amount_minor, state, operation_id)
      values ('c-1:period:0:refund:1', 'c-1', 'c-1:period:0', 1980, 'manual_due', 'x-1')`;
    await bench.sql`update keiyaku.operations set accepted_at = '2025-01-19T16:30:00.5Z' where id = 'p-1'`;
  });
  afterAll(() => command.close());
  const at = (now: string) => ({ clock: { ...systemClock, now: () => now } });

  it("tells status, dates and terms, the Japanese words beside the English", async () => {
    expect(await command.run(showing(), at("2025-01-20T03:00:00Z"))).toBe(exitCodes.done);
    const out = command.out();
    expect(out).toMatch(/^ {2}status +payment_unconfirmed 決済未確認$/m);
    expect(out).toMatch(/^ {2}start date +2024-10-08$/m);
    expect(out).toMatch(/^ {2}next renewal +2025-02-08$/m);
    expect(out).toMatch(/^ {2}termination +–$/m);
    expect(out).toMatch(/^ {2}kind +monthly 月額, by application$/m);
    expect(out).toMatch(/^ {2}payment +bank_transfer 銀行振込$/m);
    expect(out).toMatch(/^ {2}price +¥1,980 a month, initial fee ¥3,000$/m);
    expect(out).toMatch(/^ {2}applied +2024-10-01 09:00:00, through spring-campaign$/m);
  });

  it("lists payments, refunds and licenses, amounts with their currency", async () => {
    await command.run(showing());
    const out = command.out();
    expect(out).toMatch(/^ {2}c-1:period:0 +period 0, 2024-10-08 until 2024-11-08 +¥1,980 +paid/m);
    expect(out).toMatch(/^ {2}c-1:period:0:refund:1 +¥1,980 +manual_due .* x-1 /m);
    expect(out).toMatch(/Licenses\n.*\n {2}c-1:period:0 +open/);
  });

  it("tells who did what, why, when on the business clock, and with what outcome", async () => {
    await command.run(showing());
    const out = command.out();
    expect(out).toMatch(
      /^ {2}2025-01-20 01:30:00 +confirm_payment 支払いを確認 +operator:alice +succeeded +awaiting_payment 決済待ち → payment_unconfirmed 決済未確認 +振込を確認 +p-1$/m,
    );
    expect(out).toMatch(
      /suspend 契約の停止 +operator:alice +rejected +The contract's status awaiting_payment .* too early +s-0$/m,
    );
    expect(command.err()).toBe("Times are in Asia/Tokyo.\n");
  });

  it("keeps columns straight beside wide characters", async () => {
    await command.run(showing());
    const history = command.out().split("History\n")[1]?.trimEnd().split("\n") ?? [];
    const ids = ["operation", "r-1", "s-0", "p-1"];
    const ends = history.map((line, row) => columnsOf(line.slice(0, line.lastIndexOf(ids[row] ?? ""))));
    expect(ends).toHaveLength(4);
    expect(new Set(ends).size).toBe(1);
  });

  it("shows the customer's name and mail only when asked, as text and as JSON", async () => {
    for (const json of [false, true]) {
      await command.run(showing({ json }));
      expect(command.out()).toContain("customer-1");
      expect(command.out()).not.toMatch(/花子|hanako/);
      await command.run(showing({ json, withCustomer: true }));
      expect(command.out()).toMatch(/花子/);
      expect(command.out()).toMatch(/hanako@example\.com/);
    }
  });

  it("prints with --json one object, instants in UTC", async () => {
    expect(await command.run(showing({ json: true }), at("2025-01-20T03:00:00Z"))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({
      contract: { id: "c-1", status: "payment_unconfirmed", startOn: "2024-10-08", nextRenewalOn: "2025-02-08" },
      product: { id: "magazine" },
      signup: { appliedAt: "2024-10-01T00:00:00Z", channel: "spring-campaign" },
      operations: [
        { id: "r-1", state: "succeeded" },
        { id: "s-0", state: "rejected", rejectionCode: "status_not_allowed" },
        { id: "p-1", actorId: "alice", reason: "振込を確認", acceptedAt: "2025-01-19T16:30:00.5Z" },
      ],
      operationsTotal: 3,
    });
    expect(JSON.stringify(command.json())).not.toContain("+00:00");
  });

  it("has no next renewal for a contract that ends before it, or never renews", async () => {
    const { bench } = command;
    await bench.sql`update keiyaku.contracts set termination_on = '2025-02-08', termination_source = 'person' where id = 'c-1'`;
    await command.run(showing(), at("2025-01-20T03:00:00Z"));
    expect(command.out()).toMatch(/^ {2}next renewal +–$/m);
    expect(command.out()).toMatch(/^ {2}termination +2025-02-08, reserved by person$/m);
    await command.run(showing(), at("2025-01-07T03:00:00Z"));
    expect(command.out()).toMatch(/^ {2}next renewal +2025-01-08$/m);
    await bench.sql`update keiyaku.contracts set termination_on = null, termination_source = null where id = 'c-1'`;
  });

  it("says so when there is no such contract, and where its requests are", async () => {
    expect(await command.run(showing({ contractId: "c-9" }))).toBe(exitCodes.failed);
    expect(command.err()).toBe(
      "error contract_not_found: There is no contract c-9. Register it first, or check the id.\n",
    );
    await command.bench.accept({ id: "r-8", kind: "register", contractId: "c-8", params: {} });
    expect(await command.run(showing({ contractId: "c-8" }))).toBe(exitCodes.failed);
    expect(command.err()).toContain("`keiyaku operation list --contract c-8`");
  });

  it("says when a contract was deleted, and by which operation", async () => {
    await command.bench.sql`insert into keiyaku.tombstones (contract_id, operation_id, stripe_ids, payments, deleted_at)
      values ('c-7', 'd-7', '{}', '[]', '2025-01-19T16:30:00Z')`;
    expect(await command.run(showing({ contractId: "c-7" }))).toBe(exitCodes.failed);
    expect(command.err()).toBe(
      "error contract_deleted: Contract c-7 was deleted at 2025-01-20 01:30:00 (Asia/Tokyo). `keiyaku operation show d-7` tells what that did.\n",
    );
  });
});
