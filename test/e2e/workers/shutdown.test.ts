import { afterEach, describe, expect, it } from "vitest";
import { describeOnBackend, describeOnBackends } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { endWorkerProcesses, type WorkerProcess } from "../../support/worker-process.ts";
import { effectsOf, registerPaidByCard } from "./card-contracts.ts";
import { proxyDatabase, requestOf, setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** Long enough that only a release or the end of the stand-in ends it within a test. */
const heldForMs = 60_000;

/** The worker's own deadline in the tests that reach it, in seconds. */
const shutdownTimeout = 1;

/** Past the deadline the last connections have five seconds to close; the rest is for a crowded machine. */
const endsWithinMs = (shutdownTimeout + 5 + 3) * 1_000;

/** A worker that carries out a cancel with two refunds, and waits for Stripe's answer to the first. */
async function setUpAtWork(
  world: World,
  env: Readonly<Record<string, string>> = {},
  databaseUrl = world.databaseUrl,
): Promise<WorkerProcess> {
  const { control } = world.stripe;
  await registerPaidByCard(world, "c-1");
  await control.fault({ mode: "hold", ms: heldForMs, method: "POST", path: "/v1/refunds" });
  const worker = await world.worker({ env, databaseUrl });
  await world.client().request(requestOf("op-1", "cancel_with_refund", "c-1"));
  await eventually(async () => (await refundRequests(world)).length > 0, { withinMs: 10_000, describe: "the refund" });
  return worker;
}

async function refundRequests({ stripe }: World) {
  return (await stripe.control.requests()).filter(({ method, path }) => method === "POST" && path === "/v1/refunds");
}

async function terminate(worker: WorkerProcess): Promise<void> {
  worker.kill("SIGTERM");
  await worker.logged(({ msg }) => msg === "stopping");
}

/** How it ended and how long it took from now; fails after the bound. */
async function endOf(worker: WorkerProcess) {
  const began = performance.now();
  const end = await worker.ended(endsWithinMs);
  return { ...end, tookMs: performance.now() - began };
}

/** Sends the signal until the worker has ended: signals close together count as one, as a terminal and npm send them. */
async function endOfInsistingOn(worker: WorkerProcess, signal: NodeJS.Signals) {
  const again = setInterval(() => worker.kill(signal), 100);
  return await endOf(worker).finally(() => clearInterval(again));
}

const bothRefunds = ["refund.created 3000", "refund.created 9800"];

describeOnBackends("a worker that is told to stop", (type) => {
  it("finishes the call at hand, begins no other, and puts the operation back for the next worker", async () => {
    const world = await setUp(type);
    const worker = await setUpAtWork(world);

    await terminate(worker);
    expect([(await worker.ask("/readyz")).status, (await worker.ask("/healthz")).status]).toEqual([503, 200]);
    await world.stripe.control.releaseHeld();

    expect(await worker.ended()).toEqual({ code: 0, signal: null });
    expect(await refundRequests(world)).toHaveLength(1);
    expect(await world.operation("op-1")).toMatchObject({
      state: "requested",
      occupies: true,
      wait_reason: "shutting_down",
      attempts_counted: 0,
    });

    await world.worker();
    expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded", attempt: 2 }]);
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(bothRefunds);
  });

  it("leaves a call that outlasts its deadline to the next worker, which does not repeat it", async () => {
    const world = await setUp(type);
    const worker = await setUpAtWork(world, { SHUTDOWN_TIMEOUT: String(shutdownTimeout) });

    await terminate(worker);
    expect(await endOf(worker)).toMatchObject({ code: 0, signal: null });
    expect(await world.operation("op-1")).toMatchObject({ state: "executing", attempt: 1 });

    await world.letPass(61);
    await world.queue.expireLocks();
    await world.worker();
    await eventually(async () => (await world.operation("op-1")).attempt !== 1, { withinMs: 10_000 });
    await world.stripe.control.releaseHeld();

    expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded" }]);
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(bothRefunds);
  });

  it("leaves an operation whose statement hangs to the next worker", async () => {
    const world = await setUp(type);
    const { proxy, databaseUrl } = await proxyDatabase(world);
    const worker = await setUpAtWork(world, { SHUTDOWN_TIMEOUT: String(shutdownTimeout) }, databaseUrl);
    await proxy.setMode("blackHole");
    await world.stripe.control.releaseHeld();
    await eventually(async () => (await effectsOf(world, "c-1")).length === 1, { withinMs: 5_000 });

    await terminate(worker);
    expect(await endOf(worker)).toMatchObject({ code: 0, signal: null });
    await proxy.stop();

    await world.letPass(61);
    await world.worker();
    expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded", attempt: 2 }]);
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(bothRefunds);
  });

  it("puts a request that it cannot write down back into the queue", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    const worker = await world.worker();
    const lock = await lockLedger(world);
    await world.client().request(requestOf("op-1", "confirm_payment", "c-1"));
    await worker.logged(({ msg }) => msg === "a request waits for the database");

    await terminate(worker);
    expect(await endOf(worker)).toMatchObject({ code: 0, signal: null });
    expect(await world.queue.counts()).toMatchObject({ waiting: 1, active: 0, failed: 0 });

    await lock.release();
    await world.worker();
    expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded", attempt: 1 }]);
  });

  it("ends at once at a second signal", async () => {
    const world = await setUp(type);
    const worker = await setUpAtWork(world);

    await terminate(worker);
    const end = await endOfInsistingOn(worker, "SIGTERM");
    expect(end).toMatchObject({ code: 143, signal: null });
    // Without it, the worker would wait for its own deadline of 25 s.
    expect(end.tookMs).toBeLessThan(5_000);
  });

  it.each(["refuse", "blackHole"] as const)("ends in time while the database is away: %s", async (mode) => {
    const world = await setUp(type);
    const { proxy, databaseUrl } = await proxyDatabase(world);
    const worker = await world.worker({ databaseUrl, env: { SHUTDOWN_TIMEOUT: String(shutdownTimeout) } });
    await proxy.setMode(mode);
    if (mode === "refuse") proxy.cutAll();

    await terminate(worker);
    expect(await endOf(worker)).toMatchObject({ code: 0, signal: null });
  });
});

