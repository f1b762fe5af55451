import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Seed } from "../../../sandbox/stripe/control/seed-schema.ts";
import type { OperationKind } from "../../../src/contract/operation.ts";
import type { IdempotencyKey } from "../../../src/stripe/gateway.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import {
  contractRow,
  customerRow,
  insertRows,
  licenseRow,
  operationRow,
  paymentRow,
  productRow,
  type StoreRow,
} from "../../support/store-rows.ts";

/*
 * What Stripe reports, from the ledger's row to the last row that it changes, here and at Stripe. The contracts began on
 * 8 October 2024, at noon of Tokyo where Stripe bills them; the reports are of 20 January 2025, in period 3.
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

type PeriodState = "paid" | "unpaid" | "due" | "never_charged";
type InvoiceSeed = Exclude<NonNullable<NonNullable<Seed["subscriptions"]>[number]["invoices"]>, "all_paid">[number];
type SubscriptionSeed = NonNullable<Seed["subscriptions"]>[number];

interface Monthly {
  readonly contract?: StoreRow;
  /** The state of each period's row, from period 0 on. What is paid is open, what is unpaid was shut by suspension. */
  readonly periods?: readonly PeriodState[];
  /** Whether our rows name the invoices that they are lines of. */
  readonly namesInvoices?: boolean;
  readonly initialFee?: PeriodState;
  readonly subscription?: Partial<SubscriptionSeed>;
  /** How the invoice of each period stands at Stripe, from period 0 on; paid unless told otherwise. */
  readonly invoices?: readonly Partial<InvoiceSeed>[];
}

/** A monthly contract by card, at Stripe and here, each as it is told; gives the ids that both know. */
async function addMonthly(parts: Monthly = {}) {
  const { contract = {}, periods = [], namesInvoices = true, initialFee, subscription, invoices = [] } = parts;
  const tail = randomUUID().slice(0, 8);
  const contractId = `c-${tail}`;
  await bench.stripe.control.seed({
    customers: [{ id: `cus_${tail}` }],
    products: [{ id: `prod_${tail}` }],
    prices: [{ id: `price_${tail}`, product: `prod_${tail}`, amount: 1_980 }],
    subscriptions: [
      {
        id: `sub_${tail}`,
        customer: `cus_${tail}`,
        price: `price_${tail}`,
        anchorAt: "2024-10-08T03:00:00Z",
        asOf: "2025-01-20T03:00:00Z",
        ...subscription,
        invoices: invoices.map((invoice, period) => ({ id: `in_${tail}_${period}`, period, ...invoice })),
      },
    ],
  });
  const stripeIds = { stripe_customer_id: `cus_${tail}`, stripe_subscription_id: `sub_${tail}` };
  await addRows(tail, { ...stripeIds, ...contract });
  if (initialFee !== undefined) {
    await insertRows(
      bench.sql,
      "payments",
      paymentRow({ contract_id: contractId, subject: "initial_fee", state: initialFee, amount_minor: 5_000 }),
    );
  }
  for (const [period, state] of periods.entries()) {
    const known = namesInvoices
      ? {
          stripe_invoice_id: `in_${tail}_${period}`,
          stripe_payment_intent_id: state === "paid" ? `pi_${tail}_${period}` : null,
        }
      : {};
    await insertRows(bench.sql, "payments", paymentRow({ contract_id: contractId, period, state, ...known }));
    if (state !== "paid" && state !== "unpaid") continue;
    const revoked = state === "unpaid" ? { revoked_at: "2025-01-09T00:00:00Z", revoked_because: "suspended" } : {};
    const paymentId = `${contractId}:period:${period}`;
    await insertRows(bench.sql, "licenses", licenseRow({ contract_id: contractId, payment_id: paymentId, ...revoked }));
  }
  const invoiceId = (period: number) => `in_${tail}_${period}`;
  const intentId = (period: number) => `pi_${tail}_${period}`;
  return { contractId, subscriptionId: `sub_${tail}`, invoiceId, intentId };
}

