import { Stripe } from "stripe";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExecutionDeps } from "../../../src/execution/deps.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { abandonHeldOperation, retryHeldOperation } from "../../../src/store/decide-held-operation.ts";
import { monthlyByCard, oneTimeByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

/* What Stripe refuses without our knowing why, and what becomes of the operation that asked. */

let bench: ExecutionBench;

beforeAll(async () => {
  bench = await createExecutionBench();
});

afterAll(() => bench.close());

type Gateway = ExecutionDeps["gateway"];

function execute(id: string, verbs: Partial<Gateway>) {
  return executeOperation({ ...bench.deps, gateway: { ...bench.deps.gateway, ...verbs } }, id);
}

const odd = { type: "unexplained", code: "odd_reason", httpStatus: 400, requestId: "req_odd" } as const;
const refundPayment = async () => odd;

describe("a refund that Stripe will not make, for a reason that nobody has explained,", () => {
  it("stays owed with Stripe's own word for why, and the contract is canceled all the same", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const id = `cancel-${contractId}`;
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    expect(await execute(id, { refundPayment })).toEqual({ type: "succeeded" });
    const { outcome } = await bench.operation(id);
    const owed = { code: "refund_owed", detail: expect.objectContaining({ refusal: "odd_reason" }) };
    expect(outcome).toMatchObject({ statusAfter: "canceled", attention: [owed, owed] });
    const rows = await bench.sql`select state, refusal_code from keiyaku.refunds where contract_id = ${contractId}`;
    expect(rows).toEqual([
      { state: "due", refusal_code: "odd_reason" },
      { state: "due", refusal_code: "odd_reason" },
    ]);
  });

  it("does not stop a deletion, and may be asked for again", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const id = `delete-${contractId}`;
    await bench.accept({ id, kind: "delete", contractId, params: { confirm: contractId } });
    expect(await execute(id, { refundPayment })).toEqual({ type: "succeeded" });
    expect(await bench.sql`select from keiyaku.contracts where id = ${contractId}`).toHaveLength(0);
    const params = { paymentId: `${contractId}:initial_fee` };
    const again = await bench.perform({ id: `again-${contractId}`, kind: "refund_payment", contractId, params });
    expect(again).toMatchObject({ state: "succeeded", outcome: { attention: [] } });
  });

  it("is ours if a look finds it, whatever Stripe has said", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const id = `found-${contractId}`;
    const params = { paymentId: `${contractId}:initial_fee` };
    await bench.accept({ id, kind: "refund_payment", contractId, params });
    const refunding: Gateway["refundPayment"] = async (...request) => {
      await bench.deps.gateway.refundPayment(...request);
      return odd;
    };
    expect(await execute(id, { refundPayment: refunding })).toEqual({ type: "succeeded" });
    const entries = (await bench.stripe.control.ledger()).filter(
      ({ paymentIntent }) => paymentIntent === paymentIntentId,
    );
    expect(entries.filter(({ effect }) => effect === "refund.created")).toHaveLength(1);
    expect(await bench.sql`select state from keiyaku.refunds where contract_id = ${contractId}`).toEqual([
      { state: "succeeded" },
    ]);
  });

  it("is asked for again as long as nobody can look", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const id = `unseen-${contractId}`;
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    let isRefused = false;
    const limited = { type: "not_now", reason: "rate_limited", requestId: null } as const;
    const verbs: Partial<Gateway> = {
      refundPayment: async () => {
        isRefused = true;
        return odd;
      },
      listRefunds: async (intent) => (isRefused ? limited : bench.deps.gateway.listRefunds(intent)),
    };
    expect(await execute(id, verbs)).toMatchObject({ type: "deferred", reason: "rate_limited" });
  });
});

describe("an invoice that Stripe will not void while a payment of it is under way", () => {
  const stillOpen = { type: "unexplained", code: "invoice_still_open", httpStatus: 400, requestId: null } as const;

  async function setUp() {
    const { contractId, openInvoiceId } = await monthlyByCard(bench, { suspended: true });
    const id = `terminate-${contractId}`;
    await bench.accept({ id, kind: "terminate", contractId });
    const dueNow = () => bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    const status = async () => {
      const { port, secretKey } = bench.stripe;
      const stripe = new Stripe(secretKey, { host: "127.0.0.1", port, protocol: "http", telemetry: false });
      return (await stripe.invoices.retrieve(openInvoiceId)).status;
    };
    const keys: string[] = [];
    const voidInvoice: Gateway["voidInvoice"] = async (_, key) => {
      keys.push(key);
      return stillOpen;
    };
    return { id, openInvoiceId, dueNow, status, keys, voidInvoice };
  }

  it("is voided later, under another key: Stripe may answer the first one with its refusal", async () => {
    const { id, openInvoiceId, dueNow, status, keys, voidInvoice } = await setUp();
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      expect(await execute(id, { voidInvoice })).toMatchObject({ type: "retry", reason: "invoice_still_open" });
      await dueNow();
    }
    const first = `keiyaku:${id}:void:${openInvoiceId}:1`;
    expect(keys).toEqual([first, `${first}.1`]);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await status()).toBe("void");
    const calls = await bench.sql`select idempotency_key from keiyaku.stripe_calls
      where operation_id = ${id} and name = ${`void:${openInvoiceId}`}`;
    expect(calls).toEqual([{ idempotency_key: `${first}.2` }]);
  });

  describe("ten times", () => {
    const decision = { operatorId: "op-1", reason: "決済が終わった" };

    async function setUpHeld() {
      const { id, openInvoiceId, dueNow, status, voidInvoice } = await setUp();
      for (let attempt = 1; attempt < 10; attempt += 1) {
        expect(await execute(id, { voidInvoice })).toMatchObject({ type: "retry" });
        await dueNow();
      }
      const detail = { lastReason: "invoice_still_open", step: `void:${openInvoiceId}`, effect: "none" };
      expect(await execute(id, { voidInvoice })).toMatchObject({
        type: "held",
        question: { code: "attempts_exhausted", detail },
      });
      return { id, status, guard: { operationId: id, state: "held", attempt: 10 } as const };
    }

    it("is a question to a person, who may have it tried again", async () => {
      const { id, status, guard } = await setUpHeld();
      await retryHeldOperation(bench.db, guard, decision);
      expect(await bench.execute(id)).toEqual({ type: "succeeded" });
      expect(await status()).toBe("void");
    });

    it("or may abandon it, since it is known that it is not void", async () => {
      const { id, status, guard } = await setUpHeld();
      await abandonHeldOperation(bench.db, guard, decision);
      expect(await bench.operation(id)).toMatchObject({ state: "abandoned", occupies: false });
      expect(await status()).toBe("open");
    });
  });
});
