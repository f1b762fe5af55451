import { randomUUID } from "node:crypto";
import { Stripe } from "stripe";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { monthlyByCard, startingByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

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

async function statusOf(invoiceId: string): Promise<string | null> {
  return (await sdk().invoices.retrieve(invoiceId)).status;
}

/** An operation that has listed a draft, and could not stop it before it became final. */
async function setUpLateFinal(kind: "terminate" | "delete") {
  const { contractId, subscriptionId } = await monthlyByCard(bench, { suspended: true });
  const draft = `in_${contractId}_draft`;
  const { control } = bench.stripe;
  await control.seed({ invoices: [{ id: draft, subscription: subscriptionId, period: 2, status: "draft" }] });
  const operationId = `${kind}-${contractId}`;
  const params = kind === "delete" ? { confirm: contractId } : {};
  await bench.accept({ id: operationId, kind, contractId, params });
  await control.fault({ mode: "lose_reply_before", method: "POST", path: `/v1/invoices/${draft}`, times: 2 });
  expect(await bench.execute(operationId)).toMatchObject({ type: "deferred", reason: "result_unknown" });
  await sdk().invoices.finalizeInvoice(draft, {}, { idempotencyKey: randomUUID() });
  return {
    draft,
    control,
    /** Carries the operation on, and tells what it remarked. */
    goOn: async (): Promise<unknown> => {
      await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${operationId}`;
      expect(await bench.execute(operationId)).toEqual({ type: "succeeded" });
      const { outcome } = await bench.operation(operationId);
      return (outcome as { attention: unknown }).attention;
    },
  };
}

describe.each(["terminate", "delete"] as const)("%s, when a draft becomes final before it can be stopped", (kind) => {
  it("voids it", async () => {
    const { draft, goOn } = await setUpLateFinal(kind);
    expect(await goOn()).toEqual([]);
    expect(await statusOf(draft)).toBe("void");
  });
});

describe("cancel", () => {
  it("leaves nothing that Stripe would collect for it, or that its customer could still pay", async () => {
    const { contractId } = await startingByCard(bench);
    const subscription = `sub_${contractId.slice("starting-".length)}`;
    const [open, draft] = [`in_${contractId}_open`, `in_${contractId}_draft`];
    await bench.stripe.control.seed({
      invoices: [
        { id: open, subscription, period: 1, status: "open" },
        { id: draft, subscription, period: 2, status: "draft" },
      ],
    });
    const canceled = await bench.perform({ id: `cancel-${contractId}`, kind: "cancel", contractId });
    expect(canceled).toMatchObject({ state: "succeeded", outcome: { statusAfter: "canceled", attention: [] } });
    expect(await statusOf(open)).toBe("void");
    expect(await sdk().invoices.retrieve(draft)).toMatchObject({ status: "draft", auto_advance: false });
  });
});

describe("terminate", () => {
  // Both moments are to the second: of a payment that follows at once nobody knows on which side of the end it falls.
  it.each(["at once", "seconds after the end"])("says so when such a draft was paid in between, %s", async (when) => {
    const { draft, control, goOn } = await setUpLateFinal("terminate");
    if (when !== "at once") await control.advanceClock({ seconds: 2 });
    await control.payInvoice(draft);
    expect(await goOn()).toEqual([
      { code: "invoice_paid_meanwhile", detail: { invoiceId: draft, amountMinor: 1_980 } },
    ]);
  });

  it("voids the open invoices of former subscriptions, too, before their periods count as never charged", async () => {
    const { contractId, openInvoiceId } = await monthlyByCard(bench, { suspended: true });
    const tail = contractId.slice("monthly-".length);
    const anchorAt = new Date(Date.now() - 5 * 86_400_000).toISOString();
    const names = { id: `sub_${tail}_new`, customer: `cus_${tail}`, price: `price_${tail}` };
    const invoices = [{ id: `in_${tail}_new`, period: 0, status: "open" as const }];
    await bench.stripe.control.seed({ subscriptions: [{ ...names, anchorAt, status: "past_due", invoices }] });
    const params = { subscriptionId: names.id };
    await bench.perform({ id: `replace-${contractId}`, kind: "replace_subscription", contractId, params });

    await bench.perform({ id: `terminate-${contractId}`, kind: "terminate", contractId });

    expect([await statusOf(openInvoiceId), await statusOf(`in_${tail}_new`)]).toEqual(["void", "void"]);
    const rows = await bench.sql`
      select stripe_invoice_id, state from keiyaku.payments where contract_id = ${contractId} and state <> 'paid'
      order by period`;
    expect(rows.map(({ state }) => state)).toContain("never_charged");
  });
});
