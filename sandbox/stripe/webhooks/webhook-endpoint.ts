import { z } from "zod";
import type { StoredWebhookEndpoint } from "../core/stored.ts";
import { DELIVERY_TIMEOUT_MS, newSigningSecret, RETRY_AFTER_SECONDS } from "../objects/webhook-endpoint.ts";

/** An endpoint as the control adds it: as by the API, and with what no parameter of Stripe's decides. */
export const webhookEndpointSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** Types, `invoice.*` for a group, or `*` for all. */
  enabledEvents: z.array(z.string().min(1)).min(1).default(["*"]),
  /** By default a new one. */
  secret: z.string().min(1).optional(),
  /** Seconds on the stand-in's own clock from each failed attempt to the next; none left means given up. */
  retryAfterSeconds: z.array(z.int().positive()).default([...RETRY_AFTER_SECONDS]),
  /** How long an attempt waits for an answer. */
  timeoutMs: z.int().positive().default(DELIVERY_TIMEOUT_MS),
});

/** What a caller writes; what has a default may be left out. */
export type WebhookEndpointInput = z.input<typeof webhookEndpointSchema>;

/** The endpoint with a new secret; the old one goes on signing beside it until then, in milliseconds of the own clock. */
export function withNewSecret(endpoint: StoredWebhookEndpoint, oldUntil: number): StoredWebhookEndpoint {
  const [old] = endpoint.unsent.secrets;
  const secrets = [
    { secret: newSigningSecret(), until: null },
    ...(old === undefined ? [] : [{ ...old, until: oldUntil }]),
  ];
  return { ...endpoint, unsent: { ...endpoint.unsent, secrets } };
}

/** The secrets that sign at a moment. */
export function secretsAt({ unsent }: StoredWebhookEndpoint, nowMs: number): string[] {
  return unsent.secrets.filter(({ until }) => until === null || nowMs < until).map(({ secret }) => secret);
}

/** Whether events of a type are sent to this endpoint. */
export function wants({ enabled_events: enabledEvents, status }: StoredWebhookEndpoint, type: string): boolean {
  if (status !== "enabled") return false;
  return enabledEvents.some((wanted) =>
    wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : wanted === type,
  );
}
