import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { openInstallation } from "../installation.ts";
import { Database } from "../store/database.ts";
import { schemaIsCurrent } from "../store/schema-state.ts";
import { CommandFailure } from "./command-failure.ts";
import type { Command, Console } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { schemaMissing } from "./explain-failure.ts";
import { paint, writeLine } from "./output.ts";

export interface RunOptions {
  /** Whether it works on a database that lacks migrations. */
  readonly anySchema?: boolean;
  /** Whether it looks at Stripe; then the stand-in starts if it has to. */
  readonly stripe?: boolean;
  /** Connections at most; four unless told, for a command that does one thing after another. */
  readonly poolSize?: number;
}

/**
 * Runs a command on the installation that the settings name, and closes all of it afterwards. The embedded PostgreSQL is
 * started if it does not run, and stopped only by whoever started it or took it over.
 *
 * The first SIGINT or SIGTERM lets the command end where it is; the second ends the process at once. What was finished
 * all the same exits as finished.
 */
export async function runCommand(console: Console, command: Command, options: RunOptions = {}): Promise<ExitCode> {
  const config = readConfig();
  const signals = watchSignals();
  try {
    const say = (sentence: string) => writeLine(console.err, paint(console.err, "dim", sentence));
    const installation = await openInstallation(config, say, { stripe: options.stripe ?? false });
    try {
      const { address, queue } = installation;
      const stripe = options.stripe === true ? installation.stripe : null;
      const db = new Database({ address, poolSize: options.poolSize ?? 4, applicationName: "keiyaku-cli" });
      try {
        if (options.anySchema !== true && !(await schemaIsCurrent(db))) {
          throw new CommandFailure(exitCodes.failed, schemaMissing);
        }
        const { signal } = signals;
        return await command({ ...console, db, address, queue, config, stripe, clock: systemClock, signal });
      } finally {
        await db.close(1_000);
      }
    } finally {
      await installation.stop();
    }
  } catch (error) {
    const exitCode = signals.exitCode();
    if (exitCode !== undefined && error instanceof Error && error.name === "AbortError") return exitCode;
    throw error;
  } finally {
    signals.stop();
  }
}

interface WatchedSignals {
  readonly signal: AbortSignal;
  /** The exit code of the signal that came, if one did. */
  exitCode(): ExitCode | undefined;
  stop(): void;
}

const signalExits = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;

function watchSignals(): WatchedSignals {
  const controller = new AbortController();
  let came: ExitCode | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    const exit = name === "SIGINT" ? signalExits.SIGINT : signalExits.SIGTERM;
    if (came !== undefined) process.exit(exit);
    came = exit;
    controller.abort();
  };
  for (const name of Object.keys(signalExits)) process.on(name, onSignal);
  return {
    signal: controller.signal,
    exitCode: () => came,
    stop: () => {
      for (const name of Object.keys(signalExits)) process.off(name, onSignal);
    },
  };
}
