import type { Job } from "bullmq";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { applyDueEvents } from "../../../src/inbox/apply-events.ts";
import { readEventRecord } from "../../../src/store/list-events.ts";
import { createCatalogProcessor } from "../../../workers/catalog.ts";
import { createOperationsProcessor } from "../../../workers/operations.ts";
import { createStripeEventsProcessor } from "../../../workers/stripe-events.ts";
import { auditOf } from "../../support/audit.ts";
import { driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { frozenDeliveries, frozenPuts, frozenRequests } from "../../support/frozen-payloads.ts";
import { readBack, refusalsSay } from "../../support/hostile/read-back.ts";
import { examples, examplesTimeoutMs, within } from "../../support/hostile/try-examples.ts";
import { hostileJson, mutated, readAsJson } from "../../support/hostile/values.ts";
import { eventMeanings, eventOf, expectedEvents, signedAt } from "../../support/stripe-events.ts";

/*
 * Whatever lies in a queue, its worker takes it, answers, and goes on: the job ends, what was accepted is carried out to an end
 * that a rule has chosen, and all of it can be read back. No line of the log says that something went wrong here.
 */

let bench: ExecutionBench;
const errors: string[] = [];
const log = pino({ level: "error" }, { write: (line: string) => void errors.push(line) });

beforeAll(async () => {
  bench = await createExecutionBench();
  bench = { ...bench, deps: { ...bench.deps, log } };
  const paid = [{ subject: "period", period: 0, paidAt: "2024-10-08T10:00:00+09:00" }];
  await bench.perform({ id: "first", kind: "register", contractId: "c-1", params: monthlyTerms({ payments: paid }) });
});
afterAll(() => bench.close());

const jobOf = (name: string, data: unknown, timestamp = Date.now()) =>
  ({ name, data, timestamp, moveToWait: async () => undefined }) as unknown as Job<unknown>;

const names = (...known: readonly string[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...known) },
    { weight: 1, arbitrary: fc.constantFrom("", "__proto__", "Request") },
  );

/** A transfer of every kind that people ask for, and contracts that can be registered with it. */
const requests = [
  ...frozenRequests.map(({ data }) => withoutTime(data)),
  ...[
    {},
    { startOn: "2024-12-31", specialMonths: 3, specialPriceMinor: 980 },
    { payments: [{ subject: "period", period: 0, paidAt: "2024-10-08T10:00:00+09:00" }] },
  ].map((terms) => ({
    v: 1,
    request: {
      id: "register-1",
      kind: "register",
      contractId: "c-1",
      actor: { type: "service", id: "shop" },
      params: monthlyTerms(terms),
    },
  })),
];

function withoutTime({ v, request }: Readonly<Record<string, unknown>>) {
  const { requestedAt: _, ...rest } = request as Record<string, unknown>;
  return { v, request: rest };
}

let count = 0;

/** Gives a request an id of its own, and a registration a contract, unless somebody has been at them. */
function ownIds(data: unknown): unknown {
  if (typeof data !== "object" || data === null || !("request" in data)) return data;
  const { request } = data;
  if (typeof request !== "object" || request === null || !("id" in request)) return data;
  const known = requests.find((each) => each.request.id === request.id);
  if (known === undefined) return data;
  count += 1;
  const own = { id: `q-${count}`, ...(known.request.kind === "register" ? { contractId: `c-${count}` } : {}) };
  return { ...data, request: { ...request, ...own } };
}

