import { expect, test } from "vitest";
import { hideJobs } from "../../../src/queue/hide-jobs.ts";

const job = {
  id: "0b9d4d0c-7a3c-5e27-9f7a-0b6f4f9c9d11",
  name: "request",
  timestamp: 1,
  attempts: 2,
  data: { v: 1, request: { customer: { name: "花子" } } },
  opts: { jobId: "花子", attempts: 3, tm: "花子" },
  failedReason: "花子 could not be stored",
  stacktrace: ["Error: 花子"],
  returnValue: { answer: "succeeded", operationId: "op-1", note: "花子" },
  progress: { of: "花子" },
  deduplicationId: "花子",
  processedBy: "花子",
  isFailed: true,
};

test("a request shows when it came and how often it was tried, and nothing that it carries", () => {
  expect(hideJobs({ job, status: "failed" })).toEqual({
    status: "failed",
    job: {
      id: job.id,
      name: "request",
      timestamp: 1,
      attempts: 2,
      isFailed: true,
      progress: 0,
      data: { hidden: "(hidden)" },
      returnValue: { answer: "succeeded", operationId: "op-1" },
      failedReason: "(hidden)",
      stacktrace: [],
      opts: { attempts: 3 },
    },
  });
});

test("a bell shows its operation, a failure of ours its code, and an id of BullMQ's own itself", () => {
  const bell = { ...job, id: "17", name: "attempt", data: { operationId: "op-1" }, failedReason: "unexpected_error" };

  expect(hideJobs({ queues: [{ name: "operations", jobs: [bell] }] })).toMatchObject({
    queues: [
      { name: "operations", jobs: [{ id: "17", data: { operationId: "op-1" }, failedReason: "unexpected_error" }] },
    ],
  });
});

test.each([
  [{ id: "hanako@example.com" }, { id: "(hidden)" }],
  [{ name: "花子" }, { name: "(hidden)" }],
  [{ name: "attempt", data: { operationId: "花子 op" } }, { data: {} }],
  [{ returnValue: "花子" }, { returnValue: null }],
  [{ failedReason: "" }, { failedReason: "" }],
])("%o is shown as %o", (given, expected) => {
  const { job: shown } = hideJobs({ job: { ...job, ...given } }) as { job: unknown };

  expect(shown).toMatchObject(expected);
  expect(JSON.stringify(shown)).not.toMatch(/花子|hanako/);
});

test("an answer that has no jobs passes as it is", () => {
  expect(hideJobs({ version: "7" })).toEqual({ version: "7" });
  expect(hideJobs(null)).toBeNull();
  expect(hideJobs({ queues: [null, { name: "x" }] })).toEqual({ queues: [null, { name: "x", jobs: [] }] });
});
