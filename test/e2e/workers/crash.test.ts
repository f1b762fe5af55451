import type { Job } from "bullmq";
import { afterEach, describe, expect, it } from "vitest";
import type { OperationRequest } from "../../../src/contract/operation.ts";
import { requestJob } from "../../../src/queue/enqueue.ts";
import { Database } from "../../../src/store/database.ts";
import { createOperationsProcessor } from "../../../workers/operations.ts";
import { type BackendType, describeOnBackends } from "../../support/backends.ts";
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

/** A point between two things that an operation does. */
interface Boundary {
  /** What is passed, and how many times the operation has passed it with this one. */
  readonly name: string;
  /** The same as a worker's failpoint, which counts what all operations before it have passed there, too. */
  readonly failpoint: string;
}

/** Every boundary on the way of an operation, and the state of the world once it has passed them all. */
interface DryRun {
  readonly boundaries: readonly Boundary[];
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

  return { boundaries: boundariesOf(passed), books: await booksOf(world, "c-dry") };
}

/** The boundaries for operations of which the first stops at the first, the second at the second, and so on. */
function boundariesOf(passed: readonly string[]): readonly Boundary[] {
  const byAll = new Map<string, number>();
  return passed.map((point, index) => {
    const own = passed.slice(0, index + 1);
    for (const each of own) byAll.set(each, (byAll.get(each) ?? 0) + 1);
    const nth = own.filter((each) => each === point).length;
    return { name: `${point}:${nth}`, failpoint: `${point}:${byAll.get(point)}` };
  });
}

/**
 * Lets a worker carry out an operation for each boundary, one after the other, each of which hangs at its own, and kills it
 * there; then lets a minute pass and two workers take up what is left. Returns what the world looks like for each.
 */
async function killAtEach(type: BackendType, { kind, prepare }: Scenario, boundaries: readonly Boundary[]) {
  const world = await setUp(type);
  const client = world.client();
  const cases = boundaries.map((boundary, index) => ({
    ...boundary,
    contractId: `c-${index}`,
    operationId: `op-${index}`,
  }));
  for (const { contractId } of cases) await prepare(world, contractId);
  const victim = await world.worker({
    failpoint: cases.map(({ failpoint }) => `${failpoint}:hang`).join(","),
    env: { WORKER_CONCURRENCY: String(cases.length) },
  });
  for (const { failpoint, contractId, operationId } of cases) {
    await client.request(requestOf(operationId, kind, contractId));
    await victim.logged((line) => line.failpoint === failpoint);
  }
  victim.kill("SIGKILL");
  expect(await victim.ended()).toEqual({ code: null, signal: "SIGKILL" });
  await world.letPass(61);
  await world.queue.expireLocks();
  await Promise.all([world.worker(), world.worker()]);
  await world.concluded(cases.map(({ operationId }) => operationId));
  await world.queueEmpty();
  return Promise.all(
    cases.map(async ({ name, contractId }) => ({
      boundary: name,
      effects: (await effectsOf(world, contractId)).toSorted(),
      books: await booksOf(world, contractId),
    })),
  );
}

for (const scenario of scenarios) {
  describeOnBackends(`a worker killed during ${scenario.kind}`, (type) => {
    it("is followed by two that finish the operation as if nothing had happened, from every boundary", async () => {
      const { boundaries, books } = await runDry(scenario);
      const ends = await killAtEach(type, scenario, boundaries);

      console.info(`${scenario.kind}: killed at ${boundaries.length} boundaries, queue on ${type}`);
      const effects = scenario.effects.toSorted();
      expect(ends).toEqual(boundaries.map(({ name }) => ({ boundary: name, effects, books })));
    });
  });
}

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
