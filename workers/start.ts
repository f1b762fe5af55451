import type { Queue } from "bullmq";
import type { Logger } from "pino";
import { systemClock } from "../src/clock.ts";
import type { Config } from "../src/config.ts";
import { createFailpoint } from "../src/failpoint.ts";
import { startHealthServer } from "../src/http/health-server.ts";
import { type Installation, openInstallation } from "../src/installation.ts";
import { createLogger } from "../src/log.ts";
import { within } from "../src/queue/enqueue.ts";
import { closeQueue, openQueue } from "../src/queue/queue-backend.ts";
import { createQueueBells } from "../src/queue/queue-bells.ts";
import { startSupervisedWorker } from "../src/queue/supervised-worker.ts";
import { Database } from "../src/store/database.ts";
import { pingDatabase } from "../src/store/ping.ts";
import { createStripeGateway } from "../src/stripe/stripe-gateway.ts";
import { watchGateway } from "../src/stripe/watched-gateway.ts";
import { checkServers, StartRefused } from "./check-servers.ts";
import { startSweeping } from "./maintenance.ts";
import { createOperationsProcessor } from "./operations.ts";
import { openWatch } from "./watch.ts";

/** Workers at work in this process. */
export interface RunningWorkers {
  /** Settles once everything has stopped, with the exit code. */
  readonly stopped: Promise<number>;
  /** Where health and readiness are told. */
  readonly httpPort: number;
  /** Stops gracefully; the same as SIGTERM. */
  stop(): Promise<number>;
}

type Undo = () => Promise<unknown>;

/**
 * Starts the workers of this process, or throws {@link StartRefused} with a sentence that says what is missing.
 *
 * Stops on SIGTERM and SIGINT: readiness goes first, no further job is taken, operations at work go on to their next
 * step and are put back, connections are closed. A second signal ends the process at once; so does an error that nobody
 * caught, since what a crash leaves behind is what every start takes up.
 */
export async function startWorkers(
  config: Config,
  log: Logger = createLogger({ level: config.logLevel }),
): Promise<RunningWorkers> {
  const undos: Undo[] = [];
  const undoAll = async () => {
    for (const undo of undos.splice(0).toReversed())
      await undo().catch((error: unknown) => log.warn({ err: error }, "closing"));
  };
  try {
    const installation = await openInstallation(config, (sentence) => log.info(sentence));
    undos.push(() => installation.stop());
    return await run(config, log, installation, undos, undoAll);
  } catch (error) {
    await undoAll();
    throw error;
  }
}

