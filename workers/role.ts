import type { Queue } from "bullmq";
import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import type { Config } from "../src/config.ts";
import type { Failpoints } from "../src/failpoint.ts";
import type { Installation } from "../src/installation.ts";
import type { StatementHook } from "../src/store/database.ts";
import type { Closing } from "./closing.ts";
import type { Watch } from "./watch.ts";

/** What every role of a process is started with. */
export interface RoleContext {
  readonly config: Config;
  readonly installation: Installation;
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined unless a test has set some. */
  readonly failpoints: Failpoints | undefined;
  /** For the role's own databases; undefined unless a failpoint is set. */
  readonly onStatement: StatementHook | undefined;
  /** What watches this process: told of what a role does, and asked for nothing. */
  readonly watch: Watch;
  /** Aborted when the process is to stop, before anything is closed. */
  readonly stopping: AbortSignal;
  /** Takes what is to be undone when the process stops, or when its start fails. */
  readonly closing: Pick<Closing, "onDrain" | "onClose">;
}

/** A role at work. */
export interface RunningRole {
  /** Asked for readiness, each under its name: it works unless its check rejects. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>;
  /** What the line that says "ready" tells of it. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** The queues that it works on, for whoever watches. */
  readonly queues?: readonly Queue[];
}

/** Something that a process does. */
export interface Role {
  /** Whether it is of use under these settings, when nobody has named the roles to start. */
  isWanted(config: Config): boolean;
  /** What is missing for it, in a sentence; undefined when nothing is. */
  refusal?(config: Config): string | undefined;
  /** Whether it cannot begin without the queue. */
  readonly needsQueue: boolean;
  start(context: RoleContext): Promise<RunningRole>;
}
