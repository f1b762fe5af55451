import { afterEach, expect, it } from "vitest";
import { type BackendType, describeOnBackend, describeOnBackends } from "../../support/backends.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** What stands for personal data: it must not stay in the queue, however wrong the payload around it is. */
const canary = "hanako.canary@example.com";

/**
 * What a producer that knows nothing of our code might put on the queue. No two are alike but for `requestedAt`: the same
 * content refused again is counted and not noted twice.
 */
interface BadInput {
  readonly name: string;
  readonly payload: unknown;
  readonly jobName?: string;
  /** The field that is to be named as the one at fault. */
  readonly field: string;
  /** Where it is another on PostgreSQL: its queue turns null into an empty object. */
  readonly fieldOnPostgres?: string;
  /** PostgreSQL's queue does not take it at all; the producer is told. */
  readonly unstorable?: true;
}

const hourMs = 3_600_000;
const timeFromNow = (ms: number) => new Date(Date.now() + ms).toISOString();

const request = {
  id: "op-bad",
  kind: "confirm_payment",
  contractId: "c-1",
  actor: { type: "operator", id: "alice" },
  reason: canary,
};

/** A whole payload whose request is as it should be but for what is given. */
const payloadWith = (fields: Record<string, unknown>) => ({ v: 1, request: { ...request, ...fields } });

/** Objects that hold one another so many levels deep. */
const nested = (levels: number): unknown => (levels === 0 ? canary : { deeper: nested(levels - 1) });

const nestedLists = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

const badInputs: readonly BadInput[] = [
  { name: "text", payload: canary, field: "payload" },
  { name: "a number", payload: 7, field: "payload" },
  { name: "null", payload: null, field: "payload", fieldOnPostgres: "v" },
  { name: "true", payload: true, field: "payload" },
  { name: "a list", payload: [payloadWith({})], field: "payload" },
  { name: "no version", payload: { request }, field: "v" },
  { name: "a later version", payload: { v: 2, request }, field: "v" },
  { name: "the version as text", payload: { v: "1", request }, field: "v" },
  { name: "no request", payload: { v: 1 }, field: "request" },
  { name: "a request that is text", payload: { v: 1, request: canary }, field: "request" },
  { name: "a request that is a list", payload: { v: 1, request: [request] }, field: "request" },
  { name: "an unknown job name", payload: payloadWith({}), jobName: "confirm_payment", field: "job name" },
  {
    name: "an unknown job name and a payload of ours",
    payload: { v: 1, operationId: "op-1" },
    jobName: "__proto__",
    field: "job name",
  },
  { name: "an unknown kind", payload: payloadWith({ kind: "delete_everything" }), field: "kind" },
  { name: "no kind", payload: payloadWith({ kind: undefined }), field: "kind" },
  { name: "an id with a space", payload: payloadWith({ id: "op 1" }), field: "id" },
  { name: "an id of 65 characters", payload: payloadWith({ id: "x".repeat(65) }), field: "id" },
  { name: "an id that is a number", payload: payloadWith({ id: 5 }), field: "id" },
  { name: "a contract's id with a slash", payload: payloadWith({ contractId: "c/1" }), field: "contractId" },
  { name: "no actor", payload: payloadWith({ actor: undefined }), field: "actor" },
  {
    name: "the calendar as actor",
    payload: payloadWith({ actor: { type: "schedule", id: "x" } }),
    field: "actor.type",
  },
  { name: "an actor without a name", payload: payloadWith({ actor: { type: "operator", id: "" } }), field: "actor.id" },
  { name: "a field too many", payload: payloadWith({ priority: 1 }), field: "priority" },
  { name: "a list of parameters", payload: payloadWith({ params: [1] }), field: "params" },
  { name: "parameters 25 levels deep", payload: payloadWith({ params: { a: nested(25) } }), field: "params" },
  {
    name: "__proto__ among the parameters",
    payload: payloadWith({ params: JSON.parse('{"__proto__": {"isAdmin": true}}') }),
    field: "params",
  },
  {
    name: "__proto__ deep in the parameters",
    payload: payloadWith({ params: JSON.parse('{"a": [{"__proto__": 1}]}') }),
    field: "params",
  },
  {
    name: "__proto__ in the request",
    payload: { v: 1, request: JSON.parse(JSON.stringify(request).replace('"reason"', '"__proto__"')) },
    field: "__proto__",
  },
  { name: "a reason of 2001 characters", payload: payloadWith({ reason: "x".repeat(2_001) }), field: "reason" },
  { name: "a megabyte of reason", payload: payloadWith({ reason: canary.repeat(40_000) }), field: "request" },
  { name: "NUL", payload: payloadWith({ reason: `a\0b${canary}` }), field: "reason", unstorable: true },
  {
    name: "half of a surrogate pair",
    payload: payloadWith({ params: { note: ["fine", `\uD800${canary}`] } }),
    field: "params.note.1",
    unstorable: true,
  },
  {
    name: "half of a surrogate pair in a key",
    payload: payloadWith({ params: { "\uDC00": canary } }),
    field: "params",
    unstorable: true,
  },
  {
    name: "an hour ahead",
    payload: payloadWith({ id: "op-1", requestedAt: timeFromNow(hourMs) }),
    field: "requestedAt",
  },
  {
    name: "a year ago",
    payload: payloadWith({ id: "op-2", requestedAt: timeFromNow(-365 * 24 * hourMs) }),
    field: "requestedAt",
  },
  { name: "lists 4000 levels deep", payload: payloadWith({ params: { a: nestedLists(4_000) } }), field: "payload" },
  { name: "a time in words", payload: payloadWith({ id: "op-3", requestedAt: "yesterday" }), field: "requestedAt" },
];

