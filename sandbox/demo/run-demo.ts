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
import { createNarrator } from "./narrator.ts";
import { openServers } from "./open-servers.ts";
import { type PlantName, plant } from "./plant.ts";
import { readDemoFiles } from "./read-demo-files.ts";
import { readOutcomes } from "./read-outcomes.ts";
import { comparisonText } from "./report/show-comparison.ts";
import { showCount } from "./report/show-count.ts";
import { writeReport } from "./report/write-report.ts";

export interface DemoOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The demo's own folder, which is emptied first. */
  readonly folder: string;
  readonly plant: PlantName | undefined;
  readonly out: Output;
  readonly err: Output;
  readonly closing: Closing;
  readonly signal: AbortSignal;
}

/**
 * Shows what the worker does, on data of its own, from the import to the comparison with Stripe's ledger.
 *
 * Returns 0 when every request can be accounted for and the books agree with the ledger, 1 when not, or when nothing was
 * done at all. Whatever it opens is left to `closing`.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { env, out, closing, signal } = options;
  const beganMs = performance.now();
  refuseLiveKey(env);
  writeLine(out, paint(out, "bold", "keiyaku: a day of contract operations in a small shop"));
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

  const work = await Promise.race([servers.worker.died, doWork({ ...options, folder, files, servers, sql, narrator })]);
  if (options.plant !== undefined) narrator.remark(await plant(options.plant, sql, servers.stripe));

  const outcomes = await readOutcomes(sql);
  const [books, stripe] = await Promise.all([readBooks(sql), readStripeSide(servers.stripe)]);
  const comparison = compare(books, stripe);
  await writeFile(folder.comparison, comparisonText(comparison.lines));
  const account = accountOf(files.requests.length, work, outcomes);
  const heldCount = outcomes.held.length;
  const failures = failuresOf({ comparison, account, effectCount: stripe.effectCount, heldCount });
  writeReport(out, {
    account,
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
