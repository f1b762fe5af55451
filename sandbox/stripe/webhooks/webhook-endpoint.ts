import { z } from "zod";
import { newId } from "../core/ids.ts";

/** An address that wants events. Given through the control; lives in memory only. */
export const webhookEndpointSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** Types, `invoice.*` for a group, or `*` for all. */
  enabledEvents: z.array(z.string().min(1)).min(1).default(["*"]),
  /** By default a new one. */
  secret: z.string().min(1).optional(),
  /** Seconds on the stand-in's own clock from each failed attempt to the next; none left means given up. */
  retryAfterSeconds: z.array(z.int().positive()).default([3600, 7200, 10_800]),
  /** How long an attempt waits for an answer. */
  timeoutMs: z.int().positive().default(10_000),
});

/** What a caller writes; what has a default may be left out. */
export type WebhookEndpointInput = z.input<typeof webhookEndpointSchema>;

type Settings = z.output<typeof webhookEndpointSchema>;

export interface WebhookEndpoint extends Omit<Settings, "secret"> {
  readonly id: string;
  /** The newest first. `until` is in milliseconds on the stand-in's own clock; null for the one that stays. */
  secrets: readonly { readonly secret: string; readonly until: number | null }[];
}

export function webhookEndpoint({ secret, ...settings }: Settings): WebhookEndpoint {
  return { ...settings, id: newId("webhookEndpoint"), secrets: [{ secret: secret ?? newSecret(), until: null }] };
}

/** Gives the endpoint a new secret; the old one goes on signing beside it for a while. */
export function rollSecret(endpoint: WebhookEndpoint, oldUntil: number): string {
  const secret = newSecret();
  const [old] = endpoint.secrets;
  endpoint.secrets = [{ secret, until: null }, ...(old === undefined ? [] : [{ ...old, until: oldUntil }])];
  return secret;
}

/** The secrets that sign at a moment. */
export function secretsAt({ secrets }: WebhookEndpoint, nowMs: number): string[] {
  return secrets.filter(({ until }) => until === null || nowMs < until).map(({ secret }) => secret);
}

export function wants({ enabledEvents }: WebhookEndpoint, type: string): boolean {
  return enabledEvents.some((wanted) =>
    wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : wanted === type,
  );
}

function newSecret(): string {
  return `whsec_${newId("webhookEndpoint").slice("we_".length)}`;
}
