import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operationKinds, operationRequestSchema } from "../../../src/contract/operation.ts";
import { acceptRequest } from "../../../src/store/accept-request.ts";
import { rowOf } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore();
});
afterAll(() => store.close());

let requestCount = 0;

/** A request that nothing is wrong with, but for what the test is about. A field that is `undefined` is left out. */
function request(overrides: Record<string, unknown> = {}): { readonly id: string; readonly [field: string]: unknown } {
  requestCount += 1;
  return {
    id: `op-${requestCount}`,
    kind: "suspend",
    contractId: "c-1",
    actor: { type: "operator", id: "alice" },
    ...overrides,
  };
}

/** What the door answers to JSON text, as it came. */
async function ask(text: string | null): Promise<Record<string, unknown>> {
  const [row] = await store.sql`select keiyaku.request(${text}::text::jsonb) as answer`;
  return row?.answer;
}

const actor = (overrides: Record<string, unknown>) => ({ actor: { type: "operator", id: "alice", ...overrides } });

/** An object in an object, so many levels deep that the innermost value stands at this level below the parameters. */
function nested(levels: number): Record<string, unknown> {
  return levels === 1 ? { a: 1 } : { a: nested(levels - 1) };
}

/** An ISO 8601 time so many milliseconds from now. */
const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

