import { connect, createServer, type Socket } from "node:net";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import {
  type Client,
  type ClientOptions,
  createClient,
  InvalidRequest,
  type ParamsOf,
  QueueUnreachable,
  type TypedRequest,
} from "../../../src/client.ts";
import { type BackendType, createTestQueue, describeOnBackends, type TestQueue } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { createTestStore } from "../../support/test-database.ts";

const actor = { type: "operator", id: "alice" } as const;
const suspend = (id: string): TypedRequest<"suspend"> => ({ id, kind: "suspend", contractId: "c-1", actor });

/** Short, so that the tests of failures are; long enough for a crowded machine to answer. */
const timeoutMs = 1_000;

/** A call opens the queue and then adds to it, each within the time-out; the rest is for a crowded machine. */
const failsWithinMs = 2 * timeoutMs + 1_000;

async function setup(type: BackendType) {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const queue = await createTestQueue(type, store);
  onTestFinished(() => queue.close());
  const client = (options: Pick<ClientOptions, "timeoutMs" | "clock"> = {}) =>
    clientOf({ ...queue.clientOptions, ...options });
  return { queue, client };
}

function clientOf(options: ClientOptions): Client {
  const client = createClient({ timeoutMs, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** The client's options with the queue at another port of this machine. */
function atPort({ clientOptions }: TestQueue, port: number): ClientOptions {
  const moved = (text: string) => Object.assign(new URL(text), { port: String(port), hostname: "127.0.0.1" }).href;
  return "redisUrl" in clientOptions
    ? { redisUrl: moved(clientOptions.redisUrl) }
    : { databaseUrl: moved(clientOptions.databaseUrl) };
}

/** A queue behind a proxy, and a client that knows only the proxy. */
async function setupBehindProxy(type: BackendType) {
  const { queue } = await setup(type);
  const { hostname, port } = new URL(Object.values(queue.clientOptions)[0] ?? "");
  const target = { host: hostname, port: Number(port) };
  const proxy = await startTcpProxy(target);
  onTestFinished(() => proxy.stop());
  return { queue, target, proxy, client: clientOf(atPort(queue, proxy.port)) };
}

async function idsIn({ foreign }: TestQueue): Promise<readonly string[]> {
  const jobs = await foreign.getJobs(["waiting"], 0, -1, true);
  return jobs.map(({ data }) => data.request.id);
}

/** How long a promise took to be rejected, and with what. */
async function rejectionOf(promise: Promise<unknown>) {
  const began = performance.now();
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, tookMs: performance.now() - began };
}

async function expectToFailFast(promise: Promise<unknown>): Promise<void> {
  const { error, tookMs } = await rejectionOf(promise);
  expect(error).toBeInstanceOf(QueueUnreachable);
  expect(tookMs).toBeLessThan(failsWithinMs);
}

/** Sends until it succeeds, as a producer does after a failure: under the same id. */
async function eventuallyQueued(client: Client, id: string): Promise<void> {
  const isQueued = async () => (await client.request(suspend(id))).queued;
  await eventually(isQueued, { withinMs: 15_000, describe: "the client to work again" });
}

describeOnBackends("a client", (type) => {
  it("queues a request with the fields that it was given, and says when it was asked for", async () => {
    const { queue, client } = await setup(type);
    const now = "2026-01-20T03:00:00.000Z";
    const clock = { now: () => now, nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };

    const answer = await client({ clock }).request({ ...suspend("op-1"), params: { period: 3 }, reason: "unpaid" });

    expect(answer).toEqual({ id: "op-1", queued: true });
    const [job] = await queue.foreign.getJobs(["waiting"]);
    expect(job?.name).toBe("request");
    expect(job?.data).toEqual({
      v: 1,
      request: {
        id: "op-1",
        kind: "suspend",
        contractId: "c-1",
        actor,
        params: { period: 3 },
        reason: "unpaid",
        requestedAt: now,
      },
    });
  });

  it("queues many in the order given, however many", async () => {
    const { queue, client } = await setup(type);
    const ids = Array.from({ length: 1_201 }, (_, index) => `op-${index}`);

    const answers = await client({ timeoutMs: 10_000 }).requestMany(ids.map(suspend));

    expect(answers).toEqual(ids.map((id) => ({ id, queued: true })));
    expect(await idsIn(queue)).toEqual(ids);
  });

  it("queues none of many when one is wrong, and names which and what", async () => {
    const { queue, client } = await setup(type);
    const wrong = { ...suspend("op-2"), params: { period: -1 } };

    const { error } = await rejectionOf(client().requestMany([suspend("op-1"), wrong]));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({ index: 1, field: "params.period" });
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });

  it("queues the same request once while it waits, and another of the same id beside it", async () => {
    const { queue, client } = await setup(type);
    const sender = client();

    await sender.request({ ...suspend("op-1"), requestedAt: "2026-01-20T03:00:00Z" });
    await sender.request({ ...suspend("op-1"), requestedAt: "2026-01-20T04:00:00Z" });
    await sender.request({ ...suspend("op-1"), reason: "another" });

    expect(await idsIn(queue)).toEqual(["op-1", "op-1"]);
  });

  it("serves callers at the same time, from the first call on", async () => {
    const { queue, client } = await setup(type);
    const sender = client({ timeoutMs: 10_000 });
    const ids = Array.from({ length: 50 }, (_, index) => `op-${index}`);

    await Promise.all(ids.map((id) => sender.request(suspend(id))));

    expect((await idsIn(queue)).toSorted()).toEqual(ids.toSorted());
  });
});

describeOnBackends("a client whose queue is away", (type) => {
  it("fails fast when it never could connect, and works once it can", async () => {
    const { queue, proxy, client } = await setupBehindProxy(type);
    await proxy.setMode("refuse");

    await expectToFailFast(client.request(suspend("op-1")));
    await expectToFailFast(client.requestMany([suspend("op-2"), suspend("op-3")]));

    await proxy.setMode("pass");
    await eventuallyQueued(client, "op-1");
    expect(await idsIn(queue)).toContain("op-1");
  });

  it("fails fast when a connection is cut and none can be had, and works once one can", async () => {
    const { queue, proxy, client } = await setupBehindProxy(type);
    await client.request(suspend("op-1"));
    await proxy.setMode("refuse");
    proxy.cutAll();

    await expectToFailFast(client.request(suspend("op-2")));
    await expectToFailFast(client.request(suspend("op-2")));

    await proxy.setMode("pass");
    await eventuallyQueued(client, "op-2");
    expect(await idsIn(queue)).toContain("op-2");
  });

  it.each(["never connected", "connected"])("fails fast in a black hole, %s, and works after it", async (before) => {
    const { queue, proxy, client } = await setupBehindProxy(type);
    if (before === "connected") await client.request(suspend("op-1"));
    await proxy.setMode("blackHole");

    for (const id of ["op-2", "op-3", "op-4"]) await expectToFailFast(client.request(suspend(id)));

    await proxy.setMode("pass");
    for (const id of ["op-2", "op-3", "op-4"]) await eventuallyQueued(client, id);
    const ids = await idsIn(queue);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(["op-2", "op-3", "op-4"]));
  });

  it("works again although its connections have died without a word", async () => {
    const { queue, target } = await setupBehindProxy(type);
    const path = await startForgetfulProxy(target);
    const client = clientOf(atPort(queue, path.port));
    await client.request(suspend("op-1"));
    path.forgetConnections();

    await expectToFailFast(client.request(suspend("op-2")));
    await eventuallyQueued(client, "op-2");

    expect(await idsIn(queue)).toEqual(["op-1", "op-2"]);
  });

  it.each(["refuse", "blackHole"] as const)("closes in time: %s", async (mode) => {
    const { proxy, client } = await setupBehindProxy(type);
    await client.request(suspend("op-1"));
    await proxy.setMode(mode);
    if (mode === "refuse") proxy.cutAll();
    await expectToFailFast(client.request(suspend("op-2")));

    const began = performance.now();
    await client.close();
    expect(performance.now() - began).toBeLessThan(failsWithinMs);
  });

  it.each(["refuse", "blackHole"] as const)("closes in time when it never could connect: %s", async (mode) => {
    const { proxy, client } = await setupBehindProxy(type);
    await proxy.setMode(mode);
    const sending = rejectionOf(client.request(suspend("op-1")));

    const began = performance.now();
    await client.close();
    expect(performance.now() - began).toBeLessThan(failsWithinMs);
    expect((await sending).error).toBeInstanceOf(QueueUnreachable);
  });

  it("leaves nothing behind that goes on connecting, once it is closed", async () => {
    const { target, queue } = await setupBehindProxy(type);
    const path = await startForgetfulProxy(target);
    const client = clientOf(atPort(queue, path.port));
    await client.request(suspend("op-1"));
    path.hangUp();
    await expectToFailFast(client.request(suspend("op-2")));
    await client.close();

    await expectSilence(path);
  });

  it("leaves nothing behind of calls that could not connect", async () => {
    const { queue } = await setup(type);
    const knocks = await startForgetfulProxy({ host: "127.0.0.1", port: 1 });
    knocks.hangUp();
    const client = clientOf(atPort(queue, knocks.port));
    for (const id of ["op-1", "op-2", "op-3"]) await expectToFailFast(client.request(suspend(id)));
    await client.close();

    expect(knocks.count()).toBeGreaterThan(0);
    await expectSilence(knocks);
  });
});

/** Every back-off of ours is over within 2.2 s: whoever still tries to connect does so by then. */
async function expectSilence(door: { count(): number }): Promise<void> {
  const before = door.count();
  await expect(eventually(() => door.count() > before, { withinMs: 2_500 })).rejects.toThrow("Waited");
}

describe("a client that was not used", () => {
  it("closes at once", async () => {
    const client = createClient({ databaseUrl: "postgres://nobody@127.0.0.1:1/nowhere" });

    await expect(client.close()).resolves.toBeUndefined();
  });
});

/** A way to a server that can be lost, and counts who knocks. */
async function startForgetfulProxy(target: { host: string; port: number }) {
  const sockets = new Set<Socket>();
  let count = 0;
  let isUp = true;
  const server = createServer((client) => {
    count += 1;
    if (!isUp) return client.destroy();
    const upstream = connect(target.port, target.host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
    return client;
  });
  return {
    port: await listen(server, sockets),
    count: () => count,
    /** The present connections stay open and nothing comes through, as behind a router that was replaced. */
    forgetConnections() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    /** The present connections end, and so does each new one. */
    hangUp() {
      isUp = false;
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listen(server: ReturnType<typeof createServer>, sockets: ReadonlySet<Socket>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server got no port.");
  return address.port;
}

describe("what a client checks before it queues", () => {
  const client = createClient({ databaseUrl: "postgres://nobody@127.0.0.1:1/nowhere" });
  const at = { requestedAt: "2026-01-20T03:00:00Z" };

  it.each([
    ["an id with a space", { ...suspend("op 1") }, "id"],
    ["an unknown kind", { ...suspend("op-1"), kind: "erase" }, "kind"],
    ["no contract", { ...suspend("op-1"), contractId: undefined }, "contractId"],
    ["an actor who may not ask", { ...suspend("op-1"), actor: { type: "schedule", id: "x" } }, "actor.type"],
    ["a field too many", { ...suspend("op-1"), ...at, priority: 1 }, "priority"],
    ["a reason that is too long", { ...suspend("op-1"), reason: "x".repeat(2_001) }, "reason"],
    ["a parameter of another kind", { ...suspend("op-1"), params: { paidPeriods: [0] } }, "params.paidPeriods"],
    ["a wrong item of a list", { ...suspend("op-1"), kind: "resume", params: { paidPeriods: [0, 1.5] } }, "params.paidPeriods.1"],
    ["parameters that are no object", { ...suspend("op-1"), params: "none" }, "params"],
    ["a time without a zone", { ...suspend("op-1"), requestedAt: "2026-01-20T03:00:00" }, "requestedAt"],
  ])("is %s", async (_, request, field) => {
    const { error } = await rejectionOf(client.requestMany([suspend("fine"), request as TypedRequest]));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({ index: 1, field, message: expect.stringContaining(`request 1: ${field} `) });
  });
});

describe("the parameters that the compiler asks for", () => {
  it("are those of the kind, as a requester writes them", () => {
    expectTypeOf<ParamsOf<"suspend">>().toEqualTypeOf<{ period?: number | undefined }>();
    expectTypeOf<ParamsOf<"confirm_payment">>().toEqualTypeOf<{ paidPeriods?: number[] | undefined }>();
    expectTypeOf<ParamsOf<"cancel_with_refund">>().toEqualTypeOf<Record<string, never>>();
    expectTypeOf<ParamsOf<"register">>().toHaveProperty("startOn").toEqualTypeOf<string>();
    // What has a default may be left out.
    expectTypeOf<ParamsOf<"register">["initialFeeMinor"]>().toEqualTypeOf<number | undefined>();
  });

  it("go with their kind in a request", () => {
    type Params<Request extends TypedRequest> = Request["params"];
    expectTypeOf<Params<TypedRequest<"suspend">>>().toEqualTypeOf<ParamsOf<"suspend"> | undefined>();
    expectTypeOf<{ id: string; kind: "suspend"; contractId: string; actor: typeof actor; params: { period: number } }>()
      .toExtend<TypedRequest>();
    expectTypeOf<{ id: string; kind: "suspend"; contractId: string; actor: typeof actor; params: { paidPeriods: number[] } }>()
      .not.toExtend<TypedRequest<"suspend">>();
    expectTypeOf<{ id: string; kind: "erase"; contractId: string; actor: typeof actor }>().not.toExtend<TypedRequest>();
    // Only people and their services come through a door.
    expectTypeOf<TypedRequest["actor"]["type"]>().toEqualTypeOf<"operator" | "customer" | "service">();
  });
});
