import type { Evidence } from "./judge/evidence.ts";
import { type Place, readQueueTables, readRedis } from "./scan.ts";
import type { World } from "./world.ts";

/** Reads every place in which no canary may be found, once all has settled. */
export async function readPlaces({ servers, crew }: World, evidence: Evidence): Promise<readonly Place[]> {
  const { redis, sql, traces } = servers;
  const metrics = await Promise.all(
    [...crew.workers, crew.relay].map(async ({ healthUrl }) => (await fetch(`${healthUrl}/metrics`)).text()),
  );
  return [
    { name: "the logs", text: crew.processes.map(({ logs, said }) => `${JSON.stringify(logs)}\n${said()}`).join("\n") },
    { name: "the metrics", text: metrics.join("\n") },
    { name: "the traces", text: traces.contents() },
    { name: "Stripe's metadata", text: JSON.stringify(evidence.ledger.map(({ metadata }) => metadata)) },
    { name: "idempotency keys", text: evidence.requests.map(({ idempotencyKey = "" }) => idempotencyKey).join("\n") },
    { name: "the paths of requests to Stripe", text: evidence.requests.map(({ path }) => path).join("\n") },
    redis === undefined
      ? { name: "the queue in PostgreSQL", text: await readQueueTables(sql) }
      : { name: "the queue in Redis", text: await readRedis(`redis://127.0.0.1:${redis.port}`) },
  ];
}
