import { within } from "../src/queue/enqueue.ts";
import { startSupervisedWorker } from "../src/queue/supervised-worker.ts";
import { Database } from "../src/store/database.ts";
import { createCatalogProcessor } from "./catalog.ts";
import { openRoleQueue } from "./open-role-queue.ts";
import type { Role } from "./role.ts";

/** One statement a put: a few at once fill the wire. */
const catalogConcurrency = 4;

/** Keeps products and customers up to date: the worker of the queue `catalog`. */
export const catalogRole: Role = {
  isWanted: () => true,
  needsQueue: true,
  async start({ config, installation, clock, log, onStatement, watch, stopping, closing }) {
    const db = new Database({
      address: installation.address,
      poolSize: catalogConcurrency,
      applicationName: "keiyaku-catalog",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const queue = await openRoleQueue({ installation, watch, closing }, "catalog");
    const worker = startSupervisedWorker({
      backend: installation.queue,
      name: "catalog",
      processor: createCatalogProcessor({ db, clock, log, stopping }),
      concurrency: catalogConcurrency,
      queue,
      telemetry: watch.telemetry,
      log,
      clock,
    });
    closing.onDrain(() => worker.close(config.shutdownTimeoutMs));
    return { checks: { catalog: () => within(1_500, queue.getWaitingCount()) }, facts: {}, queues: [queue] };
  },
};
