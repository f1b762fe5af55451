import { expect } from "vitest";
import type { FaultRule } from "../../sandbox/stripe/core/fault-rule.ts";
import type { FailpointConfig } from "../../src/config.ts";
import { bellJob } from "../../src/queue/enqueue.ts";
import { openQueue } from "../../src/queue/queue-backend.ts";
import type { World } from "../e2e/workers/set-up.ts";
import { requestOf } from "../e2e/workers/set-up.ts";
import type { BackendType } from "../support/backends.ts";
import { eventually } from "../support/eventually.ts";
import type { WorkerProcess, WorkerProcessOptions } from "../support/worker-process.ts";
import { type Standing, standingsOf } from "./books.ts";
import {
  contractIdOf,
  type DryRun,
  enter,
  helpAlong,
  operationIdOf,
  type Point,
  type Sending,
  setUpMatrix,
} from "./dry-run.ts";
import { refundLimitMinor } from "./scenarios.ts";

/** How a reply from Stripe is lost. The SDK sends again by itself once, unless half of the reply has come. */
const losses = {
  "and that to its repetition": { mode: "lose_reply_after", times: 2 },
  "but not that to its repetition": { mode: "lose_reply_after", times: 1 },
  "half of it": { mode: "truncate_reply", times: 1 },
  "to a page of a proxy": { mode: "html_502", executed: true, times: 2 },
  "to an error that is kept with the key": { mode: "stored_500", executed: true, times: 2 },
} as const satisfies Record<string, Pick<FaultRule, "mode" | "times"> & { readonly executed?: boolean }>;
type Loss = keyof typeof losses;

/** One operation with the one fault that it meets. */
export interface Case<Fault> {
  readonly run: DryRun;
  readonly fault: Fault;
}

/** One case for each failpoint on each operation's way. */
export function pointCases(runs: readonly DryRun[]): readonly Case<Point>[] {
  return runs.flatMap((run) => run.points.map((fault) => ({ run, fault })));
}

/** One case for each reply from Stripe that may be lost, in each form for what changes something. */
export function lossCases(runs: readonly DryRun[]): readonly Case<Sending & { readonly loss: Loss }>[] {
  return runs.flatMap((run) =>
    run.sendings.flatMap((sending) => lossesOf(sending).map((loss) => ({ run, fault: { ...sending, loss } }))),
  );
}

/** Of a look only its loss matters. */
function lossesOf({ method }: Sending): readonly Loss[] {
  const forms = Object.keys(losses) as Loss[];
  return method === "GET" ? forms.slice(0, 1) : forms;
}

/** One case for each statement whose connection is lost, before it was executed or with its reply. */
export function cutCases(runs: readonly DryRun[]): readonly Case<Point>[] {
  return pointCases(runs).filter(({ fault }) => !fault.name.includes(":stripe:"));
}

/** A case in its world, with names of its own. */
interface Placed<Fault> extends Case<Fault> {
  readonly contractId: string;
  readonly operationId: string;
}

/**
 * Kills one worker that is at work on all the cases, each at its own failpoint; a minute later two others take up what is
 * left. The operations end as if nothing had happened.
 */
export async function killAtEach(type: BackendType, cases: readonly Case<Point>[]): Promise<void> {
  const { world, placed } = await place(type, cases);
  const victim = await startAt(world, placed, "hang");
  victim.kill("SIGKILL");
  expect(await victim.ended()).toEqual({ code: null, signal: "SIGKILL" });

  await takeOver(world, 2);
  await untilConcluded(world, placed);
  await expectAsPlanned(world, placed);
}

/**
 * Stops one worker that is at work on all the cases, each at its own failpoint, for longer than its locks last; another takes
 * over and ends them. Then the first goes on where it stood, and changes nothing any more.
 */
export async function pauseAtEach(type: BackendType, cases: readonly Case<Point>[]): Promise<void> {
  const { world, placed } = await place(type, cases);
  const paused = await startAt(world, placed, "pause");
  paused.kill("SIGSTOP");
  await takeOver(world, 1);
  await untilConcluded(world, placed);
  const before = await expectAsPlanned(world, placed);

  paused.kill("SIGCONT");
  const over = new Set<unknown>();
  let read = 0;
  const areOver = () => {
    for (const line of paused.logs.slice(read))
      if (line.msg.startsWith("work on an operation is over")) over.add(line.operationId);
    read = paused.logs.length;
    return placed.every(({ operationId }) => over.has(operationId));
  };
  await eventually(areOver, { withinMs: 60_000, describe: "the worker that slept to be through with its operations" });
  const after = await expectAsPlanned(world, placed);
  expect([...after]).toEqual([...before]);
}

