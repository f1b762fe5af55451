import type { StoredEvent } from "../core/stored.ts";
import type { Disturbance } from "./disturbance.ts";

/** One attempt to deliver an event. */
export interface DeliveryAttempt {
  /** Wall-clock milliseconds. */
  readonly at: number;
  /** What the endpoint answered; null when there was no answer. */
  readonly status: number | null;
}

/**
 * `waiting` for its first or next attempt, `held` until it is released, `delivered`, `given_up` after its last retry, or
 * `lost` without any attempt.
 */
export type DeliveryState = "waiting" | "held" | "delivered" | "given_up" | "lost";

/** What the control shows of a delivery. */
export interface DeliveryRecord {
  readonly event: string;
  readonly type: string;
  readonly endpoint: string;
  readonly state: DeliveryState;
  readonly attempts: readonly DeliveryAttempt[];
  /** Milliseconds on the stand-in's own clock; null when none is to come. */
  readonly nextAttemptAt: number | null;
}

/** An event on its way to one endpoint. */
export interface Delivery {
  readonly event: StoredEvent;
  /** Its id: what it wants and how it is reached is decided at each attempt. */
  readonly endpoint: string;
  /** The same in every attempt. */
  readonly body: string;
  readonly disturbance: Disturbance | undefined;
  /** A copy beyond the first: its success is nothing to the event. */
  readonly isCopy: boolean;
  readonly attempts: DeliveryAttempt[];
  state: DeliveryState;
  nextAttemptAt: number | null;
}

export function recordOf({ event, endpoint, state, attempts, nextAttemptAt }: Delivery): DeliveryRecord {
  return {
    event: event.id,
    type: event.type,
    endpoint,
    state,
    attempts: attempts.map((attempt) => ({ ...attempt })),
    nextAttemptAt,
  };
}
