import { randomUUID } from "node:crypto";
import { createCommands, runCommand } from "./control/commands.ts";
import { createControl, type StandInControl } from "./control/control.ts";
import { controlRoutes } from "./control/control-routes.ts";
import { DEFAULT_SECRET_KEY } from "./core/auth.ts";
import { createCore } from "./core/core.ts";
import { createApp, listen } from "./core/server.ts";
import { allEndpoints } from "./resources/index.ts";
import { resumeAdvancing } from "./time/test-clock.ts";

export interface StripeStandInOptions {
  /** By default any free one. */
  readonly port?: number;
  /**
   * An append-only file of JSON lines in which the state survives restarts and `kill -9`. Belongs to one process at a
   * time. Without it the state lives in memory only.
   */
  readonly stateFile?: string;
  /** Milliseconds; dates objects and ledger, and lets idempotency keys expire. By default the wall clock. */
  readonly now?: () => number;
  /** Refuses a POST without a key of the caller's own: one without any, or one that the SDK made up. */
  readonly refuseAutomaticKeys?: boolean;
  /** Told of what a developer must notice: unknown routes and parameters, defects. By default a line on stderr. */
  readonly log?: (line: string) => void;
}

export interface StripeStandIn {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** One of the keys that it accepts. */
  readonly secretKey: string;
  /** Of this one start, and repeated at `GET /_control/identity`: tells it from whoever gets its port later. */
  readonly identity: string;
  readonly control: StandInControl;
  /** Closes all connections, once. Requests that are held are not executed any more. The state file stays. */
  stop(): Promise<void>;
}

/**
 * Starts a stand-in for Stripe's API on loopback, for development and tests.
 *
 * It answers the real SDK, given `{ host: "127.0.0.1", port, protocol: "http" }`. What it imitates, how each behaviour
 * is known, and what it does not prove stands in `README.md` beside this file.
 */
export async function startStripeStandIn(options: StripeStandInOptions = {}): Promise<StripeStandIn> {
  const core = createCore({
    nowMs: options.now ?? Date.now,
    stateFile: options.stateFile,
    refuseAutomaticKeys: options.refuseAutomaticKeys ?? false,
    log: options.log ?? ((line) => process.stderr.write(`[stripe stand-in] ${line}\n`)),
  });
  await resumeAdvancing(core);
  const commands = createCommands(core);
  const identity = randomUUID();
  const app = createApp(core, allEndpoints(core), controlRoutes(commands, identity));
  const server = await listen(app, options.port ?? 0).catch((error: unknown) => {
    core.state.close();
    throw error;
  });
  const stop = async () => {
    core.holds.stop();
    core.locks.stop();
    core.delays.stop();
    await core.webhooks.stop();
    await Promise.allSettled(core.inFlight);
    await server.close();
    core.state.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    secretKey: DEFAULT_SECRET_KEY,
    identity,
    control: createControl(async (name, argument) => runCommand(commands, name, argument)),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
