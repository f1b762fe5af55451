import { Logger, makeWorkerUtils, run, WorkerPreset } from "graphile-worker";
import type { OperationRequest } from "../../src/contract/operation.ts";
import { confirmBare } from "../confirmations.ts";
import type { BenchServers } from "../servers.ts";
import { type Entrant, untilCounted } from "./entrant.ts";
import { concurrency } from "./keiyaku.ts";

/*
 * graphile-worker with a bare task, configured as the fastest run of its documentation ("Performance"): a local queue of 500
 * jobs that are fetched at once, completions and failures released together as soon as the event loop turns, a pool of one
 * connection more than jobs at work. Jobs are added by one `addJobs` for many.
 */

const task = "bare";

const quiet = new Logger(() => () => undefined);

export function graphileWorker(servers: BenchServers): Entrant {
  const worker = {
    connectionString: servers.databaseUrl,
    concurrentJobs: concurrency,
    maxPoolSize: concurrency + 1,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    logger: quiet,
  };
  const preset = { extends: [WorkerPreset], worker };
  return {
    name: "graphile_worker",
    async enqueue(requests) {
      const utils = await makeWorkerUtils({ preset, logger: quiet });
      await utils.migrate();
      for (let first = 0; first < requests.length; first += 1_000) {
        await utils.addJobs(
          requests.slice(first, first + 1_000).map((payload) => ({ identifier: task, payload, maxAttempts: 1 })),
        );
      }
      return {
        async drain() {
          let stop: (() => Promise<void>) | undefined;
          const seconds = await untilCounted(requests.length, async (done, failed) => {
            const write = async (payload: unknown) => {
              try {
                await confirmBare(servers.sql, payload as OperationRequest);
                done();
              } catch (error) {
                failed(error);
              }
            };
            const runner = await run({
              preset,
              noHandleSignals: true,
              taskList: { [task]: write },
              parsedCronItems: [],
            });
            stop = () => runner.stop();
          });
          // Releases what is completed.
          await stop?.();
          return seconds;
        },
        async close() {
          await utils.release();
          const [row] = await servers.sql`select count(*)::int as left from graphile_worker.jobs`;
          if (row?.left !== 0) throw new Error(`graphile-worker left ${row?.left} jobs`);
        },
      };
    },
  };
}
