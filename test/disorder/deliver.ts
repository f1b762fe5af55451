import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type postgres from "postgres";
import { type StripeStandIn, startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { systemClock } from "../../src/clock.ts";
import type { ExecutionDeps } from "../../src/execution/deps.ts";
import { executeOperation } from "../../src/execution/execute-operation.ts";
import { applyDueEvents } from "../../src/inbox/apply-events.ts";
import { Secret } from "../../src/secret.ts";
import { acceptRequest } from "../../src/store/accept-request.ts";
import type { Database } from "../../src/store/database.ts";
import { takeInEvents } from "../../src/store/take-in-events.ts";
import type { StripeEvent } from "../../src/stripe/events.ts";
import type { StripeGateway } from "../../src/stripe/gateway.ts";
import { createStripeGateway, type StripeConnection } from "../../src/stripe/stripe-gateway.ts";
import { monthlyTerms } from "../support/execution.ts";
import { policy } from "../support/facts.ts";
import { emptyTables, silentLog, type TestStore } from "../support/test-database.ts";
import { shuffled } from "./orders.ts";
import { playScene } from "./play-scene.ts";
import type { Begun, Played, Scene, Standing } from "./scene.ts";

/** How the events of one moment are carried out: each before the next arrives, or all of them once they are there. */
export type Pace = "one_by_one" | "all_at_once";

/**
 * Delivers the events of a scene in an order of one's own, some perhaps twice, to a contract that stands as it did when the
 * scene began, and tells how it stands in the end. Stripe is as it was when all of them had happened.
 */
export async function deliver(
  { db, sql }: Pick<TestStore, "db" | "sql">,
  played: Played,
  order: readonly StripeEvent[],
  pace: Pace = "one_by_one",
): Promise<Standing> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-scene-"));
  const stateFile = join(folder, "state.jsonl");
  await writeFile(stateFile, played.state);
  const standIn = await startStripeStandIn({ stateFile, refuseAutomaticKeys: true, log: () => undefined });
  const gateway = connectTo(standIn);
  const deps = depsOf(db, gateway);
  try {
    await setUpContract(deps, sql, played);
    const bundles = pace === "all_at_once" ? [order] : order.map((event) => [event]);
    for (const bundle of bundles) await carryOutEvents(deps, sql, bundle);
    return await standingInTheEnd(deps, sql);
  } finally {
    gateway.close();
    await standIn.stop();
    await rm(folder, { recursive: true });
  }
}

/**
 * Plays a scene and delivers each of its events at some moment after it was made, some twice, while the scene goes on: late
 * ones meet a Stripe that has gone on since. Tells how the contract stands when all have arrived.
 */
export async function deliverMeanwhile(
  { db, sql }: Pick<TestStore, "db" | "sql">,
  scene: Scene,
  nowMs: number,
  chance: () => number,
): Promise<Standing> {
  const underWay: StripeEvent[] = [];
  let end: Standing | undefined;
  let deps: ExecutionDeps | undefined;
  let gateway: StripeConnection | undefined;
  const arrive = async (share: number) => {
    if (deps === undefined) throw new Error("the scene has not begun");
    for (const event of shuffled(underWay.splice(0), chance)) {
      const isNow = chance() < share;
      if (isNow) await carryOutEvents(deps, sql, [event]);
      if (!isNow || (share < 1 && chance() < 0.2)) underWay.push(event);
    }
  };
  try {
    await playScene(scene, nowMs, {
      async begin(begun, standIn) {
        gateway = connectTo(standIn);
        deps = depsOf(db, gateway);
        await setUpContract(deps, sql, begun);
      },
      async see(events) {
        underWay.push(...events);
        await arrive(0.5);
      },
      async end() {
        await arrive(1);
        if (deps !== undefined) end = await standingInTheEnd(deps, sql);
      },
    });
  } finally {
    gateway?.close();
  }
  if (end === undefined) throw new Error("the scene has no end");
  return end;
}

function connectTo(standIn: StripeStandIn): StripeConnection {
  const secretKey = new Secret(standIn.secretKey);
  return createStripeGateway({ secretKey, apiBase: standIn.url, timeoutMs: 5_000, maxNetworkRetries: 0 });
}

function depsOf(db: Database, gateway: StripeGateway): ExecutionDeps {
  return {
    db,
    gateway,
    clock: systemClock,
    log: silentLog,
    bells: { ring: async () => undefined },
    business: { zone: "Asia/Tokyo", policy },
    brakes: { refundLimitMinor: null, refundLimitPerHourMinor: null },
    stopping: new AbortController().signal,
  };
}

/** Takes events in one by one, as a relay does, and carries out what comes of them. */
async function carryOutEvents(deps: ExecutionDeps, sql: postgres.Sql, events: readonly StripeEvent[]): Promise<void> {
  for (const event of events) await takeInEvents(deps.db, [event], "relay");
  await carryOutDue(deps, sql);
}

