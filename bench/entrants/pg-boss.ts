import { PgBoss } from "pg-boss";
import type { OperationRequest } from "../../src/contract/operation.ts";
import { confirmBare, confirmBareTogether } from "../confirmations.ts";
import type { BenchServers } from "../servers.ts";
import { type Entrant, untilCounted } from "./entrant.ts";
import { concurrency } from "./keiyaku.ts";

/*
 * pg-boss with a bare handler, as its documentation advises for many jobs ("work()"): `batchSize` fetches and completes many
 * at once, `localConcurrency` has several workers in the process, and `burstWhenBatchFull` fetches on without a pause while
 * batches come back full; by default one job is taken every two seconds. The queue has a table of its own (`partition`), as
 * is advised for large queues, and jobs are added by one `insert` for many.
 *
 * A batch goes to the handler as a whole. Two ways to write it are measured: each job by its own statement, as many at a
 * time as at any other peer; and all of them by one, as in the documentation's own example of a batch. The second gives up
 * what the others have: one job that cannot be written undoes the whole batch, and none of it was done.
 */

const name = "bare";
/**
 * The documentation names no numbers. Of one to four workers with batches of 50, 200 and 500 these were the fastest: two of
 * 200 keep {@link concurrency} statements at work while one of them fetches; two of 500 write what they fetched at once.
 */
const tuning = {
  each: { batchSize: 200, localConcurrency: 2 },
  together: { batchSize: 500, localConcurrency: 2 },
} as const;

export function pgBoss(servers: BenchServers, way: keyof typeof tuning): Entrant {
  const { sql } = servers;
  const write = (requests: readonly OperationRequest[]) =>
    way === "together"
      ? confirmBareTogether(sql, requests)
      : Promise.all(requests.map((request) => confirmBare(sql, request)));
  return {
    name: way === "together" ? "pg_boss_together" : "pg_boss",
    async enqueue(requests) {
      const boss = new PgBoss({ connectionString: servers.databaseUrl, max: concurrency });
      boss.on("error", (error) => console.error(error));
      await boss.start();
      await boss.createQueue(name, { partition: true });
      for (let first = 0; first < requests.length; first += 1_000) {
        await boss.insert(
          name,
          requests.slice(first, first + 1_000).map((data) => ({ data })),
        );
      }
      return {
        async drain() {
          const options = { ...tuning[way], burstWhenBatchFull: true };
          const seconds = await untilCounted(requests.length, (done, failed) =>
            boss.work<OperationRequest>(name, options, async (jobs) => {
              try {
                await write(jobs.map(({ data }) => data));
              } catch (error) {
                failed(error);
              }
              for (const _ of jobs) done();
            }),
          );
          // Waits for the batches at work to be marked as completed.
          await boss.offWork(name);
          return seconds;
        },
        async close() {
          await boss.deleteQueue(name);
          await boss.stop();
        },
      };
    },
  };
}