async function addRows(tail: string, contract: StoreRow): Promise<void> {
  const { sql } = bench;
  await sql`insert into keiyaku.customers ${sql({ ...customerRow() } as Record<string, string>)} on conflict do nothing`;
  await insertRows(sql, "products", productRow({ id: `p-${tail}`, kind: contract.kind ?? "monthly" }));
  const own = { id: `c-${tail}`, product_id: `p-${tail}`, payment_method: "card" };
  await insertRows(sql, "contracts", contractRow({ ...own, ...contract }));
}

/** A one-time contract by card of ¥9,800 with an initial fee of ¥5,000, neither of which our rows know to be paid. */
async function addOneTime(status: "awaiting_payment" | "canceled", paidAt: string) {
  const tail = randomUUID().slice(0, 8);
  const contractId = `c-${tail}`;
  const paymentIntentId = `pi_${tail}`;
  await bench.stripe.control.seed({
    customers: [{ id: `cus_${tail}` }],
    paymentIntents: [{ id: paymentIntentId, customer: `cus_${tail}`, amount: 14_800, payment: { paidAt } }],
  });
  await addRows(tail, {
    kind: "one_time",
    status,
    price_minor: 9_800,
    initial_fee_minor: 5_000,
    stripe_customer_id: `cus_${tail}`,
    stripe_payment_intent_id: paymentIntentId,
  });
  const state = status === "canceled" ? "never_charged" : "due";
  await insertRows(
    bench.sql,
    "payments",
    paymentRow({ contract_id: contractId, subject: "initial_fee", state, amount_minor: 5_000 }),
    paymentRow({ contract_id: contractId, subject: "one_time_price", state, amount_minor: 9_800 }),
  );
  return { contractId, paymentIntentId };
}

let events = 0;

/** Enters what an event of Stripe's asks for into the ledger and executes it; returns the ledger's row. */
async function report(kind: OperationKind, contractId: string, params: Readonly<Record<string, unknown>>) {
  events += 1;
  const id = `${kind}.${events}`;
  const actor = { actor_type: "stripe", actor_id: `evt_${events}` };
  await insertRows(bench.sql, "operations", operationRow({ id, kind, contract_id: contractId, ...actor, params }));
  await bench.execute(id);
  return bench.operation(id);
}

function failure(invoiceId: string, attempt: number) {
  return { invoiceId, attempt };
}

async function paymentsOf(contractId: string) {
  return bench.sql`select id, subject, period, amount_minor::int as amount, state, stripe_invoice_id as invoice,
      stripe_payment_intent_id as intent, dispute from keiyaku.payments
    where contract_id = ${contractId} order by period nulls first, subject, id`;
}

async function refundsOf(contractId: string) {
  return bench.sql`select id, payment_id, amount_minor::int as amount, state, stripe_refund_id from keiyaku.refunds
    where contract_id = ${contractId} order by id`;
}

/** The licenses of a contract by the period that each opens, true while it is open. */
async function licensesOf(contractId: string) {
  const rows = await bench.sql<{ period: number; open: boolean }[]>`
    select p.period, l.revoked_at is null as open from keiyaku.licenses l join keiyaku.payments p on p.id = l.payment_id
    where l.contract_id = ${contractId} order by p.period, p.id`;
  return rows.map(({ period, open }) => [period, open]);
}

async function mailsOf(contractId: string) {
  const rows = await bench.sql`select kind, recipient from keiyaku.notifications
    where contract_id = ${contractId} order by id`;
  return rows.map(({ kind, recipient }) => `${kind} to ${recipient}`);
}

async function contractOf(contractId: string) {
  const [row] = await bench.sql`select status, termination_on::text, termination_source from keiyaku.contracts
    where id = ${contractId}`;
  return row;
}