async function run(
  config: Config,
  log: Logger,
  installation: Installation,
  undos: Undo[],
  undoAll: () => Promise<void>,
): Promise<RunningWorkers> {
  const clock = systemClock;
  const stopping = new AbortController();
  const watch = await openWatch({ config, clock, address: installation.address });
  undos.push(() => watch.stop());
  const failpoint = createFailpoint(config.failpoint);
  const db = new Database({
    address: installation.address,
    poolSize: config.databasePoolSize,
    applicationName: "keiyaku-worker",
    ...(config.failpoint === undefined ? {} : { onStatement: (moment, name) => failpoint(`${moment}:${name}`) }),
  });
  undos.push(() => db.close(1_000));
  // A connection of its own: a probe that gives up early throws away this client, not the one that operations are using.
  const probe = new Database({ address: installation.address, poolSize: 1, applicationName: "keiyaku-probe" });
  undos.push(() => probe.close(500));
  await checkServers({ db, queue: installation.queue, clock, log });

  const queue = await openQueue(installation.queue, "operations", 5_000, watch.telemetry);
  undos.push(() => closeQueue(queue, 1_000));
  const bells = createQueueBells(queue, log);
  const connection = createStripeGateway({
    secretKey: installation.stripe.secretKey.reveal(),
    ...(installation.stripe.apiBase === undefined ? {} : { apiBase: installation.stripe.apiBase }),
  });
  const gateway = watchGateway(connection, watch.callWatchers);
  const processor = createOperationsProcessor({
    db,
    gateway,
    clock,
    log,
    bells,
    failpoint,
    business: { zone: config.businessTimeZone, policy: config.moneyPolicy },
    stopping: stopping.signal,
    observer: watch.observer,
  });

  const unlisten = await db.listen("keiyaku_accepted", (operationId) => {
    bells.ring({ operationId, attempt: 0, ring: 0 }, "accepted", 0).catch(() => undefined);
  });
  undos.push(() => within(1_000, unlisten()));
  const sweeping = startSweeping({ db, queue, clock, log, sweepEnded: watch.sweepEnded });
  // One that waits for the database is left behind: whatever it has rung for is rung for again.
  undos.push(() => within(1_000, sweeping.stop()));

  const health = await startHealthServer({
    ...config.http,
    readiness: () => readiness(probe, queue, stopping.signal),
    scrape: watch.scrape([queue]),
    dashboard: await watch.dashboard([queue]),
  });
  undos.push(() => health.stop());

  const worker = startSupervisedWorker({
    backend: installation.queue,
    name: "operations",
    processor,
    concurrency: config.workerConcurrency,
    queue,
    telemetry: watch.telemetry,
    log,
    clock,
  });
  undos.push(() => worker.close(config.shutdownTimeoutMs));
  log.info(
    { queue: installation.queue.type, concurrency: config.workerConcurrency, http: health.port },
    "the worker is ready",
  );

  return untilSignalled({ log, stopping, undoAll, httpPort: health.port });
}

async function readiness(db: Database, queue: Queue, stopping: AbortSignal) {
  const told = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
      return "ok";
    } catch (error) {
      return error instanceof Error ? error.name : "failed";
    }
  };
  const [database, jobs] = await Promise.all([
    told(pingDatabase(db, 1_500)),
    told(within(1_500, queue.getWaitingCount())),
  ]);
  const checks = { database, queue: jobs, stopping: stopping.aborted ? "shutting down" : "ok" };
  return { ready: Object.values(checks).every((check) => check === "ok"), checks };
}

function untilSignalled({
  log,
  stopping,
  undoAll,
  httpPort,
}: {
  log: Logger;
  stopping: AbortController;
  undoAll: () => Promise<void>;
  httpPort: number;
}): RunningWorkers {
  let stop: (() => Promise<number>) | undefined;
  const stopped = new Promise<number>((resolve) => {
    let begun: Promise<number> | undefined;
    stop = () => {
      begun ??= (async () => {
        stopping.abort();
        await undoAll();
        for (const signal of signals) process.off(signal, onSignal);
        process.off("uncaughtException", onCrash);
        resolve(0);
        return 0;
      })();
      return begun;
    };
    let signalledMs = Number.NEGATIVE_INFINITY;
    const onSignal = (signal: NodeJS.Signals) => {
      const sinceMs = systemClock.monotonicMs() - signalledMs;
      if (begun !== undefined && sinceMs < oneSignalMs) return;
      if (begun !== undefined) process.exit(signal === "SIGINT" ? 130 : 143);
      signalledMs = systemClock.monotonicMs();
      log.info({ signal }, "stopping");
      stop?.().catch(() => process.exit(1));
    };
    const onCrash = (error: unknown) => {
      log.fatal({ err: error }, "an error that nobody caught ends this process");
      process.exit(1);
    };
    for (const signal of signals) process.on(signal, onSignal);
    process.on("uncaughtException", onCrash);
  });
  return { stopped, httpPort, stop: () => stop?.() ?? stopped };
}

const signals = ["SIGTERM", "SIGINT"] as const;

/** A terminal sends Ctrl-C to npm and to us, and npm passes its own on: within this time that is one signal. */
const oneSignalMs = 500;

export { StartRefused };
