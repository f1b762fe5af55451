import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Evidence } from "./judge/evidence.ts";
import type { Outcome } from "./report.ts";
import type { World } from "./world.ts";

/**
 * Writes down what a failing run leaves for whoever looks into it: the faults with their times, Stripe's ledger and requests, every
 * operation's history, what was told, and what each process said. Returns the folder.
 */
export async function leaveArtefacts(
  folder: string,
  { servers, crew }: World,
  outcome: Outcome,
  evidence: Evidence | undefined,
): Promise<string> {
  const own = join(folder, `chaos-${outcome.queue}-${outcome.seed}`);
  await mkdir(own, { recursive: true });
  const write = (name: string, what: unknown) => writeFile(join(own, name), `${JSON.stringify(what, null, 1)}\n`);
  await write("outcome.json", outcome);
  await write("faults.json", outcome.injected);
  await write("stripe-ledger.json", evidence?.ledger ?? []);
  await write("stripe-requests.json", evidence?.requests ?? []);
  await write("told.json", evidence?.told ?? []);
  await write("journal-seen.json", evidence?.seenCalls ?? []);
  for (const table of [
    "operations",
    "stripe_calls",
    "contracts",
    "payments",
    "refunds",
    "stripe_events",
    "notifications",
  ]) {
    const rows = await servers.sql.unsafe(`select to_jsonb(t) as row from keiyaku.${table} t`).catch(() => []);
    await write(
      `${table}.json`,
      rows.map(({ row }) => row),
    );
  }
  await write("connections.json", await servers.sql`select * from pg_stat_activity`.catch(() => []));
  await writeFile(join(own, "postgres.log"), await servers.postgres.said());
  const logs = crew.processes.map(
    (each) => `# ${each.pid}\n${each.logs.map((line) => JSON.stringify(line)).join("\n")}\n${each.said()}`,
  );
  await writeFile(join(own, "processes.log"), `${logs.join("\n")}\n`);
  return own;
}
