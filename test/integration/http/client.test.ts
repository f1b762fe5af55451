import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  type HttpRequest,
  IdReused,
  InvalidRequest,
  NotConcludedYet,
  type Outcome,
  Unauthorized,
  UnexpectedAnswer,
  Unreachable,
} from "../../../src/client.ts";
import { operatorToken, serviceToken, setUpApi, shareApi } from "../../support/api.ts";
import { eventually } from "../../support/eventually.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";

const suspend = (id: string) => ({ id, kind: "suspend", contractId: id }) as const;

function clientOf(url: string, options: Partial<HttpClientOptions> = {}): HttpClient {
  return createHttpClient({ baseUrl: url, token: operatorToken, timeoutMs: 10_000, ...options });
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.fail(`It resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

describe("a client over HTTP", () => {
  const shared = shareApi();

  it("has a request accepted, and the same again as a duplicate", async () => {
    const { url, bench } = shared();
    const client = clientOf(`${url}/`);

    const first = await client.request({ ...suspend("a-1"), params: { period: 3 }, reason: "unpaid" });
    const again = await client.request({ ...suspend("a-1"), params: { period: 3 }, reason: "unpaid" });

    expect(first).toMatchObject({ answer: "accepted", operation: { id: "a-1", state: "requested" } });
    expect(again).toMatchObject({ answer: "duplicate" });
    expect(await bench.operation("a-1")).toMatchObject({ actor_id: "alice", params: { period: 3 }, reason: "unpaid" });
  });

  it("has many accepted in their order", async () => {
    const { url, bench } = shared();
    const ids = ["many-c", "many-a", "many-b"];

    const answers = await clientOf(url).requestMany(ids.map((id) => ({ ...suspend(id), contractId: "many" })));

    expect(answers.map(({ operation }) => operation.id)).toEqual(ids);
    const rows = await bench.sql`select id from keiyaku.operations where contract_id = 'many' order by sequence`;
    expect(rows.map(({ id }) => id as string)).toEqual(ids);
  });

  it("sends none of many when one is wrong, and names which and what", async () => {
    const { url, bench } = shared();
    const wrong = { ...suspend("wrong-2"), params: { period: -1 } };

    const error = await errorOf(clientOf(url).requestMany([suspend("wrong-1"), wrong]));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({ index: 1, field: "params.period" });
    expect(await bench.sql`select id from keiyaku.operations where id like 'wrong-%'`).toEqual([]);
  });

  it("tells what only the API can refuse, by the same error", async () => {
    const { url } = shared();
    const old = { ...suspend("old"), requestedAt: "2020-01-20T03:00:00Z" };

    const error = await errorOf(clientOf(url).requestMany([suspend("young"), old]));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({
      index: 1,
      field: "requestedAt",
      message: "request 1: requestedAt must not lie more than 31 days back.",
    });
  });

  it("tells an id that was used before", async () => {
    const { url } = shared();
    const client = clientOf(url);
    await client.request(suspend("used"));

    const error = await errorOf(client.request({ ...suspend("used"), contractId: "another" }));

    expect(error).toBeInstanceOf(IdReused);
    expect(error).toMatchObject({ index: 0, message: expect.stringContaining("used") });
  });

  it("tells a token that is not known, and an actor for whom it does not speak", async () => {
    const { url } = shared();
    const stranger = await errorOf(clientOf(url, { token: "x".repeat(40) }).request(suspend("b-1")));
    const actor = { type: "operator", id: "bob" } as const;
    const impostor = await errorOf(clientOf(url, { token: serviceToken }).request({ ...suspend("b-1"), actor }));

    expect(stranger).toBeInstanceOf(Unauthorized);
    expect(stranger).toMatchObject({ code: "unauthorized" });
    expect(impostor).toBeInstanceOf(Unauthorized);
    expect(impostor).toMatchObject({ code: "actor_not_allowed" });
  });

  it("asks in a customer's name with a service's token", async () => {
    const { url, bench } = shared();
    const actor = { type: "customer", id: "customer-1" } as const;

    await clientOf(url, { token: serviceToken }).request({ ...suspend("c-1"), actor });

    expect(await bench.operation("c-1")).toMatchObject({ actor_type: "customer", actor_id: "customer-1" });
  });

  it("looks at operations, contracts and buttons, and finds none where there are none", async () => {
    const { url, bench } = shared();
    const client = clientOf(url);
    await bench.perform({ id: "register-1", kind: "register", contractId: "shown", params: monthlyTerms() });

    expect(await client.operation("register-1")).toMatchObject({ state: "succeeded" });
    expect(await client.contract("shown")).toMatchObject({ contract: { status: "awaiting_payment" } });
    expect(await client.buttons("shown")).toMatchObject({ contractId: "shown", actor: { id: "alice" } });
    expect(await client.operation("nothing")).toBeUndefined();
    expect(await client.contract("nothing")).toBeUndefined();
    expect(await client.preview(suspend("d-1"))).toMatchObject({ asked: { id: "d-1" } });
  });

  it("does not take another server's 404 for the API's", async () => {
    const { url } = shared();

    const error = await errorOf(clientOf(`${url}/elsewhere`).operation("register-1"));

    expect(error).toBeInstanceOf(UnexpectedAnswer);
    expect(error).toMatchObject({ status: 404 });
  });

  it("refuses a base that is no address", () => {
    expect(() => clientOf("keiyaku.example.com")).toThrow("must begin with http:// or https://");
  });
});

describe("waiting for the outcome", () => {
  /** Waits with an API whose operation something else carries out meanwhile. */
  async function outcomeOf(id: string, meanwhile: (api: Awaited<ReturnType<typeof setUpApi>>) => Promise<unknown>) {
    const api = await setUpApi();
    const waiting = clientOf(api.url).requestAndWait(suspend(id), { waitMs: 60_000 });
    const isAccepted = async () => (await api.bench.sql`select 1 from keiyaku.operations where id = ${id}`).length > 0;
    await eventually(isAccepted, { withinMs: 10_000 });
    await meanwhile(api);
    return waiting;
  }

  it("tells a success with what became true", async () => {
    const api = await setUpApi();
    const params = monthlyTerms();
    const waiting = clientOf(api.url).requestAndWait({
      id: "register-1",
      kind: "register",
      contractId: "c-1",
      params,
    } as HttpRequest<"register">);
    const isAccepted = async () => (await api.bench.sql`select 1 from keiyaku.operations`).length > 0;
    await eventually(isAccepted, { withinMs: 10_000 });
    await api.bench.execute("register-1");

    expect(await waiting).toMatchObject({ state: "succeeded", outcome: { statusAfter: "awaiting_payment" } });
  });

  it("tells a rejection with its code, and why in both languages", async () => {
    const outcome = await outcomeOf("op-1", ({ bench }) => bench.execute("op-1"));

    expect(outcome).toMatchObject({
      state: "rejected",
      code: "contract_not_found",
      sentences: { ja: expect.stringContaining("契約"), en: expect.stringContaining("contract") },
      operation: { id: "op-1" },
    });
  });

  it("tells that a person has to decide, and that one has given up", async () => {
    const held = await outcomeOf(
      "op-1",
      ({ bench }) => bench.sql`update keiyaku.operations
      set state = 'held', ring_at = null, held_question = '{"code": "answer_unexplained", "detail": {}}'`,
    );
    const abandoned = await outcomeOf(
      "op-1",
      ({ bench }) => bench.sql`update keiyaku.operations
      set state = 'abandoned', ring_at = null, concluded_at = clock_timestamp(),
        abandonment = '{"operatorId": "alice", "reason": "twice"}'`,
    );

    expect(held).toMatchObject({ state: "held", question: { code: "answer_unexplained" } });
    expect(abandoned).toMatchObject({ state: "abandoned", abandonment: { operatorId: "alice", reason: "twice" } });
  });

  it("gives up with the operation as it is when that goes on for longer", async () => {
    const { url } = await setUpApi();

    const error = await errorOf(clientOf(url).requestAndWait(suspend("op-1"), { waitMs: 500 }));

    expect(error).toBeInstanceOf(NotConcludedYet);
    expect(error).toMatchObject({ operation: { id: "op-1", state: "requested" } });
  });

  it("is told apart by the compiler", () => {
    expectTypeOf<Outcome["state"]>().toEqualTypeOf<"succeeded" | "rejected" | "held" | "abandoned">();
    expectTypeOf<Extract<Outcome, { state: "rejected" }>["code"]>().toEqualTypeOf<string>();
    expectTypeOf<HttpRequest<"suspend">["params"]>().toEqualTypeOf<{ period?: number | undefined } | undefined>();
    expectTypeOf<{ id: string; kind: "suspend"; contractId: string }>().toExtend<HttpRequest>();
  });
});

describe("a client whose API is away", () => {
  async function setUpBehindProxy(options: Partial<HttpClientOptions> = {}) {
    const api = await setUpApi();
    const proxy = await startTcpProxy({ host: "127.0.0.1", port: api.server.port });
    onTestFinished(() => proxy.stop());
    return { ...api, proxy, client: clientOf(`http://127.0.0.1:${proxy.port}`, options) };
  }

  it.each(["refuse", "blackHole"] as const)("fails at its deadline, and works after it: %s", async (mode) => {
    const { proxy, client } = await setUpBehindProxy({ timeoutMs: 700 });
    await proxy.setMode(mode);
    const began = performance.now();

    expect(await errorOf(client.request(suspend("op-1")))).toBeInstanceOf(Unreachable);
    expect(performance.now() - began).toBeLessThan(5_000);

    await proxy.setMode("pass");
    proxy.cutAll();
    await eventually(async () => (await client.request(suspend("op-1"))).operation, { withinMs: 15_000 });
  });

  it("sends the same again when the connection is lost, and it is accepted once", async () => {
    const { proxy, client, bench } = await setUpBehindProxy({ timeoutMs: 20_000 });
    await client.request(suspend("op-1"));
    await proxy.setMode("refuse");
    proxy.cutAll();

    const sending = client.request(suspend("op-2"));
    await proxy.setMode("pass");

    expect((await sending).operation.id).toBe("op-2");
    expect(await bench.sql`select id from keiyaku.operations where id = 'op-2'`).toHaveLength(1);
  });

  /** A server that answers what it is told to, one answer after the other. */
  async function setUpServer(answers: readonly ((request: IncomingMessage, response: ServerResponse) => void)[]) {
    let asked = 0;
    const server = createServer((request, response) => {
      request.resume();
      request.once("end", () => answers[Math.min(asked++, answers.length - 1)]?.(request, response));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
  }
  const hangUp = (request: IncomingMessage) => void request.socket.destroy();
  const say =
    (status: number, body: string, headers = {}) =>
    (_: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(status, headers).end(body);
  const accepted = say(201, JSON.stringify({ answer: "accepted", operation: { id: "op-1" } }));

  it("repeats after a lost answer, and after what says later", async () => {
    const later = say(503, "{}", { "retry-after": "0" });
    const server = await setUpServer([hangUp, later, say(502, "<html>"), say(429, ""), accepted]);

    expect(await clientOf(server.url, { timeoutMs: 20_000 }).request(suspend("op-1"))).toMatchObject({
      answer: "accepted",
    });
    expect(server.asked()).toBe(5);
  });

  it("waits as long as it is told to, and not when that is past the deadline", async () => {
    const server = await setUpServer([say(503, "{}", { "retry-after": "1" }), accepted]);
    const began = performance.now();
    await clientOf(server.url).request(suspend("op-1"));
    expect(performance.now() - began).toBeGreaterThan(990);

    const busy = await setUpServer([say(503, "{}", { "retry-after": "3600" })]);
    const error = await errorOf(clientOf(busy.url).request(suspend("op-1")));
    expect(error).toBeInstanceOf(Unreachable);
    expect(error).toMatchObject({ message: expect.stringContaining("it answered 503") });
    expect(busy.asked()).toBe(1);
  });

  it.each([
    [500, '{"code":"internal_error"}', "internal_error"],
    [200, "<html>", "no code"],
    [302, "", "no code"],
    [418, "{}", "no code"],
  ])("does not repeat after an answer that it does not know: %i %s", async (status, body, code) => {
    const server = await setUpServer([say(status, body, { "x-request-id": "r-1" })]);

    const error = await errorOf(clientOf(server.url).request(suspend("op-1")));

    expect(error).toBeInstanceOf(UnexpectedAnswer);
    expect(error).toMatchObject({ status, requestId: "r-1", message: expect.stringContaining(code) });
    expect(server.asked()).toBe(1);
  });
});
