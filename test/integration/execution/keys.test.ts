import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { Secret } from "../../../src/secret.ts";
import type { IdempotencyKey } from "../../../src/stripe/gateway.ts";
import { Pace } from "../../../src/stripe/pace.ts";
import { createStripeGateway, type StripeGatewayOptions } from "../../../src/stripe/stripe-gateway.ts";
import { watchGateway } from "../../../src/stripe/watched-gateway.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { eventually } from "../../support/eventually.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

/*
 * One call, one key, as long as Stripe may remember it or still be at work on it; what becomes of it after that, and of an
 * attempt that comes back from a sleep.
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(async () => {
  await bench.stripe.control.clearFaults();
  await bench.stripe.control.releaseHeld();
});
afterAll(() => bench.close());

/** An accepted refund of one month (1,980 yen). */
async function refundAsked() {
  const { contractId } = await monthlyByCard(bench);
  const [id, paymentId] = [`refund-${contractId}`, `${contractId}:period:0`];
  const paymentIntentId = `pi_${contractId.slice("monthly-".length)}_0`;
  await bench.accept({ id, kind: "refund_payment", contractId, params: { paymentId } });
  const refunds = async () =>
    (await bench.stripe.control.ledger())
      .filter(({ effect, paymentIntent }) => effect === "refund.created" && paymentIntent === paymentIntentId)
      .map(({ amount }) => amount);
  const sent = async () =>
    (await bench.stripe.control.requests()).filter(
      ({ method, idempotencyKey }) => method === "POST" && idempotencyKey?.includes(`:${id}:`),
    );
  return { id, contractId, refunds, sent };
}

/** A worker's own connection to Stripe, as it is set in production but for its patience. */
function connect(options: Partial<StripeGatewayOptions>) {
  const { secretKey, url: apiBase } = bench.stripe;
  const gateway = createStripeGateway({ secretKey: new Secret(secretKey), apiBase, timeoutMs: 2_000, ...options });
  onTestFinished(() => gateway.close());
  return gateway;
}

const dueNow = (id: string) => bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;

/** Lets the minute of a takeover, or a day, pass for an operation and its journal. */
async function letPass(id: string, seconds: number) {
  await bench.sql`update keiyaku.operations set touched_at = touched_at - ${seconds} * interval '1 second',
    next_attempt_at = null where id = ${id}`;
  await bench.sql`update keiyaku.stripe_calls set first_sent_at = first_sent_at - ${seconds} * interval '1 second',
    last_sent_at = last_sent_at - ${seconds} * interval '1 second' where operation_id = ${id} and type = 'call'`;
}

const hour = 3_600;

describe("a key", () => {
  it("is sent again for 23 hours, then waits until 24 hours and 5 minutes after its last sending, then gives way", async () => {
    const { id, refunds, sent } = await refundAsked();
    const before = { mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 } as const;
    await bench.stripe.control.fault(before);
    expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
    await letPass(id, 23 * hour - 60);
    await bench.stripe.control.fault(before);
    expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
    expect(new Set((await sent()).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);

    await letPass(id, 120);
    const waiting = await bench.execute(id);
    expect(waiting).toMatchObject({ reason: "key_expiring" });
    // The last sending was two minutes ago, as the journal has it.
    expect((waiting as { delayMs: number }).delayMs).toBeGreaterThan((24 * hour + 2 * 60) * 1_000);
    await letPass(id, 24 * hour + 2 * 60);
    expect(await bench.execute(id)).toMatchObject({ reason: "key_expiring" });
    expect(await refunds()).toEqual([]);

    await letPass(id, 2 * 60);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await refunds()).toEqual([1_980]);
    expect((await sent()).at(-1)?.idempotencyKey).toMatch(/:2$/);
  });

  it("is the same while Stripe still holds the first sending, which then takes effect once", async () => {
    const { id, contractId, refunds, sent } = await refundAsked();
    await bench.stripe.control.fault({ mode: "hold", ms: 600_000, method: "POST", path: "/v1/refunds" });
    // Its patience runs out, and nothing is to be seen of the refund yet.
    expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
    await dueNow(id);
    expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
    expect((await sent()).map(({ status }) => status)).toEqual([null, 409]);
    expect(await refunds()).toEqual([]);

    await bench.stripe.control.releaseHeld();
    await eventually(async () => (await refunds()).length > 0, { withinMs: 5_000, describe: "the held refund" });
    await dueNow(id);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await refunds()).toEqual([1_980]);
    const rows = await bench.sql`select state from keiyaku.refunds where contract_id = ${contractId}`;
    expect(rows).toEqual([{ state: "succeeded" }]);
  });
});

