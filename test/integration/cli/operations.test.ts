import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { type OperationListOptions, operationList } from "../../../src/cli/operation-list.ts";
import { type OperationShowOptions, operationShow } from "../../../src/cli/operation-show.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

function listing(options: Partial<OperationListOptions> = {}) {
  return (context: CommandContext) => operationList(context, { limit: 50, json: true, ...options });
}

function showing(operationId: string, options: Omit<OperationShowOptions, "operationId"> = {}) {
  return (context: CommandContext) => operationShow(context, { operationId, ...options });
}

describe("operations", () => {
  let command: CommandBench;
  beforeAll(async () => {
    command = await setUpCommand();
    const { bench } = command;
    await bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms(), reason: "new" });
    await bench.perform({ id: "s-1", kind: "suspend", contractId: "c-1" });
    await bench.perform({ id: "p-1", kind: "confirm_payment", contractId: "c-1" });
    await bench.accept({ id: "t-1", kind: "terminate", contractId: "c-1", reason: "line one\nline\u001b[2J two" });
    await command.hold("t-1");
    await bench.accept({ id: "s-9", kind: "suspend", contractId: "c-9" });
    await bench.sql`update keiyaku.operations set accepted_at = '2025-01-19T16:30:00Z' where id = 'r-1'`;
    await bench.sql`insert into keiyaku.stripe_calls (operation_id, name, type, request, answer, answered_at, learned_by,
        code_version)
      values ('t-1', 'subscription', 'look', '{"verb":"read_subscription","subscriptionId":"sub_1"}', '{"type":"missing"}',
        '2025-01-19T16:31:00.250Z', 'reply', '0.1.0')`;
    await bench.sql`insert into keiyaku.stripe_calls (operation_id, name, type, request, idempotency_key, key_number,
        first_sent_at, last_sent_at, code_version)
      values ('t-1', 'cancel', 'call', '{"verb":"cancel_subscription","subscriptionId":"sub_1"}', 'key-of-cancel', 2,
        '2025-01-19T16:31:01Z', '2025-01-19T16:32:01Z', '0.1.0')`;
  });
  afterAll(() => command.close());

  const idsListed = () => (command.json() as { id: string }[]).map(({ id }) => id);

  it("are listed with the last accepted first", async () => {
    expect(await command.run(listing())).toBe(exitCodes.done);
    expect(idsListed()).toEqual(["s-9", "t-1", "p-1", "s-1", "r-1"]);
  });

  it.each([
    ["state", { states: ["held"] }, ["t-1"]],
    ["several states", { states: ["rejected", "requested"] }, ["s-9", "s-1"]],
    ["kind", { kind: "suspend" }, ["s-9", "s-1"]],
    ["contract", { contractId: "c-9" }, ["s-9"]],
    ["all of them together", { contractId: "c-1", kind: "suspend", states: ["succeeded"] }, []],
    ["number", { limit: 2 }, ["s-9", "t-1"]],
  ] as const)("are listed by %s", async (_, filter, ids) => {
    await command.run(listing(filter));
    expect(idsListed()).toEqual(ids);
  });

  it("are listed for people as a table, with times on the business clock", async () => {
    await command.run(listing({ json: false, contractId: "c-1" }));
    const lines = command.out().split("\n");
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(/ t-1 +terminate +c-1 +operator:op-1 +held +waits for a person: attempts_exhausted \(/);
    expect(lines[4]).toMatch(
      /^ {2}2025-01-20 01:30:00 +r-1 +register +c-1 +operator:op-1 +succeeded +awaiting_payment 決済待ち$/,
    );
    expect(command.err()).toContain("Asia/Tokyo");
    await command.run(listing({ json: false, states: ["abandoned"] }));
    expect(command.out()).toBe("  none\n");
  });

  it("are shown whole, with each look and call, key, answer and time", async () => {
    expect(await command.run(showing("t-1"))).toBe(exitCodes.done);
    const out = command.out();
    expect(out).toMatch(/^ {2}state +held$/m);
    expect(out).toMatch(
      /^ {2}outcome +waits for a person: attempts_exhausted \(attempts 10, lastReason stripe_unexpected\)$/m,
    );
    expect(out).toContain("1. look read_subscription  subscription\n");
    expect(out).toMatch(/answer +\{"type":"missing"\}\n +learned +2025-01-20 01:31:00\.250, by its reply/);
    expect(out).toContain("2. call cancel_subscription  cancel\n");
    expect(out).toMatch(/asked +\{"subscriptionId":"sub_1"\}/);
    expect(out).toMatch(/key +key-of-cancel \(key number 2\)/);
    expect(out).toMatch(/sent +first 2025-01-20 01:31:01\.000, last 2025-01-20 01:32:01\.000/);
    expect(out).toMatch(/answer +not known yet/);
  });

  it("tell a call that Stripe turned away each time from one that it may have carried out, and what is waited for", async () => {
    const { bench } = command;
    await bench.accept({ id: "f-1", kind: "terminate", contractId: "c-8" });
    await bench.sql`update keiyaku.operations set wait_reason = 'forbidden', next_attempt_at = '2025-01-19T16:40:00Z'
      where id = 'f-1'`;
    await bench.sql`insert into keiyaku.stripe_calls (operation_id, name, type, request, idempotency_key, key_number,
        code_version)
      values ('f-1', 'cancel', 'call', '{"verb":"cancel_subscription","subscriptionId":"sub_1"}', 'key-1', 1, '0.1.0')`;
    await command.run(showing("f-1"));
    expect(command.out()).toMatch(/^ {2}outcome +forbidden, again at 2025-01-20 01:40:00$/m);
    expect(command.out()).toMatch(/sent +to no effect: it was turned away each time$/m);
  });

  it("are shown as JSON with everything that the ledger keeps, instants in UTC", async () => {
    await command.run(showing("t-1", { json: true }));
    expect(command.json()).toMatchObject({
      id: "t-1",
      state: "held",
      heldQuestion: { code: "attempts_exhausted" },
      journal: [
        { name: "subscription", type: "look", answer: { type: "missing" }, answeredAt: "2025-01-19T16:31:00.25Z" },
        { name: "cancel", keyNumber: 2, answer: null, firstSentAt: "2025-01-19T16:31:01Z" },
      ],
    });
    expect(command.out()).not.toContain("+00:00");
  });

  it("show no name and no mail unless asked", async () => {
    for (const json of [false, true]) {
      await command.run(showing("r-1", { json }));
      expect(command.out()).toContain("customer-1");
      expect(command.out()).not.toMatch(/花子|hanako/);
      await command.run(showing("r-1", { json, withCustomer: true }));
      expect(command.out()).toMatch(/花子/);
    }
  });

  it("say why they were refused in both languages", async () => {
    await command.run(showing("s-1"));
    expect(command.out()).toContain("The contract's status awaiting_payment does not allow this.");
    expect(command.out()).toContain("status_not_allowed: 契約ステータスが「決済待ち」のため、この操作はできません。");
  });

  it("cannot move the cursor by what somebody wrote into a reason", async () => {
    await command.run(showing("t-1"));
    expect(command.out()).not.toContain("\u001b");
    expect(command.out()).toMatch(/^ {2}reason +line one line \[2J two$/m);
  });

  it("that are not in the ledger are said to be missing", async () => {
    expect(await command.run(showing("nothing"))).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error operation_not_found: The ledger has no operation nothing\. .*\n$/);
  });
});
