import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import type { ExecutionDeps } from "../../../src/execution/deps.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { Database } from "../../../src/store/database.ts";
import { oneTimeByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addressOf } from "../../support/test-database.ts";

/** A contract by card with two payments to give back, and its cancellation, accepted. */
async function setup() {
  const bench = await createExecutionBench();
  onTestFinished(() => bench.close());
  const { contractId } = await oneTimeByCard(bench);
  const id = `cancel-${contractId}`;
  await bench.accept({ id, kind: "cancel_with_refund", contractId });
  return { bench, contractId, id };
}

async function refundsAtStripe(bench: ExecutionBench): Promise<readonly unknown[]> {
  const ledger = await bench.stripe.control.ledger();
  return ledger.filter(({ effect }) => effect === "refund.created").map(({ amount }) => amount);
}

async function sentRefunds(bench: ExecutionBench): Promise<number> {
  const requests = await bench.stripe.control.requests();
  return requests.filter(({ method, path }) => method === "POST" && path === "/v1/refunds").length;
}

it("a refund that Stripe refuses, and lists as ours, is ours: it is adopted and not owed any more", async () => {
  const { bench, contractId, id } = await setup();
  const { gateway } = bench.deps;
  const refusing: ExecutionDeps["gateway"] = {
    ...gateway,
    refundPayment: async (refund, key) => {
      await gateway.refundPayment(refund, key);
      return { type: "refused", code: "charge_already_refunded", requestId: "req_refused" };
    },
  };

  expect(await executeOperation({ ...bench.deps, gateway: refusing }, id)).toEqual({ type: "succeeded" });

  const calls = await bench.sql`select answer ->> 'type' as answer, learned_by from keiyaku.stripe_calls
    where operation_id = ${id} and type = 'call'`;
  expect(calls).toEqual([
    { answer: "done", learned_by: "look" },
    { answer: "done", learned_by: "look" },
  ]);
  const refunds = await bench.sql`select state, stripe_refund_id is not null as known, refusal_code from keiyaku.refunds
    where contract_id = ${contractId}`;
  expect(refunds).toEqual([
    { state: "succeeded", known: true, refusal_code: null },
    { state: "succeeded", known: true, refusal_code: null },
  ]);
  expect((await bench.operation(id)).outcome).toMatchObject({ attention: [] });
});

it.each([
  [60_000, { type: "succeeded" }, 2],
  [60_001, { type: "deferred", reason: "process_paused" }, 0],
])("a process that slept for %i ms after it had journaled a call ends as %j", async (sleptMs, report, sent) => {
  const { bench, id } = await setup();
  let nowMs = 0;
  const onStatement = (moment: string, name: string) => {
    if (moment === "after" && name === "journal_intent") nowMs += sleptMs;
  };
  const db = new Database({ address: addressOf(bench.url), poolSize: 2, applicationName: "sleepy", onStatement });
  onTestFinished(() => db.close());
  const sleepy = { ...bench.deps, db, clock: { ...systemClock, monotonicMs: () => nowMs } };

  expect(await executeOperation(sleepy, id)).toMatchObject(report);

  expect(await sentRefunds(bench)).toBe(sent);
  expect(await refundsAtStripe(bench)).toHaveLength(sent);
});

it.each([
  ["under the same key", 0],
  ["under the next key", 25],
])("a process that slept after it had journaled a call anew sends nothing, %s", async (_, hours) => {
  const { bench, id } = await setup();
  await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 });
  expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
  await bench.sql`update keiyaku.stripe_calls set first_sent_at = first_sent_at - ${hours} * interval '1 hour',
    last_sent_at = last_sent_at - ${hours} * interval '1 hour' where operation_id = ${id} and type = 'call'`;
  await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
  const sentBefore = await sentRefunds(bench);
  let nowMs = 0;
  const onStatement = (moment: string, name: string) => {
    if (moment === "after" && name === "journal_resend") nowMs += 60_001;
  };
  const db = new Database({ address: addressOf(bench.url), poolSize: 2, applicationName: "sleepy", onStatement });
  onTestFinished(() => db.close());
  const sleepy = { ...bench.deps, db, clock: { ...systemClock, monotonicMs: () => nowMs } };

  expect(await executeOperation(sleepy, id)).toMatchObject({ reason: "process_paused" });

  expect(await sentRefunds(bench)).toBe(sentBefore);
});

it("what a process that slept has put back is carried out by the next attempt, once", async () => {
  const { bench, id } = await setup();
  let nowMs = 0;
  const onStatement = (moment: string, name: string) => {
    if (moment === "after" && name === "journal_intent") nowMs += 61_000;
  };
  const db = new Database({ address: addressOf(bench.url), poolSize: 2, applicationName: "sleepy", onStatement });
  onTestFinished(() => db.close());
  await executeOperation({ ...bench.deps, db, clock: { ...systemClock, monotonicMs: () => nowMs } }, id);
  expect(await bench.operation(id)).toMatchObject({ state: "requested", attempts_counted: 0, occupies: true });

  await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
  expect(await bench.execute(id)).toEqual({ type: "succeeded" });

  expect(await refundsAtStripe(bench)).toHaveLength(2);
});
