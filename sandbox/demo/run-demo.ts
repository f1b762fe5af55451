import { writeFile } from "node:fs/promises";
import { relative } from "node:path";
import postgres from "postgres";
import { Temporal } from "temporal-polyfill";
import { type Output, paint, writeLine } from "../../src/cli/output.ts";
import { accountOf } from "./account.ts";
import type { Closing } from "./closing.ts";
import { readBooks } from "./compare/books.ts";
import { compare } from "./compare/compare.ts";
import { readStripeSide } from "./compare/stripe-side.ts";
import { takeDataFolder } from "./data-folder.ts";
import { doWork } from "./do-work.ts";
import { demoZone, refuseLiveKey, unusedSettings } from "./env.ts";
import { failuresOf } from "./failures-of.ts";
import { playMonths } from "./months/play-months.ts";
import { faultsIn, readReports } from "./months/read-reports.ts";
import { createNarrator } from "./narrator.ts";
import { openClient } from "./open-client.ts";
import { openCommands } from "./open-commands.ts";
import { openServers } from "./open-servers.ts";
import { type PlantName, plant } from "./plant.ts";
import { readDemoFiles } from "./read-demo-files.ts";
import { readOutcomes } from "./read-outcomes.ts";
import { comparisonText } from "./report/show-comparison.ts";
import { showCount } from "./report/show-count.ts";
import { writeAudit, writeYear } from "./report/show-year.ts";
import { writeHeading } from "./report/write-heading.ts";
import { writeDay, writeEnd, writeMonths } from "./report/write-report.ts";
import { playYear } from "./year/play-year.ts";
import { faultsInYear, readYear } from "./year/read-year.ts";
import { YearDates } from "./year/year-dates.ts";

export interface DemoOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The demo's own folder, which is emptied first. */
  readonly folder: string;
  readonly plants: readonly PlantName[];
  readonly out: Output;
  readonly err: Output;
  readonly closing: Closing;
  readonly signal: AbortSignal;
}

/**
 * Shows what the worker does, on data of its own: a day of requests, three months as Stripe reports them, a year as its dates
 * bring it, and in the end the audit and the comparison with Stripe's ledger.
 *
 * Returns 0 when every request, event and date can be accounted for, nothing is found by the audit, and the books agree with the
 * ledger; 1 when not, or when nothing was done at all. Whatever it opens is left to `closing`.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { env, out, closing, signal } = options;
  const beganMs = performance.now();
  refuseLiveKey(env);
  writeLine(out, paint(out, "bold", "keiyaku: a day, three months and a year of contract operations in a small shop"));
  writeLine(out, paint(out, "dim", "Everything runs on this machine, and Stripe is a stand-in: no money moves."));
  writeLine(out);
  const narrator = createNarrator(out);
  for (const name of unusedSettings(env)) narrator.remark(`${name} is set and not used: the demo brings its own.`);

  const folder = await takeDataFolder(options.folder, (sentence) => narrator.remark(sentence));
  await closing.add(() => folder.release());
  const day = { today: Temporal.Now.plainDateISO(demoZone).toString(), zone: demoZone };
  const files = await narrator.tell(
    () => readDemoFiles(folder, day),
    ({ requests }) => `${showCount(requests.length)} requests are read, their dates counted from ${day.today}`,
  );
  const servers = await openServers({ env, folder, contracts: files.contracts, day, narrator, closing, signal });
  const sql = postgres(servers.databaseUrl, { max: 2, onnotice: () => undefined });
  await closing.add(() => sql.end({ timeout: 1 }));

  const commands = await openCommands({ ...options, servers });
  const client = await openClient({ env, servers, closing });
  const whileWorking = <T>(doing: Promise<T>) => Promise.race([servers.worker.died, doing]);

  const work = await whileWorking(doWork({ folder, files, commands, client, sql, narrator }));
  const outcomes = await readOutcomes(sql);
  const account = accountOf(files.requests.length, work, outcomes);
  writeDay(out, { account, work, outcomes });

  writeHeading(out, "Three months as Stripe reports them");
  await whileWorking(playMonths({ stripe: servers.stripe, commands, client, sql, day, narrator }));
  const reports = await readReports(sql);
  await writeMonths(out, commands, reports);

  writeHeading(out, "A year, day by day: what its dates bring");
  const dates = new YearDates(day, Temporal.Now.zonedDateTimeISO(demoZone));
  await whileWorking(playYear({ stripe: servers.stripe, commands, client, sql, day, dates, narrator }));
  const yearEnd = await readYear(sql, dates);
  writeYear(out, yearEnd);
  const year = { ...yearEnd, auditHolds: await writeAudit(out, commands) };

  // Reported, what is planted would be in the books a moment later.
  if (options.plants.length > 0) await servers.endReports();
  for (const name of options.plants) narrator.remark(await plant(name, sql, servers.stripe));
  const [books, stripe] = await Promise.all([readBooks(sql), readStripeSide(servers.stripe)]);
  const comparison = compare(books, stripe);
  await writeFile(folder.comparison, comparisonText(comparison.lines));
  const failures = failuresOf({
    comparison,
    account,
    effectCount: stripe.effectCount,
    heldCount: year.held,
    unreported: [...faultsIn(reports), ...faultsInYear(year)],
  });
  writeEnd(out, {
    work,
    outcomes,
    comparison,
    failures,
    totalMs: performance.now() - beganMs,
    dataDir: asTyped(folder.path),
  });
  return failures.length === 0 ? 0 : 1;
}

/** A path as a person at this terminal would write it. */
function asTyped(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}