/** Loses a reply of Stripe's in each case, while one worker is at work on all of them. */
export async function loseReplies(
  type: BackendType,
  cases: readonly Case<Sending & { readonly loss: Loss }>[],
): Promise<void> {
  const { world, placed } = await place(type, cases);
  await world.worker(alone({ env: envFor(placed.length) }));
  // Not before: what has begun an operation has looks of its own, which are not to be lost.
  await startAll(world, placed, async () => {
    for (const { fault, contractId } of placed) {
      const { method, path, nth, loss } = fault;
      const own = { path: path.replaceAll("CONTRACT", contractId), about: contractId };
      await world.stripe.control.fault({ ...losses[loss], method, ...own, skip: nth - 1 });
    }
  });
  await untilConcluded(world, placed);
  expect(await world.stripe.control.pendingFaults()).toEqual([]);
  await expectAsPlanned(world, placed);
}

/** Has a statement of each case meet a lost connection, while one worker is at work on all of them. */
export async function cutOff(type: BackendType, cases: readonly Case<Point>[]): Promise<void> {
  const { world, placed } = await place(type, cases);
  await world.worker(alone({ failpoint: failpointsOf(placed, "throw"), env: envFor(placed.length) }));
  await startAll(world, placed);
  await untilConcluded(world, placed);
  await expectAsPlanned(world, placed);
}

/** Prepares each case's contract in a world of their own. */
async function place<Fault>(type: BackendType, cases: readonly Case<Fault>[]) {
  const world = await setUpMatrix(type);
  const numbers = new Map<DryRun, number>();
  const placed = cases.map((each): Placed<Fault> => {
    const number = numbers.get(each.run) ?? 0;
    numbers.set(each.run, number + 1);
    const contractId = contractIdOf(each.run.scenario, number);
    return { ...each, contractId, operationId: operationIdOf(contractId) };
  });
  for (const { run, contractId } of placed) {
    await run.scenario.prepare(world, contractId);
    for (const fault of run.scenario.faults(contractId)) await world.stripe.control.fault(fault);
  }
  return { world, placed };
}

/**
 * With the one role that carries operations out. What Stripe reports meanwhile would be operations of its own, at times of
 * their own; `test/disorder` is about those.
 */
export function alone(options: Partial<WorkerProcessOptions> = {}): Partial<WorkerProcessOptions> {
  return { roles: ["operations"], ...options };
}

function envFor(count: number): Readonly<Record<string, string>> {
  return {
    WORKER_CONCURRENCY: String(count),
    // Those that stand at a failpoint hold no connection.
    DATABASE_POOL_SIZE: String(count + 2),
    REFUND_LIMIT: String(refundLimitMinor),
    REFUND_LIMIT_PER_HOUR: "1000000000",
  };
}

function failpointsOf(placed: readonly Placed<Point>[], action: FailpointConfig["action"]): string {
  return placed.map(({ fault, operationId }) => `${fault.name}:${fault.nth}:${action}@${operationId}`).join(",");
}

/** Starts a worker on all the cases, and resolves once each stands at its failpoint. */
async function startAt(
  world: World,
  placed: readonly Placed<Point>[],
  action: "hang" | "pause",
): Promise<WorkerProcess> {
  const worker = await world.worker(alone({ failpoint: failpointsOf(placed, action), env: envFor(placed.length) }));
  await startAll(world, placed);
  const standing = new Set<unknown>();
  let read = 0;
  const allStand = async () => {
    for (const line of worker.logs.slice(read)) if (line.failpoint !== undefined) standing.add(line.operationId);
    read = worker.logs.length;
    if (placed.every(({ operationId }) => standing.has(operationId))) return true;
    // Whoever waits behind another must have met it before that one is helped along.
    if (await nobodyElseIsAtWork(world, standing.size)) await helpAllAlong(world);
    return false;
  };
  await eventually(allStand, { withinMs: 60_000, describe: "all operations to stand at their failpoints" }).catch(
    (error: unknown) => {
      const missing = placed.filter(({ operationId }) => !standing.has(operationId));
      throw new Error(`${missing.length} do not: ${missing.slice(0, 5).map(nameOf).join("; ")}`, { cause: error });
    },
  );
  return worker;
}

