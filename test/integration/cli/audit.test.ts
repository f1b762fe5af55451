import { describe, expect, it, onTestFinished } from "vitest";
import { type AuditOptions, audit } from "../../../src/cli/audit.ts";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { setUpCommand } from "./set-up-command.ts";

async function setup(contracts: number) {
  const command = await setUpCommand({});
  onTestFinished(() => command.close());
  const { bench } = command;
  for (let each = 1; each <= contracts; each += 1) {
    await bench.perform({ id: `r-${each}`, kind: "register", contractId: `c-${each}`, params: monthlyTerms() });
  }
  const run = (options: AuditOptions = {}, overrides: Partial<CommandContext> = {}) =>
    command.run((context) => audit(context, options), overrides);
  return { command, bench, run };
}

describe("keiyaku audit", () => {
  it("prints how much of each was checked, and that nothing is wrong", async () => {
    const { command, run } = await setup(3);

    expect(await run()).toBe(exitCodes.done);

    const lines = command.out().split("\n");
    expect(lines.filter((line) => /^ {2}I\d+ .* 0 {2}\S/.test(line))).toHaveLength(7);
    expect(command.out()).toMatch(/^ {2}I6 {3}3 contracts +0 {2}A contract is what it was registered as/m);
  });

  it("fails on any violation, and names the first few of each", async () => {
    const { command, run, bench } = await setup(12);
    await bench.sql`update keiyaku.contracts set version = 9`;

    expect(await run()).toBe(exitCodes.failed);

    expect(command.out()).toMatch(/^ {2}I8 {3}12 contracts +12 {2}/m);
    expect(command.out()).toContain("I8, the first 10 of 12\n");
    expect(command.out().match(/has version 9, and its operations account for 1 to 1\n/g)).toHaveLength(10);
  });

  it("prints the same as JSON", async () => {
    const { command, run, bench } = await setup(2);
    await bench.sql`update keiyaku.contracts set status = 'canceled', ended_at = now() where id = 'c-2'`;

    expect(await run({ json: true })).toBe(exitCodes.failed);

    const told = command.json() as { readonly invariants: readonly { readonly id: string }[] };
    expect(told).toMatchObject({ ended: "finished" });
    expect(told.invariants.find(({ id }) => id === "I6")).toEqual({
      id: "I6",
      claim: expect.any(String),
      subjects: "contracts",
      checked: 2,
      violations: 1,
      named: [{ subject: "c-2", detail: "is canceled, and r-2 left it awaiting_payment" }],
    });
  });

  it("ends with the page at hand when it is interrupted, and goes on where it was", async () => {
    const { command, run, bench } = await setup(2);
    const interruption = new AbortController();
    interruption.abort();

    await run({}, { signal: interruption.signal });
    expect(command.err()).toContain("Interrupted. `keiyaku audit --resume` goes on from here.\n");
    await bench.sql`update keiyaku.book_checks set cursor = '3:', looked = 4,
      counts = counts || '{"I6": {"checked": 2, "violations": 1}}'`;

    expect(await run({ resume: true })).toBe(exitCodes.failed);
    expect(command.out()).toMatch(/^ {2}I6 {3}2 contracts +1 {2}/m);
    expect(command.out()).toMatch(/^ {2}I8 {3}2 contracts +0 {2}/m);
    expect(await run({ resume: true })).toBe(exitCodes.wrongUsage);
  });
});
