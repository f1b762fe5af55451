import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { importCatalog } from "../store/import-catalog.ts";
import type { OperationSummary } from "../store/operation-summary.ts";
import { untilAnswered } from "./ask-ledger.ts";
import { type AwaitedOperations, awaitImport } from "./await-import.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { eachAtOnce } from "./each-at-once.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { explainFailure, writeFailure } from "./explain-failure.ts";
import { importContract } from "./import-contract.ts";
import { emptyTally, exitOf, type ImportTally, showTally } from "./import-tally.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { type BadLine, type ImportLine, lineBytesMax, readImportLine } from "./read-import-line.ts";
import { readLines } from "./read-lines.ts";
import { rejectionSentencesOf, showOutcome } from "./show-outcome.ts";
import { type Report, withProgress } from "./with-progress.ts";

export interface ImportOptions {
  /** A file of one JSON object a line. */
  readonly file: string;
  /** Whether to wait until what was accepted is carried out, and how long to be patient when nothing moves. */
  readonly waitMs?: number;
  /** Whether only to check the lines. */
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Lines taken together: products and customers in one statement, and enough contracts to keep all requests busy. */
const batchMax = 400;

/** Requests to the ledger at once: as many as the command has connections. */
export const requestsAtOnce = 8;

/** As many bad lines as anyone reads on a screen; `--json` names every one. */
const namedMax = 1_000;

interface Import {
  readonly context: CommandContext;
  readonly options: ImportOptions;
  readonly tally: ImportTally;
  readonly awaited: AwaitedOperations;
  named: number;
}

/**
 * Imports products, customers and contracts from a file of lines. Whoever is known already is left as it is, so importing
 * a file again is harmless, and is what to do after an interruption or a correction. A bad line is named and does not
 * stop the others. Memory does not grow with the file, but for two numbers a contract with `waitMs`.
 */
export async function importFile(context: CommandContext, options: ImportOptions): Promise<ExitCode> {
  const { err, clock } = context;
  const work: Import = {
    context,
    options,
    tally: emptyTally(options.waitMs !== undefined && options.dryRun !== true),
    awaited: { sequences: [], lines: [] },
    named: 0,
  };
  const title = `${options.dryRun === true ? "Checking" : "Importing"} ${plainText(basename(options.file), 80)}`;
  try {
    const sizeBytes = await sizeOf(options.file);
    await withProgress({ err, clock }, title, (report) => importLines(work, sizeBytes, report));
  } catch (error) {
    if (work.tally.lines > 0) summarise(work);
    throw resumable(error);
  }
  const isComplete = await waitForOutcomes(work);
  summarise(work);
  if (!isComplete) throw givenUp(work);
  return exitOf(work.tally);
}

async function sizeOf(file: string): Promise<number | null> {
  try {
    const { size } = await stat(file);
    return size > 0 ? size : null;
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): CommandFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  return new CommandFailure(exitCodes.wrongUsage, {
    code: "file_unreadable",
    sentence: `The file ${JSON.stringify(file)} cannot be read (${code}).`,
    remedy: "Give the path of a file of one JSON object a line.",
  });
}

interface ReadLine {
  readonly number: number;
  readonly line: ImportLine;
}

async function importLines(work: Import, sizeBytes: number | null, report: Report): Promise<void> {
  const { signal } = work.context;
  const source = createReadStream(work.options.file);
  let batch: ReadLine[] = [];
  const importTaken = async (endsAt: number) => {
    await importBatch(work, batch);
    batch = [];
    const words = `${work.tally.lines.toLocaleString("en")} lines, ${work.tally.bad.toLocaleString("en")} bad`;
    report(sizeBytes === null ? null : endsAt / sizeBytes, words);
  };
  let lastEndsAt = 0;
  try {
    for await (const { number, bytes, endsAt } of readLines(source, lineBytesMax)) {
      signal.throwIfAborted();
      const line = readImportLine(bytes);
      if (line.type !== "blank") batch.push({ number, line });
      lastEndsAt = endsAt;
      if (batch.length >= batchMax) await importTaken(endsAt);
    }
  } catch (error) {
    throw isFileError(error) ? unreadable(work.options.file, error) : error;
  } finally {
    source.destroy();
  }
  await importTaken(lastEndsAt);
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && (error.syscall === "read" || error.syscall === "open");
}

/** Imports what a batch of lines says: first what contracts refer to, then the contracts, several at once. */
async function importBatch(work: Import, batch: readonly ReadLine[]): Promise<void> {
  const { context, tally, options } = work;
  tally.lines += batch.length;
  for (const { number, line } of batch) {
    if (line.type === "bad") nameBadLine(work, number, line.bad);
  }
  if (options.dryRun === true) return;
  await importCatalogLines(work, batch);
  await eachAtOnce(batch, requestsAtOnce, async ({ number, line }) => {
    if (line.type !== "contract") return;
    context.signal.throwIfAborted();
    const imported = await importContract(context, line);
    if (imported.type === "bad") return nameBadLine(work, number, imported.bad, line.contractId);
    tally.contracts[imported.type] += 1;
    if (options.waitMs !== undefined && (imported.type === "accepted" || imported.open)) {
      work.awaited.sequences.push(imported.sequence);
      work.awaited.lines.push(number);
    }
  });
}

async function importCatalogLines({ context, tally }: Import, batch: readonly ReadLine[]): Promise<void> {
  const products = batch.flatMap(({ line }) => (line.type === "product" ? [line.product] : []));
  const customers = batch.flatMap(({ line }) => (line.type === "customer" ? [line.customer] : []));
  if (products.length + customers.length === 0) return;
  const imported = await untilAnswered(context, () => importCatalog(context.db, { products, customers }));
  tally.products.imported += imported.products;
  tally.products.known += products.length - imported.products;
  tally.customers.imported += imported.customers;
  tally.customers.known += customers.length - imported.customers;
}

function nameBadLine(work: Import, number: number, bad: BadLine, contractId?: string): void {
  work.tally.bad += 1;
  nameFailure(work, { type: "bad_line", line: number, ...(contractId === undefined ? {} : { contractId }), ...bad });
}

interface NamedFailure extends BadLine {
  readonly type: "bad_line" | "not_registered";
  readonly line: number;
  readonly contractId?: string;
}

function nameFailure(work: Import, failure: NamedFailure): void {
  const { out, err } = work.context;
  if (work.options.json === true) return writeJson(out, failure);
  work.named += 1;
  if (work.named === namedMax + 1) {
    writeLine(err, `The first ${namedMax} lines in error are named above; --json names every one.`);
  }
  if (work.named > namedMax) return;
  const { line, contractId, field, code, problem, remedy } = failure;
  const place = [`line ${line}`, contractId === undefined ? "" : `contract ${contractId}`, field ?? ""];
  const sentence = `${place.filter((part) => part !== "").join(", ")}: ${problem.replace(/\.$/, "")}.`;
  writeFailure(err, { code, sentence, remedy });
}

/** Waits for what was accepted, if that was asked for; false when nothing moved for too long. */
async function waitForOutcomes(work: Import): Promise<boolean> {
  const { context, options, awaited, tally } = work;
  const { waited } = tally;
  if (options.waitMs === undefined || waited === null || awaited.sequences.length === 0) return true;
  const patienceMs = options.waitMs;
  const total = awaited.sequences.length;
  return withProgress(context, `Waiting for ${total.toLocaleString("en")} registrations`, (report) =>
    awaitImport(context, awaited, patienceMs, (operation, line) => {
      if (operation.state === "succeeded") waited.succeeded += 1;
      else nameUnregistered(work, operation, line);
      const done = waited.succeeded + waited.failed;
      report(done / total, `${done.toLocaleString("en")} concluded, ${waited.failed.toLocaleString("en")} in vain`);
    }),
  );
}

function nameUnregistered(work: Import, operation: OperationSummary, line: number): void {
  const { waited } = work.tally;
  if (waited !== null) waited.failed += 1;
  const { contractId, rejectionCode, rejectionDetail, state } = operation;
  nameFailure(work, {
    type: "not_registered",
    line,
    contractId,
    code: rejectionCode ?? `operation_${state}`,
    field: rejectionDetail?.field?.replace(/^params\./, "") ?? null,
    problem: rejectionSentencesOf(operation)?.en ?? showOutcome(operation, work.context.config.businessTimeZone),
    remedy:
      state === "held"
        ? `Decide about it: \`keiyaku operation show ${operation.id}\`.`
        : "Correct the line and import the file again.",
  });
}

function summarise({ context: { out, err }, options: { dryRun = false, json = false }, tally, awaited }: Import): void {
  if (json) return writeJson(out, { type: "summary", dryRun, ...tally });
  for (const line of showTally(tally)) writeLine(out, line);
  if (dryRun) writeLine(err, paint(err, "dim", "Nothing was written: this only checked the lines."));
  else if (tally.contracts.accepted > 0 && awaited.sequences.length === 0) {
    const sentence = "The workers register what was accepted; if none run, start them with `keiyaku start`.";
    writeLine(err, paint(err, "dim", sentence));
  }
}

/** An interrupted import goes on where it was when the file is imported again: that is the remedy of whatever passes. */
function resumable(error: unknown): unknown {
  const { exitCode, failures } = explainFailure(error);
  const words = failures[0];
  if (exitCode !== exitCodes.tryLater || words === undefined) return error;
  const remedy = "Import the file again once PostgreSQL answers: what was accepted is known and not accepted twice.";
  return new CommandFailure(exitCode, { ...words, remedy });
}

function givenUp({ awaited, tally: { waited }, options: { waitMs = 0 } }: Import): CommandFailure {
  const open = awaited.sequences.length - (waited?.succeeded ?? 0) - (waited?.failed ?? 0);
  return new CommandFailure(exitCodes.tryLater, {
    code: "not_concluded",
    sentence: `${open.toLocaleString("en")} registrations are in the ledger and none was concluded for ${waitMs / 1_000} s.`,
    remedy: "Start the workers with `keiyaku start`, which carries them out; importing the file again waits for them.",
  });
}