describe("an attempt that slept for 25 hours", () => {
  it("between its intent and its sending, sends nothing when it wakes up", async () => {
    const { id, refunds, sent } = await refundAsked();
    let sleptMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + sleptMs };
    const db = Object.assign(Object.create(bench.db) as typeof bench.db, {
      run: async (...args: Parameters<typeof bench.db.run>) => {
        const rows = await bench.db.run(...args);
        if (args[0] === "journal_intent") {
          // Another takes over a day later, and does it all.
          await letPass(id, 25 * hour);
          await bench.stripe.control.pruneKeys();
          expect(await bench.execute(id)).toEqual({ type: "succeeded" });
          sleptMs = 25 * hour * 1_000;
        }
        return rows;
      },
    });
    expect(await executeOperation({ ...bench.deps, db, clock }, id)).toMatchObject({ reason: "superseded" });
    expect(await refunds()).toEqual([1_980]);
    expect(await sent()).toHaveLength(1);
    expect(await bench.operation(id)).toMatchObject({ state: "succeeded", attempt: 2 });
  });

  it("before the SDK repeats its sending, sends nothing more when it wakes up", async () => {
    const { id, refunds, sent } = await refundAsked();
    const gateway = connect({ maxNetworkRetries: 1 });
    let sleptMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + sleptMs };
    await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds" });
    const sleeping = executeOperation({ ...bench.deps, gateway, clock }, id);
    await eventually(async () => (await sent()).length > 0, { withinMs: 5_000, describe: "the sending that is lost" });
    sleptMs = 25 * hour * 1_000;
    await letPass(id, 25 * hour);
    await bench.stripe.control.pruneKeys();

    // Another does it all, under the next key.
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await sleeping).toMatchObject({ reason: "superseded" });
    expect(await refunds()).toEqual([1_980]);
    expect((await sent()).map(({ idempotencyKey }) => idempotencyKey?.at(-1))).toEqual(["1", "2"]);
  });

  it.each(["monotonicMs", "nowMs"] as const)(
    "waiting for its turn, sends nothing when it wakes up, by its %s",
    async (hand) => {
      const { id, refunds, sent } = await refundAsked();
      const wakers: (() => void)[] = [];
      let turnsMs = 0;
      const pace = new Pace(
        { perSecond: Number.POSITIVE_INFINITY, perEndpoint: 1 },
        { monotonicMs: () => turnsMs, sleep: () => new Promise<void>((resolve) => wakers.push(resolve)) },
      );
      const gateway = connect({ pace, maxNetworkRetries: 0 });
      await gateway.refundPayment(
        { refundId: "other", operationId: "other", paymentIntentId: "pi_none", amountMinor: 1 },
        "other" as IdempotencyKey,
      );
      // A virtual machine that was suspended: its monotonic clock stood still, and only the wall clock tells.
      let sleptMs = 0;
      const clock = { ...systemClock, [hand]: () => systemClock[hand]() + sleptMs };
      const sleeping = executeOperation({ ...bench.deps, gateway, clock }, id);
      await eventually(async () => wakers.length > 0, { withinMs: 5_000, describe: "the wait for its turn" });
      await letPass(id, 25 * hour);
      // Nobody can know that it was not sent: it was journaled, and perhaps its worker died a moment later.
      expect(await bench.execute(id)).toEqual({ type: "succeeded" });
      await bench.stripe.control.pruneKeys();

      sleptMs = 25 * hour * 1_000;
      turnsMs = 10_000;
      for (const wake of wakers.splice(0)) wake();
      expect(await sleeping).toMatchObject({ reason: "superseded" });
      expect(await refunds()).toEqual([1_980]);
      expect(await sent()).toHaveLength(1);
    },
  );

  it("between its sending and the reply, changes nothing when it wakes up", async () => {
    const { id, refunds } = await refundAsked();
    const gateway = watchGateway(bench.deps.gateway, [
      async (verb, work) => {
        const reply = await work();
        if (verb !== "refund_payment") return reply;
        await letPass(id, 25 * hour);
        await bench.stripe.control.pruneKeys();
        expect(await bench.execute(id)).toEqual({ type: "succeeded" });
        return reply;
      },
    ]);
    expect(await executeOperation({ ...bench.deps, gateway }, id)).toMatchObject({ reason: "superseded" });
    expect(await refunds()).toEqual([1_980]);
    const calls = await bench.sql`select key_number, learned_by from keiyaku.stripe_calls
      where operation_id = ${id} and type = 'call'`;
    expect(calls).toEqual([{ key_number: 1, learned_by: "look" }]);
  });
});

