import { randomUUID } from "node:crypto";
import { Stripe } from "stripe";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { oneTimeByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

/* A refund at Stripe is ours only if its metadata names our row, whatever its amount and its charge. */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

const dueNow = (id: string) => bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;

/** Loses a sending of a refund, before anything is done, and the one that the SDK repeats; `skip` lets as many through first. */
const loseRefund = (skip = 0) =>
  bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", skip, times: 2 });

/** The refunds of a payment intent at Stripe, by our row that their metadata names; null for those that are not ours. */
async function refundsAt(stripe: Stripe, paymentIntentId: string) {
  const { data } = await stripe.refunds.list({ payment_intent: paymentIntentId });
  return data.map(({ amount, metadata }) => ({ amount, row: metadata?.keiyaku_refund ?? null }));
}

const connect = () =>
  new Stripe(bench.stripe.secretKey, { host: "127.0.0.1", port: bench.stripe.port, protocol: "http" });

/** A contract whose initial fee and price come to the same, paid together by one charge. */
async function withEqualRows() {
  const tail = randomUUID().slice(0, 8);
  const [contractId, paymentIntentId] = [`equal-${tail}`, `pi_${tail}`];
  const paidAt = new Date(Date.now() - 5 * 86_400_000).toISOString();
  await bench.stripe.control.seed({
    customers: [{ id: `cus_${tail}` }],
    paymentIntents: [{ id: paymentIntentId, customer: `cus_${tail}`, amount: 6_000, createdAt: paidAt, payment: {} }],
  });
  const registered = await bench.perform({
    id: `register-${contractId}`,
    kind: "register",
    contractId,
    params: {
      productId: "booklet",
      product: { id: "booklet", kind: "one_time", priceMinor: 3_000 },
      customerId: "customer-1",
      customer: { id: "customer-1", email: "hanako@example.com", name: "山田 花子" },
      kind: "one_time",
      paymentMethod: "card",
      priceMinor: 3_000,
      initialFeeMinor: 3_000,
      startOn: paidAt.slice(0, 10),
      stripe: { customerId: `cus_${tail}`, paymentIntentId },
      payments: [
        { subject: "initial_fee", paidAt },
        { subject: "one_time_price", paidAt },
      ],
    },
  });
  expect(registered.state).toBe("succeeded");
  return { contractId, paymentIntentId };
}

describe("a refund whose sending was lost", () => {
  it("is made, although somebody has refunded the same amount on the dashboard meanwhile", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const id = `refund-${contractId}`;
    await bench.accept({ id, kind: "refund_payment", contractId, params: { paymentId: `${contractId}:initial_fee` } });
    await loseRefund();
    expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
    const stripe = connect();
    const dashboard = { payment_intent: paymentIntentId, amount: 3_000 };
    await stripe.refunds.create(dashboard, { idempotencyKey: `dashboard-${contractId}` });

    await dueNow(id);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    const [row] =
      await bench.sql`select id, state, stripe_refund_id from keiyaku.refunds where contract_id = ${contractId}`;
    const refunds = await refundsAt(stripe, paymentIntentId);
    expect(refunds).toHaveLength(2);
    expect(refunds).toEqual(
      expect.arrayContaining([
        { amount: 3_000, row: null },
        { amount: 3_000, row: row?.id },
      ]),
    );
    expect(row?.state).toBe("succeeded");
  });

  it("is made, although its charge has given back as much for another row", async () => {
    const { contractId, paymentIntentId } = await withEqualRows();
    const id = `cancel-${contractId}`;
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    await loseRefund(1);
    expect(await bench.execute(id)).toMatchObject({ reason: "result_unknown" });
    expect(await refundsAt(connect(), paymentIntentId)).toHaveLength(1);

    await dueNow(id);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    const rows = await bench.sql<{ id: string; stripe_refund_id: string }[]>`
      select id, stripe_refund_id from keiyaku.refunds where contract_id = ${contractId} order by id`;
    const refunds = await refundsAt(connect(), paymentIntentId);
    expect(refunds.toSorted((a, b) => String(a.row).localeCompare(String(b.row)))).toEqual(
      rows.map((row) => ({ amount: 3_000, row: row.id })),
    );
    expect(new Set(rows.map(({ stripe_refund_id }) => stripe_refund_id)).size).toBe(2);
  });
});