/** What took effect at Stripe by requests that carried the operation's key. */
async function effectsOf({ id }: Record<string, unknown>) {
  const key = `:${String(id)}:`;
  const requests = await bench.stripe.control.requests();
  const ours = requests.filter(({ idempotencyKey }) => idempotencyKey?.includes(key));
  const ids = new Set<string | null>(ours.map(({ requestId }) => requestId));
  const ledger = await bench.stripe.control.ledger();
  return ledger.filter((entry) => ids.has(entry.requestId)).map(({ effect, amount }) => [effect, amount]);
}

const done = { state: "succeeded" };
const superseded = { state: "succeeded", outcome: { superseded: true } };

describe("record_payment", () => {
  it("writes the period's payment with its license, once however often it is told", async () => {
    const { contractId, invoiceId, intentId } = await addMonthly({
      periods: ["paid", "paid", "paid"],
      invoices: [{}, {}, {}, {}],
    });
    expect(await report("record_payment", contractId, { invoiceId: invoiceId(3) })).toMatchObject(done);
    expect((await paymentsOf(contractId)).at(-1)).toEqual({
      id: expect.stringMatching(new RegExp(`^${invoiceId(3)}:il_`)),
      subject: "period",
      period: 3,
      amount: 1_980,
      state: "paid",
      dispute: null,
      invoice: invoiceId(3),
      intent: intentId(3),
    });
    expect((await licensesOf(contractId)).at(-1)).toEqual([3, true]);

    expect(await report("record_payment", contractId, { invoiceId: invoiceId(3) })).toMatchObject(superseded);
    expect(await paymentsOf(contractId)).toHaveLength(4);
  });

  it("lets a suspended contract run again, restores the license, and tells both once", async () => {
    const { contractId, invoiceId, intentId } = await addMonthly({
      contract: { status: "payment_unconfirmed" },
      periods: ["paid", "paid", "paid", "unpaid"],
      invoices: [{}, {}, {}, {}],
    });
    expect(await report("record_payment", contractId, { invoiceId: invoiceId(3) })).toMatchObject({
      ...done,
      outcome: { statusBefore: "payment_unconfirmed", statusAfter: "active" },
    });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({
      id: `${contractId}:period:3`,
      state: "paid",
      intent: intentId(3),
    });
    expect((await licensesOf(contractId)).at(-1)).toEqual([3, true]);
    expect(await mailsOf(contractId)).toEqual([
      "contract_running_again to customer",
      "contract_running_again to operators",
    ]);
  });

  it("starts a contract by its first invoice, initial fee and all", async () => {
    const { contractId, invoiceId } = await addMonthly({
      contract: { status: "awaiting_payment", initial_fee_minor: 5_000 },
      periods: ["due"],
      namesInvoices: false,
      initialFee: "due",
      subscription: { asOf: "2024-10-20T03:00:00Z", initialFee: 5_000 },
      invoices: [{}],
    });
    expect(await report("record_payment", contractId, { invoiceId: invoiceId(0) })).toMatchObject({
      ...done,
      outcome: { statusAfter: "active" },
    });
    expect(await paymentsOf(contractId)).toMatchObject([
      { subject: "initial_fee", amount: 5_000, state: "paid", invoice: invoiceId(0) },
      { subject: "period", period: 0, amount: 1_980, state: "paid", invoice: invoiceId(0) },
    ]);
    expect(await licensesOf(contractId)).toEqual([[0, true]]);
  });

  it("gives a period that was paid twice a second row, and says so", async () => {
    const { contractId, subscriptionId } = await addMonthly({ periods: ["paid"], invoices: [{}] });
    const again = `in_again_${contractId}`;
    await bench.stripe.control.seed({ invoices: [{ id: again, subscription: subscriptionId, period: 0 }] });
    expect(await report("record_payment", contractId, { invoiceId: again })).toMatchObject({
      ...done,
      outcome: { attention: [{ code: "period_paid_twice" }] },
    });
    expect(await paymentsOf(contractId)).toMatchObject([
      { period: 0, state: "paid" },
      { period: 0, state: "paid" },
    ]);
    expect(await licensesOf(contractId)).toEqual([[0, true]]);
  });

  it("establishes a one-time contract by its payment intent", async () => {
    const { contractId, paymentIntentId } = await addOneTime("awaiting_payment", "2025-01-20T01:00:00Z");
    expect(await report("record_payment", contractId, { paymentIntentId })).toMatchObject({
      ...done,
      outcome: { statusAfter: "established" },
    });
    expect(await paymentsOf(contractId)).toMatchObject([
      { subject: "initial_fee", amount: 5_000, state: "paid", intent: paymentIntentId },
      { subject: "one_time_price", amount: 9_800, state: "paid", intent: paymentIntentId },
    ]);
    const [license] = await bench.sql`select payment_id from keiyaku.licenses where contract_id = ${contractId}`;
    expect(license).toEqual({ payment_id: `${contractId}:one_time_price` });
  });
});