describe("a request's envelope is refused", () => {
  /** Faults of form, which the schema that producers use refuses as well. */
  const ofForm: readonly (readonly [string, string, Record<string, unknown>])[] = [
    ["no id", "id", { id: undefined }],
    ["an id that is a number", "id", { id: 7 }],
    ["an empty id", "id", { id: "" }],
    ["an id with a space", "id", { id: "a b" }],
    ["an id with a colon", "id", { id: "a:b" }],
    ["an id that ends with a line", "id", { id: "a\n" }],
    ["an id of 65 characters", "id", { id: "x".repeat(65) }],
    ["an id that is not of ASCII letters", "id", { id: "契約" }],
    ["no kind", "kind", { kind: undefined }],
    ["an unknown kind", "kind", { kind: "explode" }],
    ["a kind that is null", "kind", { kind: null }],
    ["a kind in a list", "kind", { kind: ["suspend"] }],
    ["no contract", "contractId", { contractId: undefined }],
    ["a contract that is null", "contractId", { contractId: null }],
    ["a contract with a slash", "contractId", { contractId: "a/b" }],
    ["no actor", "actor", { actor: undefined }],
    ["an actor that is a text", "actor", { actor: "alice" }],
    ["an actor that is null", "actor", { actor: null }],
    ["an actor with something more", "actor", actor({ name: "Alice" })],
    ["an actor without a type", "actor.type", actor({ type: undefined })],
    ["an unknown type of actor", "actor.type", actor({ type: "robot" })],
    ["a type of actor in a list", "actor.type", actor({ type: ["operator"] })],
    ["the schedule, which comes through no door", "actor.type", actor({ type: "schedule" })],
    ["Stripe, which comes through no door", "actor.type", actor({ type: "stripe" })],
    ["an actor without an id", "actor.id", actor({ id: undefined })],
    ["an actor with an empty id", "actor.id", actor({ id: "" })],
    ["an actor whose id is a number", "actor.id", actor({ id: 7 })],
    ["an actor with an id of 129 characters", "actor.id", actor({ id: "x".repeat(129) })],
    ["parameters that are a list", "params", { params: [] }],
    ["parameters that are a text", "params", { params: "{}" }],
    ["parameters that are null", "params", { params: null }],
    ["a reason that is a number", "reason", { reason: 7 }],
    ["a reason that is null", "reason", { reason: null }],
    ["a reason of 2001 characters", "reason", { reason: "x".repeat(2_001) }],
    ["a time that is no time", "requestedAt", { requestedAt: "yesterday" }],
    ["a time without its zone", "requestedAt", { requestedAt: "2025-01-20T03:00:00" }],
    ["a day instead of a time", "requestedAt", { requestedAt: "2025-01-20" }],
    ["a day that does not exist", "requestedAt", { requestedAt: "2025-02-30T03:00:00Z" }],
    ["an hour that does not exist", "requestedAt", { requestedAt: "2025-01-20T25:00:00Z" }],
    ["a time that is a number", "requestedAt", { requestedAt: 1_737_342_000 }],
    ["a time that is null", "requestedAt", { requestedAt: null }],
    ["a field that is no field of a request", "operator", { operator: "alice" }],
    ["a field without a name", "request", { "": "alice" }],
  ];

  it.each(ofForm)("for %s: field %s", async (_, field, fault) => {
    const faulty = request(fault);

    expect(await ask(JSON.stringify(faulty))).toEqual({
      answer: "invalid_request",
      field,
      problem: expect.stringMatching(/\w+/),
    });
    expect(operationRequestSchema.safeParse(JSON.parse(JSON.stringify(faulty))).success).toBe(false);
  });

  it.each([
    ["text", '"hello"'],
    ["a number", "7"],
    ["a list", "[]"],
    ["null", "null"],
    ["nothing", null],
  ])("when it is %s instead of an object", async (_, text) => {
    expect(await ask(text)).toMatchObject({ answer: "invalid_request", field: "request" });
  });

  it.each([
    [
      "on its own level",
      `{"id":"a","kind":"suspend","contractId":"c","actor":{"type":"operator","id":"a"},"__proto__":{}}`,
      "__proto__",
    ],
    [
      "in the actor",
      `{"id":"a","kind":"suspend","contractId":"c","actor":{"type":"operator","id":"a","__proto__":{}}}`,
      "actor",
    ],
    ["in the parameters", withParams('{"__proto__": 1}'), "params"],
    ["deep in the parameters", withParams('{"a": [1, "x", {"b": [{"c": null, "__proto__": {}}]}]}'), "params"],
    [
      "in the parameters beside much else",
      withParams('{"z": [1], "a": "x", "m": {"__proto__": "x"}, "b": {}}'),
      "params",
    ],
  ])("for a key __proto__ %s", async (_, text, field) => {
    expect(await ask(text)).toMatchObject({ answer: "invalid_request", field });
  });

  it("but not for the mere word in a value", async () => {
    expect(await ask(JSON.stringify(request({ params: { note: "__proto__" } })))).toMatchObject({ answer: "accepted" });
  });

  it("when its parameters are nested 20 levels deep, and not when they are 19", async () => {
    expect(await ask(JSON.stringify(request({ params: nested(19) })))).toMatchObject({ answer: "accepted" });
    expect(await ask(JSON.stringify(request({ params: nested(20) })))).toMatchObject({
      answer: "invalid_request",
      field: "params",
    });
    const inLists = `${"[".repeat(19)}${"]".repeat(19)}`;
    expect(await ask(withParams(`{"a": ${inLists}}`))).toMatchObject({ answer: "accepted" });
    expect(await ask(withParams(`{"a": [${inLists}]}`))).toMatchObject({ answer: "invalid_request", field: "params" });
  });

  it("beyond 64 KiB as the database writes it, and not at them", async () => {
    const sizeOf = async (text: string) =>
      (await store.sql`select octet_length(${text}::text::jsonb::text) as size`)[0]?.size;
    const sized = async (bytes: number) => {
      const empty = request({ params: { note: "" } });
      const short = bytes - (await sizeOf(JSON.stringify(empty)));
      return JSON.stringify({ ...empty, params: { note: "x".repeat(short) } });
    };
    const largest = await sized(65_536);
    expect(await sizeOf(largest)).toBe(65_536);
    expect(await ask(largest)).toMatchObject({ answer: "accepted" });
    expect(await ask(await sized(65_537))).toMatchObject({ answer: "invalid_request", field: "request" });
  });

  it("when its time lies more than 5 minutes ahead or 31 days back", async () => {
    const answers: unknown[] = [];
    for (const ms of [5 * minuteMs + 5_000, 5 * minuteMs - 5_000, -31 * dayMs + 5_000, -31 * dayMs - 5_000]) {
      const { answer, field } = await ask(JSON.stringify(request({ requestedAt: fromNow(ms) })));
      answers.push([answer, field]);
    }
    expect(answers).toEqual([
      ["invalid_request", "requestedAt"],
      ["accepted", undefined],
      ["accepted", undefined],
      ["invalid_request", "requestedAt"],
    ]);
  });

  it("when it has a character that JSON of the database cannot hold, before the door is even reached", async () => {
    await expect(ask(JSON.stringify(request({ reason: "a\0b" })))).rejects.toMatchObject({ code: "22P05" });
    await expect(ask(JSON.stringify(request({ reason: "\ud800" })))).rejects.toMatchObject({ code: "22P02" });
  });
});

/** The text of a request with these parameters, as text too: `JSON.stringify` would lose a key `__proto__`. */
function withParams(params: string): string {
  return JSON.stringify(request({ params: "HERE" })).replace('"HERE"', params);
}

