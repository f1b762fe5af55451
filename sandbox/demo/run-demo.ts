import { writeFile } from "node:fs/promises";
import { relative } from "node:path";
import postgres from "postgres";
import { Temporal } from "temporal-polyfill";
import { type Output, paint, writeLine } from "../../src/cli/output.ts";
import type { Closing } from "./closing.ts";
import { readBooks } from "./compare/books.ts";
import { type Comparison, compare } from "./compare/compare.ts";
import { readStripeSide } from "./compare/stripe-side.ts";
import { takeDataFolder } from "./data-folder.ts";
import { doWork } from "./do-work.ts";
import { demoZone, refuseLiveKey, unusedSettings } from "./env.ts";
import { createNarrator } from "./narrator.ts";
import { openServers } from "./open-servers.ts";
import { type PlantName, plant } from "./plant.ts";
import { readDemoFiles } from "./read-demo-files.ts";
import { readOutcomes } from "./read-outcomes.ts";
import { comparisonText, writeComparison } from "./report/show-comparison.ts";
import { showCount } from "./report/show-count.ts";
import { type Account, unaccounted, writeAccount, writeDoor } from "./report/show-door.ts";
import { writeEnding } from "./report/show-ending.ts";
import { writeAttentions, writeKinds, writeOwed, writeRejections } from "./report/show-outcomes.ts";

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
 * Returns 0 when every operation came to its end and the books agree with the ledger, 1 when they do not or when nothing
 * was done at all. Whatever it opens is left to `closing`.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { env, out, closing, signal } = options;
  const beganMs = performance.now();
  refuseLiveKey(env);
  const narrator = createNarrator(out);
  writeLine(out, paint(out, "bold", "keiyaku: a day of contract operations in a small shop"));
  writeLine(out, paint(out, "dim", "Everything runs on this machine, and Stripe is a stand-in: no money moves."));
  writeLine(out);
  for (const name of unusedSettings(env)) narrator.remark(`${name} is set and not used: the demo brings its own.`);

  const folder = await takeDataFolder(options.folder, (sentence) => narrator.remark(sentence));
  await closing.add(() => folder.release());
  const today = Temporal.Now.plainDateISO(demoZone).toString();
  const files = await narrator.tell(
    () => readDemoFiles(folder, { today, zone: demoZone }),
    ({ requests }) => `${showCount(requests.length)} requests are read, their dates counted from ${today}`,
  );
  const servers = await openServers({ env, folder, contracts: files.contracts, narrator, closing, signal });
  const sql = postgres(servers.databaseUrl, { max: 2, onnotice: () => undefined });
  await closing.add(() => sql.end({ timeout: 1 }));

  const work = await Promise.race([servers.worker.died, doWork({ ...options, folder, files, servers, sql, narrator })]);
  if (options.plant !== undefined) narrator.remark(await plant(options.plant, sql, servers.stripe));
  const outcomes = await readOutcomes(sql);
  const [books, stripe] = await Promise.all([readBooks(sql), readStripeSide(servers.stripe)]);
  const comparison = compare(books, stripe);
  await writeFile(folder.comparison, comparisonText(comparison.lines));

  const refusedIn = (code: string) =>
    outcomes.refusals.reduce((sum, refusal) => sum + (refusal.code === code ? refusal.count : 0), 0);
  const account: Account = {
    requests: files.requests.length,
    operations: work.concluded,
    repeated: work.repeated,
    reused: refusedIn("id_reused"),
    refused: refusedIn("invalid_request"),
  };
  writeAccount(out, account);
  writeKinds(out, outcomes);
  writeAttentions(out, outcomes);
  writeRejections(out, outcomes);
  writeDoor(out, work.refused, work.acceptedBySql, outcomes);
  writeOwed(out, outcomes);
  writeComparison(out, comparison);
  const failures = failuresOf({
    comparison,
    effects: stripe.effectCount,
    concluded: work.concluded,
    held: outcomes.held.length,
  });
  writeEnding(out, {
    failures,
    concluded: work.concluded,
    workMs: work.tookMs,
    totalMs: performance.now() - beganMs,
    dataDir: relative(process.cwd(), folder.path) || ".",
    outcomes,
  });
  return failures.length === 0 ? 0 : 1;
}

/** Why the demo did not show what it should; nothing when it did. */
export function failuresOf(shown: {
  readonly comparison: Comparison;
  readonly account: Account;
  /** What the worker's calls changed at the stand-in. */
  readonly effects: number;
  readonly held: number;
}): readonly string[] {
  const differing = shown.comparison.lines.filter(({ differences }) => differences.length > 0).length;
  return [
    ...(differing > 0 ? [`The books and Stripe's ledger differ in ${showCount(differing)} lines.`] : []),
    ...(unaccounted(shown.account) === 0
      ? []
      : [`What became of ${showCount(Math.abs(unaccounted(shown.account)))} requests cannot be told.`]),
    ...(shown.account.operations === 0 ? ["No operation came to its end."] : []),
    ...(shown.effects === 0 ? ["No call changed anything at the stand-in."] : []),
    ...(shown.comparison.lines.length === 0 ? ["There was nothing to compare."] : []),
    ...(shown.held > 0 ? [`${showCount(shown.held)} operations wait for a person; nothing here should.`] : []),
  ];
}