describe("late money", () => {
  it("is recorded and refunded, once, although the refund's reply was lost", async () => {
    const { contractId, invoiceId, intentId } = await addMonthly({
      contract: { status: "terminated" },
      periods: ["paid", "paid", "paid", "never_charged"],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      invoices: [{}, {}, {}, { status: "open" }],
    });
    await bench.stripe.control.payInvoice(invoiceId(3));
    await bench.stripe.control.fault({ mode: "lose_reply_after", method: "POST", path: "/v1/refunds", times: 2 });
    const first = await report("record_payment", contractId, { invoiceId: invoiceId(3) });
    expect(first).toMatchObject({ ...done, outcome: { attention: [{ code: "late_payment" }] } });
    expect(await effectsOf(first)).toEqual([["refund.created", 1_980]]);
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ state: "refunded", intent: intentId(3) });
    expect(await refundsOf(contractId)).toMatchObject([{ amount: 1_980, state: "succeeded" }]);

    const second = await report("record_payment", contractId, { invoiceId: invoiceId(3) });
    expect(second).toMatchObject(superseded);
    expect(await refundsOf(contractId)).toHaveLength(1);
    expect(await contractOf(contractId)).toMatchObject({ status: "terminated" });
    expect(await licensesOf(contractId)).toHaveLength(3);
    expect(await mailsOf(contractId)).toEqual(["late_payment to operators"]);
  });

  it("goes back where the end is known at Stripe only, and the contract ends at Stripe's time when that is told", async () => {
    const { contractId, subscriptionId, invoiceId, intentId } = await addMonthly({
      contract: { status: "payment_unconfirmed" },
      periods: ["paid", "paid", "paid", "unpaid"],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      invoices: [{}, {}, {}, { status: "open" }],
    });
    await bench.stripe.control.payInvoice(invoiceId(3));
    const told = await report("record_payment", contractId, { invoiceId: invoiceId(3) });
    expect(told).toMatchObject({ ...done, outcome: { attention: [{ code: "late_payment" }] } });
    expect(await effectsOf(told)).toEqual([["refund.created", 1_980]]);
    expect(await contractOf(contractId)).toMatchObject({ status: "payment_unconfirmed" });

    await report("record_subscription_end", contractId, { subscriptionId });
    const [contract] = await bench.sql`select status, ended_at from keiyaku.contracts where id = ${contractId}`;
    expect(contract).toEqual({ status: "terminated", ended_at: new Date("2025-01-20T03:00:00Z") });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ state: "refunded", intent: intentId(3) });
    expect(await refundsOf(contractId)).toHaveLength(1);
  });

  it("goes back by its own report where the end was told first, which takes it for no payment in between", async () => {
    const { contractId, subscriptionId, invoiceId, intentId } = await addMonthly({
      contract: { status: "payment_unconfirmed" },
      periods: ["paid", "paid", "paid", "unpaid"],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      invoices: [{}, {}, {}, { status: "open" }],
    });
    await bench.stripe.control.payInvoice(invoiceId(3));
    const ended = await report("record_subscription_end", contractId, { subscriptionId });
    expect(ended).toMatchObject({ ...done, outcome: { statusAfter: "terminated" } });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ state: "never_charged" });

    await report("record_payment", contractId, { invoiceId: invoiceId(3) });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ state: "refunded", intent: intentId(3) });
    expect(await refundsOf(contractId)).toMatchObject([{ amount: 1_980, state: "succeeded" }]);
  });

  it("of rows that were never there is written as refunded at once", async () => {
    const { contractId, invoiceId } = await addMonthly({
      contract: { status: "terminated" },
      periods: ["paid"],
      invoices: [{}, { status: "open" }],
    });
    await bench.stripe.control.payInvoice(invoiceId(1));
    await report("record_payment", contractId, { invoiceId: invoiceId(1) });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ period: 1, state: "refunded" });
  });

  it("of a one-time contract is refunded row by row from one charge", async () => {
    const { contractId, paymentIntentId } = await addOneTime("canceled", "2025-01-20T03:00:01Z");
    const told = await report("record_payment", contractId, { paymentIntentId });
    expect(await effectsOf(told)).toEqual([
      ["refund.created", 5_000],
      ["refund.created", 9_800],
    ]);
    expect((await paymentsOf(contractId)).map(({ state }) => state)).toEqual(["refunded", "refunded"]);
  });

  it("that was made before its cancel, and told of after, goes back as that would have done", async () => {
    const { contractId, paymentIntentId } = await addOneTime("canceled", "2025-01-20T02:59:59Z");
    const told = await report("record_payment", contractId, { paymentIntentId });
    expect(await effectsOf(told)).toHaveLength(2);
    expect((await paymentsOf(contractId)).map(({ state }) => state)).toEqual(["refunded", "refunded"]);
  });

  it("of a deleted contract is refunded once and buried beside the rest", async () => {
    const { contractId, subscriptionId, invoiceId, intentId } = await addMonthly({
      contract: { status: "active" },
      periods: ["paid"],
      invoices: [{}],
    });
    await bench.perform({ id: `d-${contractId}`, kind: "delete", contractId, params: { confirm: contractId } });
    const late = `in_late_${contractId}`;
    await bench.stripe.control.seed({ invoices: [{ id: late, subscription: subscriptionId, period: 1 }] });

    const told = await report("record_payment", contractId, { invoiceId: late });
    expect(told).toMatchObject({ ...done, outcome: { attention: [{ code: "late_payment" }] } });
    expect(await effectsOf(told)).toEqual([["refund.created", 1_980]]);
    expect(await report("record_payment", contractId, { invoiceId: late })).toMatchObject(superseded);
    expect(await report("record_payment", contractId, { invoiceId: invoiceId(0) })).toMatchObject(superseded);
    const [tombstone] = await bench.sql`select payments from keiyaku.tombstones where contract_id = ${contractId}`;
    expect(tombstone?.payments).toMatchObject([
      { stripePaymentIntentId: intentId(0), result: "refunded" },
      { paymentId: late, subject: "unknown", result: "refunded", refundId: `${late}:refund:1` },
    ]);
    expect(await mailsOf(contractId)).toEqual(["late_payment to operators"]);
  });
});

