import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { eachAtOnce } from "../each-at-once.ts";
import { importCatalog } from "../store/import-catalog.ts";
import { putCustomer, putProduct } from "../store/put-catalog.ts";
import { StoreError } from "../store/store-error.ts";
import { untilAnswered } from "./ask-ledger.ts";
import { type AwaitedOperations, awaitImport } from "./await-import.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { explainFailure } from "./explain-failure.ts";
import { importContract } from "./import-contract.ts";
import { createImportReport, type ImportReport } from "./import-report.ts";
import { emptyTally, exitOf, type ImportTally } from "./import-tally.ts";
import { plainText } from "./output.ts";
import { type BadLine, type ImportLine, lineBytesMax, readImportLine } from "./read-import-line.ts";
import { readLines } from "./read-lines.ts";
import { requestsAtOnce } from "./requests-at-once.ts";
import { type Report, withProgress } from "./with-progress.ts";

export interface ImportOptions {
  /** A file of one JSON object a line. */
  readonly file: string;
  /** Given: wait until what was accepted is carried out, and give up when nothing moves for so long. */
  readonly patienceMs?: number;
  /** Whether only to check the lines. */
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Lines taken together: products and customers in one statement, and enough contracts to keep all requests busy. */
const batchMax = 400;

interface Import {
  readonly context: CommandContext;
  readonly options: ImportOptions;
  readonly tally: ImportTally;
  readonly awaited: AwaitedOperations;
  readonly report: ImportReport;
}

/**
 * Imports products, customers and contracts from a file of lines. What is known already is left as it is, but for a product
 * or customer whose line carries a newer version; so importing a file again is harmless, and is what to do after an
 * interruption or a correction. A bad line is named and does not stop the others. Memory does not grow with the file, but
 * for two numbers a contract when it waits for them.
 */
export async function importFile(context: CommandContext, options: ImportOptions): Promise<ExitCode> {
  const { dryRun = false, json = false } = options;
  const work: Import = {
    context,
    options,
    tally: emptyTally(options.patienceMs !== undefined && !dryRun),
    awaited: { sequences: [], lines: [] },
    report: createImportReport(context, { json, dryRun }),
  };
  const title = `${dryRun ? "Checking" : "Importing"} ${plainText(basename(options.file), 80)}`;
  try {
    const sizeBytes = await sizeOf(options.file);
    await withProgress(context, title, (progress) => importLines(work, sizeBytes, progress));
    if (!(await waitForOutcomes(work))) throw givenUp(work);
  } catch (error) {
    if (work.tally.lines > 0) work.report.summary(work.tally);
    throw resumable(error);
  }
  work.report.summary(work.tally);
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

async function importLines(work: Import, sizeBytes: number | null, progress: Report): Promise<void> {
  const { signal } = work.context;
  const source = createReadStream(work.options.file);
  let batch: ReadLine[] = [];
  const importTaken = async (endsAt: number) => {
    await importBatch(work, batch);
    batch = [];
    const words = `${work.tally.lines.toLocaleString("en")} lines, ${work.tally.bad.toLocaleString("en")} bad`;
    progress(sizeBytes === null ? null : endsAt / sizeBytes, words);
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
  await putCatalogLines(work, batch);
  await eachAtOnce(batch, requestsAtOnce, async ({ number, line }) => {
    if (line.type !== "contract") return;
    context.signal.throwIfAborted();
    const imported = await importContract(context, line);
    if (imported.type === "bad") {
      nameBadLine(work, number, imported.bad, line.contractId);
      return;
    }
    tally.contracts[imported.type] += 1;
    if (options.patienceMs !== undefined && (imported.type === "accepted" || imported.open)) {
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

/** Puts the products and customers that carry a version, several at once: their versions decide, not their order. */
async function putCatalogLines(work: Import, batch: readonly ReadLine[]): Promise<void> {
  const { context, tally } = work;
  await eachAtOnce(batch, requestsAtOnce, async ({ number, line }) => {
    if (line.type !== "put") return;
    context.signal.throwIfAborted();
    const { put } = line;
    const answer = await untilAnswered(context, () =>
      put.type === "product" ? putProduct(context.db, put.product) : putCustomer(context.db, put.customer),
    );
    if (answer.answer === "invalid_request") {
      const { field, problem } = answer;
      nameBadLine(work, number, {
        code: "invalid_field",
        field,
        problem,
        remedy: "Correct the line and import the file again.",
      });
      return;
    }
    const counts = put.type === "product" ? tally.products : tally.customers;
    counts[({ created: "imported", updated: "updated", ignored: "known" } as const)[answer.answer]] += 1;
  });
}

function nameBadLine({ tally, report }: Import, number: number, bad: BadLine, contractId?: string): void {
  tally.bad += 1;
  report.badLine(number, bad, contractId);
}

/** Waits for what was accepted, if that was asked for; false when nothing moved for too long. */
async function waitForOutcomes(work: Import): Promise<boolean> {
  const { context, awaited, report } = work;
  const { patienceMs } = work.options;
  const { waited } = work.tally;
  if (patienceMs === undefined || waited === null || awaited.sequences.length === 0) return true;
  const total = awaited.sequences.length;
  return withProgress(context, `Waiting for ${total.toLocaleString("en")} registrations`, (progress) =>
    awaitImport(context, awaited, patienceMs, (operation, line) => {
      waited[operation.state === "succeeded" ? "succeeded" : "failed"] += 1;
      if (operation.state !== "succeeded") report.notRegistered(line, operation);
      const done = waited.succeeded + waited.failed;
      progress(done / total, `${done.toLocaleString("en")} concluded, ${waited.failed.toLocaleString("en")} in vain`);
    }),
  );
}

/** An interrupted import goes on where it was when the file is imported again: that is the remedy of whatever passes. */
function resumable(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const { exitCode, failures } = explainFailure(error);
  const words = failures[0];
  if (exitCode !== exitCodes.tryLater || words === undefined) return error;
  const remedy = "Import the file again once PostgreSQL answers: what was accepted is known and not accepted twice.";
  return new CommandFailure(exitCode, { ...words, remedy });
}

function givenUp({ awaited, tally: { waited }, options: { patienceMs = 0 } }: Import): CommandFailure {
  const open = awaited.sequences.length - (waited?.succeeded ?? 0) - (waited?.failed ?? 0);
  return new CommandFailure(exitCodes.tryLater, {
    code: "not_concluded",
    sentence: `${open.toLocaleString("en")} registrations are in the ledger and none was concluded for ${patienceMs / 1_000} s.`,
    remedy: "Start the workers with `keiyaku start`, which carries them out; importing the file again waits for them.",
  });
}