describe("a key under which every sending was turned away", () => {
  const refusals = ["status_403", "status_401", "rate_limit_429"] as const;

  it.each(refusals)(
    "does not age (%s): it is no question to a person after days, and done once Stripe lets it",
    async (mode) => {
      const { id, refunds, sent } = await refundAsked();
      await bench.stripe.control.fault({ mode, method: "POST", path: "/v1/refunds", times: 1_000 });
      const reason = { status_403: "forbidden", status_401: "unauthorized", rate_limit_429: "rate_limited" }[mode];
      for (let day = 0; day < 5; day += 1) {
        expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason });
        expect(await bench.operation(id)).toMatchObject({ wait_reason: reason, attempts_counted: 0 });
        await letPass(id, 25 * hour);
      }
      await bench.stripe.control.clearFaults();
      expect(await bench.execute(id)).toEqual({ type: "succeeded" });
      expect(await refunds()).toEqual([1_980]);
      expect(new Set((await sent()).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    },
  );

  it("ages from its first sending of which nobody knows the end, whatever comes of the later ones", async () => {
    const { id, sent } = await refundAsked();
    await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 });
    expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
    await bench.stripe.control.fault({ mode: "status_403", method: "POST", path: "/v1/refunds", times: 1_000 });
    await letPass(id, 22 * hour);
    expect(await bench.execute(id)).toMatchObject({ reason: "forbidden" });
    await letPass(id, 2 * hour);
    const sentBefore = (await sent()).length;
    expect(await bench.execute(id)).toMatchObject({ reason: "key_expiring" });
    expect(await sent()).toHaveLength(sentBefore);
  });
});

describe("a draft that Stripe has stopped, with an error that it keeps with the key", () => {
  it("is found to be stopped", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench, { suspended: true });
    const draft = `in_${contractId}_draft`;
    await bench.stripe.control.seed({
      invoices: [{ id: draft, subscription: subscriptionId, period: 2, status: "draft" }],
    });
    const id = `terminate-${contractId}`;
    await bench.accept({ id, kind: "terminate", contractId });
    const path = `/v1/invoices/${draft}`;
    await bench.stripe.control.fault({ mode: "stored_500", executed: true, method: "POST", path });
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    const [call] = await bench.sql`select key_number, learned_by from keiyaku.stripe_calls
      where operation_id = ${id} and name = ${`stop:${draft}`}`;
    expect(call).toEqual({ key_number: 1, learned_by: "look" });
  });
});
