import { readConfig } from "../config.ts";
import type { RoleName } from "../roles.ts";
import { CommandFailure } from "./command-failure.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";

/**
 * Starts the workers named, or all that the settings make use of, and resolves once they have stopped, with the exit code. They handle signals themselves and log to
 * stdout. A start that is refused because a server does not answer yet may be tried later.
 */
export async function start(roles: readonly RoleName[]): Promise<number> {
  const config = readConfig();
  // Loaded here alone: no other command needs the queue and Stripe's client.
  const { startWorkers, StartRefused } = await import("../../workers/start.ts");
  try {
    const running = await startWorkers(config, roles.length === 0 ? {} : { roles });
    return await running.stopped;
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    const exit: ExitCode = error.tryLater ? exitCodes.tryLater : exitCodes.failed;
    throw new CommandFailure(exit, {
      code: "start_refused",
      sentence: error.message,
      remedy: error.tryLater ? "Then start the workers again." : "The workers start once that is put right.",
    });
  }
}
