import { within } from "../src/queue/enqueue.ts";
import { createQueueBells } from "../src/queue/queue-bells.ts";
import { startSupervisedWorker } from "../src/queue/supervised-worker.ts";
import { Database } from "../src/store/database.ts";
import { Breaker, breakGateway } from "../src/stripe/breaker.ts";
import { createStripeGateway } from "../src/stripe/stripe-gateway.ts";
import { watchGateway } from "../src/stripe/watched-gateway.ts";
import { failingCalls, failingJobs } from "./failing.ts";
import { startSweeping } from "./maintenance.ts";
import { openRoleQueue } from "./open-role-queue.ts";
import { createOperationsProcessor } from "./operations.ts";
import type { Role } from "./role.ts";

/** Carries out operations: the worker of the queue `operations`, the ear for what the other doors accept, and the sweep. */
export const operationsRole: Role = {
  isWanted: () => true,
  needsQueue: true,
  async start({ config, installation, clock, log, failpoints, onStatement, watch, stopping, closing }) {
    const db = new Database({
      address: installation.address,
      poolSize: config.databasePoolSize,
      applicationName: "keiyaku-worker",
      ...(onStatement === undefined ? {} : { onStatement }),
    });
    closing.onClose(() => db.close(1_000));
    const queue = await openRoleQueue({ installation, watch, closing }, "operations");
    const bells = createQueueBells(queue, log);
    const connection = createStripeGateway(installation.stripe);
    // Short and without repetition: a request that has used up its time and the probe after it stay below the minute of a
    // takeover.
    const probe = createStripeGateway({ ...installation.stripe, withinMs: 5_000, maxNetworkRetries: 0 });
    const breaker = new Breaker({
      probe: () => probe.findSubscriptionIn("unpaid"),
      clock,
      log,
      onChange: watch.stripeStopped,
      stopping,
    });
    const callWatchers =
      failpoints === undefined ? watch.callWatchers : [failingCalls(failpoints), ...watch.callWatchers];
    const gateway = breakGateway(watchGateway(connection, callWatchers), breaker);
    const processor = createOperationsProcessor({
      db,
      gateway,
      clock,
      log,
      bells,
      business: { zone: config.businessTimeZone, policy: config.moneyPolicy },
      brakes: config.brakes,
      stopping,
      observer: watch.observer,
    });
    const unlisten = await db.listen("keiyaku_accepted", (operationId) => {
      bells.ring({ operationId, attempt: 0, ring: 0 }, "accepted", 0).catch(() => undefined);
    });
    closing.onClose(() => within(1_000, unlisten()));
    const sweeping = startSweeping({ db, queue, clock, log, sweepEnded: watch.sweepEnded });
    // One that waits for the database is left behind: whatever it has rung for is rung for again.
    closing.onDrain(() => within(1_000, sweeping.stop()));
    const worker = startSupervisedWorker({
      backend: installation.queue,
      name: "operations",
      processor: failpoints === undefined ? processor : failingJobs(failpoints, processor),
      concurrency: config.workerConcurrency,
      queue,
      telemetry: watch.telemetry,
      log,
      clock,
    });
    closing.onDrain(() => worker.close(config.shutdownTimeoutMs));
    return {
      checks: { queue: () => within(1_500, queue.getWaitingCount()) },
      facts: { queue: installation.queue.type, concurrency: config.workerConcurrency },
      queues: [queue],
    };
  },
};
