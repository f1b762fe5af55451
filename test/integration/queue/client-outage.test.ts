import { expect, it, onTestFinished } from "vitest";
import { type Client, type ClientOptions, QueueUnreachable } from "../../../src/client.ts";
import { type BackendType, describeOnBackends, type TestQueue } from "../../support/backends.ts";
import { customerPut } from "../../support/catalog.ts";
import { eventually } from "../../support/eventually.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { startForgetfulProxy } from "./forgetful-proxy.ts";
import { clientOf, idsIn, rejectionOf, setUpQueue, suspend } from "./set-up-client.ts";

/** Short, since most of these tests wait for it. */
const timeoutMs = 500;

/**
 * A call opens the queue and then adds to it, each within the time-out; the rest is for a crowded machine. Under the two
 * seconds after which a connection gives itself up: the client does not wait for that.
 */
const failsWithinMs = 1_900;

/** The client's options with the queue at another port of this machine. */
function atPort({ clientOptions }: TestQueue, port: number): ClientOptions {
  const moved = (text: string) => Object.assign(new URL(text), { port: String(port), hostname: "127.0.0.1" }).href;
  return "redisUrl" in clientOptions
    ? { redisUrl: moved(clientOptions.redisUrl), timeoutMs }
    : { databaseUrl: moved(clientOptions.databaseUrl), timeoutMs };
}

/** A queue behind a proxy, and a client that knows only the proxy. */
async function setupBehindProxy(type: BackendType) {
  const queue = await setUpQueue(type);
  const { hostname, port } = new URL(Object.values(queue.clientOptions)[0] ?? "");
  const target = { host: hostname, port: Number(port) };
  const proxy = await startTcpProxy(target);
  onTestFinished(() => proxy.stop());
  return { queue, target, proxy, client: clientOf(atPort(queue, proxy.port)) };
}

async function expectToFailFast(promise: Promise<unknown>): Promise<void> {
  const { error, tookMs } = await rejectionOf(promise);
  expect(error).toBeInstanceOf(QueueUnreachable);
  expect(tookMs).toBeLessThan(failsWithinMs);
}

/** Sends until it succeeds, as a producer does after a failure: under the same id. */
async function eventuallyQueued(client: Client, id: string): Promise<void> {
  const isQueued = async () => (await client.request(suspend(id))).queued;
  await eventually(isQueued, { withinMs: 15_000, describe: "the client to work" });
}

describeOnBackends("a client whose queue is away", (type) => {
  it("fails fast when it never could connect, and works once it can", async () => {
    const { queue, proxy, client } = await setupBehindProxy(type);
    await proxy.setMode("refuse");

    await expectToFailFast(client.request(suspend("op-1")));
    await expectToFailFast(client.requestMany([suspend("op-2"), suspend("op-3")]));
    await expectToFailFast(client.putCustomer(customerPut()));

    await proxy.setMode("pass");
    await eventuallyQueued(client, "op-1");
    expect(await idsIn(queue)).toContain("op-1");
    const isPut = async () => (await client.putCustomer(customerPut())).queued;
    await eventually(isPut, { withinMs: 15_000, describe: "the client to put" });
  });

  it("says what it met: a connection that is refused for good by its code, silence by the time that it waited", async () => {
    const { proxy, client } = await setupBehindProxy(type);
    await proxy.setMode("refuse");
    const refused = await rejectionOf(client.request(suspend("op-1")));
    await proxy.setMode("blackHole");
    const silent = await rejectionOf(client.request(suspend("op-1")));

    const silence = `the queue did not answer within ${timeoutMs} ms; send the same requests again`;
    // The client of Redis tries again by itself until the time is over; that of PostgreSQL says at once what it met.
    const refusal = "the queue could not be reached (ECONNREFUSED); send the same requests again";
    expect(refused.error).toMatchObject({ message: type === "redis" ? silence : refusal });
    expect(silent.error).toMatchObject({ message: silence });
  });

  it("fails fast when a connection is cut and none can be had, and works once one can", async () => {
    const { queue, proxy, client } = await setupBehindProxy(type);
    await eventuallyQueued(client, "op-1");
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
    if (before === "connected") await eventuallyQueued(client, "op-1");
    await proxy.setMode("blackHole");

    for (const id of ["op-2", "op-3"]) await expectToFailFast(client.request(suspend(id)));

    await proxy.setMode("pass");
    for (const id of ["op-2", "op-3"]) await eventuallyQueued(client, id);
    const ids = await idsIn(queue);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(["op-2", "op-3"]));
  });

  it("works again although its connections have died without a word", async () => {
    const { queue, target } = await setupBehindProxy(type);
    const path = await startForgetfulProxy(target);
    const client = clientOf(atPort(queue, path.port));
    await eventuallyQueued(client, "op-1");
    path.forgetConnections();

    await expectToFailFast(client.request(suspend("op-2")));
    await eventuallyQueued(client, "op-2");

    expect(await idsIn(queue)).toEqual(["op-1", "op-2"]);
  });

  it.each(["refuse", "blackHole"] as const)("closes in time: %s", async (mode) => {
    const { proxy, client } = await setupBehindProxy(type);
    await eventuallyQueued(client, "op-1");
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
    await eventuallyQueued(client, "op-1");
    path.hangUp();
    await expectToFailFast(client.request(suspend("op-2")));
    await client.close();

    await expectSilence(path);
  });

  it("leaves nothing behind of calls that could not connect", async () => {
    const queue = await setUpQueue(type);
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
