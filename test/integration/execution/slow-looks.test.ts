import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { watchGateway } from "../../../src/stripe/watched-gateway.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

/* An attempt whose requests take their time is at work: nobody takes it over, and it comes to its end. */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

/** An accepted refund of a month whose payment came along without its ids, so that several looks have to find it. */
async function refundAsked({ withIds = false } = {}) {
  const { contractId } = await monthlyByCard(bench);
  if (!withIds) {
    await bench.sql`update keiyaku.payments set stripe_invoice_id = null, stripe_payment_intent_id = null
      where contract_id = ${contractId}`;
  }
  const id = `refund-${contractId}`;
  await bench.accept({ id, kind: "refund_payment", contractId, params: { paymentId: `${contractId}:period:0` } });
  return id;
}

/** A worker whose requests to Stripe take as long as told, one after the other: on its own clocks and on the database's. */
function slowWorker(id: string, eachMs: readonly number[], afterEach: () => Promise<void>) {
  let passedMs = 0;
  let requests = 0;
  const gateway = watchGateway(bench.deps.gateway, [
    async (_, work) => {
      const reply = await work();
      const requestMs = eachMs[requests % eachMs.length] ?? 0;
      requests += 1;
      passedMs += requestMs;
      await bench.sql`update keiyaku.operations set touched_at = touched_at - ${requestMs} * interval '1 millisecond'
        where id = ${id}`;
      await afterEach();
      return reply;
    },
  ]);
  const clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
    nowMs: () => systemClock.nowMs() + passedMs,
  };
  return { ...bench.deps, gateway, clock };
}

it.each([[[9_000]], [[25_000]], [[44_000]], [[14_000, 47_000]], [[47_000, 14_000]]])(
  "requests of %j ms, before and after the first call, are no silence",
  async (eachMs) => {
    const id = await refundAsked();
    // The first sending is lost, and so looked for; the next attempt looks before it sends.
    await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 });
    const others: unknown[] = [];
    const deps = slowWorker(id, eachMs, async () => void others.push(await bench.execute(id)));
    expect(await executeOperation(deps, id)).toMatchObject({ reason: "result_unknown" });
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await executeOperation(deps, id)).toEqual({ type: "succeeded" });

    expect(others.length).toBeGreaterThan(5);
    for (const report of others) expect(report).toMatchObject({ type: "deferred", reason: "already_executing" });
    expect(await bench.operation(id)).toMatchObject({ state: "succeeded", attempt: 2 });
  },
);

it("a look of minutes before a call is sent again does not make the call late, however often", async () => {
  const id = await refundAsked({ withIds: true });
  await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 });
  expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
  await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;

  let passedMs = 0;
  const gateway = watchGateway(bench.deps.gateway, [
    async (verb, work) => {
      const reply = await work();
      if (verb === "list_refunds") passedMs += 180_000;
      return reply;
    },
  ]);
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  expect(await executeOperation({ ...bench.deps, gateway, clock }, id)).toEqual({ type: "succeeded" });
});

it("an attempt that was taken over meanwhile learns it before its next request, and sends nothing", async () => {
  const id = await refundAsked();
  const requestsOf = async () => (await bench.stripe.control.requests()).length;
  let passedMs = 0;
  let sentAfterwards = -1;
  const gateway = watchGateway(bench.deps.gateway, [
    async (_, work) => {
      const reply = await work();
      if (passedMs > 0) return reply;
      passedMs = 61_000;
      await bench.sql`update keiyaku.operations set touched_at = touched_at - interval '61 seconds' where id = ${id}`;
      expect(await bench.execute(id)).toEqual({ type: "succeeded" });
      sentAfterwards = await requestsOf();
      return reply;
    },
  ]);
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  expect(await executeOperation({ ...bench.deps, gateway, clock }, id)).toMatchObject({ reason: "superseded" });
  expect(await requestsOf()).toBe(sentAfterwards);
});
