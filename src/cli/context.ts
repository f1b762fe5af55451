import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { DatabaseOptions as DatabaseAddress } from "../database-url.ts";
import type { Installation } from "../installation.ts";
import type { Database } from "../store/database.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Output } from "./output.ts";

/** Where a command hears and speaks. */
export interface Console {
  /** The command's data and nothing else. */
  readonly out: Output;
  /** Progress, remarks and errors. */
  readonly err: Output;
  /** Asks the person at the terminal; null when nobody is there to answer. Rejects with an `AbortError` on a signal. */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<string>) | null;
}

/** What a command works with. Whoever made it opens and closes everything in it. */
export interface CommandContext extends Console {
  readonly db: Database;
  readonly address: DatabaseAddress;
  /** Where the queue lives; opened by whoever rings. */
  readonly queue: Installation["queue"];
  readonly config: Config;
  /** Where Stripe is; null for a command that does not look at it. */
  readonly stripe: Installation["stripe"] | null;
  readonly clock: Clock;
  /** Aborted by the first SIGINT or SIGTERM: what takes long ends soon after, leaving everything as far as it has come. */
  readonly signal: AbortSignal;
}

/** A command: does what it says, writes what it has to say, and returns the exit code; throws what `explainFailure` explains. */
export type Command = (context: CommandContext) => Promise<ExitCode>;
