import { type Job, WaitingError } from "bullmq";
import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { catalogJob } from "../../../src/queue/enqueue.ts";
import type { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { createCatalogProcessor } from "../../../workers/catalog.ts";
import { customerPut } from "../../support/catalog.ts";
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
  };
  const clock: Clock = { ...systemClock, sleep: () => Promise.resolve() };
  const deps = { db: db as unknown as Database, clock, log: silentLog, stopping: stopping.signal };
  return { process: createCatalogProcessor(deps), statements, stopping };
}

const { name, data } = catalogJob({ type: "customer", customer: customerPut({ version: 3 }) });
function jobOf(overrides: Partial<Job> = {}): Job {
  return { name, data, moveToWait: async () => 0, ...overrides } as Job;
}

const refused = [{ acceptance: { answer: "invalid_request" } }];

describe("a put in hand", () => {
  it("is tried again for as long as the database is away", async () => {
    const faults = [
      new StoreError("unreachable", "deadline", "put_customer"),
      new StoreError("busy", "55P03", "put_customer"),
      new StoreError("conflict", "40001", "put_customer"),
      new StoreError("refused", "42501", "put_customer"),
    ];
    const { process, statements } = setup(() => {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return [{ version: 3, created: false }];
    });

    expect(await process(jobOf(), "token")).toEqual({ answer: "updated", version: 3 });
    expect(statements).toHaveLength(5);
  });

  it.each(["22P05", "54001"])("is written down as refused when PostgreSQL will never take it: %s", async (code) => {
    const { process, statements } = setup((statement) => {
      if (statement === "put_customer") throw new StoreError("refused", code, statement);
      return refused;
    });

    expect(await process(jobOf(), "token")).toEqual({ answer: "invalid_request" });
    expect(statements).toEqual(["put_customer", "refuse_unreadable"]);
  });

  it("is written down as refused, and not tried again, when it cannot be read", async () => {
    const { process, statements } = setup(() => refused);

    expect(await process(jobOf({ data: { v: 9 } }), "token")).toEqual({ answer: "invalid_request" });
    expect(statements).toEqual(["refuse_unreadable"]);
  });

  it.each([
    ["takes it back", async () => 0],
    ["is away too", async () => Promise.reject(new Error("Connection is closed."))],
  ])("is left to the queue when the process stops, and the queue %s", async (_, moveToWait) => {
    const { process, stopping } = setup(() => {
      stopping.abort();
      throw new StoreError("unreachable", "CONNECTION_CLOSED", "put_customer");
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
