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
export function checkRequest(request: object, index: number): OperationRequest {
  const envelope = operationRequestSchema.safeParse(request);
  if (!envelope.success) throw invalid(index, envelope.error, []);
  const params = ruleOf(envelope.data.kind).params.safeParse(envelope.data.params ?? {});
  if (!params.success) throw invalid(index, params.error, ["params"]);
  const read = readRequestPayload(requestJob(envelope.data).data);
  if (read.type === "unreadable") throw new InvalidRequest(index, read.unreadable.field, read.unreadable.problem);
  return envelope.data;
}

function invalid(index: number, error: z.ZodError, under: readonly string[]): InvalidRequest {
  const { path, problem } = firstIssueOf(error);
  return new InvalidRequest(index, [...under, ...path].join(".").slice(0, fieldLengthMax) || "request", problem);
}
