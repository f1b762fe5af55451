import { describe, expect, it, onTestFinished } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { type OperationAbandonOptions, operationAbandon } from "../../../src/cli/operation-abandon.ts";
import { operationRetry } from "../../../src/cli/operation-retry.ts";
import { Database } from "../../../src/store/database.ts";
import { eventually } from "../../support/eventually.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

interface HeldBench extends CommandBench {
  /** What was rung for since the bench stands. */
  readonly rung: readonly string[];
}

/** A contract whose suspension `s-1` is held, and behind it, of the schedule, `w-1`. */
async function setup(): Promise<HeldBench> {
  const command = await setUpCommand();
  onTestFinished(() => command.close());
  const { bench } = command;
  await bench.perform({ id: "r-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
  await bench.perform({ id: "p-1", kind: "confirm_payment", contractId: "c-1" });
  await bench.accept({ id: "s-1", kind: "suspend", contractId: "c-1" });
  await bench.accept({ id: "w-1", kind: "terminate", contractId: "c-1" });
  await bench.sql`update keiyaku.operations set actor_type = 'schedule' where id = 'w-1'`;
  await command.hold("s-1");
  const rung: string[] = [];
  await bench.db.listen("keiyaku_accepted", (operationId) => void rung.push(operationId));
  return { ...command, rung };
}

function retrying(options: { operationId?: string; actor?: string; json?: boolean } = {}) {
  return (context: CommandContext) =>
    operationRetry(context, { operationId: "s-1", reason: "Stripe is back", ...options });
}

function abandoning(options: Partial<OperationAbandonOptions> = {}) {
  return (context: CommandContext) =>
    operationAbandon(context, { operationId: "s-1", reason: "by hand", actor: "operator:alice", ...options });
}

/** A call of the operation that was sent and has no answer. */
async function leaveUnanswered({ bench }: CommandBench, operationId: string): Promise<void> {
  await bench.sql`insert into keiyaku.stripe_calls (operation_id, name, type, request, idempotency_key, key_number,
      first_sent_at, last_sent_at, code_version)
    values (${operationId}, 'cancel', 'call', '{"verb":"cancel_subscription"}', 'k', 1, now(), now(), '0.1.0')`;
}

/** A database in which another person decides at the last moment. */
function interfered(command: CommandBench, statement: string, interfere: () => Promise<unknown>): Database {
  let done = false;
  const db = new Database({
    address: command.context.address,
    poolSize: 4,
    applicationName: "keiyaku-test",
    async onStatement(moment, name) {
      if (moment !== "before" || name !== statement || done) return;
      done = true;
      await interfere();
    },
  });
  onTestFinished(() => db.close(1_000));
  return db;
}

describe("retrying a held operation", () => {
  it("puts it back with its attempts counted anew, and rings for it", async () => {
    const command = await setup();

    expect(await command.run(retrying({ json: true }))).toBe(exitCodes.done);
    expect(command.json()).toEqual({ operationId: "s-1", state: "requested" });
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "requested", attempts_counted: 0 });
    await eventually(() => command.rung.includes("s-1"), { withinMs: 5_000 });
    await command.drain();
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "succeeded" });
  });

  it("is for held operations only, and says what the operation is instead", async () => {
    const command = await setup();

    expect(await command.run(retrying({ operationId: "p-1" }))).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error operation_not_held: Operation p-1 is succeeded, .* final/);
    expect(await command.run(retrying({ operationId: "w-1" }))).toBe(exitCodes.failed);
    expect(command.err()).toContain("Operation w-1 is requested");
    expect(await command.run(retrying({ operationId: "none" }))).toBe(exitCodes.failed);
    expect(command.err()).toContain("error operation_not_found");
  });

  it("explains the conflict when somebody else has decided meanwhile", async () => {
    const command = await setup();
    const db = interfered(command, "retry_held_operation", () => command.run(abandoning({ yes: true })));

    expect(await command.run(retrying(), { db })).toBe(exitCodes.failed);
    expect(command.err()).toContain("error operation_not_held: Operation s-1 is abandoned");
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "abandoned" });
  });

  it("is an operator's to decide", async () => {
    const command = await setup();

    expect(await command.run(retrying({ actor: "customer:u-1" }))).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain("Only an operator decides");
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "held" });
  });
});

describe("abandoning a held operation", () => {
  it("ends it with who and why, frees the contract, and rings for its next operation", async () => {
    const command = await setup();

    expect(await command.run(abandoning({ yes: true, json: true }))).toBe(exitCodes.done);
    expect(command.json()).toEqual({ operationId: "s-1", state: "abandoned", nextOperationId: "w-1" });
    expect(await command.bench.operation("s-1")).toMatchObject({
      state: "abandoned",
      abandonment: { operatorId: "alice", reason: "by hand" },
      occupies: false,
    });
    await eventually(() => command.rung.includes("w-1"), { withinMs: 5_000 });
    expect(command.rung).not.toContain("s-1");
  });

  it("asks first, and does nothing unless the answer is yes", async () => {
    const command = await setup();
    const questions: string[] = [];
    const answering = (answer: string) => async (question: string) => {
      questions.push(question);
      return answer;
    };

    expect(await command.run(abandoning(), { ask: answering("no") })).toBe(exitCodes.failed);
    expect(command.err()).toContain("error not_confirmed");
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "held" });
    expect(questions).toEqual([expect.stringContaining("Abandon operation s-1 (suspend of contract c-1)")]);
    expect(await command.run(abandoning(), { ask: answering(" Yes\n") })).toBe(exitCodes.done);
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "abandoned" });
  });

  it("is wrong usage where nobody can be asked and --yes was not given", async () => {
    const command = await setup();

    expect(await command.run(abandoning())).toBe(exitCodes.wrongUsage);
    expect(command.err()).toMatch(/^error confirmation_missing: .*--yes\.\n$/);
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "held" });
  });

  it("is refused while what Stripe did with a call is not known", async () => {
    const command = await setup();
    await leaveUnanswered(command, "s-1");

    expect(await command.run(abandoning({ yes: true }))).toBe(exitCodes.failed);
    expect(command.err()).toMatch(/^error result_unknown: .*what Stripe did with cancel is not known\. .*retry s-1/);
    expect(await command.bench.operation("s-1")).toMatchObject({ state: "held" });
  });

  it.each([
    ["a retry came between", (command: CommandBench) => command.run(retrying()), "error operation_not_held"],
    ["a call was sent meanwhile", (command: CommandBench) => leaveUnanswered(command, "s-1"), "error result_unknown"],
    [
      "it was tried and held again",
      (command: CommandBench) =>
        command.bench.sql`update keiyaku.operations set attempt = attempt + 1 where id = 's-1'`,
      "error operation_changed",
    ],
  ])("writes nothing and says what is so when %s", async (_, interfere, words) => {
    const command = await setup();
    const db = interfered(command, "abandon_held_operation", () => Promise.resolve(interfere(command)));

    expect(await command.run(abandoning({ yes: true }), { db })).toBe(exitCodes.failed);
    expect(command.err()).toContain(words);
    expect(await command.bench.operation("s-1")).toMatchObject({ abandonment: null });
  });
});
