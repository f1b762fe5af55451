import type { Logger } from "pino";
import { systemClock } from "../src/clock.ts";
import type { Config } from "../src/config.ts";
import { createFailpoints } from "../src/failpoint.ts";
import { startHealthServer } from "../src/http/health-server.ts";
import { type Installation, openInstallation } from "../src/installation.ts";
import { createLogger } from "../src/log.ts";
import { type RoleName, roleNames } from "../src/roles.ts";
import { Database } from "../src/store/database.ts";
import { pingDatabase } from "../src/store/ping.ts";
import { checkServers, StartRefused } from "./check-servers.ts";
import { createClosing } from "./closing.ts";
import type { Role, RoleContext, RunningRole } from "./role.ts";
import { apiRole } from "./start-api.ts";
import { catalogRole } from "./start-catalog.ts";
import { eventsRole } from "./start-events.ts";
import { maintenanceRole } from "./start-maintenance.ts";
import { notificationsRole } from "./start-notifications.ts";
import { operationsRole } from "./start-operations.ts";
import { relayRole } from "./start-relay.ts";
import { type RunningWorkers, untilSignalled } from "./until-signalled.ts";
import { openWatch } from "./watch.ts";

const roles = {
  operations: operationsRole,
  catalog: catalogRole,
  events: eventsRole,
  notifications: notificationsRole,
  maintenance: maintenanceRole,
  relay: relayRole,
  api: apiRole,
} as const satisfies Record<RoleName, Role>;

export interface StartOptions {
  /** What this process is to do; what the settings make use of, unless told. */
  readonly roles?: readonly RoleName[];
  readonly log?: Logger;
}

/**
 * Starts the roles of this process, or throws {@link StartRefused} with a sentence that says what is missing.
 *
 * Stops on SIGTERM and SIGINT: readiness goes first, no further job or request is taken, operations at work go on to their
 * next step and are put back, connections are closed. A second signal ends the process at once; so does an error that
 * nobody caught, since what a crash leaves behind is what every start takes up.
 */
export async function startWorkers(config: Config, options: StartOptions = {}): Promise<RunningWorkers> {
  const { log = createLogger({ level: config.logLevel }) } = options;
  const asked = options.roles ?? roleNames.filter((name) => roles[name].isWanted(config));
  const names = roleNames.filter((name) => asked.includes(name));
  for (const name of names) {
    const refusal = (roles[name] as Role).refusal?.(config);
    if (refusal !== undefined) throw new StartRefused(refusal, false);
  }
  const closing = createClosing();
  let installation: Installation | undefined;
  const undoAll = async () => {
    await closing.run((error) => log.warn({ err: error }, "closing"));
    // Servers of the embedded default take the time that they need: nobody can use what they leave half stopped.
    await installation?.stop();
  };
  try {
    installation = await openInstallation(config, (sentence) => log.info(sentence));
    const failpoints = createFailpoints(config.failpoints, log);
    const stopping = new AbortController();
    const watch = await openWatch({ config, clock: systemClock, address: installation.address });
    closing.onClose(() => watch.stop());
    const context: RoleContext = {
      config,
      installation,
      clock: systemClock,
      log,
      failpoints,
      onStatement: failpoints && ((moment, name) => failpoints.pass(`${moment}:${name}`)),
      watch,
      stopping: stopping.signal,
      closing,
    };
    const facts = await startRoles(names, context);
    return untilSignalled({ log, stopping, undoAll, facts });
  } catch (error) {
    await undoAll();
    throw error;
  }
}

/** Starts the roles once their servers answer. Health is told from before the first to after the last. */
async function startRoles(names: readonly RoleName[], context: RoleContext): Promise<RunningWorkers["facts"]> {
  const { config, installation, clock, log, watch, stopping, closing } = context;
  // A connection of its own: a probe that gives up early throws away this client, not one that operations are using.
  const probe = new Database({ address: installation.address, poolSize: 1, applicationName: "keiyaku-probe" });
  closing.onClose(() => probe.close(500));
  const needsQueue = names.some((name) => roles[name].needsQueue);
  await checkServers({ db: probe, queue: needsQueue ? installation.queue : null, clock, log });

  const running: RunningRole[] = [];
  const queues = () => running.flatMap((role) => role.queues ?? []);
  const dashboard = watch.dashboard(queues);
  const health = await startHealthServer({
    ...config.http,
    readiness: () => readiness(probe, running, running.length < names.length ? "starting" : undefined, stopping),
    scrape: watch.scrape(queues),
    dashboard: () => (running.length < names.length ? undefined : dashboard()),
  });
  closing.onClose(() => health.stop());
  for (const name of names) running.push(await roles[name].start(context));
  const facts: RunningWorkers["facts"] = Object.assign({}, ...running.map((role) => role.facts), { http: health.port });
  log.info({ roles: names, ...facts }, "the worker is ready");
  return facts;
}

async function readiness(
  probe: Database,
  running: readonly RunningRole[],
  starting: string | undefined,
  stopping: AbortSignal,
) {
  const told = async (work: () => Promise<unknown>): Promise<string> => {
    try {
      await work();
      return "ok";
    } catch (error) {
      return error instanceof Error ? error.name : "failed";
    }
  };
  const asked = {
    database: () => pingDatabase(probe, 1_500),
    ...Object.assign({}, ...running.map((role) => role.checks)),
  };
  const answers = await Promise.all(
    Object.entries<() => Promise<unknown>>(asked).map(async ([name, check]) => [name, await told(check)] as const),
  );
  const checks: Record<string, string> = {
    ...Object.fromEntries(answers),
    ...(starting === undefined ? {} : { roles: starting }),
    stopping: stopping.aborted ? "shutting down" : "ok",
  };
  return { ready: Object.values(checks).every((check) => check === "ok"), checks };
}

export { StartRefused };