describe("record_payment_failure", () => {
  it("suspends a running contract, and mails every attempt once, however often it is told", async () => {
    const { contractId, invoiceId } = await addMonthly({
      periods: ["paid", "paid", "paid", "due"],
      namesInvoices: false,
      subscription: { status: "past_due" },
      invoices: [{}, {}, {}, { status: "open" }],
    });
    await insertRows(
      bench.sql,
      "licenses",
      licenseRow({ contract_id: contractId, payment_id: `${contractId}:period:3` }),
    );
    expect(await report("record_payment_failure", contractId, failure(invoiceId(3), 1))).toMatchObject({
      ...done,
      outcome: { statusAfter: "payment_unconfirmed" },
    });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ state: "unpaid", invoice: invoiceId(3) });
    expect(await licensesOf(contractId)).toEqual([
      [0, true],
      [1, true],
      [2, true],
      [3, false],
    ]);

    expect(await report("record_payment_failure", contractId, failure(invoiceId(3), 1))).toMatchObject(superseded);
    expect(await mailsOf(contractId)).toEqual(["payment_failed to customer", "payment_failed to operators"]);
    await report("record_payment_failure", contractId, failure(invoiceId(3), 2));
    const details = await bench.sql`select detail->>'attempt' as attempt, detail->>'suspended' as suspended
      from keiyaku.notifications where contract_id = ${contractId} and recipient = 'customer' order by id`;
    expect(details).toEqual([
      { attempt: "1", suspended: "1" },
      { attempt: "2", suspended: "0" },
    ]);
  });

  it("that comes after the end revives nothing, and is mailed once", async () => {
    const { contractId, invoiceId } = await addMonthly({
      contract: { status: "terminated" },
      periods: ["paid", "paid", "paid", "never_charged"],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      invoices: [{}, {}, {}, { status: "open" }],
    });
    const before = [await paymentsOf(contractId), await licensesOf(contractId), await contractOf(contractId)];
    for (let delivery = 1; delivery <= 2; delivery += 1) {
      const told = await report("record_payment_failure", contractId, failure(invoiceId(3), 4));
      expect(told).toMatchObject(superseded);
    }
    expect([await paymentsOf(contractId), await licensesOf(contractId), await contractOf(contractId)]).toEqual(before);
    expect(await mailsOf(contractId)).toEqual(["payment_failed to customer", "payment_failed to operators"]);
  });
});

