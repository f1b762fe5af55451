import { z } from "zod";
import type { Core } from "../core/core.ts";
import { disturbanceSchema } from "../webhooks/disturbance.ts";
import { releaseSchema } from "../webhooks/release.ts";
import { webhookEndpoint, webhookEndpointSchema } from "../webhooks/webhook-endpoint.ts";
import { command, id, nothing } from "./command.ts";

/** The commands that decide who is told of events, and how badly. */
export function webhookCommands({ webhooks }: Core) {
  return {
    addWebhookEndpoint: command(webhookEndpointSchema, (settings) => webhooks.addEndpoint(webhookEndpoint(settings))),
    removeWebhookEndpoint: command(z.strictObject({ endpoint: id }), ({ endpoint }) =>
      webhooks.removeEndpoint(endpoint),
    ),
    rollWebhookSecret: command(
      z.strictObject({ endpoint: id, keepOldForSeconds: z.int().nonnegative().default(0) }),
      ({ endpoint, keepOldForSeconds }) => webhooks.rollSecret(endpoint, keepOldForSeconds),
    ),
    disturbDeliveries: command(disturbanceSchema, (rule) => webhooks.disturbances.add(rule)),
    holdDeliveries: command(nothing, () => webhooks.hold()),
    releaseDeliveries: command(releaseSchema, (order) => webhooks.release(order)),
    deliveries: command(nothing, () => webhooks.records()),
  };
}
