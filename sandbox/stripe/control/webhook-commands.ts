import { z } from "zod";
import { record } from "../billing/effects.ts";
import type { Change } from "../core/change.ts";
import type { Core } from "../core/core.ts";
import type { Effect } from "../core/ledger.ts";
import type { StoredWebhookEndpoint } from "../core/stored.ts";
import { webhookEndpointObject } from "../objects/webhook-endpoint.ts";
import { disturbanceSchema } from "../webhooks/disturbance.ts";
import { releaseSchema } from "../webhooks/release.ts";
import { webhookEndpointSchema, withNewSecret } from "../webhooks/webhook-endpoint.ts";
import { command, id, nothing } from "./command.ts";

const FROM_OUTSIDE = { requestId: null } as const;

/** The commands that decide who is told of events, and how badly. */
export function webhookCommands({ state, webhooks }: Core) {
  const store = (effect: Effect, endpointOf: (change: Change) => StoredWebhookEndpoint) =>
    state.change(FROM_OUTSIDE, (change) => {
      const endpoint = change.put(endpointOf(change));
      record(change, effect, endpoint, { status: endpoint.status, metadata: endpoint.metadata });
      return { id: endpoint.id, secret: endpoint.unsent.secrets[0]?.secret ?? "" };
    });
  const named = (change: Change, endpoint: string) => {
    const found = change.objects.webhook_endpoint.get(endpoint);
    if (found === undefined || found.status === "deleted") throw new Error(`There is no webhook endpoint ${endpoint}`);
    return found;
  };
  return {
    addWebhookEndpoint: command(webhookEndpointSchema, (facts) =>
      store("webhook_endpoint.created", ({ now }) => webhookEndpointObject({ ...facts, created: now })),
    ),
    removeWebhookEndpoint: command(z.strictObject({ endpoint: id }), ({ endpoint }) => {
      store("webhook_endpoint.deleted", (change) => ({ ...named(change, endpoint), status: "deleted" }));
    }),
    rollWebhookSecret: command(
      z.strictObject({ endpoint: id, keepOldForSeconds: z.int().nonnegative().default(0) }),
      ({ endpoint, keepOldForSeconds }) => {
        const oldUntil = state.nowMs + keepOldForSeconds * 1000;
        return store("webhook_endpoint.updated", (change) => withNewSecret(named(change, endpoint), oldUntil)).secret;
      },
    ),
    disturbDeliveries: command(disturbanceSchema, (rule) => webhooks.disturbances.add(rule)),
    holdDeliveries: command(nothing, () => webhooks.hold()),
    releaseDeliveries: command(releaseSchema, (order) => webhooks.release(order)),
    deliveries: command(nothing, () => webhooks.records()),
  };
}