/** Has those in the ledger that come by it, then rings for them and requests the others. Resolves once the queue has them all. */
async function startAll<Fault>(
  world: World,
  placed: readonly Placed<Fault>[],
  onEntered: () => Promise<void> = async () => undefined,
): Promise<void> {
  const entered = placed.filter(({ run }) => run.scenario.door === "ledger");
  for (const { run, contractId } of entered) await enter(world, run.scenario, contractId);
  await onEntered();
  const client = world.client();
  for (const { run, contractId, operationId } of placed) {
    const { kind, door, params } = run.scenario;
    if (door !== "queue") continue;
    await client.request(requestOf(operationId, kind, contractId, { params: params(contractId) } as object));
  }
  const queue = await openQueue(world.queue.backend, "operations", 5_000);
  const bells = entered.map(({ operationId }) => bellJob({ operationId, attempt: 0, ring: 0, cause: "accepted" }, 0));
  try {
    await queue.addBulk(bells);
  } finally {
    await queue.close();
  }
}

/** Lets a minute pass, after which the silent may be taken over and their locks have run out, and starts others. */
async function takeOver(world: World, workers: number): Promise<void> {
  await world.letPass(61);
  await world.queue.expireLocks();
  await Promise.all(Array.from({ length: workers }, () => world.worker(alone({ env: envFor(50) }))));
}

async function helpAllAlong(world: World): Promise<void> {
  await helpAlong(world);
  await world.sweepNow();
}

/**
 * Resolves once all the operations are final and no worker has anything to do. Meanwhile those that are put off are made due, those that
 * are held are tried again, and a minute passes whenever nobody is at work.
 */
export async function untilConcluded(
  world: World,
  placed: readonly (Pick<Placed<unknown>, "operationId"> & Partial<Placed<unknown>>)[],
): Promise<void> {
  const ids = placed.map(({ operationId }) => operationId);
  let open: readonly { id: string; state: string; wait_reason: string | null }[] = [];
  const areFinal = async () => {
    const rows = await world.sql<{ id: string; state: string; wait_reason: string | null; final: boolean }[]>`
      select id, state, wait_reason, concluded_at is not null as final from keiyaku.operations where id = any (${ids})`;
    open = rows.filter(({ final }) => !final);
    if (rows.length === ids.length && open.length === 0) return true;
    await helpAllAlong(world);
    // When nobody is at work, whoever was has been cut off: a minute passes, after which the silent may be taken over.
    if (await nobodyIsAtWork(world)) await world.letPass(61);
    return false;
  };
  await eventually(areFinal, { withinMs: 90_000, describe: "operations to be concluded" }).catch((error: unknown) => {
    const shown = open.slice(0, 8).map(({ id, state, wait_reason }) => {
      const own = placed.find(({ operationId }) => operationId === id);
      return `${own?.run === undefined ? id : nameOf(own as Placed<unknown>)} is ${state}, ${wait_reason}`;
    });
    throw new Error(`${open.length} are open: ${shown.join("; ")}`, { cause: error });
  });
  // Bells with a delay may be left, for operations that were ended before. A job that a dead worker had, and that the first
  // look of its follower missed, is found by the next one, half a minute later.
  await eventually(() => nobodyIsAtWork(world), { withinMs: 90_000, describe: "the workers to have nothing to do" });
}

function nobodyIsAtWork(world: World): Promise<boolean> {
  return nobodyElseIsAtWork(world, 0);
}

/** Whether no job waits, and none is at work but those, as many as told, that stand at a failpoint. */
async function nobodyElseIsAtWork({ queue }: World, standing: number): Promise<boolean> {
  const { waiting = 0, prioritized = 0, active = 0 } = await queue.counts();
  return waiting + prioritized === 0 && active <= standing;
}

/** Holds each case's contract against what its operation leads to when nothing goes wrong, and our books against Stripe's. */
async function expectAsPlanned<Fault>(
  world: World,
  placed: readonly Placed<Fault>[],
): Promise<ReadonlyMap<string, Standing>> {
  const standings = await standingsOf(
    world,
    placed.map(({ contractId }) => contractId),
  );
  const plain = ({ effects, status, subscriptions, rows }: Standing) => ({ effects, status, subscriptions, rows });
  const found = placed.map((each) => {
    const standing = standings.get(each.contractId) as Standing;
    return { case: nameOf(each), refunds: standing.refunds.ours, ...plain(standing) };
  });
  const planned = placed.map((each) => {
    const standing = standings.get(each.contractId) as Standing;
    const { effects, status } = each.run.scenario;
    return {
      case: nameOf(each),
      refunds: standing.refunds.theirs,
      ...plain(each.run.standing),
      effects: effects.toSorted(),
      status,
    };
  });
  expect(found).toEqual(planned);
  return standings;
}

function nameOf<Fault>({ run, fault, contractId }: Placed<Fault>): string {
  const at = Object.values(fault as Record<string, string | number>).join(" ");
  return `${run.scenario.name} (${contractId}) at ${at}`;
}