/** How the contract stands once what waited for something else was looked at again, as it is a little later. */
async function standingInTheEnd(deps: ExecutionDeps, sql: postgres.Sql): Promise<Standing> {
  await sql`update keiyaku.stripe_events set look_at = clock_timestamp() where look_at is not null`;
  await carryOutDue(deps, sql);
  return standingOf(sql);
}

/** Applies what is due of the inbox, and carries out what comes of it, in the order of the ledger. */
async function carryOutDue(deps: ExecutionDeps, sql: postgres.Sql): Promise<void> {
  await applyDueEvents({ db: deps.db, log: deps.log }, 100);
  const open = await sql`select id from keiyaku.operations where state = 'requested' order by sequence`;
  for (const { id } of open) await carryOut(deps, id);
}

/** Forgets whatever was there, and registers the contract as it stood when the scene began. */
async function setUpContract(deps: ExecutionDeps, sql: postgres.Sql, begun: Begun): Promise<void> {
  await emptyTables(sql);
  const id = "register";
  const actor = { type: "service", id: "shop" };
  // On the day on which it began: later, it would be asked about the period that has begun since.
  const request = { id, kind: "register", contractId: "c-1", actor, params: termsOf(begun) } as const;
  await acceptRequest(deps.db, request, begun.beganAt * 1_000);
  await carryOut(deps, id);
}

/** What the shop says of the contract when the scene begins. */
function termsOf({ scene: { kind }, customer, ids, beganAt, first }: Begun): Record<string, unknown> {
  const beganOn = new Date(beganAt * 1_000 + 9 * 3_600_000).toISOString().slice(0, 10);
  const paidAt = new Date(beganAt * 1_000).toISOString();
  return monthlyTerms({
    product: { id: "magazine", kind, priceMinor: 1_980 },
    kind,
    paymentMethod: "card",
    initialFeeMinor: 0,
    startOn: beganOn,
    stripe: { customerId: customer, ...ids },
    payments: first === null ? [] : [{ subject: "period", period: 0, paidAt, ...first }],
  });
}

async function carryOut(deps: ExecutionDeps, operationId: string): Promise<void> {
  const report = await executeOperation(deps, operationId);
  if (report.type !== "succeeded") throw new Error(`${operationId} ended as ${JSON.stringify(report)}`);
}

async function standingOf(sql: postgres.Sql): Promise<Standing> {
  const [contract] = await sql`select status, termination_on is not null as reserved from keiyaku.contracts`;
  const payments = await sql`select concat_ws(', dispute ', state, dispute) as standing
    from keiyaku.payments order by period`;
  const open = await sql`select coalesce(to_jsonb(p.period), '"price"') as what
    from keiyaku.licenses l join keiyaku.payments p on p.id = l.payment_id
    where l.revoked_at is null order by p.period`;
  const refunds = await sql`select state || ' ' || amount_minor as refund from keiyaku.refunds order by 1`;
  const waiting =
    await sql`select id, type, state_reason from keiyaku.stripe_events where state not in ('applied', 'ignored')`;
  if (waiting.length > 0) throw new Error(`events wait: ${JSON.stringify(waiting)}`);
  const told = await sql`select (detail ->> 'attempt')::int as attempt, array_agg(recipient order by recipient) as whom
    from keiyaku.notifications where kind = 'payment_failed' group by 1 order by 1`;
  for (const { attempt, whom } of told) {
    if (String(whom) !== "customer,operators") throw new Error(`attempt ${attempt} was told to ${whom}`);
  }
  const [lastMail] = await sql`select kind from keiyaku.notifications
    where recipient = 'customer' and (kind like 'contract_%' or (detail ->> 'suspended')::int = 1)
    order by id desc limit 1`;
  return {
    status: contract?.status,
    reserved: contract?.reserved,
    payments: payments.map(({ standing }) => standing),
    open: open.map(({ what }) => what),
    refunds: refunds.map(({ refund }) => refund),
    attemptsTold: told.map(({ attempt }) => attempt),
    lastMail: isTrue(lastMail?.kind, contract?.status) ? "true" : "untrue",
  };
}

/** Whether a mail about the status still says what it is. A contract that nobody was written to about runs as it did. */
function isTrue(kind: string | undefined, status: string): boolean {
  const isRunning = ["active", "special_period", "termination_reserved"].includes(status);
  switch (kind) {
    case undefined:
      return isRunning || ["awaiting_payment", "established"].includes(status);
    case "contract_running_again":
      return isRunning;
    case "payment_failed":
    case "contract_suspended":
      return status === "payment_unconfirmed";
    default:
      return kind === `contract_${status}`;
  }
}
