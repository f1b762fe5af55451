import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { Secret } from "../../../src/secret.ts";
import { Breaker, breakGateway } from "../../../src/stripe/breaker.ts";
import { createStripeGateway } from "../../../src/stripe/stripe-gateway.ts";
import { oneTimeByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

/** A worker's execution behind a breaker whose next probe the test lets happen. */
function setup() {
  const stopping = new AbortController();
  const wakers: (() => void)[] = [];
  const probe = createStripeGateway({
    secretKey: new Secret(bench.stripe.secretKey),
    apiBase: bench.stripe.url,
    timeoutMs: 2_000,
    maxNetworkRetries: 0,
  });
  const breaker = new Breaker({
    probe: () => probe.findSubscriptionIn("unpaid"),
    clock: { sleep: () => new Promise((resolve) => wakers.push(resolve)) },
    log: bench.deps.log,
    stopping: stopping.signal,
  });
  const deps = { ...bench.deps, gateway: breakGateway(bench.deps.gateway, breaker) };
  return {
    breaker,
    execute: (id: string) => executeOperation(deps, id),
    probeAgain: async () => {
      for (const wake of wakers.splice(0)) wake();
      await breaker.suspect();
    },
  };
}

async function refundAsked() {
  const { contractId } = await oneTimeByCard(bench);
  const id = `cancel-${contractId}`;
  await bench.accept({ id, kind: "cancel_with_refund", contractId });
  return { id, contractId };
}

const dueNow = (id: string) => bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;

const requestsSent = async () => (await bench.stripe.control.requests()).length;

describe("an hour without Stripe", () => {
  it.each([
    ["no answer", "html_502", "stripe_unreachable"],
    ["a wrong key", "status_401", "unauthorized"],
    ["a key without permission", "status_403", "forbidden"],
  ] as const)("(%s) uses up no attempts, sends nothing, and everything goes on afterwards", async (_, mode, reason) => {
    const { execute, probeAgain } = setup();
    const { id, contractId } = await refundAsked();
    await bench.stripe.control.fault({ mode, path: "/v1/**", times: 1_000 });
    expect(await execute(id)).toMatchObject({ type: "deferred", reason });

    const sent = await requestsSent();
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await dueNow(id);
      expect(await execute(id)).toMatchObject({ type: "deferred", reason });
    }
    expect(await requestsSent()).toBe(sent);
    expect(await bench.operation(id)).toMatchObject({ state: "requested", attempts_counted: 0 });

    await bench.stripe.control.clearFaults();
    await probeAgain();
    await dueNow(id);
    expect(await execute(id)).toEqual({ type: "succeeded" });
    const refunds = await bench.sql`select state from keiyaku.refunds where contract_id = ${contractId}`;
    expect(refunds).toEqual([{ state: "succeeded" }, { state: "succeeded" }]);
  });
});

describe("a look that has no answer while Stripe works", () => {
  it("counts as an attempt of its own operation, and ends with a person", async () => {
    const { execute, breaker } = setup();
    const { id } = await refundAsked();
    await bench.stripe.control.fault({ mode: "html_502", path: "/v1/payment_intents/*", method: "GET", times: 1_000 });
    for (let attempt = 1; attempt < 10; attempt += 1) {
      expect(await execute(id)).toMatchObject({ type: "retry", reason: "look_unanswered" });
      await dueNow(id);
    }
    expect(await execute(id)).toEqual({
      type: "held",
      question: { code: "attempts_exhausted", detail: { attempts: 10, lastReason: "look_unanswered" } },
    });
    expect(breaker.stopped).toBeNull();
  });
});
