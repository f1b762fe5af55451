import { closeSync, openSync, readSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Stripe from "stripe";
import { startStripeStandIn } from "../../../sandbox/stripe/stripe-stand-in.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { applyDueEvents } from "../../../src/inbox/apply-events.ts";
import { Secret } from "../../../src/secret.ts";
import { type Acceptance, acceptRequest } from "../../../src/store/accept-request.ts";
import { Database } from "../../../src/store/database.ts";
import { takeInEvents } from "../../../src/store/take-in-events.ts";
import type { StripeEvent } from "../../../src/stripe/events.ts";
import { createStripeGateway } from "../../../src/stripe/stripe-gateway.ts";
import { watchGateway } from "../../../src/stripe/watched-gateway.ts";
import { eventsIn } from "../../disorder/play-scene.ts";
import { auditOf } from "../../support/audit.ts";
import { driveOn } from "../../support/daily-run.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { addressOf, emptyTables, silentLog } from "../../support/test-database.ts";
import { advance } from "../stripe-stand-in/set-up-clock.ts";
import { clientOf, idOf } from "../stripe-stand-in/set-up-stand-in.ts";
import type { Asked, Method } from "./life.ts";

const amount = 1_980;
const hourMs = 3_600_000;

/** What can be seen of a contract, in the words of the model. */
export interface Seen {
  readonly status: string;
  readonly endsAt: number | null;
  readonly payments: Readonly<Record<string, string>>;
  /** The periods of which the license stands. */
  readonly open: readonly number[];
  /** By card, and where it was asked for: whether Stripe collects, whether it will stop by itself, and how many refunds it made. */
  readonly atStripe: { readonly runs: boolean; readonly ends: boolean; readonly refunds: number } | null;
}

/** What somebody asks for, under an id of theirs. */
export interface Wish {
  readonly id: string;
  readonly kind: Asked;
  /** Of which payment, where it is about one. */
  readonly period: number;
  readonly reason: string;
}

/** One contract that really lives: our PostgreSQL, the stand-in for Stripe, and what workers call, in one process. */
export interface World {
  /** Every life has one of its own: Stripe knows the keys of former ones. */
  contractId: string;
  /** What Stripe has reported and what has not arrived yet. */
  reported: StripeEvent[];
  begin(method: Method): Promise<void>;
  /** Brings a request to the door, again if there was no answer, and has it carried out as far as a worker comes. */
  request(request: Wish): Promise<Acceptance>;
  /** How an operation has ended: `succeeded`, or the code of its rejection; undefined while it is open. */
  ending(operationId: string): Promise<string | undefined>;
  /** Lets the next worker die at its so many-th boundary, of which `at` is told; null lets it live. */
  dieAt(boundary: number | null, at?: (name: string) => void): void;
  takeOver(): Promise<void>;
  passTime(time: number): Promise<void>;
  setCard(isGood: boolean): Promise<void>;
  arrive(events: readonly StripeEvent[]): Promise<void>;
  look(atStripe: boolean): Promise<Seen>;
  audit(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** The 10th of a month some two years ago: no month is too short for it, and all that is played lies behind us. */
function startOf(nowMs: number): Date {
  const now = new Date(nowMs);
  return new Date(Date.UTC(now.getUTCFullYear() - 1, now.getUTCMonth() - 8, 10, 3));
}

/** The moment of a time of the model: the renewal's date once Stripe has collected, or three weeks later. */
function momentOf(start: Date, time: number): number {
  const renewal = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + Math.floor(time / 2), 10, 5);
  return time % 2 === 0 ? renewal : renewal + 21 * 24 * hourMs;
}

const dateOf = (ms: number) => new Date(ms + 9 * hourMs).toISOString().slice(0, 10);

export async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-model-"));
  const stateFile = join(folder, "state.jsonl");
  const standIn = await startStripeStandIn({ stateFile, log: () => undefined });
  await standIn.control.seed({
    products: [{ id: "prod_magazine" }],
    prices: [{ id: "price_monthly", product: "prod_magazine", amount }],
  });
  const stripe = clientOf(standIn);
  const state = openSync(stateFile, "r");
  let stateRead = 0;
  const start = startOf(Date.now());

  let left: number | null = null;
  let dies: (name: string) => void = () => undefined;
  /** A boundary of a worker's work; at the one where it dies, whatever it was doing stops for good. */
  async function pass(name: string): Promise<void> {
    if (left === null || --left > 0) return;
    left = null;
    dies(name);
    await new Promise(() => undefined);
  }

  const gateway = createStripeGateway({
    secretKey: new Secret(standIn.secretKey),
    apiBase: standIn.url,
    timeoutMs: 5_000,
    maxNetworkRetries: 0,
  });
  const watched = watchGateway(gateway, [
    async (verb, work) => {
      await pass(`before:stripe:${verb}`);
      const reply = await work();
      await pass(`after:stripe:${verb}`);
      return reply;
    },
  ]);
  const plain = await createExecutionBench();
  const db = new Database({
    address: addressOf(plain.url),
    poolSize: 4,
    applicationName: "keiyaku-model",
    onStatement: (moment, statement) => pass(`${moment}:${statement}`),
  });
  const bench: ExecutionBench = { ...plain, deps: { ...plain.deps, db, gateway: watched } };
  const { sql } = bench;

  /** Ends with the work, or as soon as the worker dies at it. */
  async function unlessDead<T>(work: () => Promise<T>): Promise<T | "dead"> {
    const told = dies;
    const death = new Promise<"dead">((resolve) => {
      dies = (name) => {
        told(name);
        resolve("dead");
      };
    });
    return Promise.race([work(), death]);
  }

  let time = 0;
  let life = 0;
  let customer = "";
  let subscription = "";
  let clock = "";

  const nowMs = () => momentOf(start, time) + hourMs;

  /** What Stripe has reported since the last time. */
  function hear(): readonly StripeEvent[] {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.alloc(65_536);
      const length = readSync(state, chunk, 0, chunk.length, stateRead);
      if (length === 0) break;
      stateRead += length;
      chunks.push(chunk.subarray(0, length));
    }
    return eventsIn(Buffer.concat(chunks).toString());
  }

  async function execute(operationId: string): Promise<void> {
    await unlessDead(() => executeOperation(bench.deps, operationId));
  }

  /** The payment of a period, which has its invoice's id where Stripe reported it; one that nobody knows when there is none. */
  async function paymentOf(period: number): Promise<string> {
    const [row] = await sql<{ id: string }[]>`
      select id from keiyaku.payments where contract_id = ${world.contractId} and period = ${period}`;
    return row?.id ?? `${world.contractId}:period:${period}`;
  }

  const openOnes = () => sql<{ id: string; state: string; wait_reason: string | null }[]>`
    select id, state, wait_reason from keiyaku.operations where state in ('requested', 'executing') order by sequence`;

  const world: World = {
    contractId: "",
    reported: [],
    async begin(method) {
      await emptyTables(sql);
      world.dieAt(null);
      [time, customer, subscription, clock, world.reported] = [0, "", "", "", []];
      life += 1;
      const contractId = `c-${life}`;
      world.contractId = contractId;
      const terms = { startOn: dateOf(start.getTime()), initialFeeMinor: 0 };
      const params = method === "card" ? { ...terms, ...(await subscribe()) } : terms;
      hear();
      const request = { id: `register-${life}`, kind: "register", contractId, params: monthlyTerms(params) } as const;
      await acceptRequest(bench.db, { actor: { type: "service", id: "shop" }, ...request }, nowMs());
      const report = await bench.execute(request.id);
      if (report.type !== "succeeded") throw new Error(`not registered: ${JSON.stringify(report)}`);
      // The database's own clock does not know of the model's time.
      await sql`update keiyaku.contracts set created_at = ${start}`;
    },
    async request({ id, kind, period, reason }) {
      const { contractId } = world;
      const params =
        kind === "refund_payment"
          ? { paymentId: await paymentOf(period) }
          : kind === "delete"
            ? { confirm: contractId }
            : {};
      const request = { id, kind, contractId, actor: { type: "operator", id: "alice" }, params, reason };
      const accept = () => acceptRequest(db, request, nowMs());
      // Who has had no answer asks again.
      const first = await unlessDead(accept);
      const acceptance = first === "dead" ? await accept() : first;
      if ("operation" in acceptance) await execute(id);
      return acceptance;
    },
    async ending(operationId) {
      const [row] = await sql`select state, rejection_code from keiyaku.operations where id = ${operationId}`;
      if (row === undefined) return "erased";
      return row.state === "succeeded" ? row.state : (row.rejection_code ?? undefined);
    },
    dieAt(boundary, at = () => undefined) {
      [left, dies] = [boundary, at];
    },
    async takeOver() {
      for (let round = 0; round < 12; round += 1) {
        const open = await openOnes();
        if (open.length === 0) return;
        await sql`update keiyaku.operations set touched_at = touched_at - interval '61 seconds',
          ring_at = ring_at - interval '61 seconds', next_attempt_at = clock_timestamp() - interval '1 second'
          where state in ('requested', 'executing')`;
        for (const { id } of open) await execute(id);
      }
      throw new Error(`nobody ends ${JSON.stringify(await openOnes())}`);
    },
    async passTime(until) {
      time = until;
      if (clock !== "") await advance(stripe, clock, momentOf(start, time) / 1_000);
      world.reported.push(...hear());
      // A run of this day alone: the days between bring nothing to this contract.
      await sql`delete from keiyaku.maintenance_runs`;
      const bells = {
        countWaiting: async () => 0,
        async ring(operationIds: readonly string[]) {
          for (const id of operationIds) await execute(id);
          await world.takeOver();
        },
      };
      await driveOn(bench, dateOf(nowMs()), { bells });
      world.reported.push(...hear());
    },
    async setCard(isGood) {
      const card = isGood ? "pm_card_visa" : "pm_card_chargeCustomerFail";
      await stripe.customers.update(customer, { invoice_settings: { default_payment_method: card } });
    },
    async arrive(events) {
      for (const event of events) {
        await takeInEvents(bench.db, [event], "relay");
        await sql`update keiyaku.stripe_events set look_at = clock_timestamp() where look_at is not null`;
        await applyDueEvents({ db: bench.db, log: silentLog }, 100);
        await world.takeOver();
      }
      world.reported.push(...hear());
    },
    async look(atStripe) {
      const { contractId } = world;
      const [contract] = await sql`select status, termination_on::text from keiyaku.contracts where id = ${contractId}`;
      const payments = await sql<{ period: number; state: string }[]>`
        select period, state from keiyaku.payments where contract_id = ${contractId} order by period`;
      const open = await sql<{ period: number }[]>`
        select p.period from keiyaku.licenses l join keiyaku.payments p on p.id = l.payment_id
        where l.contract_id = ${contractId} and l.revoked_at is null order by p.period`;
      const ends = contract?.termination_on as string | undefined;
      return {
        status: contract?.status ?? "deleted",
        endsAt: ends === undefined || ends === null ? null : periodBeginning(ends),
        payments: Object.fromEntries(payments.map(({ period, state: standing }) => [period, standing])),
        open: open.map(({ period }) => period),
        atStripe: atStripe && subscription !== "" ? await lookAtStripe() : null,
      };
    },
    async audit() {
      return (await auditOf(bench)).violations;
    },
    async close() {
      closeSync(state);
      gateway.close();
      await db.close(0);
      await bench.close();
      await standIn.stop();
      await rm(folder, { recursive: true });
    },
  };

  /** A customer whose card has paid the first period. */
  async function subscribe() {
    clock = (await stripe.testHelpers.testClocks.create({ frozen_time: start.getTime() / 1_000 })).id;
    customer = (
      await stripe.customers.create({
        test_clock: clock,
        payment_method: "pm_card_visa",
        invoice_settings: { default_payment_method: "pm_card_visa" },
      })
    ).id;
    const made = await stripe.subscriptions.create({ customer, items: [{ price: "price_monthly" }] });
    subscription = made.id;
    const [invoice] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
    const [charge] = (await stripe.charges.list({ customer, limit: 1 })).data;
    return {
      paymentMethod: "card",
      stripe: { customerId: customer, subscriptionId: subscription },
      payments: [
        {
          subject: "period",
          period: 0,
          paidAt: start.toISOString(),
          stripeInvoiceId: idOf(invoice?.id),
          stripePaymentIntentId: idOf(charge?.payment_intent),
        },
      ],
    };
  }

  function periodBeginning(date: string): number {
    for (let period = 0; period < 40; period += 1) if (dateOf(momentOf(start, period * 2)) === date) return period;
    throw new Error(`no period begins on ${date}`);
  }

  async function lookAtStripe(): Promise<NonNullable<Seen["atStripe"]>> {
    const seen: Stripe.Subscription = await stripe.subscriptions.retrieve(subscription);
    const { data: charges } = await stripe.charges.list({ customer, limit: 100 });
    const times = await Promise.all(
      charges.map(async ({ id, amount: charged, amount_refunded: back }) => {
        if (back > charged) throw new Error(`${id} was refunded more than it charged`);
        return (await stripe.refunds.list({ charge: id })).data.length;
      }),
    );
    if (times.some((count) => count > 1)) throw new Error("a charge was refunded twice");
    return {
      runs: seen.status !== "canceled",
      ends: seen.cancel_at_period_end,
      refunds: times.reduce((sum, count) => sum + count, 0),
    };
  }

  return world;
}
