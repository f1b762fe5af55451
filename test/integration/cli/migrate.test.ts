import { describe, expect, it, onTestFinished } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { exitCodes } from "../../../src/cli/exit-codes.ts";
import { migrate } from "../../../src/cli/migrate.ts";
import { Database } from "../../../src/store/database.ts";
import { schemaIsCurrent } from "../../../src/store/schema-state.ts";
import { createEmptyDatabase } from "../../support/database.ts";
import { addressOf } from "../../support/test-database.ts";
import { setUpCommand } from "./set-up-command.ts";

describe("migrating", () => {
  it("brings an empty database up to date and says how much that was; then there is nothing to do", async () => {
    const command = await setUpCommand();
    onTestFinished(() => command.close());
    const empty = await createEmptyDatabase();
    onTestFinished(() => empty.drop());
    const address = addressOf(empty.url);
    const db = new Database({ address, poolSize: 2, applicationName: "keiyaku-test" });
    onTestFinished(() => db.close(1_000));
    const migrating = (json: boolean) => (context: CommandContext) => migrate(context, { json });

    expect(await command.run(migrating(true), { db, address })).toBe(exitCodes.done);
    const { applied, total } = command.json() as { applied: number; total: number };
    expect(applied).toBeGreaterThan(0);
    expect(total).toBe(applied);
    expect(await schemaIsCurrent(db)).toBe(true);
    expect(await command.run(migrating(true), { db, address })).toBe(exitCodes.done);
    expect(command.json()).toMatchObject({ applied: 0, total, database: empty.name });
    await command.run(migrating(false), { db, address });
    expect(command.out()).toBe(
      `Nothing to do: database ${empty.name} on ${address.host}:${address.port} has all ${total} migrations.\n`,
    );
  });
});
