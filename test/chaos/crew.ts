import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { RoleName } from "../../src/roles.ts";
import { findFreePort } from "../support/free-port.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { endWorkerProcesses, startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";
import { apiToken, stripeKey, webhookSecret } from "./canaries.ts";
import { workerCount } from "./schedule.ts";
import { type Servers, urlFor } from "./servers.ts";
import { createWorkerClock, type WorkerClock } from "./worker-clock.ts";

/** Roles of each worker; the relay is a process of its own. */
const workerRoles: readonly RoleName[] = ["operations", "catalog", "events", "notifications", "maintenance", "api"];

/** What Stripe allows the installation each second, all together and of one endpoint; each worker has its share. */
export const stripeLimits = { perSecond: 240, perEndpoint: 120 };

/** A process of the installation, with its own clock and its own wires, that is started again whenever it ends. */
export interface Member {
  readonly name: string;
  readonly clock: WorkerClock;
  readonly database: TcpProxy;
  readonly redis: TcpProxy | undefined;
  readonly apiUrl: string;
  readonly healthUrl: string;
  /** The present process; one that is being started is there already, and may not be ready. */
  readonly process: WorkerProcess;
  /** How many processes it has been so far. */
  readonly starts: number;
}

/** A process that ended without having been killed or asked to. */
export interface Death {
  readonly member: string;
  readonly at: number;
  readonly how: string;
  /** It would not start: its servers were away for too long, or its clock was skewed meanwhile. Its supervisor tries again. */
  readonly isRefusedStart: boolean;
  readonly lastWords: string;
}

export interface Crew {
  readonly workers: readonly Member[];
  readonly relay: Member;
  readonly webhookUrl: string;
  /** Every process there has been, for what they have said. */
  readonly processes: readonly WorkerProcess[];
  readonly deaths: readonly Death[];
  /** Resolves once every present process is ready; whoever dies meanwhile is waited for in its next life. */
  untilReady(withinMs: number): Promise<void>;
  /** Asks every process to end, as a deployment does, and waits for the new ones. Returns how each ended. */
  deploy(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** A supervisor waits a moment before it starts a process again. */
const restartAfterMs = 300;

/** After SIGTERM: what a worker has in hand is put back within it, and the process ends by itself. */
const shutdownSeconds = 5;

export async function startCrew(servers: Servers): Promise<Crew> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-chaos-crew-"));
  const processes: WorkerProcess[] = [];
  const deaths: Death[] = [];
  let isStopping = false;

  async function hire(name: string, roles: readonly RoleName[], env: Readonly<Record<string, string>>) {
    const database = await startTcpProxy({ host: "127.0.0.1", port: servers.postgres.port });
    const redis =
      servers.redis === undefined ? undefined : await startTcpProxy({ host: "127.0.0.1", port: servers.redis.port });
    const clock = createWorkerClock(join(folder, `${name}.clock`));
    const [apiPort, httpPort] = [await findFreePort(), await findFreePort()];
    let starts = 0;
    const start = (): WorkerProcess => {
      // What lay in the tables was written by the database's clock, and a start compares the two.
      clock.set(0);
      starts += 1;
      const begun = startWorkerProcess({
        databaseUrl: urlFor(database.port),
        redisUrl: redis === undefined ? undefined : `redis://127.0.0.1:${redis.port}`,
        stripe: { url: servers.stripe.url, secretKey: stripeKey },
        roles,
        env: { ...settingsOf(servers), ...env, ...clock.env, API_PORT: String(apiPort), HTTP_PORT: String(httpPort) },
      });
      processes.push(begun);
      void begun.exited.then(async ({ code, signal }) => {
        if (isStopping) return;
        if (signal !== "SIGKILL" && code !== 0) {
          const lastWords = [...begun.logs.slice(-3).map((line) => JSON.stringify(line)), begun.said().slice(-1_500)];
          const how = String(signal ?? code);
          // 75 is "try later", such as for a database that went away while it was starting.
          const isRefusedStart = code === 75 || begun.said().includes("start_refused");
          deaths.push({ member: name, at: Date.now(), how, isRefusedStart, lastWords: lastWords.join("\n") });
        }
        await pause(restartAfterMs);
        if (!isStopping) present = start();
      });
      return begun;
    };
    let present = start();
    const member: Member & { readonly close: () => Promise<void> } = {
      name,
      clock,
      database,
      redis,
      apiUrl: `http://127.0.0.1:${apiPort}`,
      healthUrl: `http://127.0.0.1:${httpPort}`,
      get process() {
        return present;
      },
      get starts() {
        return starts;
      },
      async close() {
        await database.stop();
        await redis?.stop();
        clock.close();
      },
    };
    return member;
  }

  const relayPort = await findFreePort();
  const relay = await hire("relay", ["relay"], { RELAY_PORT: String(relayPort) });
  const workers: Awaited<ReturnType<typeof hire>>[] = [];
  for (let number = 0; number < workerCount; number += 1) {
    // One of them tells its traces; the work of all would be the collector's.
    const traces: Record<string, string> = number === 0 ? { OTEL_EXPORTER_OTLP_ENDPOINT: servers.traces.url } : {};
    workers.push(await hire(`worker-${number}`, workerRoles, traces));
  }
  const members = [relay, ...workers];

  const untilReady = async (withinMs: number): Promise<void> => {
    const until = performance.now() + withinMs;
    for (const member of members) {
      for (;;) {
        const answer = await fetch(`${member.healthUrl}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(
          () => undefined,
        );
        if (answer?.ok === true) break;
        if (performance.now() > until) {
          const said = [...member.process.logs.slice(-5).map((line) => JSON.stringify(line)), member.process.said()];
          throw new Error(`${member.name} is not ready within ${withinMs} ms. It said:\n${said.join("\n")}`);
        }
        await pause(100);
      }
    }
  };

  return {
    workers,
    relay,
    webhookUrl: `http://127.0.0.1:${relayPort}/stripe/webhooks`,
    processes,
    deaths,
    untilReady,
    async deploy() {
      const leaving = members.map(({ name, process }) => ({ name, process }));
      for (const { process } of leaving) process.kill("SIGTERM");
      const endings = leaving.map(async ({ name, process }) => {
        const { code, signal } = await process.ended((shutdownSeconds + 15) * 1_000);
        return `${name} ended with ${signal ?? code}`;
      });
      return Promise.all(endings);
    },
    async stop() {
      isStopping = true;
      await endWorkerProcesses();
      for (const member of members) await member.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function settingsOf({ mail }: Servers): Readonly<Record<string, string>> {
  return {
    LOG_LEVEL: "debug",
    SMTP_URL: mail.url,
    MAIL_FROM: "Keiyaku <keiyaku@example.com>",
    OPERATOR_MAIL: "operators@example.com",
    STRIPE_WEBHOOK_SECRETS: webhookSecret,
    API_TOKENS: `operator:chaos=${apiToken}`,
    // Today's run is owed at any time of day.
    DAILY_RUN_AT: "00:00",
    WORKER_CONCURRENCY: "6",
    SHUTDOWN_TIMEOUT: String(shutdownSeconds),
    STRIPE_REQUESTS_PER_SECOND: String(stripeLimits.perSecond),
    STRIPE_REQUESTS_PER_ENDPOINT: String(stripeLimits.perEndpoint),
    STRIPE_LIMIT_SHARE: String(Math.floor(100 / workerCount)),
  };
}
