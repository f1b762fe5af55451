import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import type { Observer } from "../../../src/execution/observer.ts";
import type { IdempotencyKey } from "../../../src/stripe/gateway.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { addOperations } from "../../support/store-rows.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterAll(() => bench.close());

/** A reservation at Stripe that is to be mirrored, and an attempt at it during whose look something else happens. */
async function setup() {
  const { contractId, subscriptionId } = await monthlyByCard(bench);
  const { gateway } = bench.deps;
  await gateway.setCancelAtPeriodEnd(subscriptionId, true, `reserve-${contractId}` as IdempotencyKey);
  const id = `mirror-${contractId}`;
  const reported = { kind: "record_subscription_change", actor_type: "stripe", actor_id: "evt_1" };
  await addOperations(bench.sql, { id, contract_id: contractId, params: { subscriptionId }, ...reported });
  const executeWhile = (happens: () => Promise<unknown>) => {
    const readSubscription = async (readId: string) => {
      const reply = await gateway.readSubscription(readId);
      await happens();
      return reply;
    };
    return executeOperation({ ...bench.deps, gateway: { ...gateway, readSubscription } }, id);
  };
  const statusOf = async () => (await bench.sql`select status from keiyaku.contracts where id = ${contractId}`)[0];
  return { id, executeWhile, statusOf };
}

describe("a conflict between look and settlement", () => {
  it("is tried again, counted, when it was about something else than the operation", async () => {
    const { id, executeWhile, statusOf } = await setup();

    const report = await executeWhile(
      () => bench.sql`update keiyaku.products set version = version + 1 where id = 'magazine'`,
    );

    expect(report).toMatchObject({ type: "retry", reason: "conflict" });
    expect(await bench.operation(id)).toMatchObject({ state: "requested", attempts_counted: 1 });
    expect(await statusOf()).toEqual({ status: "active" });

    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await statusOf()).toEqual({ status: "termination_reserved" });
  });

  it("is over for an attempt that another one has taken over from", async () => {
    const { id, executeWhile } = await setup();

    const report = await executeWhile(
      () => bench.sql`update keiyaku.operations set attempt = attempt + 1 where id = ${id}`,
    );

    expect(report).toMatchObject({ type: "deferred", reason: "superseded" });
    expect(await bench.operation(id)).toMatchObject({ state: "executing", attempt: 2, attempts_counted: 1 });
  });
});

it("tells whoever watches what an operation remarks on, whether it had to look at anything or not", async () => {
  const { contractId } = await monthlyByCard(bench);
  const remarks: string[] = [];
  const observer: Observer = {
    requestAnswered: () => undefined,
    operationAdmitted: () => undefined,
    attempt: (_, work) => work(),
    operationConcluded: () => undefined,
    attentionDrawn: (code) => void remarks.push(code),
  };
  const reports = [
    { kind: "record_payment", params: { invoiceId: "in_of_nobody" } },
    {
      kind: "record_dispute",
      params: { paymentIntentId: "pi_of_nobody", disputeId: "dp_1", stripeDisputeStatus: "needs_response" },
    },
  ] as const;
  for (const { kind, params } of reports) {
    const id = `${kind}-${contractId}`;
    const reported = { kind, params, actor_type: "stripe", actor_id: "evt_1" };
    await addOperations(bench.sql, { id, contract_id: contractId, ...reported });
    expect(await executeOperation({ ...bench.deps, observer }, id)).toEqual({ type: "succeeded" });
  }

  expect(remarks).toEqual(["missing_at_stripe", "payment_unknown"]);
});