/** Puts it on the queue as any producer would, and gives what the ledger noted of it once the queue is empty again. */
async function refusalOf(world: World, { jobName = "request", payload }: BadInput) {
  const { queue, sql } = world;
  const [last] = await sql`select coalesce(max(id), 0)::int as id from keiyaku.refused_requests`;
  await queue.foreign.add(jobName, payload);
  await world.queueEmpty();
  const rows = await sql`select code, field from keiyaku.refused_requests where id > ${last?.id}`;
  return rows.map(({ code, field }) => `${code} ${field}`).join(", ");
}

const mayBeSent = (type: BackendType, { unstorable }: BadInput) => type === "redis" || unstorable !== true;

describeOnBackends("bad input from a foreign producer", (type) => {
  it("is noted with the field at fault, leaves the queue, and does the worker no harm", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    const worker = await world.worker();

    const seen: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const input of badInputs.filter((candidate) => mayBeSent(type, candidate))) {
      seen[input.name] = await refusalOf(world, input);
      const field = type === "postgres" ? (input.fieldOnPostgres ?? input.field) : input.field;
      expected[input.name] = `invalid_request ${field}`;
    }
    expect(seen).toEqual(expected);
    expect(await world.queue.contents()).not.toContain(canary);
    expect(await world.queue.counts()).toMatchObject({ failed: 0, completed: 0 });
    expect(JSON.stringify(worker.logs)).not.toContain(canary);

    await world.queue.foreign.add("request", payloadWith({ id: "op-good" }));
    expect(await world.concluded(["op-good"])).toMatchObject([{ state: "succeeded" }]);
    await world.queueEmpty();
    expect(await world.queue.contents()).not.toContain(canary);
    expect(worker.logs.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  });

  it("is a rejected operation when only the contract is unknown, or the parameters are wrong", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    await world.worker();
    const { foreign } = world.queue;
    await foreign.add("request", payloadWith({ id: "op-1", contractId: "nobody" }));
    await foreign.add("request", payloadWith({ id: "op-2", params: { paidPeriods: ["first"] } }));

    const operations = await world.concluded(["op-1", "op-2"]);
    await world.queueEmpty();
    const byId = Object.fromEntries(operations.map((operation) => [operation.id, operation]));
    expect(byId).toMatchObject({
      "op-1": { state: "rejected", rejection_code: "contract_not_found" },
      "op-2": {
        state: "rejected",
        rejection_code: "invalid_request",
        rejection_detail: { field: "params.paidPeriods.0" },
      },
    });
    expect(await world.queue.contents()).not.toContain(canary);
  });

  it("is a job time that no clock tells: the request counts for the time of its acceptance", async () => {
    const world = await setUp(type);
    await world.worker();
    const timestamps = {
      nanoseconds: 1.8e18,
      seconds: 1.8e9,
      zero: 0,
      negative: -1e15,
      tomorrow: Date.now() + 24 * hourMs,
    };
    for (const [id, timestamp] of Object.entries(timestamps)) {
      await world.queue.foreign.add("request", payloadWith({ id }), { timestamp });
    }
    await world.concluded(Object.keys(timestamps), 15_000);
    await world.queueEmpty();
    const far = await world.sql`select id, taken_at from keiyaku.operations
      where accepted_at - taken_at not between interval '0 seconds' and interval '1 minute'`;
    expect(far).toEqual([]);
  });

  it("is no bell: what names no operation just leaves the queue", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    const worker = await world.worker();
    const { foreign } = world.queue;
    for (const payload of [null, "op-1", { v: 1 }, { v: 2, operationId: "op-1" }, { v: 1, operationId: 7 }]) {
      await foreign.add("attempt", payload);
    }
    await foreign.add("attempt", { v: 1, operationId: "nobody-has-asked-for-this" });
    await world.queueEmpty();

    expect(await world.queue.counts()).toMatchObject({ failed: 0 });
    await foreign.add("request", payloadWith({ id: "op-good" }));
    expect(await world.concluded(["op-good"])).toMatchObject([{ state: "succeeded" }]);
    expect(worker.logs.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
  });
});

describeOnBackend("text that PostgreSQL cannot store", "postgres", (type) => {
  it("is refused to its producer by the queue on PostgreSQL itself", async () => {
    const { queue } = await setUp(type);
    for (const { payload } of badInputs.filter(({ unstorable }) => unstorable)) {
      await expect(queue.foreign.add("request", payload)).rejects.toThrow();
    }
  });
});
