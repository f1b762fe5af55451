import type { Sql } from "postgres";
import type { Console } from "../../src/cli/context.ts";
import { importFile } from "../../src/cli/import-file.ts";
import type { Output } from "../../src/cli/output.ts";
import { requestsAtOnce } from "../../src/cli/requests-at-once.ts";
import { withProgress } from "../../src/cli/with-progress.ts";
import { createClient } from "../../src/client.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { Database } from "../../src/store/database.ts";
import { awaitLedger } from "./await-ledger.ts";
import type { Closing } from "./closing.ts";
import type { DataFolder } from "./data-folder.ts";
import { demoSettings, isGiven } from "./env.ts";
import type { Narrator } from "./narrator.ts";
import type { Servers } from "./open-servers.ts";
import type { DemoFiles } from "./read-demo-files.ts";
import { showCount } from "./report/show-count.ts";
import { type RefusedByClient, type Sent, sendBySql, sendRequests } from "./send-requests.ts";

export interface WorkOptions extends Pick<Console, "out" | "err"> {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: DataFolder;
  readonly files: DemoFiles;
  readonly servers: Servers;
  readonly sql: Sql;
  readonly narrator: Narrator;
  readonly closing: Closing;
  readonly signal: AbortSignal;
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
  const { narrator, files, signal } = options;
  await narrator.tell(
    () => importContracts(options),
    () => "The shop's products, customers and contracts are imported",
  );
  const beganMs = performance.now();
  const { refused } = await narrator.tell(
    () => send(options),
    (sent) =>
      `${showCount(sent.queued.length)} requests are queued, ${showCount(sent.refused.length)} refused by the client`,
  );
  signal.throwIfAborted();
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

/** Runs the same function as `keiyaku import --wait`; what it has to say is set in under the demo's own lines. */
async function importContracts({ env, folder, servers, out, err, closing, signal }: WorkOptions): Promise<void> {
  const config = readConfig({ ...demoSettings(env, servers) });
  if (config.database.type !== "url") throw new Error("the demo's settings name no database");
  const address = config.database.options;
  const db = new Database({ address, poolSize: requestsAtOnce, applicationName: "keiyaku-demo" });
  await closing.add(() => db.close(500));
  const seen = { out: indented(out), err, ask: null };
  const context = { ...seen, db, address, config, stripe: null, clock: systemClock, signal };
  const exit = await importFile(context, { file: folder.contracts, patienceMs: 30_000 });
  if (exit !== 0) throw new Error(`the import ended with ${exit}; every line of it should have been imported`);
}

function indented(out: Output): Output {
  return { ...out, write: (text) => out.write(text.replaceAll(/^(?=.)/gm, "  ")) };
}

async function send({ env, files, servers, closing }: WorkOptions): Promise<Sent> {
  const timeoutMs = 15_000;
  const client = isGiven(env.REDIS_URL)
    ? createClient({ redisUrl: env.REDIS_URL, timeoutMs })
    : createClient({ databaseUrl: servers.databaseUrl, timeoutMs });
  await closing.add(() => client.close());
  return sendRequests(client, files.requests);
}

async function waitFor({ sql, err, signal }: WorkOptions, sent: DemoFiles["requests"]): Promise<number> {
  return withProgress({ err, clock: systemClock }, "Carrying them out", (report) =>
    awaitLedger(sql, sent, {
      signal,
      onProgress: (concluded, expected) =>
        report(concluded / expected, `${showCount(concluded)} of ${showCount(expected)} operations`),
    }),
  );
}
