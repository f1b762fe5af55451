import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Acceptance, acceptAndView, acceptRequest, refuseUnreadable } from "../../../src/store/accept-request.ts";
import { readOperation } from "../../../src/store/read-operation.ts";
import { addContract, rowOf } from "../../support/store-rows.ts";
import { createTestStore, type TestStore } from "../../support/test-database.ts";

let store: TestStore;
beforeAll(async () => {
  store = await createTestStore({ poolSize: 10 });
});
afterAll(() => store.close());
beforeEach(() => store.sql`truncate keiyaku.operations, keiyaku.refused_requests cascade`);

const first = {
  id: "op-1",
  kind: "reserve_termination",
  contractId: "c-1",
  actor: { type: "customer", id: "cust-1" },
  params: { on: "2025-02-08", notify: true },
  reason: "moving away",
  requestedAt: new Date(Date.now() - 1_000).toISOString(),
};

const ask = (request: unknown): Promise<Acceptance> => acceptRequest(store.db, request, null);

/** What was asked first, without some of its fields and with others in their place. */
function but(overrides: Record<string, unknown>): Record<string, unknown> {
  return { ...first, ...overrides };
}

const refusals = () => store.sql`select request_id, code, field, problem, content, size_bytes, times,
  first_refused_at < last_refused_at as repeated from keiyaku.refused_requests order by id`;

describe("the same id with the same content", () => {
  const { params: _, ...withoutParams } = first;

  it.each<[string, unknown, unknown]>([
    ["word for word", first, first],
    ["asked at another time", first, but({ requestedAt: new Date().toISOString() })],
    ["asked without a time", first, but({ requestedAt: undefined })],
    ["its fields in another order", first, Object.fromEntries(Object.entries(first).reverse())],
    ["its parameters in another order", first, but({ params: { notify: true, on: "2025-02-08" } })],
    ["its actor in another order", first, but({ actor: { id: "cust-1", type: "customer" } })],
    ["parameters left out, that were empty", but({ params: {} }), withoutParams],
    ["parameters empty, that were left out", withoutParams, but({ params: {} })],
  ])("is a duplicate of the first: %s", async (_, one, other) => {
    const accepted = await ask(one);
    const before = await rowOf(store.sql, "operations", "op-1");
    const repeated = await ask(other);

    expect(accepted).toMatchObject({ answer: "accepted", operation: { id: "op-1" } });
    expect(repeated).toEqual({ ...accepted, answer: "duplicate" });
    expect(await rowOf(store.sql, "operations", "op-1")).toEqual(before);
    expect(await refusals()).toHaveLength(0);
  });

  it("tells what has become of the first meanwhile", async () => {
    await ask(first);
    await store.sql`update keiyaku.operations set state = 'rejected', rejection_code = 'period_unpaid',
      rejection_detail = '{"period": "3"}', ring_at = null, concluded_at = now()`;

    expect(await ask(first)).toMatchObject({
      answer: "duplicate",
      operation: { state: "rejected", rejectionCode: "period_unpaid", rejectionDetail: { period: "3" }, outcome: null },
    });
  });
});

describe("the same id with other content", () => {
  it.each<[string, Record<string, unknown>]>([
    ["another kind", { kind: "suspend" }],
    ["another contract", { contractId: "c-2" }],
    ["another actor", { actor: { type: "customer", id: "cust-2" } }],
    ["another type of actor", { actor: { type: "operator", id: "cust-1" } }],
    ["other parameters", { params: { on: "2025-03-08", notify: true } }],
    ["a parameter more", { params: { ...first.params, more: null } }],
    ["a parameter of another type", { params: { ...first.params, notify: "true" } }],
    ["no parameters", { params: undefined }],
    ["another reason", { reason: "moving abroad" }],
    ["no reason", { reason: undefined }],
  ])("is refused and written down, and the first is untouched: %s", async (_, overrides) => {
    await ask(first);
    const before = await rowOf(store.sql, "operations", "op-1");

    expect(await ask(but(overrides))).toEqual({
      answer: "id_reused",
      field: "id",
      problem: "was used before by a request with other content",
    });
    expect(await rowOf(store.sql, "operations", "op-1")).toEqual(before);
    expect(await refusals()).toMatchObject([{ request_id: "op-1", code: "id_reused", field: "id", times: 1 }]);
  });

  it("is written down once for the same content, and counted", async () => {
    await ask(first);
    await ask(but({ reason: "other" }));
    await ask(but({ reason: "other", requestedAt: undefined }));
    await ask(but({ reason: "third" }));
    await ask(but({ reason: "other" }));

    expect(await refusals()).toMatchObject([
      { times: 3, repeated: true },
      { times: 1, repeated: false },
    ]);
  });

  it("is counted for each of many who send it at once", async () => {
    await ask(first);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(but({ reason: "other" }))));

    expect(new Set(answers.map(({ answer }) => answer))).toEqual(new Set(["id_reused"]));
    expect(await refusals()).toMatchObject([{ times: 20 }]);
  });
});

