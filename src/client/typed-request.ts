import type { z } from "zod";
import { fieldLengthMax, firstIssueOf } from "../contract/first-issue.ts";
import type { OperationKind, OperationRequest } from "../contract/operation.ts";
import { operationRequestSchema } from "../contract/operation.ts";
import { ruleOf, type rules } from "../contract/operations/index.ts";
import { requestJob } from "../queue/enqueue.ts";
import { readRequestPayload } from "../queue/read-payload.ts";
import { InvalidRequest } from "./errors.ts";

/** The parameters of a kind, as a requester writes them. */
export type ParamsOf<Kind extends OperationKind> = z.input<(typeof rules)[Kind]["params"]>;

/** A request whose parameters are checked against its kind by the compiler. */
export type TypedRequest<Kind extends OperationKind = OperationKind> = {
  [K in Kind]: Omit<OperationRequest, "kind" | "params" | "requestedAt"> & {
    readonly kind: K;
    readonly params?: ParamsOf<K>;
    /** When it was asked for; now, unless told otherwise. */
    readonly requestedAt?: string;
  };
}[Kind];

/** The request as it goes on the wire, if a worker would read it. `index` says which of several it is. */
export function checkRequest(request: unknown, index: number): OperationRequest {
  const envelope = operationRequestSchema.safeParse(request);
  if (!envelope.success) throw invalid(index, envelope.error, []);
  // Asked of what was given: the schema leaves such a key out, and so would change the content without a word.
  if (hasProtoKey((request as OperationRequest).params)) {
    throw new InvalidRequest(index, "params", "must not have a key __proto__");
  }
  const params = ruleOf(envelope.data.kind).params.safeParse(envelope.data.params ?? {});
  if (!params.success) throw invalid(index, params.error, ["params"]);
  const read = readRequestPayload(requestJob(envelope.data).data);
  if (read.type === "unreadable") throw new InvalidRequest(index, read.unreadable.field, read.unreadable.problem);
  return envelope.data;
}

/** How far from now the ledger lets a request's time lie, by its function `keiyaku.envelope_fault`. */
const aheadMsMax = 5 * 60_000;
const backMsMax = 31 * 24 * 3_600_000;

/** Refuses a time that the ledger would refuse once it reads the request, when nobody hears of it any more. */
export function checkRequestedAt({ requestedAt }: OperationRequest, index: number, nowMs: number): void {
  if (requestedAt === undefined) return;
  const sinceMs = nowMs - Date.parse(requestedAt);
  if (sinceMs < -aheadMsMax) throw new InvalidRequest(index, "requestedAt", "must not lie more than 5 minutes ahead");
  if (sinceMs > backMsMax) throw new InvalidRequest(index, "requestedAt", "must not lie more than 31 days back");
}

function hasProtoKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasProtoKey);
}

function invalid(index: number, error: z.ZodError, under: readonly string[]): InvalidRequest {
  const { path, problem } = firstIssueOf(error);
  return new InvalidRequest(index, [...under, ...path].join(".").slice(0, fieldLengthMax) || "request", problem);
}
