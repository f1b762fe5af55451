import { countMigrations } from "../store/count-migrations.ts";
import { migrate as applyMigrations } from "../store/migrate.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { writeJson, writeLine } from "./output.ts";

/**
 * Brings the database up to date and says how many migrations that took. Safe to repeat, and at several places at once:
 * each then says what was missing when it began.
 */
export async function migrate(
  { db, address, out }: CommandContext,
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  const before = await countMigrations(db);
  await applyMigrations({ address });
  const total = await countMigrations(db);
  const applied = total - before;
  const target = `database ${address.database} on ${address.host}:${address.port}`;
  if (json) writeJson(out, { applied, total, database: address.database, host: address.host, port: address.port });
  else if (applied === 0) writeLine(out, `Nothing to do: ${target} has all ${total} migrations.`);
  else writeLine(out, `Applied ${applied} of ${total} migrations to ${target}; it is up to date.`);
  return exitCodes.done;
}