describe("record_subscription_change", () => {
  it("mirrors a reservation that was set at Stripe, and its lifting", async () => {
    const { contractId, subscriptionId } = await addMonthly({
      periods: ["paid", "paid", "paid", "paid"],
      subscription: { cancelAtPeriodEnd: true },
    });
    await report("record_subscription_change", contractId, { subscriptionId });
    expect(await contractOf(contractId)).toEqual({
      status: "termination_reserved",
      termination_on: "2025-02-08",
      termination_source: "stripe",
    });
    await bench.deps.gateway.setCancelAtPeriodEnd(subscriptionId, false, `lift-${contractId}` as IdempotencyKey);
    await report("record_subscription_change", contractId, { subscriptionId });
    expect(await contractOf(contractId)).toEqual({ status: "active", termination_on: null, termination_source: null });
    expect(await report("record_subscription_change", contractId, { subscriptionId })).toMatchObject(superseded);
  });

  it.each(["past_due", "unpaid"] as const)("suspends a running contract for %s", async (status) => {
    const { contractId, subscriptionId } = await addMonthly({
      periods: ["paid", "paid", "paid"],
      subscription: { status },
    });
    await report("record_subscription_change", contractId, { subscriptionId });
    expect(await contractOf(contractId)).toMatchObject({ status: "payment_unconfirmed" });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ period: 3, state: "unpaid", invoice: null });
    expect(await report("record_subscription_change", contractId, { subscriptionId })).toMatchObject(done);
    expect(await mailsOf(contractId)).toEqual([
      "contract_suspended to customer",
      "contract_suspended to operators",
      ...(status === "past_due" ? [] : ["subscription_odd to operators"]),
    ]);
  });
});