describe("a request's envelope is accepted", () => {
  it.each<[string, Record<string, unknown>]>([
    ["with nothing but what is needed", {}],
    ["with everything", { params: { a: 1 }, reason: "asked by telephone", requestedAt: fromNow(-1_000) }],
    ["with the longest id", { id: "x".repeat(64) }],
    ["with every character that an id may have", { id: "AZaz09._-" }],
    ["with the longest actor's id", actor({ id: "あ".repeat(128) })],
    ["of a customer", actor({ type: "customer" })],
    ["of a service", actor({ type: "service" })],
    ["with the longest reason, in characters", { reason: "😀".repeat(2_000) }],
    ["with an empty reason", { reason: "" }],
    ["with a time of another zone", { requestedAt: fromNow(-minuteMs).replace("Z", "+00:00") }],
  ])("%s", async (_, overrides) => {
    expect(await ask(JSON.stringify(request(overrides)))).toMatchObject({ answer: "accepted" });
  });

  it.each(operationKinds)("for %s", async (kind) => {
    expect(await ask(JSON.stringify(request({ kind })))).toMatchObject({ answer: "accepted", operation: { kind } });
  });

  it("for exactly the kinds that the domain has", async () => {
    expect(await ask(JSON.stringify(request({ kind: "explode" })))).toMatchObject({
      problem: `must be one of ${operationKinds.join(", ")}`,
    });
    const rows = await store.sql`select unnest(enum_range(null::keiyaku.operation_kind))::text as kind`;
    expect(rows.map(({ kind }) => kind)).toEqual([...operationKinds]);
  });

  it("as an operation that waits for its first attempt, with all that was asked", async () => {
    const requestedAt = fromNow(-dayMs);
    const asked = request({ params: { period: 3 }, reason: "asked by telephone", requestedAt });
    const { operation } = (await ask(JSON.stringify(asked))) as { operation: { acceptedAt: string } };

    const row = await rowOf(store.sql, "operations", asked.id);
    expect(row).toMatchObject({
      kind: "suspend",
      contract_id: "c-1",
      actor_type: "operator",
      actor_id: "alice",
      params: { period: 3 },
      reason: "asked by telephone",
      requested_at: new Date(requestedAt),
      state: "requested",
      attempt: 0,
      attempts_counted: 0,
      occupies: false,
    });
    expect(operation).toMatchObject({
      id: asked.id,
      sequence: Number(row.sequence),
      contractId: "c-1",
      state: "requested",
    });
    expect(new Date(operation.acceptedAt)).toEqual(row.accepted_at);
  });

  it("in the order of acceptance, by one global sequence", async () => {
    const answers: Record<string, unknown>[] = [];
    for (const contractId of ["c-1", "c-2", "c-1"]) answers.push(await ask(JSON.stringify(request({ contractId }))));
    const sequences = answers.map(({ operation }) => (operation as { sequence: number }).sequence);

    expect([...sequences].sort((a, b) => a - b)).toEqual(sequences);
    expect(new Set(sequences).size).toBe(3);
  });
});

describe("the moment at which a request was taken", () => {
  async function takenAt(queuedAtMs: number | null) {
    const asked = request();
    const before = await now();
    await acceptRequest(store.db, asked, queuedAtMs);
    const row = await rowOf(store.sql, "operations", asked.id);
    return {
      before,
      after: await now(),
      row: row as Record<"taken_at" | "accepted_at" | "requested_at" | "ring_at", Date>,
    };
  }
  const now = async () => (await store.sql<{ now: Date }[]>`select clock_timestamp() as now`)[0]?.now ?? new Date(0);

  it("is the moment at which the queue took it, to the millisecond", async () => {
    const queuedAtMs = Date.now() - 3 * dayMs - 123;
    const { row } = await takenAt(queuedAtMs);
    expect(row.taken_at.getTime()).toBe(queuedAtMs);
    expect(row.accepted_at.getTime()).toBeGreaterThan(queuedAtMs + dayMs);
  });

  it("is never later than its acceptance, whatever the queue's clock says", async () => {
    const { row, before, after } = await takenAt(Date.now() + dayMs);
    expect(row.taken_at).toEqual(row.accepted_at);
    expect(row.taken_at.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(row.taken_at.getTime()).toBeLessThanOrEqual(after.getTime() + 1);
  });

  it("is its acceptance for a request that came by no queue, and so is the moment at which it was asked for", async () => {
    const { row } = await takenAt(null);
    expect(row.taken_at).toEqual(row.accepted_at);
    expect(row.requested_at).toEqual(row.accepted_at);
  });

  it("has the sweep ring at once for what nobody may have heard of, and a minute later for what a worker has in hand", async () => {
    expect((await takenAt(null)).row).toSatisfy((row) => row.ring_at.getTime() === row.accepted_at.getTime());
    expect((await takenAt(Date.now())).row).toSatisfy(
      (row) => row.ring_at.getTime() === row.accepted_at.getTime() + minuteMs,
    );
  });
});
