import { describe, expect, it, onTestFinished } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { type RequestOptions, request } from "../../../src/cli/request.ts";
import { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { type CommandBench, hurriedClock, setUpCommand } from "./set-up-command.ts";

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function setup(): Promise<CommandBench> {
  const command = await setUpCommand();
  onTestFinished(() => command.close());
  return command;
}

function requesting(options: Partial<RequestOptions> = {}) {
  return (context: CommandContext) => request(context, { kind: "suspend", contractId: "c-1", ...options });
}

async function operationsOf({ bench }: CommandBench) {
  return bench.sql`select id, kind, contract_id, actor_type, actor_id, params, reason, state from keiyaku.operations`;
}

describe("requesting an operation", () => {
  it("puts it into the ledger as it was said, under a fresh UUID that it prints", async () => {
    const command = await setup();

    const exit = await command.run(
      requesting({ kind: "resume", actor: "operator:alice", reason: "振込を確認", param: ["paidPeriods=[0,1]"] }),
    );
    expect(exit).toBe(exitCodes.done);
    const [row] = await operationsOf(command);
    expect(row).toEqual({
      id: expect.stringMatching(uuidV7),
      kind: "resume",
      contract_id: "c-1",
      actor_type: "operator",
      actor_id: "alice",
      params: { paidPeriods: [0, 1] },
      reason: "振込を確認",
      state: "requested",
    });
    expect(command.out()).toBe(`accepted  operation ${row?.id}: resume of contract c-1\n`);
    expect(command.err()).toContain("`keiyaku start`");
  });

  it("is the same operation when repeated under its id, and says so", async () => {
    const command = await setup();
    await command.run(requesting({ id: "op-1" }));

    expect(await command.run(requesting({ id: "op-1", json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ answer: "duplicate", operation: { id: "op-1", state: "requested" } });
    expect(command.json()).toMatchObject({
      operation: { acceptedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
    });
    expect(await operationsOf(command)).toHaveLength(1);
  });

  it("fails with the ledger's sentence in both languages when the id was used for something else", async () => {
    const command = await setup();
    await command.run(requesting({ id: "op-1" }));

    expect(await command.run(requesting({ id: "op-1", reason: "another", json: true }))).toBe(exitCodes.failed);
    expect(command.json()).toEqual({
      answer: "id_reused",
      field: "id",
      problem: "was used before by a request with other content",
    });
    expect(command.err()).toMatch(
      /^error id_reused: この依頼IDは.*This id was used before.*Leave --id op-1 out to have a new one made\.\n$/,
    );
  });

  it("fails with the field when the ledger cannot read the request", async () => {
    const command = await setup();

    expect(await command.run(requesting({ contractId: "c 1" }))).toBe(exitCodes.failed);
    expect(command.err()).toContain("error invalid_request:");
    expect(command.err()).toContain("contractId");
  });

  it.each([
    ["a parameter that the kind does not know", { param: ["until=2025"] }, "params.until"],
    ["a parameter of another form", { kind: "resume", param: ["paidPeriods=first"] }, "params.paidPeriods"],
    ["a parameter without a value", { param: ["period"] }, "--param"],
    ["parameters that are no object", { params: "[1]" }, "--params"],
    ["an actor without a name", { actor: "operator:" }, "--actor"],
    ["an actor of no kind", { actor: "schedule:daily" }, "--actor"],
  ] as const)("calls %s wrong usage, and sends nothing", async (_, options, named) => {
    const command = await setup();

    expect(await command.run(requesting(options))).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain(named);
    expect(await operationsOf(command)).toEqual([]);
  });

  it("reads a value as JSON where it is JSON, and as text where it is not", async () => {
    const command = await setup();
    const terms = { ...monthlyTerms(), product: undefined, customer: undefined };
    const param = Object.entries(terms).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));

    expect(await command.run(requesting({ kind: "register", param }))).toBe(exitCodes.done);
    const [row] = await operationsOf(command);
    expect(row?.params).toMatchObject({ productId: "magazine", priceMinor: 1980, startOn: "2024-10-08" });
  });

  it("names its id when the answer was lost, so that asking again is the same request", async () => {
    const command = await setup();
    const db = new Database({
      address: command.context.address,
      poolSize: 4,
      applicationName: "keiyaku-test",
      onStatement(moment, name) {
        if (moment === "after" && name === "accept_request") throw new StoreError("unreachable", "ECONNRESET", name);
      },
    });
    onTestFinished(() => db.close(1_000));

    expect(await command.run(requesting(), { db, clock: hurriedClock() })).toBe(exitCodes.tryLater);
    const [row] = await operationsOf(command);
    expect(command.err()).toContain(`Ask again under the same id, with --id ${row?.id}.`);
    expect(await operationsOf(command)).toHaveLength(1);
  });
});

describe("request --wait", () => {
  async function waiting(command: CommandBench, options: Partial<RequestOptions>): Promise<number> {
    const running = command.run(requesting({ waitMs: 20_000, ...options }));
    await eventually(async () => (await operationsOf(command)).some(({ id }) => id === options.id), {
      withinMs: 10_000,
    });
    await command.drain();
    return running;
  }

  it("shows the statuses between which a successful operation led", async () => {
    const command = await setup();
    await command.bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms() });

    expect(await waiting(command, { id: "op-1", kind: "confirm_payment" })).toBe(exitCodes.done);
    expect(command.out()).toContain("succeeded  awaiting_payment 決済待ち → active 契約継続中\n");
  });

  it("shows why an operation was rejected in Japanese and English, and fails", async () => {
    const command = await setup();
    await command.bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms() });

    expect(await waiting(command, { id: "op-1" })).toBe(exitCodes.failed);
    expect(command.out().split("\n").slice(1)).toEqual([
      "rejected  status_not_allowed",
      "  ja  契約ステータスが「決済待ち」のため、この操作はできません。",
      "  en  The contract's status awaiting_payment does not allow this.",
      "",
    ]);
  });

  it("prints with --json one object with the operation as it ended", async () => {
    const command = await setup();

    expect(await waiting(command, { id: "op-1", json: true })).toBe(exitCodes.failed);
    expect(command.json()).toMatchObject({
      answer: "accepted",
      operation: { id: "op-1", state: "rejected", rejectionCode: "contract_not_found" },
    });
  });

  it("does not wait longer than was said, and tells what carries operations out", async () => {
    const command = await setup();

    expect(await command.run(requesting({ id: "op-1", waitMs: 5_000 }), { clock: hurriedClock() })).toBe(75);
    expect(command.err()).toContain(
      "error not_concluded: Operation op-1 is in the ledger and not concluded after 5 s.",
    );
    expect(command.err()).toContain("`keiyaku start`");
  });
});
