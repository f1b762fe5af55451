import { newId } from "../core/ids.ts";
import type { Metadata, StoredWebhookEndpoint } from "../core/stored.ts";

export interface WebhookEndpointFacts {
  readonly created: number;
  readonly url: string;
  readonly enabledEvents: readonly string[];
  readonly description?: string | null | undefined;
  readonly apiVersion?: string | null | undefined;
  readonly metadata?: Metadata | undefined;
  /** By default a new one. */
  readonly secret?: string | undefined;
  /** Seconds from each failed attempt to the next; none left means given up. */
  readonly retryAfterSeconds?: readonly number[] | undefined;
  readonly timeoutMs?: number | undefined;
}

/** As in a sandbox of Stripe's: three retries in a few hours. */
export const RETRY_AFTER_SECONDS: readonly number[] = [3600, 7200, 10_800];

/** How long an attempt waits for an answer. */
export const DELIVERY_TIMEOUT_MS = 10_000;

/** An address that wants events, with what Stripe keeps to itself of it. */
export function webhookEndpointObject(facts: WebhookEndpointFacts): StoredWebhookEndpoint {
  return {
    id: newId("webhookEndpoint"),
    object: "webhook_endpoint",
    api_version: facts.apiVersion ?? null,
    application: null,
    created: facts.created,
    description: facts.description ?? null,
    enabled_events: [...facts.enabledEvents],
    livemode: false,
    metadata: facts.metadata ?? {},
    status: "enabled",
    url: facts.url,
    unsent: {
      secrets: [{ secret: facts.secret ?? newSigningSecret(), until: null }],
      retryAfterSeconds: facts.retryAfterSeconds ?? RETRY_AFTER_SECONDS,
      timeoutMs: facts.timeoutMs ?? DELIVERY_TIMEOUT_MS,
    },
  };
}

export function newSigningSecret(): string {
  return `whsec_${newId("webhookEndpoint").slice("we_".length)}`;
}

/** The endpoint as Stripe shows it: its secret only in the answer to its creation. */
export function shownEndpoint(endpoint: StoredWebhookEndpoint): Omit<StoredWebhookEndpoint, "unsent"> {
  const { unsent: _, ...shown } = endpoint;
  return shown;
}
