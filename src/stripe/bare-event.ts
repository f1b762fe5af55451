import { z } from "zod";
import { reference, refundIdKey } from "./seen.ts";

const id = z.string().regex(/^\w{1,255}$/);
const optionalId = id.nullable().optional().catch(undefined);
const optionalReference = reference.nullable().optional().catch(undefined);
const word = z
  .string()
  .regex(/^\w{1,100}$/)
  .optional()
  .catch(undefined);

/** The keys of metadata, and of what they lead to only the id of a refund of ours. */
const bareMetadata = z
  .record(z.string(), z.unknown())
  .transform((metadata) =>
    Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, key === refundIdKey ? value : ""])),
  )
  .nullable()
  .optional()
  .catch(undefined);

const bare = z.object({
  id,
  object: word,
  type: z.string().optional().catch(undefined),
  request: z
    .object({ id: optionalId, idempotency_key: z.string().nullish().catch(undefined) })
    .nullish()
    .catch(undefined),
  data: z.object({
    object: z.object({
      id: optionalId,
      object: word,
      status: word,
      attempt_count: z.int().optional().catch(undefined),
      payment_intent: optionalReference,
      metadata: bareMetadata,
      parent: z
        .object({
          subscription_details: z
            .object({ subscription: optionalReference, metadata: bareMetadata })
            .nullable()
            .optional()
            .catch(undefined),
        })
        .nullable()
        .optional()
        .catch(undefined),
    }),
  }),
});

/**
 * What of an event has to be known as long as its contract is looked for: its cause, the ids by which a contract may be found, and
 * what the event itself says of an attempt or a dispute. It means what the whole one means, and tells nothing of a person:
 * no customer, no name, no address, no amount. Pure.
 */
export function bareEvent(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(bare.parse(body))) as Record<string, unknown>;
}
