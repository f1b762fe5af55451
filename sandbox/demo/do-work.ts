import type { Sql } from "postgres";
import type { CommandContext } from "../../src/cli/context.ts";
import { importFile } from "../../src/cli/import-file.ts";
import { withProgress } from "../../src/cli/with-progress.ts";
import type { Client } from "../../src/client.ts";
import { systemClock } from "../../src/clock.ts";
import { awaitLedger } from "./await-ledger.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Narrator } from "./narrator.ts";
import type { DemoFiles } from "./read-demo-files.ts";
import { showCount } from "./report/show-count.ts";
import { type RefusedByClient, sendBySql, sendRequests } from "./send-requests.ts";

export interface WorkOptions {
  readonly folder: DataFolder;
  readonly files: DemoFiles;
  readonly commands: CommandContext;
  readonly client: Client;
  readonly sql: Sql;
  readonly narrator: Narrator;
}

/** What was done, in numbers. */
export interface Work {
  readonly refused: readonly RefusedByClient[];
  readonly acceptedBySql: number;
  /** Requests that were sent again as they were. */
  readonly repeated: number;
  /** Operations that were asked for by requests and came to their end, or to a person. */
  readonly concluded: number;
  /** From the first request to the end of the last operation. */
  readonly tookMs: number;
}

/** Imports the contracts, sends the requests, and waits until the ledger has an answer to each. */
export async function doWork(options: WorkOptions): Promise<Work> {
  const { narrator, files, client, commands } = options;
  await narrator.tell(
    () => importContracts(options),
    () => "The shop's products, customers and contracts are imported",
  );
  const beganMs = performance.now();
  const { refused } = await narrator.tell(
    () => sendRequests(client, files.requests),
    (sent) =>
      `${showCount(sent.queued.length)} requests are queued, ${showCount(sent.refused.length)} refused by the client`,
  );
  commands.signal.throwIfAborted();
  const acceptedBySql = await sendBySql(options.sql, refused);
  const refusedIds = new Set(refused.map(({ request }) => request));
  const sent = [...files.requests.filter((request) => !refusedIds.has(request)), ...acceptedBySql];
  const concluded = await narrator.tell(
    () => waitFor(options, sent),
    (count) => `${showCount(count)} operations have come to their end`,
  );
  return {
    refused,
    acceptedBySql: acceptedBySql.length,
    repeated: sent.length - new Set(sent.map((request) => JSON.stringify(request))).size,
    concluded,
    tookMs: performance.now() - beganMs,
  };
}

/** Runs the same function as `keiyaku import --wait`. */
async function importContracts({ commands, folder }: WorkOptions): Promise<void> {
  const exit = await importFile(commands, { file: folder.contracts, patienceMs: 30_000 });
  if (exit !== 0) throw new Error(`the import ended with ${exit}; every line of it should have been imported`);
}

async function waitFor({ sql, commands }: WorkOptions, sent: DemoFiles["requests"]): Promise<number> {
  const { err, signal } = commands;
  return withProgress({ err, clock: systemClock }, "Carrying them out", (report) =>
    awaitLedger(sql, sent, {
      signal,
      onProgress: (concluded, expected) =>
        report(concluded / expected, `${showCount(concluded)} of ${showCount(expected)} operations`),
    }),
  );
}
