import { describe, expect, it } from "vitest";
import type { Database } from "../../../src/store/database.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { operatorToken, serviceToken, setUpApi, shareApi } from "../../support/api.ts";
import { monthlyTerms } from "../../support/execution.ts";

const suspend = { id: "op-1", kind: "suspend", contractId: "c-1" };

describe("requesting an operation over HTTP", () => {
  const shared = shareApi();

  it("accepts it into the ledger at once, in the name of the token", async () => {
    const { ask, bench } = await setUpApi();

    const reply = await ask("/operations", { method: "POST", body: { ...suspend, reason: "unpaid" } });

    expect(reply.status).toBe(201);
    expect(reply.headers.get("location")).toBe("/operations/op-1");
    expect(reply.body).toMatchObject({ answer: "accepted", operation: { id: "op-1", state: "requested" } });
    expect(await bench.operation("op-1")).toMatchObject({
      actor_type: "operator",
      actor_id: "alice",
      reason: "unpaid",
      params: {},
    });
  });

  it("answers 200 for a duplicate, with what has become of it", async () => {
    const { ask, bench } = await setUpApi();
    await ask("/operations", { method: "POST", body: suspend });
    await bench.execute("op-1");

    const again = await ask("/operations", {
      method: "POST",
      body: { ...suspend, requestedAt: new Date().toISOString() },
    });

    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({
      answer: "duplicate",
      operation: { state: "rejected", rejectionCode: "contract_not_found" },
    });
  });

  it("accepts it once, however many ask at the same moment", async () => {
    const { ask, bench } = await setUpApi();

    const replies = await Promise.all(
      Array.from({ length: 20 }, () => ask("/operations", { method: "POST", body: suspend })),
    );

    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(19);
    expect(await bench.sql`select id from keiyaku.operations`).toHaveLength(1);
  });

  it("refuses other content under the same id, and says so in both languages", async () => {
    const { ask } = await setUpApi();
    await ask("/operations", { method: "POST", body: suspend });

    const other = await ask("/operations", { method: "POST", body: { ...suspend, contractId: "c-2" } });

    expect(other.status).toBe(409);
    expect(other.body).toMatchObject({
      code: "id_reused",
      field: "id",
      remedy: expect.stringContaining("id of its own"),
      sentences: { ja: expect.stringContaining("依頼ID"), en: expect.stringContaining("used before") },
    });
  });

  it.each([
    ["an id with a blank", { ...suspend, id: "op 1" }, "id"],
    ["no id", { kind: "suspend", contractId: "c-1" }, "id"],
    ["an unknown kind", { ...suspend, kind: "explode" }, "kind"],
    ["a field too many", { ...suspend, priority: 1 }, "priority"],
    ["parameters that are a list", { ...suspend, params: [] }, "params"],
    ["a NUL", { ...suspend, reason: "a\0" }, "reason"],
    ["half of a surrogate pair", { ...suspend, params: { note: "\uD800" } }, "params.note"],
    ["a key __proto__", `{"id":"op-1","kind":"suspend","contractId":"c-1","params":{"__proto__":{}}}`, "params"],
    [
      "a key __proto__ on its own level",
      `{"id":"op-1","kind":"suspend","contractId":"c-1","__proto__":{}}`,
      "__proto__",
    ],
    ["an actor that is a text", { ...suspend, actor: "alice" }, "actor"],
    ["an actor that is null", { ...suspend, actor: null }, "actor"],
    ["an actor with a number for an id", { ...suspend, actor: { type: "operator", id: 7 } }, "actor.id"],
    ["the token's actor with something more", { ...suspend, actor: { type: "operator", id: "alice", x: 1 } }, "actor"],
    ["a time without its zone", { ...suspend, requestedAt: "2026-01-20T03:00:00" }, "requestedAt"],
    ["a list instead of an object", "[]", "request"],
    ["null", "null", "request"],
  ])("refuses %s, naming the field and the remedy", async (_, body, field) => {
    const { ask, bench } = shared();

    const reply = await ask("/operations", { method: "POST", body });

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ code: "invalid_request", field, remedy: expect.stringMatching(/\w/) });
    expect(await bench.sql`select id from keiyaku.operations`).toEqual([]);
  });

  it("refuses what is nested too deep without reading on, at any depth", async () => {
    const { ask } = shared();
    for (const depth of [25, 200, 30_000]) {
      const params = `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
      const body = `{"id":"op-1","kind":"suspend","contractId":"c-1","params":${params}}`;

      const reply = await ask("/operations", { method: "POST", body });

      expect([depth, reply.status, reply.body.code]).toEqual([depth, 400, "invalid_request"]);
    }
  });

  it("notes a refusal in the ledger's own list, as every door does", async () => {
    const { ask, bench } = await setUpApi();

    await ask("/operations", { method: "POST", body: { ...suspend, kind: "explode" } });
    await ask("/operations", { method: "POST", body: { ...suspend, reason: "a\0" } });

    const rows = await bench.sql`select request_id, code, field from keiyaku.refused_requests order by field`;
    expect(rows.map(({ code, field }) => [code, field])).toEqual([
      ["invalid_request", "kind"],
      ["invalid_request", "reason"],
    ]);
  });
});

describe("a request that the database will not store at any time", () => {
  it("is refused and noted as any other, rather than called an error of ours", async () => {
    const { bench } = await setUpApi();
    const run = bench.db.run.bind(bench.db);
    const unwilling = {
      run: (name: string, statement: Parameters<typeof run>[1]) =>
        name === "accept_request" ? Promise.reject(new StoreError("refused", "22P05", name)) : run(name, statement),
    } as unknown as Database;
    const { ask } = await setUpApi({ db: unwilling });

    const reply = await ask("/operations", { method: "POST", body: suspend });

    expect([reply.status, reply.body.field]).toEqual([400, "request"]);
    expect(await bench.sql`select request_id from keiyaku.refused_requests`).toEqual([{ request_id: "op-1" }]);
  });
});

describe("in whose name a request is accepted", () => {
  const shared = shareApi();
  let asked = 0;

  async function actorOf(token: string, actor: unknown) {
    const { ask, bench } = shared();
    asked += 1;
    const id = `asked-${asked}`;
    const reply = await ask("/operations", { method: "POST", token, body: { ...suspend, id, actor } });
    if (reply.status !== 201) return reply.body.code;
    const row = await bench.operation(id);
    return `${String(row.actor_type)}:${String(row.actor_id)}`;
  }

  it.each([
    ["the token's own, left out", operatorToken, undefined, "operator:alice"],
    ["the token's own, repeated", operatorToken, { type: "operator", id: "alice" }, "operator:alice"],
    ["the service's own, repeated", serviceToken, { type: "service", id: "shop" }, "service:shop"],
    ["a customer for whom a service asks", serviceToken, { type: "customer", id: "customer-1" }, "customer:customer-1"],
    [
      "a customer for whom an operator asks",
      operatorToken,
      { type: "customer", id: "customer-1" },
      "actor_not_allowed",
    ],
    ["another operator", operatorToken, { type: "operator", id: "bob" }, "actor_not_allowed"],
    ["an operator for whom a service asks", serviceToken, { type: "operator", id: "alice" }, "actor_not_allowed"],
    ["another service", serviceToken, { type: "service", id: "crm" }, "actor_not_allowed"],
    ["the schedule", serviceToken, { type: "schedule", id: "daily" }, "actor_not_allowed"],
    ["Stripe", serviceToken, { type: "stripe", id: "evt_1" }, "actor_not_allowed"],
  ])("%s", async (_, token, actor, expected) => {
    expect(await actorOf(token, actor)).toBe(expected);
  });

  it("is refused with 403, and nothing is accepted", async () => {
    const { ask, bench } = await setUpApi();

    const reply = await ask("/operations", {
      method: "POST",
      body: { ...suspend, actor: { type: "operator", id: "bob" } },
    });

    expect(reply.status).toBe(403);
    expect(await bench.sql`select id from keiyaku.operations`).toEqual([]);
  });
});

describe("looking at an operation", () => {
  const shared = shareApi();

  it("tells what became of it, without its parameters", async () => {
    const { ask, bench } = await setUpApi();
    await bench.perform({ id: "register-1", kind: "register", contractId: "c-1", params: monthlyTerms() });

    const reply = await ask("/operations/register-1");

    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      id: "register-1",
      state: "succeeded",
      outcome: { statusAfter: "awaiting_payment" },
      sentences: null,
    });
    expect(reply.body.acceptedAt).toMatch(/Z$/);
    expect(JSON.stringify(reply.body)).not.toMatch(/山田|hanako/);
  });

  it("tells in both languages why it was refused", async () => {
    const { ask, bench } = await setUpApi();
    await bench.perform({ id: "op-1", kind: "suspend", contractId: "c-1", params: {} });

    expect((await ask("/operations/op-1")).body).toMatchObject({
      state: "rejected",
      rejectionCode: "contract_not_found",
      sentences: { ja: expect.stringContaining("契約"), en: expect.stringContaining("no such contract") },
    });
  });

  it.each(["op-2", "a%20b", "%00", "%F0%9F%98%80", "x".repeat(65), "'"])(
    "is 404 for %s, which no operation has",
    async (id) => {
      const { ask } = shared();

      const reply = await ask(`/operations/${id}`);

      expect([reply.status, reply.body.code]).toEqual([404, "operation_not_found"]);
    },
  );
});

describe("asking what an operation would do", () => {
  it("hands the request on, with its actor, and answers the plan", async () => {
    const { ask } = await setUpApi();
    const actor = { type: "customer", id: "customer-1" };

    const reply = await ask("/previews", { method: "POST", token: serviceToken, body: { ...suspend, actor } });

    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ kind: "cancel", asked: { ...suspend, actor } });
  });

  it("refuses what the request lacks, in the preview's words", async () => {
    const parts = {
      preview: async () =>
        ({ answer: "invalid_request", field: "params.period", problem: "must be a number" }) as const,
    };
    const { ask } = await setUpApi({ parts });

    const reply = await ask("/previews", { method: "POST", body: suspend });

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ field: "params.period", detail: "params.period must be a number." });
  });

  it("is 503 while Stripe cannot be looked at", async () => {
    const { ask } = await setUpApi({ parts: { preview: async () => ({ answer: "stripe_unavailable" }) } });

    const reply = await ask("/previews", { method: "POST", body: suspend });

    expect(reply.status).toBe(503);
    expect(reply.body).toMatchObject({ code: "unavailable", detail: "Stripe does not answer." });
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("is 502 when Stripe's answer has no meaning here", async () => {
    const { ask } = await setUpApi({ parts: { preview: async () => ({ answer: "unexplained", code: "odd" }) } });

    const reply = await ask("/previews", { method: "POST", body: suspend });

    expect([reply.status, reply.body.code]).toEqual([502, "answer_unexplained"]);
  });

  it.each([
    [{ ...suspend, reason: "\0" }, 400],
    [{ ...suspend, actor: { type: "operator", id: "bob" } }, 403],
  ])("checks body and actor as a request's (%#)", async (body, status) => {
    const { ask } = await setUpApi();

    expect((await ask("/previews", { method: "POST", body })).status).toBe(status);
  });
});
