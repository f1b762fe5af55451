import { afterAll, beforeAll, expect, it } from "vitest";
import { importFile } from "../../../src/cli/import-file.ts";
import { type CommandBench, setUpCommand } from "./set-up-command.ts";

let command: CommandBench;
beforeAll(async () => {
  command = await setUpCommand();
});
afterAll(() => command.close());

it("the file that the README imports is good, and its first contract can be suspended", async () => {
  const file = new URL("../../../docs/examples/contracts.ndjson", import.meta.url).pathname;
  expect(await command.run((context) => importFile(context, { file }))).toBe(0);
  await command.drain();
  const contracts = await command.bench.sql`select id, status from keiyaku.contracts order by id`;
  expect(contracts).toEqual([
    { id: "c-0001", status: "active" },
    { id: "c-0002", status: "awaiting_payment" },
  ]);
  const suspended = await command.bench.perform({ id: "suspend-1", kind: "suspend", contractId: "c-0001" });
  expect(suspended).toMatchObject({ state: "succeeded", outcome: { statusAfter: "payment_unconfirmed" } });
});
