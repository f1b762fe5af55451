import type { Queue } from "bullmq";
import type { Hono } from "hono";
import type { Clock } from "../src/clock.ts";
import type { Config } from "../src/config.ts";
import type { DatabaseOptions as DatabaseAddress } from "../src/database-url.ts";
import type { Observer } from "../src/execution/observer.ts";
import { createMetrics, type Metrics } from "../src/metrics/metrics.ts";
import type { Scrape } from "../src/metrics/scrape.ts";
import { within } from "../src/queue/enqueue.ts";
import type { QueueTelemetry } from "../src/queue/queue-backend.ts";
import { Database } from "../src/store/database.ts";
import { readLedgerFigures } from "../src/store/read-ledger-figures.ts";
import { readMailFigures } from "../src/store/read-mail-figures.ts";
import { readRunFigures } from "../src/store/read-run-figures.ts";
import type { CallWatcher } from "../src/stripe/watched-gateway.ts";
import type { Tracing } from "../src/tracing/tracing.ts";

/** Everything in this process that watches and never acts: metrics, traces, and the queues in a browser. */
export interface Watch {
  readonly observer: Observer;
  readonly callWatchers: readonly CallWatcher[];
  /** For the queues and workers of this process; undefined unless traces are sent. */
  readonly telemetry: QueueTelemetry | undefined;
  readonly sweepEnded: Metrics["sweepEnded"];
  readonly eventConcluded: Metrics["eventConcluded"];
  readonly backfillEnded: Metrics["backfillEnded"];
  readonly mailEnded: Metrics["mailEnded"];
  readonly runStepped: Metrics["runStepped"];
  readonly stripeStopped: Metrics["stripeStopped"];
  readonly eventArrived: Metrics["eventArrived"];
  readonly eventVersion: Metrics["eventVersion"];
  /** Answers `GET /metrics` with what this process counts and what the ledger and its queues say. */
  scrape(queues: () => readonly Queue[]): Scrape;
  /** Gives the queues to be looked at, where QUEUE_DASHBOARD is on; asked only once all queues are open. */
  dashboard(queues: () => readonly Queue[]): () => Hono | undefined;
  /** Sends what was traced and not sent yet, and closes its own connection. */
  stop(): Promise<void>;
}

/** The states of jobs that tell how a queue does. Finished ones are removed at once. */
const jobStates = ["waiting", "prioritized", "active", "delayed", "failed"] as const;

/** What a collector that is away may cost a process that stops. */
const lastTracesWithinMs = 2_000;

/** Opens the eyes of this process. Throws a `ConfigError` when traces are asked for and cannot be made. */
export async function openWatch({
  config,
  clock,
  address,
}: {
  readonly config: Config;
  readonly clock: Clock;
  readonly address: DatabaseAddress;
}): Promise<Watch> {
  const metrics = createMetrics(clock, { dailyRunAt: config.dailyRunAt, zone: config.businessTimeZone });
  // A connection of its own, so that a slow scrape keeps neither an operation nor the readiness probe waiting.
  const db = new Database({ address, poolSize: 1, applicationName: "keiyaku-metrics" });
  const createDashboard = config.queueDashboard
    ? (await import("../src/queue/queue-dashboard.ts")).createQueueDashboard
    : null;
  const tracing = config.tracing === null ? undefined : await openTracing(config.tracing);
  return {
    observer: tracing === undefined ? metrics.observer : { ...metrics.observer, attempt: bothAround(tracing, metrics) },
    // The span is outermost, so that the time of both is the same.
    callWatchers: [...(tracing === undefined ? [] : [tracing.callWatcher]), metrics.callWatcher],
    telemetry: tracing?.telemetry,
    sweepEnded: metrics.sweepEnded,
    eventConcluded: metrics.eventConcluded,
    backfillEnded: metrics.backfillEnded,
    mailEnded: metrics.mailEnded,
    runStepped: metrics.runStepped,
    stripeStopped: metrics.stripeStopped,
    eventArrived: metrics.eventArrived,
    eventVersion: metrics.eventVersion,
    scrape: (queues) =>
      metrics.scrape({
        ledger: (deadlineMs) => readLedgerFigures(db, deadlineMs),
        mail: (deadlineMs) => readMailFigures(db, deadlineMs),
        runs: (deadlineMs) => readRunFigures(db, deadlineMs),
        queues: (deadlineMs) => within(deadlineMs, countJobs(queues())),
      }),
    dashboard(queues) {
      let board: Hono | undefined;
      return () => (board ??= createDashboard?.(queues()));
    },
    async stop() {
      await within(lastTracesWithinMs, tracing?.stop() ?? Promise.resolve()).catch(() => undefined);
      await db.close(500);
    },
  };
}

async function openTracing({ endpoint, headers }: NonNullable<Config["tracing"]>): Promise<Tracing> {
  const { startTracing } = await import("../src/tracing/tracing.ts");
  return startTracing({ endpoint, headers: headersIn(headers?.reveal() ?? "") });
}

/** Reads `name=value,name=value`, percent-encoded, as the standard of OpenTelemetry writes it. */
function headersIn(text: string): Record<string, string> {
  const pairs = text.split(",").filter((pair) => pair !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [decodeURIComponent(name), decodeURIComponent(value.join("="))];
    }),
  );
}

function bothAround(tracing: Tracing, metrics: Metrics): Observer["attempt"] {
  return (operationId, work) => tracing.attempt(operationId, () => metrics.observer.attempt(operationId, work));
}

async function countJobs(queues: readonly Queue[]): Promise<Record<string, Record<string, number>>> {
  const counted = await Promise.all(
    queues.map(async (queue) => [queue.name, await queue.getJobCounts(...jobStates)] as const),
  );
  return Object.fromEntries(counted);
}
