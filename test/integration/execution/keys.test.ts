import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
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
