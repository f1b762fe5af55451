import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Brakes } from "../contract/operation.ts";
import type { Database } from "../store/database.ts";
import type { Business } from "../store/read-operation.ts";
import type { Ringing } from "../store/ring-list.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { Observer } from "./observer.ts";

/** What the execution of an operation needs from outside. */
export interface ExecutionDeps {
  readonly db: Database;
  readonly gateway: StripeGateway;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bells: Bells;
  readonly business: Business;
  readonly brakes: Brakes;
  /** Aborted when the process is to stop: no further look or call is begun. */
  readonly stopping: AbortSignal;
  /** Hears what happens. Nobody does unless given. */
  readonly observer?: Observer;
}

/**
 * Rings for operations. Best effort: a bell that is lost is rung again by the sweep.
 *
 * `cause` says what happened that it should be looked at: `accepted`, `scheduled`, `put_back`, `swept`, or `freed:` and the operation
 * that made way. Bells of different causes never swallow each other, since what one of them has seen may be older.
 */
export interface Bells {
  ring(ringing: Ringing, cause: string, delayMs: number): Promise<void>;
}
