import type postgres from "postgres";
import type { Effect, SentRequest } from "./judge/evidence.ts";
import { type Place, readQueueTables, readRedis } from "./scan.ts";

/** Where what must stay secret could have got to. */
export interface Leakable {
  /** Undefined where the queue lives in PostgreSQL. */
  readonly redisUrl: string | undefined;
  readonly sql: postgres.Sql;
  readonly traces: { contents(): string };
  /** What every process has written, the dead ones included. */
  readonly processes: readonly { readonly logs: readonly object[]; said(): string }[];
  /** Where each living process tells its metrics. */
  readonly metricsUrls: readonly string[];
  readonly ledger: readonly Pick<Effect, "metadata">[];
  readonly requests: readonly Pick<SentRequest, "idempotencyKey" | "path">[];
}

/** Reads every place in which no canary may be found, once all has settled. */
export async function readPlaces(leakable: Leakable): Promise<readonly Place[]> {
  const { redisUrl, sql, traces, processes, metricsUrls, ledger, requests } = leakable;
  const metrics = await Promise.all(metricsUrls.map(async (url) => (await fetch(url)).text()));
  return [
    { name: "the logs", text: processes.map((each) => `${JSON.stringify(each.logs)}\n${each.said()}`).join("\n") },
    { name: "the metrics", text: metrics.join("\n") },
    { name: "the traces", text: traces.contents() },
    { name: "Stripe's metadata", text: JSON.stringify(ledger.map(({ metadata }) => metadata)) },
    { name: "idempotency keys", text: requests.map(({ idempotencyKey = "" }) => idempotencyKey).join("\n") },
    { name: "the paths of requests to Stripe", text: requests.map(({ path }) => path).join("\n") },
    redisUrl === undefined
      ? { name: "the queue in PostgreSQL", text: await readQueueTables(sql) }
      : { name: "the queue in Redis", text: await readRedis(redisUrl) },
  ];
}