describe("a request that is no request", () => {
  it("is written down with its beginning, its size and its id as far as that can be read", async () => {
    const long = {
      id: "op-7",
      kind: "explode",
      contractId: "c-1",
      actor: first.actor,
      params: { note: "あ".repeat(9_000) },
    };
    await ask(long);
    const [refusal] = await refusals();

    expect(refusal).toMatchObject({ request_id: "op-7", code: "invalid_request", field: "kind", times: 1 });
    expect(refusal?.problem).toContain("must be one of");
    expect(`${refusal?.content}`).toHaveLength(2_000);
    expect(refusal?.size_bytes).toBeGreaterThan(27_000);
    expect(await store.sql`select from keiyaku.operations`).toHaveLength(0);
  });

  it.each<[string, unknown]>([
    ["with an id that is an object", { id: { deep: "x".repeat(1_000) } }],
    ["without an id", {}],
    ["that is a list", [1, 2]],
    ["that is null", null],
    ["with a field of a thousand letters", { ["f".repeat(1_000)]: 1 }],
  ])("is written down %s", async (_, nonsense) => {
    expect(await ask(nonsense)).toMatchObject({ answer: "invalid_request" });
    expect(await refusals()).toMatchObject([{ code: "invalid_request", times: 1 }]);
  });

  it("is counted when it comes again, also with another time", async () => {
    await ask(but({ kind: "explode" }));
    await ask(but({ kind: "explode", requestedAt: new Date().toISOString() }));
    expect(await refusals()).toMatchObject([{ times: 2, repeated: true }]);
  });

  it("does not hinder the same id from being used by one that is", async () => {
    await ask(but({ kind: "explode" }));
    expect(await ask(first)).toMatchObject({ answer: "accepted" });
  });

  it("is written down once for the same content when it could not even be shown to the door", async () => {
    const unreadable = {
      requestId: "op-1",
      contractId: "c-1",
      field: "reason",
      problem: "has a character that is no text",
      content: '{"reason":"a\ufffdb"}',
      sizeBytes: 20,
      contentHash: "a".repeat(64),
    };
    const answer = { answer: "invalid_request", field: unreadable.field, problem: unreadable.problem };

    expect(await refuseUnreadable(store.db, unreadable)).toEqual(answer);
    expect(await refuseUnreadable(store.db, unreadable)).toEqual(answer);
    expect(await refusals()).toMatchObject([
      { request_id: "op-1", content: unreadable.content, size_bytes: 20, times: 2 },
    ]);
  });
});

describe("acceptAndView", () => {
  const accept = (request: unknown) => acceptAndView(store.db, request, Date.now());

  it("brings along what the operation is decided from, as it stands right after the acceptance", async () => {
    await store.sql`truncate keiyaku.contracts cascade`;
    await addContract(store.sql, { version: 3 });
    await ask(but({ id: "op-0" }));
    const { acceptance, view } = await accept(first);

    expect(acceptance).toMatchObject({ answer: "accepted", operation: { id: "op-1" } });
    expect(view).toMatchObject({
      operation: { id: "op-1", state: "requested", attempt: 0, params: first.params },
      contractVersion: 3,
      olderOperationId: "op-0",
      isDue: true,
      journal: [],
    });
    expect(view).toEqual(await readOperation(store.db, "op-1"));
  });

  it("shows a repeated request's operation as it stands by then", async () => {
    await accept(first);
    await store.sql`update keiyaku.operations set state = 'held', held_question = '{}', ring_at = null`;
    const { acceptance, view } = await accept(first);

    expect(acceptance).toMatchObject({ answer: "duplicate" });
    expect(view?.operation).toMatchObject({ id: "op-1", state: "held" });
  });

  it("brings nothing along for what was refused", async () => {
    await accept(first);
    expect(await accept(but({ reason: "other" }))).toEqual({
      acceptance: await ask(but({ reason: "other" })),
      view: undefined,
    });
    expect(await accept({ nonsense: true })).toMatchObject({
      acceptance: { answer: "invalid_request" },
      view: undefined,
    });
  });
});
