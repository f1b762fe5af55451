import { createHash } from "node:crypto";
import { v5 as uuidV5 } from "uuid";
import { z } from "zod";
import { type CustomerPut, customerPutSchema, type ProductPut, productPutSchema } from "../contract/cataloging.ts";
import type { OperationRequest } from "../contract/operation.ts";

/** The version of our payloads. A reader refuses what it does not know; a change that old readers would misread gets the next number. */
export const payloadVersion = 1;

/**
 * The queues. Everything that operates on contracts goes through the first; the second brings products and customers, the
 * third what a relay of somebody else's was sent by Stripe. In the fourth rings the calendar.
 */
export const queueNames = ["operations", "catalog", "stripe-events", "maintenance"] as const;
export type QueueName = (typeof queueNames)[number];

/** The jobs of the queue `operations`: a whole request that the ledger must first be told, or a bell for an operation of it. */
export const operationJobs = { request: "request", attempt: "attempt" } as const;

/** A request on its way to the ledger. The envelope is judged by the ledger's own function, so that all doors judge alike. */
export interface RequestPayload {
  readonly v: typeof payloadVersion;
  readonly request: OperationRequest;
}

/** A bell: look at this operation. */
export interface AttemptPayload {
  readonly v: typeof payloadVersion;
  readonly operationId: string;
}

export const attemptPayloadSchema = z.object({ v: z.literal(payloadVersion), operationId: z.string().min(1).max(64) });

/** The jobs of the queue `catalog`: a product or a customer to be put. */
export const catalogJobs = { product: "product", customer: "customer" } as const;
export type CatalogJob = keyof typeof catalogJobs;

/** What is put, with the name of its job. */
export type CatalogPut =
  | { readonly type: "product"; readonly product: ProductPut }
  | { readonly type: "customer"; readonly customer: CustomerPut };

/** The payload of each job of the queue `catalog`. */
export const catalogPayloadSchemas = {
  product: z.strictObject({ v: z.literal(payloadVersion), product: productPutSchema }),
  customer: z.strictObject({ v: z.literal(payloadVersion), customer: customerPutSchema }),
} as const satisfies Record<CatalogJob, z.ZodType>;
export type CatalogPayload = { readonly [Job in CatalogJob]: z.input<(typeof catalogPayloadSchemas)[Job]> }[CatalogJob];

/** The job of the queue `stripe-events`: one delivery of Stripe's, as it came. */
export const eventJobs = { delivery: "delivery" } as const;

/** As much as the relay takes: the largest events are invoices of many lines, some hundred KiB. */
export const eventBytesMax = 1_048_576;

/** Characters that neither JSON nor PostgreSQL knows as text. */
const unstorable = /[\0\p{Surrogate}]/u;

/** A delivery as it goes on the wire. It is verified by whoever takes it: a queue can be written to by many. */
export const deliveryPayloadSchema = z.strictObject({
  v: z.literal(payloadVersion).describe("The version of the payload."),
  body: z
    .string()
    .min(1)
    .refine((body) => Buffer.byteLength(body) <= eventBytesMax, "must be at most 1 MiB")
    .refine((body) => !unstorable.test(body), "has a character that is no text (NUL, or half of a pair)")
    .describe(
      "The body that Stripe sent, byte for byte as it arrived, in UTF-8: not parsed and written anew. At most 1 MiB.",
    ),
  signature: z.string().min(1).max(2_000).describe("The header Stripe-Signature that came with it."),
});
export type DeliveryPayload = z.output<typeof deliveryPayloadSchema>;
export type Delivery = Omit<DeliveryPayload, "v">;

/** The job of the queue `maintenance`, which only rings: whoever hears it looks what is owed. */
export const maintenanceJobs = { dailyRun: "daily_run" } as const;

export interface MaintenancePayload {
  readonly v: typeof payloadVersion;
}

/** Namespace of our job ids: the UUID of the DNS name that nobody else derives ids from. */
const jobIdNamespace = uuidV5("operations.keiyaku", uuidV5.DNS);

/**
 * The job id of a request: the same for the same request, so that a repetition which is still queued is thinned out.
 *
 * BullMQ swallows a second job with an id that it still knows, whatever its content; so the id is made of the content
 * too. It guarantees nothing: the ledger's primary key does.
 */
export function requestJobId(request: OperationRequest): string {
  const { requestedAt: _, ...content } = request;
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return uuidV5(`request ${request.id} ${hash}`, jobIdNamespace);
}

/**
 * The job id of a put: of the entry, its version and its content, so that only the very same put is thinned out while it
 * waits. What it carries cannot be read from it.
 */
export function catalogJobId(job: CatalogJob, entry: { readonly id: string; readonly version: number }): string {
  const hash = createHash("sha256").update(JSON.stringify(entry)).digest("hex");
  return uuidV5(`${job} ${entry.id} ${entry.version} ${hash}`, jobIdNamespace);
}

/** The job id of a delivery: of body and signature, so that one with a forged signature does not swallow the true one. */
export function deliveryJobId({ body, signature }: Delivery): string {
  const hash = createHash("sha256").update(`${signature}\n${body}`).digest("hex");
  return uuidV5(`delivery ${hash}`, jobIdNamespace);
}

/** A bell as its id sees it. */
export interface Bell {
  readonly operationId: string;
  readonly attempt: number;
  readonly ring: number;
  /** What happened that the operation should be looked at: `accepted`, `scheduled`, `put_back`, `swept`, `freed:` and who made way. */
  readonly cause: string;
  /** Whether the calendar asked for it: people come first. */
  readonly behindPeople?: true;
}

/**
 * The job id of a bell: of operation, attempt, ring and cause, so that only the very same ring is thinned out. A bell at
 * work may have looked already; one with another cause must be heard after it, and so must not have its id.
 */
export function bellJobId({ operationId, attempt, ring, cause }: Bell): string {
  return uuidV5(`attempt ${operationId} ${attempt} ${ring} ${cause}`, jobIdNamespace);
}
