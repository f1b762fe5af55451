import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Mutant, mutants } from "./mutants/mutants.ts";

/*
 * `npm run mutants [-- --write] [-- PART-OF-A-RULE …]`: takes one rule at a time out of a copy of the source, and shows that
 * a test fails for it. Exits 1 when one survives, or when the tests fail without any. With `--write`, puts the table into
 * docs/reliability.md.
 */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: "boolean" } } });

const root = join(import.meta.dirname, "..");
const chosen = mutants.filter(
  ({ rule }) => positionals.length === 0 || positionals.some((part) => rule.includes(part)),
);
if (chosen.length === 0) {
  console.error(`No rule is called so; there are:\n${mutants.map(({ rule }) => `  ${rule}`).join("\n")}`);
  process.exit(2);
}
if (values.write && chosen.length < mutants.length) {
  console.error("--write is for the whole table: name no rule with it.");
  process.exit(2);
}

const copy = await mkdtemp(join(tmpdir(), "keiyaku-mutants-"));
try {
  const folders = ["src", "workers", "sandbox", "test", "drizzle", "scripts", "schemas", "docs"];
  const files = ["package.json", "tsconfig.json", "vitest.config.ts", ".env.example"];
  for (const name of [...folders, ...files]) await cp(join(root, name), join(copy, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));

  const sound = await runTests([...new Set(chosen.flatMap(({ tests }) => tests))]);
  if (sound.failed !== undefined) throw new Error(`without any mutant a test fails: ${sound.failed}`);
  console.log(`all tests pass without a mutant, in ${sound.seconds} s`);

  const rows: Row[] = [];
  for (const mutant of chosen) {
    const row = await tryOne(mutant);
    rows.push(row);
    console.log(`${row.failed === undefined ? "SURVIVED" : "caught"}, ${row.seconds} s: ${mutant.rule}`);
    if (row.failed !== undefined) console.log(`  by: ${row.failed}`);
  }
  const survivors = rows.filter(({ failed }) => failed === undefined);
  console.log(`${rows.length - survivors.length} caught, ${survivors.length} survived`);
  if (survivors.length > 0) process.exitCode = 1;
  else if (values.write) await writeTable(rows);
} finally {
  await rm(copy, { recursive: true, force: true });
}

interface Row {
  readonly mutant: Mutant;
  /** The first test that failed; undefined when none did. */
  readonly failed: string | undefined;
  readonly seconds: number;
}

async function tryOne(mutant: Mutant): Promise<Row> {
  const path = join(copy, mutant.file);
  const source = await readFile(path, "utf8");
  if (source.split(mutant.find).length !== 2) {
    throw new Error(
      `${mutant.file} has not exactly once what the mutant of "${mutant.rule}" replaces: mend the mutant`,
    );
  }
  await writeFile(
    path,
    source.replace(mutant.find, () => mutant.replace),
  );
  try {
    return { mutant, ...(await runTests(mutant.tests)) };
  } finally {
    await writeFile(path, source);
  }
}

/** Runs test files until the first failure. A run that ends badly without a failed test is an error of its own. */
async function runTests(tests: readonly string[]): Promise<Pick<Row, "failed" | "seconds">> {
  const report = join(copy, "report.json");
  await rm(report, { force: true });
  const began = performance.now();
  const args = ["vitest", "run", "--project", "unit", "--project", "integration", "--bail", "1", "--retry", "0"];
  const child = spawn("npx", [...args, "--reporter", "json", "--outputFile", report, ...tests], {
    cwd: copy,
    stdio: "ignore",
  });
  const code = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("exit", resolve));
  const seconds = Math.round((performance.now() - began) / 1_000);
  const { testResults } = JSON.parse(await readFile(report, "utf8")) as Report;
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === "failed");
  if (failed === undefined && code !== 0) throw new Error(`the tests ended with ${code}, and none of them failed`);
  return { failed: failed?.fullName.trim(), seconds };
}

/** What is read of Vitest's JSON report. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

async function writeTable(rows: readonly Row[]): Promise<void> {
  const path = join(root, "docs", "reliability.md");
  const [begin, end] = ["<!-- mutants: begin -->", "<!-- mutants: end -->"];
  const text = await readFile(path, "utf8");
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${path} has not the two marks of the table`);
  const lines = rows.map(
    ({ mutant, failed, seconds }) =>
      `| ${mutant.rule} | ${mutant.without} | ${failed?.replaceAll("|", "\\|")} | ${seconds} s |`,
  );
  const table = ["| rule taken out | so that | caught by | after |", "|---|---|---|---|", ...lines].join("\n");
  await writeFile(path, `${before}${begin}\n\n${table}\n\n${end}${after}`);
}