describe("record_subscription_end", () => {
  it("terminates, voids the open invoice, and does not cancel what is over", async () => {
    const { contractId, subscriptionId, invoiceId } = await addMonthly({
      contract: { status: "payment_unconfirmed" },
      periods: ["paid", "paid", "paid", "unpaid"],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      invoices: [{}, {}, {}, { status: "open" }],
    });
    const told = await report("record_subscription_end", contractId, { subscriptionId });
    expect(told).toMatchObject({ ...done, outcome: { statusAfter: "terminated", attention: [] } });
    expect(await effectsOf(told)).toEqual([
      ["invoice.voided", 1_980],
      ["payment_intent.canceled", 1_980],
    ]);
    const deletions = (await bench.stripe.control.requests()).filter(
      ({ method, path }) => method === "DELETE" && path.endsWith(subscriptionId),
    );
    expect(deletions).toEqual([]);
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ state: "never_charged", invoice: invoiceId(3) });
    expect(await mailsOf(contractId)).toEqual(["contract_terminated to customer", "contract_terminated to operators"]);
    expect(await report("record_subscription_end", contractId, { subscriptionId })).toMatchObject(superseded);
  });

  it("cancels what never began, and refunds what was paid", async () => {
    const { contractId, subscriptionId } = await addMonthly({
      contract: { status: "not_started", start_on: "2025-02-08" },
      periods: ["paid"],
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      invoices: [{}],
    });
    await bench.sql`delete from keiyaku.licenses where contract_id = ${contractId}`;
    const told = await report("record_subscription_end", contractId, { subscriptionId });
    expect(told).toMatchObject({ ...done, outcome: { statusAfter: "canceled" } });
    expect(await effectsOf(told)).toEqual([["refund.created", 1_980]]);
    expect(await paymentsOf(contractId)).toMatchObject([{ state: "refunded" }]);
  });

  it("finds a period that was paid at Stripe by an invoice which our rows do not name", async () => {
    const { contractId, subscriptionId, invoiceId, intentId } = await addMonthly({
      contract: { status: "payment_unconfirmed" },
      periods: ["paid", "paid", "paid", "unpaid"],
      namesInvoices: false,
      subscription: { status: "canceled", endedAt: "2025-01-20T03:00:00Z" },
      invoices: [{}, {}, {}, {}],
    });
    expect(await report("record_subscription_end", contractId, { subscriptionId })).toMatchObject({
      ...done,
      outcome: { statusAfter: "terminated", attention: [{ code: "invoice_paid_meanwhile" }] },
    });
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({
      state: "paid",
      invoice: invoiceId(3),
      intent: intentId(3),
    });
    expect((await licensesOf(contractId)).at(-1)).toEqual([3, true]);
  });
});

describe("record_refund", () => {
  it("writes what the dashboard gave back, touching neither license nor status", async () => {
    const refunds = [{ id: `re_${randomUUID().slice(0, 8)}`, amount: 1_980 }];
    const { contractId, intentId } = await addMonthly({
      periods: ["paid", "paid"],
      invoices: [{}, { payment: { refunds } }],
    });
    expect(await report("record_refund", contractId, { paymentIntentId: intentId(1) })).toMatchObject(done);
    expect(await refundsOf(contractId)).toEqual([
      {
        id: refunds[0]?.id,
        payment_id: `${contractId}:period:1`,
        amount: 1_980,
        state: "succeeded",
        stripe_refund_id: refunds[0]?.id,
      },
    ]);
    expect((await paymentsOf(contractId)).map(({ state }) => state)).toEqual(["paid", "refunded"]);
    expect(await licensesOf(contractId)).toEqual([
      [0, true],
      [1, true],
    ]);
    expect(await report("record_refund", contractId, { paymentIntentId: intentId(1) })).toMatchObject(superseded);
  });

  it("that comes before its payment is caught up with by that", async () => {
    const refunds = [{ id: `re_${randomUUID().slice(0, 8)}`, amount: 1_980 }];
    const { contractId, intentId, invoiceId } = await addMonthly({
      contract: { status: "active" },
      periods: ["paid"],
      invoices: [{}, { payment: { refunds } }],
    });
    expect(await report("record_refund", contractId, { paymentIntentId: intentId(1) })).toMatchObject({
      outcome: { attention: [{ code: "payment_unknown" }] },
    });
    expect(await report("record_payment", contractId, { invoiceId: invoiceId(1) })).toMatchObject(done);
    expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ period: 1, state: "refunded" });
    expect(await refundsOf(contractId)).toMatchObject([{ id: refunds[0]?.id, state: "succeeded" }]);
    expect(await report("record_refund", contractId, { paymentIntentId: intentId(1) })).toMatchObject(superseded);
  });

  it("follows a refund of ours that fails later: it is owed again, told once, and may be asked for again", async () => {
    const { contractId, intentId } = await addMonthly({ periods: ["paid"], invoices: [{}] });
    const paymentId = `${contractId}:period:0`;
    const ask = (id: string) =>
      bench.perform({ id: `${id}-${contractId}`, kind: "refund_payment", contractId, params: { paymentId } });
    await ask("r1");
    const paymentIntentId = intentId(0);
    expect(await report("record_refund", contractId, { paymentIntentId })).toMatchObject(superseded);

    const [refund] = await refundsOf(contractId);
    await bench.stripe.control.failRefund(String(refund?.stripe_refund_id));
    for (const expected of [{ ...done, outcome: { attention: [{ code: "refund_failed" }] } }, superseded]) {
      expect(await report("record_refund", contractId, { paymentIntentId })).toMatchObject(expected);
    }
    expect(await refundsOf(contractId)).toMatchObject([{ state: "failed" }]);
    expect(await paymentsOf(contractId)).toMatchObject([{ state: "paid" }]);
    expect(await mailsOf(contractId)).toEqual(["refund_failed to operators"]);

    expect(await ask("r2")).toMatchObject(done);
    expect(await report("record_refund", contractId, { paymentIntentId })).toMatchObject(superseded);
    expect((await refundsOf(contractId)).map(({ state }) => state)).toEqual(["failed", "succeeded"]);
    expect(await paymentsOf(contractId)).toMatchObject([{ state: "refunded" }]);
  });

  it("of a deleted contract writes again what had succeeded and fails: it is owed", async () => {
    const { contractId, intentId } = await addMonthly({ periods: ["paid"], invoices: [{}] });
    await bench.perform({ id: `d-${contractId}`, kind: "delete", contractId, params: { confirm: contractId } });
    expect(await refundsOf(contractId)).toEqual([]);
    const ledger = await bench.stripe.control.ledger();
    const made = ledger.find((entry) => entry.paymentIntent === intentId(0) && entry.effect === "refund.created");
    await bench.stripe.control.failRefund(String(made?.objectId));
    expect(await report("record_refund", contractId, { paymentIntentId: intentId(0) })).toMatchObject({
      ...done,
      outcome: { attention: [{ code: "refund_failed" }] },
    });
    expect(await refundsOf(contractId)).toMatchObject([
      { payment_id: `${contractId}:period:0`, state: "failed", stripe_refund_id: made?.objectId },
    ]);
  });
});