it(
  "operations: any payload ends, is carried out or refused by its field, and can be read back",
  async () => {
    const process = createOperationsProcessor(bench.deps);
    const answers: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(
        names("request", "request", "request", "attempt"),
        fc.oneof({ weight: 9, arbitrary: mutated(...requests) }, { weight: 1, arbitrary: hostileJson }),
        fc.constantFrom(Date.now(), 0, -1e15, 1.8e18, Number.NaN),
        async (name, text, timestamp) => {
          errors.length = 0;
          const data = ownIds(readAsJson(text));
          const { answer, operationId } = await within(
            10_000,
            "the job",
            process(jobOf(name, data, timestamp), "token"),
          );
          answers[answer] = (answers[answer] ?? 0) + 1;
          if (operationId !== undefined && answer !== "unknown_operation") {
            const state = await readBack(bench, operationId);
            expect(["succeeded", "rejected", "held", "requested"]).toContain(state);
          }
          expect(errors).toEqual([]);
        },
      ),
      { numRuns: examples(160) },
    );
    // Something of each sort was among them, or nothing was shown.
    expect(Object.keys(answers)).toEqual(expect.arrayContaining(["succeeded", "rejected", "invalid_request"]));
    expect(await refusalsSay(bench)).toBeGreaterThan(20);
  },
  examplesTimeoutMs,
);

it(
  "catalog: any payload ends, is put or refused by its field, and harms nobody on the days to come",
  async () => {
    const process = createCatalogProcessor({ ...bench.deps });
    const answers: Record<string, number> = {};
    const puts = frozenPuts.map(({ data }) => data);
    await fc.assert(
      fc.asyncProperty(
        names("product", "customer"),
        fc.oneof({ weight: 9, arbitrary: mutated(...puts) }, { weight: 1, arbitrary: hostileJson }),
        async (name, text) => {
          errors.length = 0;
          const { answer } = await within(10_000, "the job", process(jobOf(name, readAsJson(text)), "token"));
          answers[answer] = (answers[answer] ?? 0) + 1;
          expect(errors).toEqual([]);
        },
      ),
      { numRuns: examples(100) },
    );
    expect(Object.keys(answers)).toEqual(expect.arrayContaining(["created", "invalid_request"]));
    expect(await refusalsSay(bench)).toBeGreaterThan(20);
  },
  examplesTimeoutMs,
);

it(
  "stripe-events: any signed body ends, lies in the inbox or is refused, and the inbox goes on",
  async () => {
    const process = createStripeEventsProcessor({ ...bench.deps, clock: systemClock, expected: expectedEvents() });
    const answers: Record<string, number> = {};
    const events = Object.entries(eventMeanings).map(([type, [object]]) => eventOf(type, object));
    const delivered = mutated(...events).map((body) => ({ v: 1, body, signature: signedAt(body, Date.now()) }));
    await fc.assert(
      fc.asyncProperty(
        names("delivery"),
        fc.oneof(
          { weight: 8, arbitrary: delivered },
          { weight: 2, arbitrary: mutated(...frozenDeliveries.map(({ data }) => data)).map(readAsJson) },
          { weight: 1, arbitrary: fc.json().map((body) => ({ v: 1, body, signature: signedAt(body, Date.now()) })) },
        ),
        async (name, data) => {
          errors.length = 0;
          const { answer } = await within(10_000, "the job", process(jobOf(name, data), "token"));
          answers[answer] = (answers[answer] ?? 0) + 1;
          expect(errors).toEqual([]);
        },
      ),
      { numRuns: examples(100) },
    );
    expect(Object.keys(answers)).toEqual(
      expect.arrayContaining(["taken_in", "event_invalid", "payload_invalid", "signature_invalid"]),
    );
    while ((await applyDueEvents({ db: bench.db, log }, 100)) > 0);
    expect(errors).toEqual([]);
    for (const { id } of await bench.sql`select id from keiyaku.stripe_events`) {
      const record = await readEventRecord(bench.db, id, { withBody: true });
      expect(JSON.parse(JSON.stringify(record))).toMatchObject({ event: { id } });
    }
  },
  examplesTimeoutMs,
);

it("after all that, each day's run and the audit go through", async () => {
  errors.length = 0;
  const today = new Date().toISOString().slice(0, 10);
  await driveOn(bench, today);
  expect((await auditOf(bench)).violations).toEqual([]);
  expect(errors).toEqual([]);
});
