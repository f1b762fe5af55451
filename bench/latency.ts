import type { QueueBackend } from "../src/queue/queue-backend.ts";
import { closeQueue } from "../src/queue/queue-backend.ts";
import { checkConfirmations, prepareConfirmations } from "./confirmations.ts";
import { type BullSide, bullEntrant, requestIdOf } from "./entrants/bull-side.ts";
import { openBullmq } from "./entrants/bullmq.ts";
import { openKeiyaku } from "./entrants/keiyaku.ts";
import { against, measureAll, median, percentile, type Row } from "./measure.ts";
import { runOpenLoop } from "./open-loop.ts";
import type { BenchServers } from "./servers.ts";

/** Of those that are sent first, this share opens connections and has statements planned, and is not counted. */
const warmUpShare = 0.1;

/**
 * Milliseconds from request to settled, the 99th percentile, while requests come at half of the rate that keiyaku reaches
 * when all of them wait; against a bare BullMQ worker at the same rate, for which that is less than half.
 *
 * A request is due by the clock, is added to the queue then, and is settled when its worker says that the job is complete.
 */
export function latency(servers: BenchServers, backend: QueueBackend, operations: number, rounds: number): Row {
  const sides = {
    keiyaku: () => openKeiyaku(servers, backend),
    bare: () => openBullmq(servers, backend),
  };
  return {
    name: "latency",
    async run(report) {
      // The first warms up.
      await saturatedRate(servers, sides.keiyaku, operations);
      const saturated: Promise<number>[] = [];
      const medians = new Map<string, number[]>();
      const contestants = Object.entries(sides).map(([name, open]) => ({
        name,
        async run(round: number) {
          // Anew in each round, since a machine that slows down would make half of what it was too much.
          saturated[round] ??= saturatedRate(servers, sides.keiyaku, operations);
          const latencies = await latenciesOf(servers, open, operations, (await saturated[round]) / 2);
          if (round > 0) medians.set(name, [...(medians.get(name) ?? []), percentile(latencies, 0.5)]);
          return percentile(latencies, 0.99);
        },
      }));
      const p99 = await measureAll(contestants, rounds, (line) => report(`latency, p99 in ms, ${line}`));
      const [, ...rates] = await Promise.all(saturated);
      return {
        name: "latency",
        unit: "ms at p99",
        ...against(p99, "keiyaku", "bare"),
        notes: {
          operations,
          perSecond: median(rates) / 2,
          p50: median(medians.get("keiyaku") ?? []),
          bareP50: median(medians.get("bare") ?? []),
        },
      };
    },
  };
}

async function saturatedRate(
  { sql }: BenchServers,
  open: () => Promise<BullSide>,
  operations: number,
): Promise<number> {
  const requests = await prepareConfirmations(sql, operations);
  const waiting = await bullEntrant("saturated", open).enqueue(requests);
  const seconds = await waiting.drain();
  await waiting.close();
  await checkConfirmations(sql, requests);
  return operations / seconds;
}

async function latenciesOf(
  { sql }: BenchServers,
  open: () => Promise<BullSide>,
  operations: number,
  perSecond: number,
): Promise<readonly number[]> {
  const requests = await prepareConfirmations(sql, operations);
  const indexes = new Map(requests.map(({ id }, index) => [id, index]));
  const side = await open();
  const worker = side.openWorker();
  await worker.waitUntilReady();
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
  };
  worker.on("error", fail);
  worker.on("failed", (_, error) => fail(error));
  const latencies = await runOpenLoop({
    requests: operations,
    perSecond,
    send(index) {
      const request = requests[index];
      if (request === undefined) throw new Error(`there is no request ${index}`);
      const { name, data, opts } = side.jobOf(request);
      side.queue.add(name, data, opts).catch(fail);
    },
    listen: (settled) => {
      worker.on("completed", (job) => settled(indexes.get(requestIdOf(job)) ?? Number.NaN));
    },
  });
  await worker.close();
  await closeQueue(side.queue, 1_000);
  await side.close();
  if (failure !== undefined) throw failure;
  await checkConfirmations(sql, requests);
  return latencies.slice(Math.floor(operations * warmUpShare));
}