describe("record_dispute", () => {
  it("notes the dispute on every row of the payment, and tells operators of each state once", async () => {
    const { contractId, intentId } = await addMonthly({ periods: ["paid", "paid"] });
    const dispute = (stripeDisputeStatus: string) =>
      report("record_dispute", contractId, { paymentIntentId: intentId(1), disputeId: "du_1", stripeDisputeStatus });
    expect(await dispute("needs_response")).toMatchObject(done);
    expect(await dispute("under_review")).toMatchObject(superseded);
    expect(await dispute("lost")).toMatchObject(done);
    expect(await dispute("needs_response")).toMatchObject(superseded);
    expect((await paymentsOf(contractId)).map((row) => row.dispute)).toEqual([null, "lost"]);
    expect(await licensesOf(contractId)).toEqual([
      [0, true],
      [1, true],
    ]);
    expect(await mailsOf(contractId)).toEqual(["payment_disputed to operators", "payment_disputed to operators"]);
  });
});

it("terminate finds a period that was paid at Stripe by an invoice which our rows do not name", async () => {
  const { contractId, invoiceId } = await addMonthly({
    contract: { status: "payment_unconfirmed" },
    periods: ["paid", "unpaid"],
    namesInvoices: false,
    subscription: { status: "past_due" },
    invoices: [{}, { status: "open" }],
  });
  await bench.stripe.control.payInvoice(invoiceId(1));
  const ended = await bench.perform({ id: `t-${contractId}`, kind: "terminate", contractId });
  expect(ended).toMatchObject({ ...done, outcome: { attention: [{ code: "invoice_paid_meanwhile" }] } });
  expect((await paymentsOf(contractId)).at(-1)).toMatchObject({ state: "paid", invoice: invoiceId(1) });
});
