import { Stripe } from "stripe";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OperationKind } from "../../../src/contract/operation.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { watchGateway } from "../../../src/stripe/watched-gateway.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

/*
 * A change of a subscription whose reply is lost with its worker, and whose subscription ends before anybody looks again: it
 * took effect, or not, and is never reported as refused if it may have.
 */

let bench: ExecutionBench;

beforeAll(async () => {
  bench = await createExecutionBench();
});

afterEach(() => bench.stripe.control.clearFaults());

afterAll(() => bench.close());

function sdk(): Stripe {
  const { port, secretKey } = bench.stripe;
  return new Stripe(secretKey, { host: "127.0.0.1", port, protocol: "http", telemetry: false });
}

const day = 86_400;

/** An operation whose worker died with the reply to its change of the subscription, so many seconds ago. */
async function setUp(kind: OperationKind, { reserved = false, isDone = true, secondsAgo = 2 * day } = {}) {
  const { contractId, subscriptionId } = await monthlyByCard(bench);
  if (reserved) await bench.perform({ id: `before-${contractId}`, kind: "reserve_termination", contractId });
  const id = `${kind}-${contractId}`;
  await bench.accept({ id, kind, contractId });
  const dying = watchGateway(bench.deps.gateway, [
    async (verb, work) => {
      if (verb !== "set_cancel_at_period_end") return work();
      if (isDone) await work();
      // Nothing is written after this: it is as if the process had been killed.
      bench.deps.db.run = () => Promise.reject(new Error("killed"));
      throw new Error("killed");
    },
  ]);
  const run = bench.deps.db.run.bind(bench.deps.db);
  await executeOperation({ ...bench.deps, gateway: dying }, id).catch(() => undefined);
  bench.deps.db.run = run;
  expect(await bench.operation(id)).toMatchObject({ state: "executing" });
  await bench.sql`update keiyaku.operations set touched_at = touched_at - ${secondsAgo} * interval '1 second'
    where id = ${id}`;
  await bench.sql`update keiyaku.stripe_calls set first_sent_at = first_sent_at - ${secondsAgo} * interval '1 second',
    last_sent_at = last_sent_at - ${secondsAgo} * interval '1 second' where operation_id = ${id} and type = 'call'`;
  if (secondsAgo >= day) await bench.stripe.control.pruneKeys();
  const periodEndsAt = async () => {
    const { items } = await sdk().subscriptions.retrieve(subscriptionId);
    return new Date((items.data[0]?.current_period_end ?? 0) * 1_000 + 3_600_000).toISOString();
  };
  const sent = async () =>
    (await bench.stripe.control.requests()).filter(
      ({ method, idempotencyKey }) => method === "POST" && idempotencyKey?.includes(`:${id}:`),
    ).length;
  return { id, contractId, subscriptionId, periodEndsAt, sent };
}

const overtaken = (subscriptionId: string) => ({
  state: "succeeded",
  outcome: { superseded: true, attention: [{ code: "subscription_ended_meanwhile", detail: { subscriptionId } }] },
});

describe("a reservation that took effect", () => {
  it.each([60, 2 * day])(
    "is overtaken when somebody else ended the subscription, %d seconds later",
    async (secondsAgo) => {
      const { id, contractId, subscriptionId, sent } = await setUp("reserve_termination", { secondsAgo });
      await sdk().subscriptions.cancel(subscriptionId);
      expect(await bench.execute(id)).toEqual({ type: "succeeded" });
      expect(await bench.operation(id)).toMatchObject(overtaken(subscriptionId));
      expect(await bench.sql`select status from keiyaku.contracts where id = ${contractId}`).toEqual([
        { status: "active" },
      ]);
      expect(await sent()).toBe(1);
    },
  );
});

describe("a reservation that did not take effect, as far as anybody knows", () => {
  it("is overtaken, too", async () => {
    const { id, subscriptionId } = await setUp("reserve_termination", { isDone: false });
    await sdk().subscriptions.cancel(subscriptionId);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await bench.operation(id)).toMatchObject(overtaken(subscriptionId));
  });

  it("is overtaken although its next key has been turned away: nobody knows what became of the first", async () => {
    const { id, subscriptionId } = await setUp("reserve_termination", { isDone: false });
    const path = `/v1/subscriptions/${subscriptionId}`;
    await bench.stripe.control.fault({ mode: "rate_limit_429", method: "POST", path });
    expect(await bench.execute(id)).toMatchObject({ reason: "rate_limited" });
    const [call] = await bench.sql`select key_number, first_sent_at from keiyaku.stripe_calls
      where operation_id = ${id} and type = 'call'`;
    expect(call).toEqual({ key_number: 2, first_sent_at: null });
    await sdk().subscriptions.cancel(subscriptionId);
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await bench.operation(id)).toMatchObject(overtaken(subscriptionId));
  });
});

describe("a withdrawal that took effect", () => {
  it("is overtaken when the subscription has ended", async () => {
    const { id, subscriptionId } = await setUp("withdraw_reservation", { reserved: true });
    await sdk().subscriptions.cancel(subscriptionId);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await bench.operation(id)).toMatchObject(overtaken(subscriptionId));
  });
});

describe("a change that was never sent", () => {
  it("is refused when the subscription has ended", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench);
    const id = `reserve-${contractId}`;
    await bench.accept({ id, kind: "reserve_termination", contractId });
    const path = `/v1/subscriptions/${subscriptionId}`;
    await bench.stripe.control.fault({ mode: "rate_limit_429", method: "POST", path });
    expect(await bench.execute(id)).toMatchObject({ reason: "rate_limited" });
    await sdk().subscriptions.cancel(subscriptionId);
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await bench.execute(id)).toEqual({ type: "rejected" });
    expect(await bench.operation(id)).toMatchObject({ rejection_code: "subscription_not_running" });
  });
});

// Last, since it takes the clock of Stripe beyond the periods of all contracts.
describe("a reservation that Stripe has carried out by itself", () => {
  it("is adopted: it goes on saying how it was to end", async () => {
    const { id, contractId, periodEndsAt, sent } = await setUp("reserve_termination");
    await bench.stripe.control.advanceClock({ to: await periodEndsAt() });
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await bench.sql`select status from keiyaku.contracts where id = ${contractId}`).toEqual([
      { status: "termination_reserved" },
    ]);
    expect(await sent()).toBe(1);
  });
});
