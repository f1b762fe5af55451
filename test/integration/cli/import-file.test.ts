import { describe, expect, it, onTestFinished } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { importId } from "../../../src/cli/import-contract.ts";
import { importFile } from "../../../src/cli/import-file.ts";
import { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { type CommandBench, hurriedClock, setUpCommand } from "./set-up-command.ts";

const product = { type: "product", id: "magazine", kind: "monthly", priceMinor: 1980 };
const customer = { type: "customer", id: "u-1", email: "hanako@example.com", name: "山田 花子" };

function contract(contractId: string, overrides: object = {}) {
  return {
    type: "contract",
    contractId,
    productId: "magazine",
    customerId: "u-1",
    kind: "monthly",
    paymentMethod: "bank_transfer",
    priceMinor: 1980,
    startOn: "2025-10-08",
    ...overrides,
  };
}

async function setup(): Promise<CommandBench> {
  const command = await setUpCommand();
  onTestFinished(() => command.close());
  return command;
}

function importing(file: string, options: { patienceMs?: number; json?: boolean; dryRun?: boolean } = {}) {
  return (context: CommandContext) => importFile(context, { file, ...options });
}

async function idsOf({ bench }: CommandBench): Promise<readonly string[]> {
  const rows = await bench.sql`select id from keiyaku.operations order by sequence`;
  return rows.map(({ id }) => id as string);
}

describe("importing a file", () => {
  it("writes products and customers, and requests a registration for each contract at the ledger's door", async () => {
    const command = await setup();
    const file = await command.file([product, customer, contract("c-1"), contract("c-2")]);

    expect(await command.run(importing(file, { json: true }))).toBe(exitCodes.done);
    expect(command.json()).toEqual({
      type: "summary",
      dryRun: false,
      lines: 4,
      products: { imported: 1, updated: 0, known: 0 },
      customers: { imported: 1, updated: 0, known: 0 },
      contracts: { accepted: 2, known: 0 },
      bad: 0,
      waited: null,
    });
    expect(await command.bench.sql`select id, kind, price_minor::int from keiyaku.products`).toEqual([
      { id: "magazine", kind: "monthly", price_minor: 1980 },
    ]);
    expect(await command.bench.sql`select id, email, name, locale from keiyaku.customers`).toEqual([
      { id: "u-1", email: "hanako@example.com", name: "山田 花子", locale: "ja" },
    ]);
    expect(
      await command.bench.sql`select id, kind, contract_id, actor_type, actor_id, state from keiyaku.operations
        where contract_id = 'c-1'`,
    ).toEqual([
      {
        id: "import-c-1",
        kind: "register",
        contract_id: "c-1",
        actor_type: "service",
        actor_id: "import",
        state: "requested",
      },
    ]);
    await command.drain();
    expect(await command.bench.sql`select id, status from keiyaku.contracts order by id`).toEqual([
      { id: "c-1", status: "awaiting_payment" },
      { id: "c-2", status: "awaiting_payment" },
    ]);
  });

  it("is harmless when repeated, before and after the workers have done their work", async () => {
    const command = await setup();
    const file = await command.file([product, customer, contract("c-1")]);
    await command.run(importing(file));
    const known = {
      products: { imported: 0, updated: 0, known: 1 },
      customers: { imported: 0, updated: 0, known: 1 },
      contracts: { accepted: 0, known: 1 },
    };

    expect(await command.run(importing(file, { json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject(known);
    await command.drain();
    expect(await command.run(importing(file, { json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject(known);
    expect(await idsOf(command)).toEqual(["import-c-1"]);
  });

  it("names every bad line by number, field and remedy, and imports the others", async () => {
    const command = await setup();
    const file = await command.file([
      product,
      "",
      customer,
      "{oops",
      contract("c-1", { priceMinor: "1980" }),
      contract("c-2"),
      { type: "thing" },
    ]);

    expect(await command.run(importing(file))).toBe(exitCodes.partlyFailed);
    expect(command.err().split("\n").slice(0, 3)).toEqual([
      'error not_json: line 4: is not a JSON object. Write it as {"type": "contract", "contractId": …}.',
      "error invalid_field: line 5, priceMinor: Invalid input: expected number, received string. Correct the field and import the file again.",
      "error unknown_type: line 7, type: must be one of product, customer, contract. Say what the line is.",
    ]);
    expect(command.out()).toBe(
      [
        "6 lines read",
        "  products   1 imported, 0 already known",
        "  customers  1 imported, 0 already known",
        "  contracts  1 accepted, 0 already known",
        "  bad lines  3",
        "",
      ].join("\n"),
    );
    expect(command.err()).toContain("`keiyaku start`");
    expect(await idsOf(command)).toEqual(["import-c-2"]);
  });

  it("writes with --json an object for each bad line on stdout, and nothing on stderr", async () => {
    const command = await setup();
    const file = await command.file([product, "oops"]);

    expect(await command.run(importing(file, { json: true }))).toBe(exitCodes.partlyFailed);
    expect(command.jsonLines()).toMatchObject([
      { type: "bad_line", line: 2, code: "not_json", field: null },
      { type: "summary", lines: 2, bad: 1 },
    ]);
    expect(command.err()).toBe("");
  });

  it("names a thousand lines on the screen and counts the rest", async () => {
    const command = await setup();

    await command.run(importing(await command.file(Array.from({ length: 1_002 }, () => "oops"))));
    const lines = command.err().trimEnd().split("\n");
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).toBe("The first 1000 are named above; --json names every one.");
    expect(command.out()).toContain("bad lines  1,002");
  });

  it("fails when every line is bad", async () => {
    const command = await setup();

    expect(await command.run(importing(await command.file(["oops", "{}"])))).toBe(exitCodes.failed);
  });

  it("refuses a line that was imported before with other content, and leaves what it made", async () => {
    const command = await setup();
    await command.run(importing(await command.file([product, customer, contract("c-1")])));
    await command.drain();

    const changed = await command.file([contract("c-1", { priceMinor: 1 }), contract("c-2")]);
    expect(await command.run(importing(changed, { json: true }))).toBe(exitCodes.partlyFailed);
    expect(command.jsonLines()[0]).toMatchObject({ line: 1, contractId: "c-1", code: "imported_differently" });
    expect(await command.bench.sql`select price_minor::int from keiyaku.contracts`).toEqual([{ price_minor: 1980 }]);
  });

  it("asks again for a line whose registration was rejected, corrected or not", async () => {
    const command = await setup();
    const file = await command.file([customer, contract("c-1"), contract("c-2", { productId: "other" })]);
    await command.run(importing(file));
    await command.drain();
    expect(await command.bench.sql`select id from keiyaku.contracts`).toEqual([]);

    const corrected = await command.file([product, contract("c-1"), contract("c-2")]);
    expect(await command.run(importing(corrected, { json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ contracts: { accepted: 2, known: 0 } });
    await command.drain();
    expect(await command.bench.sql`select id from keiyaku.contracts order by id`).toEqual([
      { id: "c-1" },
      { id: "c-2" },
    ]);
    await command.run(importing(corrected, { json: true }));
    expect(command.json()).toMatchObject({ contracts: { accepted: 0, known: 2 } });
    expect([...(await idsOf(command))].sort()).toEqual(["import-c-1", "import-c-2", "import2-c-1", "import2-c-2"]);
  });

  it("counts a contract that was registered otherwise as known, once the ledger has said so", async () => {
    const command = await setup();
    await command.run(importing(await command.file([product, customer])));
    const { type: _, contractId, ...params } = contract("c-1");
    await command.bench.perform({ id: "by-hand", kind: "register", contractId, params });
    const file = await command.file([contract("c-1")]);
    await command.run(importing(file));
    await command.drain();

    expect(await command.run(importing(file, { json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ contracts: { accepted: 0, known: 1 } });
    expect(await idsOf(command)).toEqual(["by-hand", "import-c-1"]);
  });

  it("writes nothing on a dry run", async () => {
    const command = await setup();
    const file = await command.file([product, customer, contract("c-1"), "oops"]);

    expect(await command.run(importing(file, { dryRun: true, patienceMs: 1 }))).toBe(exitCodes.partlyFailed);
    expect(command.err()).toContain("line 4");
    expect(await command.bench.sql`select id from keiyaku.products`).toEqual([]);
    expect(await idsOf(command)).toEqual([]);
  });

  it("takes more lines than a batch has, each once", async () => {
    const command = await setup();
    const contracts = Array.from({ length: 900 }, (_, index) => contract(`c-${index}`));

    expect(await command.run(importing(await command.file([product, customer, ...contracts]), { json: true }))).toBe(0);
    expect(command.json()).toMatchObject({ lines: 902, contracts: { accepted: 900 } });
    expect(new Set(await idsOf(command)).size).toBe(900);
  });

  it.each([
    ["a file that is not there", "/nonexistent/contracts.ndjson", "ENOENT"],
    ["a folder", "/", "EISDIR"],
  ])("calls %s wrong usage", async (_, file, code) => {
    const command = await setup();

    expect(await command.run(importing(file))).toBe(exitCodes.wrongUsage);
    expect(command.err()).toContain(`error file_unreadable: The file "${file}" cannot be read (${code}).`);
  });
});

describe("importing products and customers with versions", () => {
  const magazine = { ...product, access: "per_period", automaticTerminationMonth: null };

  it("creates and updates them, and leaves what is known in a greater version", async () => {
    const command = await setup();
    const first = await command.file([
      { ...magazine, version: 2 },
      { ...customer, locale: "ja", version: 5 },
      contract("c-1"),
    ]);
    expect(await command.run(importing(first))).toBe(exitCodes.done);
    const second = await command.file([
      { ...magazine, version: 3, automaticTerminationMonth: "2027-03" },
      { ...customer, locale: "en", version: 4 },
    ]);
    expect(await command.run(importing(second, { json: true }))).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({
      products: { imported: 0, updated: 1, known: 0 },
      customers: { imported: 0, updated: 0, known: 1 },
    });
    expect(await command.run(importing(second))).toBe(exitCodes.done);
    expect(command.out()).toContain("products   0 imported, 1 already known\n");
    expect(await command.bench.sql`select automatic_termination_month as month, version from keiyaku.products`).toEqual(
      [{ month: "2027-03", version: 3 }],
    );
    expect(await command.bench.sql`select locale, version from keiyaku.customers`).toEqual([
      { locale: "ja", version: 5 },
    ]);
  });

  it("says how many were updated", async () => {
    const command = await setup();
    await command.run(importing(await command.file([product])));
    await command.run(importing(await command.file([{ ...magazine, version: 2 }])));
    expect(command.out()).toContain("products   0 imported, 1 updated, 0 already known\n");
  });

  it("names a line that changes a product's kind, and one that leaves a field out", async () => {
    const command = await setup();
    const { access: _, ...incomplete } = magazine;
    const file = await command.file([
      { ...magazine, version: 1 },
      { ...incomplete, id: "other", version: 1 },
    ]);
    expect(await command.run(importing(file))).toBe(exitCodes.partlyFailed);
    expect(command.err()).toMatch(/^error invalid_field: line 2, access: /);
    const other = await command.file([{ ...magazine, kind: "one_time", version: 2 }]);
    expect(await command.run(importing(other))).toBe(exitCodes.failed);
    expect(command.err()).toMatch(
      /^error invalid_field: line 1, kind: cannot change from monthly to one_time, .*\. Correct the line/,
    );
  });
});

describe("an import that is interrupted", () => {
  it("repeats over a short outage of the database, and accepts nothing twice", async () => {
    const command = await setup();
    let failures = 3;
    const db = new Database({
      address: command.context.address,
      poolSize: 8,
      applicationName: "keiyaku-test",
      onStatement(moment, name) {
        // After it: what was accepted is not known, as when the reply is lost.
        if (moment === "after" && name === "accept_request" && failures-- > 0) {
          throw new StoreError("unreachable", "ECONNRESET", name);
        }
      },
    });
    onTestFinished(() => db.close(1_000));
    const file = await command.file([product, customer, contract("c-1"), contract("c-2"), contract("c-3")]);

    expect(await command.run(importing(file, { json: true }), { db, clock: hurriedClock() })).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ bad: 0 });
    expect(await idsOf(command)).toHaveLength(3);
  });

  it("says how far it came and to import the file again, when the database stays away", async () => {
    const command = await setup();
    const db = new Database({
      address: command.context.address,
      poolSize: 8,
      applicationName: "keiyaku-test",
      onStatement(_, name) {
        if (name === "accept_request") throw new StoreError("unreachable", "ECONNREFUSED", name);
      },
    });
    onTestFinished(() => db.close(1_000));
    const file = await command.file([product, customer, contract("c-1")]);

    expect(await command.run(importing(file), { db, clock: hurriedClock() })).toBe(exitCodes.tryLater);
    expect(command.out()).toContain("products   1 imported");
    expect(command.err()).toContain(
      "error database_unreachable: PostgreSQL does not answer (ECONNREFUSED). Import the file again",
    );
  });

  it("stops at a signal with its numbers, and goes on when the file is imported again", async () => {
    const command = await setup();
    const stopping = new AbortController();
    const db = new Database({
      address: command.context.address,
      poolSize: 8,
      applicationName: "keiyaku-test",
      onStatement(_, name) {
        if (name === "accept_request") stopping.abort();
      },
    });
    onTestFinished(() => db.close(1_000));
    const contracts = Array.from({ length: 50 }, (_, index) => contract(`c-${index}`));
    const file = await command.file([product, customer, ...contracts]);

    await command.run(
      async (context) => {
        await expect(importFile(context, { file })).rejects.toMatchObject({ name: "AbortError" });
        return 0;
      },
      { db, signal: stopping.signal },
    );
    expect(command.out()).toContain("52 lines read");
    const accepted = (await idsOf(command)).length;
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(50);
    await command.run(importing(file, { json: true }));
    expect(command.json()).toMatchObject({ contracts: { accepted: 50 - accepted, known: accepted } });
  });
});

describe("import --wait", () => {
  it("ends when every registration is concluded, and names the rejected ones with line and sentence", async () => {
    const command = await setup();
    const file = await command.file([product, customer, contract("c-1"), contract("c-2", { productId: "other" })]);
    const running = command.run(importing(file, { patienceMs: 20_000 }));
    await eventually(async () => (await idsOf(command)).length === 2, { withinMs: 10_000 });
    await command.drain();

    expect(await running).toBe(exitCodes.partlyFailed);
    expect(command.err()).toContain(
      "error invalid_request: line 4, contract c-2, productId: The request's params.productId is not valid: names an unknown product;",
    );
    expect(command.out()).toContain("concluded  1 registered, 1 not");
  });

  it("counts what an earlier import left open, and waits for that too", async () => {
    const command = await setup();
    const file = await command.file([product, customer, contract("c-1")]);
    await command.run(importing(file));
    let asked = false;
    const db = new Database({
      address: command.context.address,
      poolSize: 2,
      applicationName: "keiyaku-test",
      onStatement(_, name) {
        if (name === "read_outcomes") asked = true;
      },
    });
    onTestFinished(() => db.close(1_000));
    const running = command.run(importing(file, { patienceMs: 20_000, json: true }), { db });
    // It must have found the registration open: one that is concluded by then is not waited for.
    await eventually(() => asked, { withinMs: 10_000 });
    await command.drain();

    expect(await running).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ contracts: { known: 1 }, waited: { succeeded: 1, failed: 0 } });
  });

  it("takes a held registration for one that waits for a person", async () => {
    const command = await setup();
    const file = await command.file([product, customer, contract("c-1")]);
    await command.run(importing(file));
    await command.hold("import-c-1");

    expect(await command.run(importing(file, { patienceMs: 20_000, json: true }))).toBe(exitCodes.partlyFailed);
    expect(command.jsonLines()[0]).toMatchObject({ type: "not_registered", line: 3, code: "operation_held" });
    expect(command.jsonLines()[0]?.problem).toContain("attempts_exhausted");
  });

  it("gives up with an advice when no worker runs", async () => {
    const command = await setup();
    const file = await command.file([product, customer, contract("c-1")]);

    expect(await command.run(importing(file, { patienceMs: 60_000 }), { clock: hurriedClock() })).toBe(
      exitCodes.tryLater,
    );
    expect(command.err()).toContain(
      "error not_concluded: 1 registrations are in the ledger and none was concluded for 60 s.",
    );
    expect(command.err()).toContain("`keiyaku start`");
  });
});

describe("the id of an import", () => {
  it("is the same each time, an id that the ledger takes, and never another contract's", () => {
    const long = "x".repeat(64);
    const ids = ["c-1", "2-c-1", "h-c-1", long, `${long.slice(1)}y`].flatMap((id) => [
      importId(id, 1),
      importId(id, 2),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
    expect(importId(long, 3)).toBe(importId(long, 3));
  });
});
