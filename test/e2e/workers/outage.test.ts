import { Redis } from "ioredis";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { describeOnBackend, describeOnBackends } from "../../support/backends.ts";
import { createEmptyDatabase } from "../../support/database.ts";
import { eventually } from "../../support/eventually.ts";
import { findFreePort } from "../../support/free-port.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { effectsOf, registerPaidByCard } from "./card-contracts.ts";
import { proxyDatabase, requestOf, setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** A worker waits 15 s for its servers; the rest is for a crowded machine. */
const givesUpWithinMs = 30_000;

describe("a worker whose servers do not answer at its start", () => {
  it("says which in a sentence and asks to be tried later", async () => {
    const world = await setUp("postgres");
    // Both at once: each waits for its server for as long as a worker does.
    const withoutDatabase = world.startingWorker({
      databaseUrl: `postgres://keiyaku@127.0.0.1:${await findFreePort()}/keiyaku`,
    });
    const withoutRedis = world.startingWorker({ redisUrl: `redis://127.0.0.1:${await findFreePort()}` });

    expect(await withoutDatabase.ended(givesUpWithinMs)).toEqual({ code: 75, signal: null });
    expect(withoutDatabase.said()).toContain("PostgreSQL does not answer; check DATABASE_URL and that the server runs");
    expect(await withoutRedis.ended(givesUpWithinMs)).toEqual({ code: 75, signal: null });
    expect(withoutRedis.said()).toContain("Redis does not answer; check REDIS_URL and that the server runs");
  });

  it("works once the database has come up in time", async () => {
    const world = await setUp("postgres");
    await world.register("c-1");
    const { proxy, databaseUrl } = await proxyDatabase(world);
    await proxy.setMode("refuse");
    await world.client().request(requestOf("op-1", "confirm_payment", "c-1"));
    const worker = world.startingWorker({ databaseUrl });
    await worker.logged(({ msg }) => msg.startsWith("PostgreSQL does not answer"));

    await proxy.setMode("pass");
    await worker.untilReady();
    expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded" }]);
  });
});

describe("a worker whose database is not fit at its start", () => {
  it("refuses to start on one that lacks migrations", async () => {
    const world = await setUp("postgres");
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    const worker = world.startingWorker({ databaseUrl: database.url });

    expect(await worker.ended()).toEqual({ code: 1, signal: null });
    expect(worker.said()).toContain("The database lacks migrations of this version: run `keiyaku migrate` first");
  });

  it("refuses to start when its clock and this machine's differ by more than two seconds", async () => {
    const world = await setUp("postgres");
    const ahead = "const now = Date.now; Date.now = () => now() + 5000;";
    const worker = world.startingWorker({
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(ahead)}` },
    });

    expect(await worker.ended()).toEqual({ code: 1, signal: null });
    expect(worker.said()).toMatch(
      /This host's clock and the database's differ by (4\.9|5\.\d) s: synchronise them first/,
    );
  });
});

describeOnBackend("a worker whose Redis is not fit at its start", "redis", (type) => {
  it("refuses to start on one that does not let it in", async () => {
    const world = await setUp(type);
    await configure(world, "requirepass", "of somebody else");
    const url = String(world.queue.redisUrl);

    for (const redisUrl of [url, url.replace("redis://", "redis://:wrong@")]) {
      const worker = world.startingWorker({ redisUrl });
      expect(await worker.ended()).toEqual({ code: 1, signal: null });
      expect(worker.said()).toMatch(/Redis refuses the user or the password of REDIS_URL.*\((NOAUTH|WRONGPASS)\)/);
      expect(worker.said()).not.toContain("wrong@");
    }
  });

  it("refuses to start on one that may evict jobs", async () => {
    const world = await setUp(type);
    await configure(world, "maxmemory-policy", "allkeys-lru");
    const worker = world.startingWorker();

    expect(await worker.ended()).toEqual({ code: 1, signal: null });
    expect(worker.said()).toContain(
      "Redis may evict jobs (maxmemory-policy allkeys-lru): set maxmemory-policy to noeviction",
    );
  });
});

async function configure({ queue }: World, setting: string, value: string): Promise<void> {
  const redis = new Redis(String(queue.redisUrl));
  await redis.config("SET", setting, value);
  await redis.quit();
}

const contracts = ["c-0", "c-1", "c-2", "c-3", "c-4", "c-5", "c-6", "c-7", "c-8", "c-9"];
const idOf = (contractId: string) => `confirm-${contractId}`;

/** What must be so whatever the outage was: each request took effect once, and nothing else happened. */
async function expectEachConfirmedOnce(world: World): Promise<void> {
  const operations = await world.concluded(contracts.map(idOf), 40_000);
  // A job whose completion met a dead connection leaves the queue once its lock has run out and the stalled are looked for.
  await world.queueEmpty(60_000);
  expect(operations.map(({ state, rejection_code }) => [state, rejection_code])).toEqual(
    contracts.map(() => ["succeeded", null]),
  );
  const { sql } = world;
  expect(await sql`select distinct status, version from keiyaku.contracts`).toEqual([{ status: "active", version: 2 }]);
  expect(await sql`select distinct attempt from keiyaku.operations`).toEqual([{ attempt: 1 }]);
  expect(await sql`select * from keiyaku.refused_requests`).toEqual([]);
  expect(await world.queue.counts()).toMatchObject({ failed: 0 });
}

describeOnBackends("a worker whose database goes away and comes back", (type) => {
  it.each(["refuse", "blackHole"] as const)("accepts what was asked meanwhile, once each: %s", async (mode) => {
    const world = await setUp(type);
    for (const contractId of contracts) await world.register(contractId);
    const { proxy, databaseUrl } = await proxyDatabase(world);
    const worker = await world.worker({ databaseUrl });
    await proxy.setMode(mode);
    if (mode === "refuse") proxy.cutAll();

    const requests = contracts.map((contractId) => requestOf(idOf(contractId), "confirm_payment", contractId));
    await world.client().requestMany(requests.slice(0, 5));
    // A foreign producer's jobs are tried once.
    await world.queue.foreign.addBulk(
      requests.slice(5).map((request) => ({ name: "request", data: { v: 1, request } })),
    );
    // On PostgreSQL the queue is away as well, so that no request can be in hand.
    if (type === "redis") await worker.logged(({ msg }) => msg === "a request waits for the database");
    else await eventually(async () => (await worker.ask("/readyz")).status === 503, { withinMs: 10_000 });
    await proxy.setMode("pass");

    await expectEachConfirmedOnce(world);
    expect((await worker.ask("/readyz")).status).toBe(200);
  });

  it.each([
    ["before the server hears it", "cutBefore"],
    ["after the server has carried it out", "cutAfterForward"],
  ] as const)("goes on with the operation at work when a statement is lost %s", async (_, mode) => {
    const world = await setUp(type);
    await registerPaidByCard(world, "c-1");
    const { proxy, databaseUrl } = await proxyDatabase(world);
    const worker = await world.worker({ databaseUrl });
    const { control } = world.stripe;
    await control.fault({ mode: "hold", ms: 60_000, method: "POST", path: "/v1/refunds" });
    await world.client().request(requestOf("op-1", "cancel_with_refund", "c-1"));
    await eventually(async () => (await control.requests()).some(({ fault }) => fault === "hold"), {
      withinMs: 10_000,
    });

    // What is said next to the database is the answer that Stripe gives now.
    await proxy.setMode(mode);
    await control.releaseHeld();

    expect(await world.concluded(["op-1"])).toMatchObject([{ state: "succeeded", attempt: 1 }]);
    expect(proxy.mode).toBe("pass");
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(["refund.created 3000", "refund.created 9800"]);
    expect((await worker.ask("/readyz")).status).toBe(200);
  });
});

describe("a worker that listens for requests by the SQL function", () => {
  it.each(["refuse", "blackHole"] as const)("hears of them again after the database was away: %s", async (mode) => {
    const world = await setUp("postgres");
    await world.register("c-1");
    const { proxy, databaseUrl } = await proxyDatabase(world);
    const worker = await world.worker({ databaseUrl });
    await proxy.setMode(mode);
    if (mode === "refuse") proxy.cutAll();
    // Each answer takes until the database's deadline: long enough for several vain attempts to connect.
    for (const _ of [1, 2, 3]) expect((await worker.ask("/readyz")).status).toBe(503);
    await proxy.setMode("pass");
    await eventually(async () => (await worker.ask("/readyz")).ok, { withinMs: 15_000, describe: "readiness" });

    // The sweep, every half minute, can help out at most once in so short a time.
    for (const [id, kind] of Object.entries({ "op-1": "confirm_payment", "op-2": "suspend", "op-3": "resume" })) {
      const request = { id, kind, contractId: "c-1", actor: { type: "service", id: "shop" } };
      await world.sql`select keiyaku.request(${world.sql.json(request)})`;
      expect(await world.concluded([id], 8_000)).toMatchObject([{ state: "succeeded" }]);
    }
  });
});

/** Operations that are accepted and wait for Stripe: their bells are in the queue. */
async function setUpWaiting(world: World, ids: readonly string[]): Promise<void> {
  const { control } = world.stripe;
  // A key that may not read intents: Stripe works otherwise, so that only these operations wait.
  await control.fault({ mode: "status_403", path: "/v1/payment_intents/*", times: 1_000 });
  const client = world.client();
  for (const id of ids) {
    await registerPaidByCard(world, id);
    await client.request(requestOf(`op-${id}`, "cancel_with_refund", id));
  }
  const areWaiting = async () =>
    (await world.sql`select id from keiyaku.operations where wait_reason = 'forbidden'`).length === ids.length;
  await eventually(areWaiting, { withinMs: 20_000, describe: "operations that wait for Stripe" });
  await control.clearFaults();
}

async function expectEachRefundedOnce(world: World, ids: readonly string[]): Promise<void> {
  const operations = await world.concluded(ids.map((id) => `op-${id}`));
  expect(operations.map(({ state }) => state)).toEqual(ids.map(() => "succeeded"));
  for (const id of ids) {
    expect((await effectsOf(world, id)).toSorted()).toEqual(["refund.created 3000", "refund.created 9800"]);
  }
}

const waiting = ["w-0", "w-1", "w-2", "w-3"];

describeOnBackends("a queue that loses everything", (type) => {
  it("is rung anew by the sweep for all that was accepted, and the operation at work is not disturbed", async () => {
    const world = await setUp(type);
    await world.worker();
    await setUpWaiting(world, waiting);
    const { control } = world.stripe;
    await registerPaidByCard(world, "c-1");
    await control.fault({ mode: "hold", ms: 60_000, method: "POST", path: "/v1/refunds" });
    await world.client().request(requestOf("op-c-1", "cancel_with_refund", "c-1"));
    await eventually(async () => (await control.requests()).some(({ fault }) => fault === "hold"), {
      withinMs: 10_000,
    });

    await world.queue.wipe();
    await control.releaseHeld();
    await expectEachRefundedOnce(world, ["c-1"]);

    await world.letPass(61);
    expect(await world.sweepNow()).toBe(waiting.length);
    await expectEachRefundedOnce(world, waiting);
    await world.queueEmpty();
  });
});

describeOnBackend("a Redis that is killed and comes back empty", "redis", (type) => {
  it("costs no operation: the same worker connects again and the sweep rings", async () => {
    const world = await setUp(type);
    const worker = await world.worker();
    await setUpWaiting(world, waiting);

    await world.queue.killRedis();
    await worker.logged(({ msg }) => msg === "the queue's connection failed");
    await world.queue.startRedisAgain();

    await world.letPass(61);
    expect(await world.sweepNow()).toBe(waiting.length);
    await expectEachRefundedOnce(world, waiting);
    await eventually(async () => (await worker.ask("/readyz")).ok, { withinMs: 10_000, describe: "readiness" });
  });
});
