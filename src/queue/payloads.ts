import { createHash } from "node:crypto";
import { v5 as uuidV5 } from "uuid";
import { z } from "zod";
import type { OperationRequest } from "../contract/operation.ts";

/** The version of our payloads. A reader refuses what it does not know; a change that old readers would misread gets the next number. */
export const payloadVersion = 1;

/** The queues. Everything that operates on contracts goes through the first. */
export const queueNames = ["operations"] as const;
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

/** A bell as its id sees it. */
export interface Bell {
  readonly operationId: string;
  readonly attempt: number;
  readonly ring: number;
  /** What happened that the operation should be looked at: `accepted`, `put_back`, `swept`, `freed:` and who made way. */
  readonly cause: string;
}

/**
 * The job id of a bell: of operation, attempt, ring and cause, so that only the very same ring is thinned out. A bell at
 * work may have looked already; one with another cause must be heard after it, and so must not have its id.
 */
export function bellJobId({ operationId, attempt, ring, cause }: Bell): string {
  return uuidV5(`attempt ${operationId} ${attempt} ${ring} ${cause}`, jobIdNamespace);
}
