import { Webhooks } from "../webhooks/webhooks.ts";
import { Faults } from "./faults.ts";
import { Holds } from "./holds.ts";
import { Locks } from "./locks.ts";
import { RateLimits } from "./rate-limits.ts";
import { State } from "./state.ts";

/** What the control can set beside the objects. Lives in memory only. */
export interface Settings {
  /** The only API key to accept; null accepts every key of test mode. */
  acceptedKey: string | null;
  /** How long every request to `/v1` waits before anything else happens to it. */
  latencyMs: number;
}

export interface CoreOptions {
  readonly nowMs: () => number;
  readonly stateFile?: string | undefined;
  readonly refuseAutomaticKeys: boolean;
  readonly log: (line: string) => void;
}

/** Everything that the requests and the control of one stand-in share. */
export interface Core {
  readonly state: State;
  readonly faults: Faults;
  /** Requests held by a fault. */
  readonly holds: Holds;
  readonly locks: Locks;
  /** Requests that wait for the latency to pass. */
  readonly delays: Holds;
  readonly settings: Settings;
  readonly rateLimits: RateLimits;
  readonly webhooks: Webhooks;
  /** Calls from their arrival to their end, and clocks that advance, so that a stop can wait for them. */
  readonly inFlight: Set<Promise<void>>;
  readonly refuseAutomaticKeys: boolean;
  /** For what a developer must notice: a request that the stand-in cannot answer as Stripe would. */
  readonly log: (line: string) => void;
}

export function createCore(options: CoreOptions): Core {
  const state = new State(options.nowMs, options.stateFile);
  const webhooks = new Webhooks(state);
  state.receiver = webhooks;
  return {
    state,
    webhooks,
    rateLimits: new RateLimits(),
    faults: new Faults(),
    holds: new Holds(),
    locks: new Locks(),
    delays: new Holds(),
    inFlight: new Set(),
    settings: initialSettings(),
    refuseAutomaticKeys: options.refuseAutomaticKeys,
    log: options.log,
  };
}

export function initialSettings(): Settings {
  return { acceptedKey: null, latencyMs: 0 };
}