describe("a worker that is told to stop during a sweep", () => {
  it("ends in time, however long the sweep would take", async () => {
    const world = await setUp("postgres");
    const worker = await world.worker({
      failpoint: "before:take_silent_operations:1:hang",
      env: { SHUTDOWN_TIMEOUT: String(shutdownTimeout) },
    });

    await terminate(worker);
    expect(await endOf(worker)).toMatchObject({ code: 0, signal: null });
  });
});

/** Locks the ledger as an administrator might, so that every request for it ends as busy. */
async function lockLedger({ sql }: World): Promise<{ release(): Promise<void> }> {
  const session = await sql.reserve();
  await session`begin`;
  await session`lock table keiyaku.operations in access exclusive mode`;
  return {
    async release() {
      await session`rollback`;
      session.release();
    },
  };
}

describeOnBackend("a worker that is told to stop, queue on redis", "redis", (type) => {
  it("puts requests back into the queue while it cannot reach the database", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    const { proxy, databaseUrl } = await proxyDatabase(world);
    const worker = await world.worker({ databaseUrl });
    await proxy.setMode("refuse");
    proxy.cutAll();
    await world.client().request(requestOf("op-1", "confirm_payment", "c-1"));
    await worker.logged(({ msg }) => msg === "a request waits for the database");

    await terminate(worker);
    expect(await endOf(worker)).toMatchObject({ code: 0, signal: null });
    expect(await world.queue.counts()).toMatchObject({ waiting: 1, active: 0, failed: 0 });

    await world.worker();
    expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded", attempt: 1 }]);
  });

  it("ends in time while Redis is gone", async () => {
    const world = await setUp(type);
    const worker = await world.worker({ env: { SHUTDOWN_TIMEOUT: String(shutdownTimeout) } });
    await world.queue.killRedis();
    await worker.logged(({ msg }) => msg === "the queue's connection failed");

    await terminate(worker);
    expect(await endOf(worker)).toMatchObject({ code: 0, signal: null });
  });
});

describe("a worker that is told to stop by SIGINT", () => {
  it("stops as gracefully, and ends at once at a second one", async () => {
    const world = await setUp("postgres");
    const worker = await setUpAtWork(world);

    worker.kill("SIGINT");
    await worker.logged(({ msg, signal }) => msg === "stopping" && signal === "SIGINT");

    expect(await endOfInsistingOn(worker, "SIGINT")).toMatchObject({ code: 130, signal: null });
  });
});

describe("a worker with an error that nobody caught", () => {
  it("says so and ends at once: what it leaves behind is what every start takes up", async () => {
    const world = await setUp("postgres");
    const fails = "process.on('SIGUSR2', () => setImmediate(() => { throw new Error('of somebody else'); }));";
    const worker = await setUpAtWork(world, {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fails)}`,
    });

    worker.kill("SIGUSR2");

    expect(await endOf(worker)).toMatchObject({ code: 1, signal: null });
    expect(worker.logs.at(-1)).toMatchObject({ level: "fatal", msg: "an error that nobody caught ends this process" });
    expect(await world.operation("op-1")).toMatchObject({ state: "executing" });
  });
});
