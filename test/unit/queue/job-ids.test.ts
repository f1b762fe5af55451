import { describe, expect, it } from "vitest";
import type { OperationRequest } from "../../../src/contract/operation.ts";
import { bellJob, requestJob } from "../../../src/queue/enqueue.ts";
import { attemptPayloadSchema, bellJobId, requestJobId } from "../../../src/queue/payloads.ts";

const request: OperationRequest = {
  id: "op-1",
  kind: "suspend",
  contractId: "c-1",
  actor: { type: "operator", id: "alice" },
  params: { period: 3 },
  requestedAt: "2026-01-20T03:00:00Z",
};

/** BullMQ refuses ids of digits only and gives those with a colon another meaning; version 5 is made of a name. */
const uuidV5Form = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("the job id of a request", () => {
  it("is a UUID, whatever the request is called", () => {
    for (const id of ["1", "0", "123456", "a.b_c-d", "x".repeat(64)]) {
      expect(requestJobId({ ...request, id })).toMatch(uuidV5Form);
    }
  });

  it("is the same for the same request, at whatever time it was asked for", () => {
    expect(requestJobId({ ...request, requestedAt: "2026-01-21T00:00:00Z" })).toBe(requestJobId(request));
    const { requestedAt: _, ...timeless } = request;
    expect(requestJobId(timeless)).toBe(requestJobId(request));
  });

  it("differs with everything else: a job that is kept must not swallow another request", () => {
    const others: OperationRequest[] = [
      { ...request, id: "op-2" },
      { ...request, kind: "resume" },
      { ...request, contractId: "c-2" },
      { ...request, actor: { type: "service", id: "alice" } },
      { ...request, actor: { type: "operator", id: "bob" } },
      { ...request, params: { period: 4 } },
      { ...request, params: {} },
      { ...request, reason: "unpaid" },
    ];
    const ids = [request, ...others].map(requestJobId);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the job id of a bell", () => {
  const bell = { operationId: "op-1", attempt: 1, ring: 0, cause: "accepted" };

  it("is a UUID, the same for the very same ring", () => {
    expect(bellJobId(bell)).toMatch(uuidV5Form);
    expect(bellJobId({ ...bell })).toBe(bellJobId(bell));
  });

  it("differs by operation, attempt, ring and cause, so that no ring swallows a later one", () => {
    const bells = [
      bell,
      { ...bell, operationId: "op-2" },
      { ...bell, attempt: 2 },
      { ...bell, ring: 1 },
      { ...bell, cause: "freed:op-0" },
      { operationId: "op-1 1", attempt: 0, ring: 0, cause: "accepted" },
    ];
    expect(new Set(bells.map(bellJobId)).size).toBe(bells.length);
    expect(bellJobId({ ...bell, operationId: "op-1" })).not.toBe(requestJobId(request));
  });
});

describe("a request as a job", () => {
  it("carries the whole request in the version that the reader knows, and stays until the ledger has it", () => {
    const job = requestJob(request);
    expect(job).toMatchObject({ name: "request", data: { v: 1, request }, opts: { removeOnComplete: true } });
    expect(job.opts.jobId).toBe(requestJobId(request));
    expect(job.opts.attempts).toBeGreaterThan(1_000_000);
  });
});

describe("a bell as a job", () => {
  it("carries the operation's id and nothing else, is tried once, and is never kept", () => {
    const job = bellJob({ operationId: "op-1", attempt: 1, ring: 2, cause: "accepted" }, 1_500);
    expect(job).toEqual({
      name: "attempt",
      data: { v: 1, operationId: "op-1" },
      opts: expect.objectContaining({ attempts: 1, delay: 1_500, removeOnComplete: true, removeOnFail: true }),
    });
    expect(attemptPayloadSchema.safeParse(job.data).success).toBe(true);
  });

  it("is not delayed when there is nothing to wait for", () => {
    expect(bellJob({ operationId: "op-1", attempt: 1, ring: 0, cause: "accepted" }, 0).opts).not.toHaveProperty(
      "delay",
    );
  });
});
