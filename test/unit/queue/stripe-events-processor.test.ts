import { type Job, WaitingError } from "bullmq";
import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { deliveryJob } from "../../../src/queue/enqueue.ts";
import type { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { createStripeEventsProcessor } from "../../../workers/stripe-events.ts";
import { bodyOf, eventOf, expectedEvents, invoice, signedAt } from "../../support/stripe-events.ts";
import { silentLog } from "../../support/test-database.ts";

const nowMs = 1_790_000_100_000;

/** Statements in the order in which they were run, and what the database answers to each. */
function setup(answer: (statement: string) => unknown) {
  const statements: string[] = [];
  const answers: string[] = [];
  const stopping = new AbortController();
  const db = {
    run: async (name: string) => {
      statements.push(name);
      return answer(name);
    },
  };
  const clock: Clock = { ...systemClock, nowMs: () => nowMs, sleep: () => Promise.resolve() };
  const process = createStripeEventsProcessor({
    db: db as unknown as Database,
    clock,
    log: silentLog,
    expected: expectedEvents(),
    arrived: (each) => answers.push(each),
    stopping: stopping.signal,
  });
  return { process, statements, answers, stopping };
}

const body = bodyOf(eventOf("invoice.paid", invoice()));
const { name, data, opts } = deliveryJob({ body, signature: signedAt(body, nowMs) });
function jobOf(overrides: Partial<Job> = {}): Job {
  return { name, data, timestamp: nowMs, moveToWait: async () => 0, ...overrides } as Job;
}

const refused = [{ acceptance: { answer: "invalid_request" } }];

describe("a delivery in hand", () => {
  it("is tried again for as long as the database is away, and counted once", async () => {
    const faults = [
      new StoreError("unreachable", "deadline", "take_in_events"),
      new StoreError("busy", "55P03", "take_in_events"),
      new StoreError("refused", "42501", "take_in_events"),
    ];
    const { process, statements, answers } = setup(() => {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return [{ id: "evt_1" }];
    });

    expect(await process(jobOf(), "token")).toEqual({ answer: "taken_in" });
    expect(statements).toHaveLength(4);
    expect(answers).toEqual(["taken_in"]);
  });

  it("waits in the same way until its refusal is written down", async () => {
    const faults = [new StoreError("unreachable", "deadline", "refuse_unreadable")];
    const { process, statements, answers } = setup(() => {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return refused;
    });

    expect(await process(jobOf({ data: { ...data, signature: "t=1,v1=00" } }), "token")).toEqual({
      answer: "signature_invalid",
    });
    expect(statements).toEqual(["refuse_unreadable", "refuse_unreadable"]);
    expect(answers).toEqual(["signature_invalid"]);
  });

  it.each(["22P05", "54001"])("is written down as refused when PostgreSQL will never take it: %s", async (code) => {
    const { process, statements } = setup((statement) => {
      if (statement === "take_in_events") throw new StoreError("refused", code, statement);
      return refused;
    });

    expect(await process(jobOf(), "token")).toEqual({ answer: "payload_invalid" });
    expect(statements).toEqual(["take_in_events", "refuse_unreadable"]);
  });

  it.each([
    [nowMs - 300_000, "taken_in"],
    [nowMs + 86_400_000, "taken_in"],
    [nowMs - 300_001, "signature_ahead"],
    [Number.NaN, "signature_expired"],
  ])(
    "that is said to be queued at %d is judged by that moment, and by now if it is to come",
    async (timestamp, answer) => {
      const { process } = setup((statement) => (statement === "take_in_events" ? [{ id: "evt_1" }] : refused));

      expect(await process(jobOf({ timestamp }), "token")).toEqual({ answer });
    },
  );

  it.each([
    ["takes it back", async () => 0],
    ["is away too", async () => Promise.reject(new Error("Connection is closed."))],
  ])("is left to the queue when the process stops, and the queue %s", async (_, moveToWait) => {
    const { process, stopping, answers } = setup(() => {
      stopping.abort();
      throw new StoreError("unreachable", "CONNECTION_CLOSED", "take_in_events");
    });

    await expect(process(jobOf({ moveToWait }), "token")).rejects.toBeInstanceOf(WaitingError);
    expect(answers).toEqual([]);
  });

  it("never tells the queue what went wrong in words from elsewhere", async () => {
    const { process } = setup(() => {
      throw new TypeError("cannot read hanako@example.com\0");
    });

    await expect(process(jobOf(), "token")).rejects.toThrow(/^unexpected_error$/);
  });
});

describe("the job of a delivery", () => {
  it("leaves the queue however it ends", () => {
    expect(opts).toMatchObject({ removeOnComplete: true, removeOnFail: true });
  });

  it("has an id of body and signature, so that a forged one swallows no true one", () => {
    const idOf = (delivery: { body: string; signature: string }) => deliveryJob(delivery).opts.jobId;
    const one = { body: "{}", signature: "t=1,v1=00" };

    expect(idOf(one)).toBe(idOf({ ...one }));
    expect(new Set([idOf(one), idOf({ ...one, body: "{ }" }), idOf({ ...one, signature: "t=1,v1=01" })]).size).toBe(3);
  });
});
