import type { Job } from "bullmq";
import type { OperationRequest } from "../../src/contract/operation.ts";
import { isFailpointName } from "../../src/failpoint-names.ts";
import { bellJob, requestJob } from "../../src/queue/enqueue.ts";
import { Database } from "../../src/store/database.ts";
import { retryHeldOperation } from "../../src/store/decide-held-operation.ts";
import { type CallWatcher, watchGateway } from "../../src/stripe/watched-gateway.ts";
import { createOperationsProcessor } from "../../workers/operations.ts";
import { requestOf, setUp, type World } from "../e2e/workers/set-up.ts";
import { insertRows, operationRow } from "../support/store-rows.ts";
import { addressOf } from "../support/test-database.ts";
import { type Standing, standingsOf } from "./books.ts";
import { catalogAtStripe } from "./contracts.ts";
import { refundLimitMinor, type Scenario, scenarios, slowRefund } from "./scenarios.ts";

/** A failpoint on the way of an operation, and which of its passings of it this is. */
export interface Point {
  readonly name: string;
  readonly nth: number;
}

/** A request of an operation to Stripe, and which of those that look alike this is. The path has CONTRACT for its contract. */
export interface Sending {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly nth: number;
}

/** What an operation does when nothing goes wrong. */
export interface DryRun {
  readonly scenario: Scenario;
  readonly points: readonly Point[];
  readonly sendings: readonly Sending[];
  readonly standing: Standing;
}

/** The contract of a scenario's case: `m03-017`. */
export function contractIdOf(scenario: Scenario, number: number | "dry"): string {
  const index = String([...scenarios, slowRefund].indexOf(scenario)).padStart(2, "0");
  return `m${index}-${typeof number === "number" ? String(number).padStart(3, "0") : number}`;
}

export function operationIdOf(contractId: string): string {
  return `op-${contractId}`;
}

/** A world in which the scenarios can take place. */
export async function setUpMatrix(type: "postgres" | "redis" = "postgres"): Promise<World> {
  const world = await setUp(type);
  await world.stripe.control.seed(catalogAtStripe);
  return world;
}

/**
 * Writes an operation that comes by the ledger into it, accepted some seconds ago, so that no sweep rings for it, and begins
 * it where the scenario says so.
 */
export async function enter(world: World, scenario: Scenario, contractId: string): Promise<void> {
  const { kind, actor, params, begin } = scenario;
  const names = { id: operationIdOf(contractId), kind, contract_id: contractId, params: params(contractId) };
  const ring_at = new Date(Date.now() + 60_000);
  await insertRows(world.sql, "operations", operationRow({ ...names, actor_type: actor, actor_id: actor, ring_at }));
  await begin?.(world, names.id);
}

/** What operators and time do for the operations that wait: makes them due, and has those that are held tried again. */
export async function helpAlong({ sql, deps }: World): Promise<void> {
  const held = await sql<{ id: string; attempt: number }[]>`
    select id, attempt from keiyaku.operations where state = 'held'`;
  for (const { id: operationId, attempt } of held) {
    const decision = { operatorId: "alice", reason: "it is right" };
    await retryHeldOperation(deps.db, { operationId, state: "held", attempt }, decision);
  }
  await sql`update keiyaku.operations set next_attempt_at = null, ring_at = clock_timestamp()
    where state = 'requested' and next_attempt_at is not null`;
}

/**
 * Carries each scenario's operation out in this process and notes every failpoint that it passes and every request that it
 * sends. Whatever is added to the way of an operation is therefore killed at, too, without anybody remembering to list it.
 */
export async function runDry(): Promise<readonly DryRun[]> {
  const world = await setUpMatrix();
  const runs: DryRun[] = [];
  for (const scenario of scenarios) runs.push(await runOne(world, scenario));
  return runs;
}

/** Carries one scenario's operation out, as {@link runDry} does. */
export async function runOne(world: World, scenario: Scenario): Promise<DryRun> {
  const contractId = contractIdOf(scenario, "dry");
  const operationId = operationIdOf(contractId);
  const { control } = world.stripe;
  await scenario.prepare(world, contractId);
  for (const fault of scenario.faults(contractId)) await control.fault(fault);

  const passed: string[] = [];
  let current = operationId;
  const pass = (name: string) => {
    if (!isFailpointName(name)) throw new Error(`${name} is not registered in failpoint-names.ts`);
    // Told a little later by a timer: whether the operation has ended by then is chance, and nothing hangs on it.
    if (current === operationId && !name.endsWith(":notify_soon")) passed.push(name);
  };
  const db = new Database({
    address: addressOf(world.databaseUrl),
    poolSize: 2,
    applicationName: "keiyaku-test",
    onStatement: (moment, name) => pass(`${moment}:${name}`),
  });
  const passing: CallWatcher = async (verb, work) => {
    pass(`before:stripe:${verb}`);
    const reply = await work();
    pass(`after:stripe:${verb}`);
    return reply;
  };
  const gateway = watchGateway(world.deps.gateway, [passing]);
  const brakes = { refundLimitMinor, refundLimitPerHourMinor: 1_000_000_000 };
  const process = createOperationsProcessor({ ...world.deps, db, gateway, brakes });
  const take = ({ name, data }: { readonly name: string; readonly data: unknown }) =>
    process({ name, data, timestamp: world.deps.clock.nowMs() } as Job, "token");
  const ring = (id: string) => {
    current = id;
    return take(bellJob({ operationId: id, attempt: 0, ring: 0, cause: "accepted" }, 0));
  };

  if (scenario.door === "ledger") await enter(world, scenario, contractId);
  const requestsBefore = (await control.requests()).length;
  if (scenario.door === "queue") {
    const params = scenario.params(contractId);
    const request = requestOf(operationId, scenario.kind, contractId, { params } as object);
    await take(requestJob({ ...request, requestedAt: world.deps.clock.now() } as OperationRequest));
  } else {
    await ring(operationId);
  }
  for (let round = 0; (await world.operation(operationId)).concluded_at === null; round += 1) {
    if (round > 5)
      throw new Error(`${scenario.name} does not end: ${JSON.stringify(await world.operation(operationId))}`);
    await helpAlong(world);
    const open = await world.sql<{ id: string }[]>`select id from keiyaku.operations
      where contract_id = ${contractId} and concluded_at is null order by sequence`;
    for (const { id } of open) await ring(id);
  }
  await db.close();
  await control.clearFaults();
  // What a fault of the scenario meets has no reply that could be lost.
  const requests = (await control.requests()).slice(requestsBefore).filter(({ fault }) => fault === undefined);
  const sendings = requests.map(({ method, path }) => {
    const plain = path.replace(/\?.*$/, "").replaceAll(contractId, "CONTRACT");
    return { method: method as Sending["method"], path: plain };
  });
  const standing = (await standingsOf(world, [contractId])).get(contractId) as Standing;
  return { scenario, points: counted(passed.map((name) => ({ name }))), sendings: counted(sendings), standing };
}

/** Each thing with which of its like it is, counted from 1. */
function counted<Thing extends object>(things: readonly Thing[]): readonly (Thing & { readonly nth: number })[] {
  const counts = new Map<string, number>();
  return things.map((thing) => {
    const like = JSON.stringify(thing);
    const nth = (counts.get(like) ?? 0) + 1;
    counts.set(like, nth);
    return { ...thing, nth };
  });
}
