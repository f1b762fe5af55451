import { type Job, WaitingError } from "bullmq";
import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import type { ExecutionDeps } from "../../../src/execution/deps.ts";
import type { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { createOperationsProcessor } from "../../../workers/operations.ts";
import { silentLog } from "../../support/test-database.ts";

/** Statements in the order in which they were run, and what the database answers to each. */
function setup(answer: (statement: string) => unknown) {
  const statements: string[] = [];
  const stopping = new AbortController();
  const db = {
    run: async (name: string) => {
      statements.push(name);
      return answer(name);
    },
    passing: (_: string, work: () => unknown) => work(),
  };
  const clock: Clock = { ...systemClock, sleep: () => Promise.resolve() };
  const deps = { db: db as unknown as Database, clock, log: silentLog, stopping: stopping.signal } as ExecutionDeps;
  return { process: createOperationsProcessor(deps), statements, stopping };
}

const payload = { v: 1, request: { id: "op-1", reason: "hanako@example.com" } };

function jobOf(overrides: Partial<Job> = {}): Job {
  return { name: "request", data: payload, timestamp: Date.now(), moveToWait: async () => 0, ...overrides } as Job;
}

const refused = [{ acceptance: { answer: "invalid_request", field: "request", problem: "is wrong" }, view: null }];

describe("a request in hand", () => {
  it("is tried again for as long as the database is away", async () => {
    const faults = [
      new StoreError("unreachable", "deadline", "accept_request"),
      new StoreError("busy", "55P03", "accept_request"),
      new StoreError("conflict", "40001", "accept_request"),
      new StoreError("refused", "42501", "accept_request"),
    ];
    const { process, statements } = setup(() => {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return refused;
    });

    expect(await process(jobOf(), "token")).toEqual({ answer: "invalid_request" });
    expect(statements).toHaveLength(5);
  });

  it.each(["22P05", "22008", "54001"])("is refused when PostgreSQL will never take its content: %s", async (code) => {
    const { process, statements } = setup((statement) => {
      if (statement === "accept_request") throw new StoreError("refused", code, statement);
      return refused;
    });

    expect(await process(jobOf(), "token")).toEqual({ answer: "invalid_request" });
    expect(statements).toEqual(["view_to_settle", "accept_request", "refuse_unreadable"]);
  });

  it.each([
    ["takes it back", async () => 0],
    ["is away too", async () => Promise.reject(new Error("Connection is closed."))],
  ])("is left to the queue when the process stops, and the queue %s", async (_, moveToWait) => {
    const { process, stopping } = setup(() => {
      stopping.abort();
      throw new StoreError("unreachable", "CONNECTION_CLOSED", "accept_request");
    });

    await expect(process(jobOf({ moveToWait }), "token")).rejects.toBeInstanceOf(WaitingError);
  });

  it("never tells the queue what went wrong in words from elsewhere", async () => {
    const { process } = setup(() => {
      throw new TypeError("cannot read hanako@example.com\0");
    });

    await expect(process(jobOf(), "token")).rejects.toThrow(/^unexpected_error$/);
  });
});
