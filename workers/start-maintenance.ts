import { keepDailyBell } from "../src/queue/daily-bell.ts";
import { within } from "../src/queue/enqueue.ts";
import { createRunBells } from "../src/queue/run-bells.ts";
import { startSupervisedWorker } from "../src/queue/supervised-worker.ts";
import { Database } from "../src/store/database.ts";
import { createStripeGateway } from "../src/stripe/stripe-gateway.ts";
import { watchConnection } from "../src/stripe/watched-gateway.ts";
import { startDailyRun } from "./daily-run.ts";
import { nightlyBooks } from "./nightly-books.ts";
import { openRoleQueue } from "./open-role-queue.ts";
import type { Role } from "./role.ts";

/** The run's statements come one after the other, and beside them those of the night's looks through the books. */
const poolSize = 4;

/**
 * Has done what each date brings. The job scheduler of the queue `maintenance` rings for it, and it looks by itself as well, since
 * the queue may lose everything.
 */
export const maintenanceRole: Role = {
  isWanted: () => true,
  needsQueue: true,
  async start({ config, installation, clock, log, onStatement, watch, closing }) {
    const db = new Database({
      address: installation.address,
      poolSize,
      applicationName: "keiyaku-maintenance",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const bells = await openRoleQueue({ installation, watch, closing }, "operations");
    const queue = await openRoleQueue({ installation, watch, closing }, "maintenance");
    const time = { dailyRunAt: config.dailyRunAt, zone: config.businessTimeZone };
    const connection = createStripeGateway(installation.stripe);
    closing.onClose(async () => connection.close());
    const dailyRun = startDailyRun({
      db,
      bells: createRunBells(bells, log),
      clock,
      log,
      time,
      keepBell: () => within(5_000, keepDailyBell(queue, time)),
      nightlyJobs: nightlyBooks({ db, connection: watchConnection(connection, watch.callWatchers), clock, log, time }),
      onStep: watch.runStepped,
    });
    // One that waits for the database is left behind: the next one goes on where it was.
    closing.onDrain(() => within(1_000, dailyRun.stop()));
    const worker = startSupervisedWorker({
      backend: installation.queue,
      name: "maintenance",
      processor: async () => dailyRun.ring(),
      concurrency: 1,
      queue,
      telemetry: watch.telemetry,
      log,
      clock,
    });
    closing.onDrain(() => worker.close(config.shutdownTimeoutMs));
    return {
      checks: { maintenance: () => within(1_500, queue.getWaitingCount()) },
      facts: { dailyRunAt: config.dailyRunAt },
      queues: [queue],
    };
  },
};
