import type { Job } from "bullmq";
import { afterEach, describe, expect, it } from "vitest";
import type { OperationRequest } from "../../../src/contract/operation.ts";
import { requestJob } from "../../../src/queue/enqueue.ts";
import { Database } from "../../../src/store/database.ts";
import { createOperationsProcessor } from "../../../workers/operations.ts";
import { type BackendType, describeOnBackend, describeOnBackends } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { addressOf } from "../../support/test-database.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { booksOf, type ContractBooks } from "./books.ts";
import { effectsOf, registerPaidByCard, registerSuspended } from "./card-contracts.ts";
import { requestOf, setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** One kind of operation on a contract that is ready for it. */
interface Scenario {
  readonly kind: "confirm_payment" | "cancel_with_refund" | "terminate";
  readonly prepare: (world: World, contractId: string) => Promise<void>;
  /** What is to take effect at Stripe, once. */
  readonly effects: readonly string[];
}

const scenarios: readonly Scenario[] = [
  { kind: "confirm_payment", prepare: (world, contractId) => world.register(contractId), effects: [] },
  {
    kind: "cancel_with_refund",
    prepare: registerPaidByCard,
    effects: ["refund.created 3000", "refund.created 9800"],
  },
  {
    kind: "terminate",
    prepare: registerSuspended,
    // Cancelling the subscription stops the collection of its open invoice, which is then voided.
    effects: ["subscription.canceled", "invoice.updated 1980", "invoice.voided 1980", "payment_intent.canceled 1980"],
  },
];

/** A point between two things that an operation does, and the state of the world once it has passed them all. */
interface DryRun {
  /** As failpoints are set: the name and how many times it has been passed with this one. */
  readonly boundaries: readonly string[];
  readonly books: ContractBooks;
}

/**
 * Carries the operation out in this process and notes every boundary that it passes. Whatever is added to the way of an
 * operation is therefore killed at, too, without anybody remembering to list it.
 */
async function runDry({ kind, prepare, effects }: Scenario): Promise<DryRun> {
  const world = await setUp("postgres");
  await prepare(world, "c-dry");
  const passed: string[] = [];
  const pass = (name: string) => void passed.push(name);
  const db = new Database({
    address: addressOf(world.databaseUrl),
    poolSize: 2,
    applicationName: "keiyaku-test",
    onStatement: (moment, name) => pass(`${moment}:${name}`),
  });
  const process = createOperationsProcessor({ ...world.deps, db, failpoint: pass });
  const request = { ...requestOf("op-dry", kind, "c-dry"), requestedAt: world.deps.clock.now() } as OperationRequest;
  const { name, data } = requestJob(request);
  await process({ name, data, timestamp: world.deps.clock.nowMs() } as Job, "token");
  await db.close();
  expect((await effectsOf(world, "c-dry")).toSorted()).toEqual(effects.toSorted());

  const counts = new Map<string, number>();
  const boundaries = passed.map((boundary) => {
    const nth = (counts.get(boundary) ?? 0) + 1;
    counts.set(boundary, nth);
    return `${boundary}:${nth}`;
  });
  return { boundaries, books: await booksOf(world, "c-dry") };
}

/**
 * Kills a worker at each of the boundaries, each at work on a contract of its own; then lets a minute pass and two workers
 * take up what is left. Returns what the world looks like for each.
 */
async function killAtEach(type: BackendType, { kind, prepare }: Scenario, boundaries: readonly string[]) {
  const world = await setUp(type);
  const client = world.client();
  const cases = boundaries.map((boundary, index) => ({
    boundary,
    contractId: `c-${index}`,
    operationId: `op-${index}`,
  }));
  for (const { boundary, contractId, operationId } of cases) {
    await prepare(world, contractId);
    const victim = await world.worker({ failpoint: `${boundary}:kill` });
    await client.request(requestOf(operationId, kind, contractId));
    expect(await victim.ended(), boundary).toEqual({ code: null, signal: "SIGKILL" });
    await layAside(world);
  }
  await world.letPass(3_600 + 61);
  await world.queue.expireLocks();
  await Promise.all([world.worker(), world.worker()]);
  await world.concluded(cases.map(({ operationId }) => operationId));
  await world.queueEmpty();
  return Promise.all(
    cases.map(async ({ boundary, contractId }) => ({
      boundary,
      effects: (await effectsOf(world, contractId)).toSorted(),
      books: await booksOf(world, contractId),
    })),
  );
}

/** Keeps what a victim has left behind from the next victims, who would be killed at the wrong operation. */
async function layAside({ sql, queue }: World): Promise<void> {
  await sql`update keiyaku.operations set ring_at = ring_at + interval '1 hour' where ring_at < now() + interval '30 minutes'`;
  await queue.prolongLocks();
}

/** The machine's two cores: half of the cases at a time. */
async function killAtEachInLanes(type: BackendType, scenario: Scenario, boundaries: readonly string[]) {
  const half = Math.ceil(boundaries.length / 2);
  const lanes = [boundaries.slice(0, half), boundaries.slice(half)];
  return (await Promise.all(lanes.map((lane) => killAtEach(type, scenario, lane)))).flat();
}

describe.each(scenarios)("a worker killed during $kind", (scenario) => {
  it("is followed by one that finishes the operation as if nothing had happened, from every boundary", async () => {
    const { boundaries, books } = await runDry(scenario);
    const ends = await killAtEachInLanes("postgres", scenario, boundaries);

    console.info(`${scenario.kind}: killed at ${boundaries.length} boundaries, queue on postgres`);
    const effects = scenario.effects.toSorted();
    expect(ends).toEqual(boundaries.map((boundary) => ({ boundary, effects, books })));
  });
});

describeOnBackend("a worker killed during cancel_with_refund, queue on redis", "redis", (type) => {
  const [, scenario] = scenarios;

  it("is followed by one that finishes the operation, from a sample of the boundaries", async () => {
    if (scenario === undefined) throw new Error("There is no such scenario.");
    const { boundaries, books } = await runDry(scenario);
    // Every fifth, and so both sides of statements and of calls; the first is where the queue alone knows of the request.
    const sample = boundaries.filter((_, index) => index % 5 === 0);
    const ends = await killAtEachInLanes(type, scenario, sample);

    console.info(`${scenario.kind}: killed at ${sample.length} of ${boundaries.length} boundaries, queue on redis`);
    const effects = scenario.effects.toSorted();
    expect(ends).toEqual(sample.map((boundary) => ({ boundary, effects, books })));
  });
});

describe("an operation whose workers die again and again", () => {
  it("is finished by the fourth, with each call in effect once", async () => {
    const world = await setUp("postgres");
    await registerPaidByCard(world, "c-1");
    const deaths = ["after:journal_intent:1", "before:journal_resend:1", "after:stripe:refund_payment:1"];
    await world.client().request(requestOf("op-1", "cancel_with_refund", "c-1"));
    for (const boundary of deaths) {
      const victim = world.startingWorker({ failpoint: `${boundary}:kill` });
      expect(await victim.ended(), boundary).toEqual({ code: null, signal: "SIGKILL" });
      await world.letPass(61);
    }
    await world.worker();
    const [operation] = await world.concluded(["op-1"]);

    expect(operation).toMatchObject({ state: "succeeded", attempt: 4 });
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(["refund.created 3000", "refund.created 9800"]);
  });
});

describeOnBackends("a worker that was paused while another took its operation over", (type) => {
  it("changes nothing when it wakes up", async () => {
    const world = await setUp(type);
    await registerPaidByCard(world, "c-1");
    const { control } = world.stripe;
    await control.fault({ mode: "hold", ms: 60_000, method: "POST", path: "/v1/refunds" });
    const paused = await world.worker();
    await world.client().request(requestOf("op-1", "cancel_with_refund", "c-1"));
    await eventually(async () => (await control.requests()).some(({ fault }) => fault === "hold"), {
      withinMs: 10_000,
    });

    paused.kill("SIGSTOP");
    await control.releaseHeld();
    await world.letPass(61);
    await world.queue.expireLocks();
    await world.worker();
    await world.concluded(["op-1"]);
    const [books, operation] = [await booksOf(world, "c-1"), await world.operation("op-1")];

    paused.kill("SIGCONT");
    await eventually(async () => (await paused.ask("/readyz")).ok, { withinMs: 10_000, describe: "the paused worker" });
    await world.register("c-2");
    await world.client().request(requestOf("op-2", "confirm_payment", "c-2"));
    await world.concluded(["op-2"]);
    await world.queueEmpty();

    expect(operation).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(await world.operation("op-1")).toEqual(operation);
    expect(await booksOf(world, "c-1")).toEqual(books);
    expect((await effectsOf(world, "c-1")).toSorted()).toEqual(["refund.created 3000", "refund.created 9800"]);
  });
});
