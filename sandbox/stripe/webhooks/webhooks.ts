import { AWAITED_EVENT, hearAnswers } from "../billing/draft-answers.ts";
import type { EventReceiver, State } from "../core/state.ts";
import type { StoredEvent, StoredWebhookEndpoint } from "../core/stored.ts";
import { attemptDelivery, isDelivered } from "./attempt.ts";
import { type Delivery, type DeliveryRecord, recordOf } from "./delivery.ts";
import { Disturbances } from "./disturbance.ts";
import { type Release, released } from "./release.ts";
import { wants } from "./webhook-endpoint.ts";

/** A timer may end a moment before the clock says so. */
const TIMER_SLACK_MS = 10;

const BY_ITSELF = { requestId: null } as const;

/** Node's timers go no further. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Delivers events to the webhook endpoints: to each endpoint one at a time, in the order in which they were made, unless a
 * disturbance or a hold says otherwise. What fails is tried again when the stand-in's own clock has come so far.
 */
export class Webhooks implements EventReceiver {
  readonly disturbances = new Disturbances();
  readonly #state: State;
  readonly #stopping = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #pumps = new Map<string, Promise<void>>();
  #deliveries: Delivery[] = [];
  #isHolding = false;

  constructor(state: State) {
    this.#state = state;
  }

  receiversOf(type: string): number {
    return this.#receivers(type).length;
  }

  receive(events: readonly StoredEvent[]): void {
    for (const event of events) {
      for (const endpoint of this.#receivers(event.type)) this.#enter(event, endpoint.id);
    }
    this.deliverDue();
  }

  /** Attempts whatever is due on the stand-in's own clock. Returns at once. */
  deliverDue(): void {
    if (this.#stopping.signal.aborted || this.#deliveries.length === 0) return;
    for (const { id } of this.#state.objects.webhook_endpoint.oldestFirst()) {
      if (this.#pumps.has(id) || this.#nextDue(id) === undefined) continue;
      const pump = this.#pump(id).finally(() => {
        this.#pumps.delete(id);
        // What came in while the last attempt was being concluded.
        this.deliverDue();
      });
      this.#pumps.set(id, pump);
    }
  }

  /** Waits until every endpoint that is to be told of these events now has been asked once, whatever it answered. */
  async asking(type: string): Promise<void> {
    for (;;) {
      const unasked = this.#deliveries.find(
        ({ event, attempts, state, nextAttemptAt }) =>
          event.type === type && attempts.length === 0 && state === "waiting" && this.#isDue(nextAttemptAt),
      );
      const pump = unasked === undefined ? undefined : this.#pumps.get(unasked.endpoint);
      if (pump === undefined) return;
      await pump;
    }
  }

  /** Keeps every event that comes from now on, until `release`. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Delivers what was held, in the order that is asked for, and holds no more. Returns how many there are. */
  release(order: Release): number {
    this.#isHolding = false;
    const held = this.#deliveries.filter(({ state }) => state === "held");
    this.#deliveries = this.#deliveries.filter(({ state }) => state !== "held");
    for (const delivery of released(held, order)) this.#deliveries.push(Object.assign(delivery, { state: "waiting" }));
    this.deliverDue();
    return held.length;
  }

  records(): DeliveryRecord[] {
    return this.#deliveries.map(recordOf);
  }

  /** Forgets deliveries and rules. */
  reset(): void {
    this.#deliveries = [];
    this.disturbances.clear();
    this.#isHolding = false;
  }

  /** Ends every attempt and every wait. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#pumps.values());
  }

  #receivers(type: string): StoredWebhookEndpoint[] {
    return [...this.#state.objects.webhook_endpoint.oldestFirst()].filter((endpoint) => wants(endpoint, type));
  }

  #enter(event: StoredEvent, endpoint: string): void {
    const disturbance = this.disturbances.take(event.type);
    const delayMs = disturbance?.mode === "delay" ? disturbance.seconds * 1000 : 0;
    const copies = disturbance?.mode === "duplicate" ? disturbance.copies : 0;
    const isLost = disturbance?.mode === "lose";
    const body = JSON.stringify(event, null, 2);
    for (let copy = 0; copy <= copies; copy += 1) {
      const state = isLost ? "lost" : this.#isHolding ? "held" : "waiting";
      const nextAttemptAt = isLost ? null : this.#state.nowMs + delayMs;
      this.#deliveries.push({
        event,
        endpoint,
        body,
        disturbance,
        isCopy: copy > 0,
        attempts: [],
        state,
        nextAttemptAt,
      });
    }
    if (delayMs > 0) this.#wakeAfter(delayMs);
  }

  async #pump(endpointId: string): Promise<void> {
    for (;;) {
      const due = this.#nextDue(endpointId);
      if (due === undefined || this.#stopping.signal.aborted) break;
      const endpoint = this.#state.objects.webhook_endpoint.get(endpointId);
      if (endpoint?.status !== "enabled") {
        this.#giveUp(due);
        continue;
      }
      const attempt = await attemptDelivery(due, endpoint, this.#state.nowMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) break;
      due.attempts.push(attempt);
      if (isDelivered(attempt)) this.#deliver(due);
      else this.#scheduleRetry(due, endpoint);
    }
  }

  #nextDue(endpointId: string): Delivery | undefined {
    return this.#deliveries.find(
      ({ endpoint, state, nextAttemptAt }) =>
        endpoint === endpointId && state === "waiting" && this.#isDue(nextAttemptAt),
    );
  }

  #isDue(at: number | null): boolean {
    return at !== null && at <= this.#state.nowMs;
  }

  #deliver(delivery: Delivery): void {
    delivery.state = "delivered";
    delivery.nextAttemptAt = null;
    if (delivery.isCopy) return;
    this.#state.change(BY_ITSELF, (change) => {
      const event = change.objects.event.get(delivery.event.id);
      if (event !== undefined) change.put({ ...event, pending_webhooks: Math.max(0, event.pending_webhooks - 1) });
    });
    this.#hear(delivery.event);
  }

  /** The last retry has failed, or the endpoint is disabled or gone. */
  #giveUp(delivery: Delivery): void {
    delivery.state = "given_up";
    delivery.nextAttemptAt = null;
    this.#hear(delivery.event);
  }

  /** A draft waits for the answers of all endpoints to the event of its creation. */
  #hear(event: StoredEvent): void {
    if (event.type !== AWAITED_EVENT) return;
    const states = this.#deliveries.filter((each) => each.event.id === event.id && !each.isCopy).map(stateOf);
    if (states.every((state) => state === "delivered" || state === "given_up")) {
      const isGivenUp = states.includes("given_up");
      this.#state.change(BY_ITSELF, (change) => hearAnswers(change, event.data.object.id, isGivenUp));
    }
  }

  #scheduleRetry(delivery: Delivery, { unsent }: StoredWebhookEndpoint): void {
    const seconds = unsent.retryAfterSeconds[delivery.attempts.length - 1];
    if (seconds === undefined) {
      this.#giveUp(delivery);
      return;
    }
    delivery.nextAttemptAt = this.#state.nowMs + seconds * 1000;
    this.#wakeAfter(seconds * 1000);
  }

  /** For a clock that runs by itself; one that is moved calls `deliverDue`. */
  #wakeAfter(ms: number): void {
    const wake = () => {
      this.#timers.delete(timer);
      this.deliverDue();
    };
    const timer = setTimeout(wake, Math.min(ms + TIMER_SLACK_MS, TIMER_MAX_MS));
    timer.unref();
    this.#timers.add(timer);
  }
}

function stateOf({ state }: Delivery): Delivery["state"] {
  return state;
}
