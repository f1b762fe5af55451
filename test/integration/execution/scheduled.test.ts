import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Seed } from "../../../sandbox/stripe/control/seed-schema.ts";
import type { OperationKind } from "../../../src/contract/operation.ts";
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
 * What a date brings, from the ledger's row to the last row that it changes, here and at Stripe. The contracts began on
 * 8 October 2024, at noon of Tokyo where Stripe bills them, and so renew on every 8th.
 */

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

interface Rows {
  readonly contract?: StoreRow;
  readonly product?: StoreRow;
  /** The state of each period's row, from period 0 on. What is paid is open, what is unpaid was shut by suspension. */
  readonly periods?: readonly ("paid" | "unpaid" | "due")[];
  readonly initialFee?: "paid" | "due";
}

/** A contract with its own product and rows; returns its id. */
async function addContract({ contract = {}, product = {}, periods = [], initialFee }: Rows, tail = newTail()) {
  const { sql } = bench;
  const id = `c-${tail}`;
  const byCard = contract.payment_method === "card";
  await sql`insert into keiyaku.customers ${sql({ ...customerRow() } as Record<string, string>)} on conflict do nothing`;
  await insertRows(sql, "products", productRow({ id: `p-${tail}`, kind: contract.kind ?? "monthly", ...product }));
  await insertRows(
    sql,
    "contracts",
    contractRow({
      id,
      product_id: `p-${tail}`,
      ...(byCard ? { stripe_customer_id: `cus_${tail}`, stripe_subscription_id: `sub_${tail}` } : {}),
      ...contract,
    }),
  );
  if (initialFee !== undefined) {
    await insertRows(sql, "payments", paymentRow({ contract_id: id, subject: "initial_fee", state: initialFee }));
  }
  for (const [period, state] of periods.entries()) {
    const stripe_invoice_id = byCard ? `in_${tail}_${period}` : null;
    await insertRows(sql, "payments", paymentRow({ contract_id: id, period, state, stripe_invoice_id }));
    if (contract.status === "not_started" || state === "due") continue;
    const revoked = state === "unpaid" ? { revoked_at: "2025-01-09T00:00:00Z", revoked_because: "suspended" } : {};
    await insertRows(
      sql,
      "licenses",
      licenseRow({ contract_id: id, payment_id: `${id}:period:${period}`, ...revoked }),
    );
  }
  return id;
}

function newTail(): string {
  return randomUUID().slice(0, 8);
}

type SubscriptionSeed = NonNullable<Seed["subscriptions"]>[number];

/** A contract by card with its subscription, which Stripe has in period 3, until 8 February, unless told otherwise. */
async function addCardContract(rows: Rows, seed: Partial<SubscriptionSeed> = {}) {
  const tail = newTail();
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
        ...seed,
        invoices: Array.from(rows.periods ?? [], (state, period) => ({
          id: `in_${tail}_${period}`,
          period,
          status: state === "paid" ? ("paid" as const) : ("open" as const),
        })),
      },
    ],
  });
  const contract = { ...rows.contract, payment_method: "card" };
  return { contractId: await addContract({ ...rows, contract }, tail), subscriptionId: `sub_${tail}` };
}

let asked = 0;

/** Enters what the run of `date` asks for into the ledger; returns its id. */
async function enter(kind: OperationKind, contractId: string, date: string): Promise<string> {
  asked += 1;
  const id = `${kind}.${asked}`;
  const actor = { actor_type: "schedule", actor_id: "daily" };
  await insertRows(
    bench.sql,
    "operations",
    operationRow({ id, kind, contract_id: contractId, ...actor, params: { date } }),
  );
  return id;
}

/** Enters and executes it; returns the ledger's row. */
async function run(kind: OperationKind, contractId: string, date: string) {
  const id = await enter(kind, contractId, date);
  await bench.execute(id);
  return bench.operation(id);
}

/** How the contract stands: status, reservation, the state of its payments, and which licenses are open. */
async function standingOf(contractId: string) {
  const [contract] = await bench.sql<{ status: string; reservation: string | null; hasEnded: boolean }[]>`
    select status, termination_on::text || ' ' || termination_source as reservation, ended_at is not null as "hasEnded"
    from keiyaku.contracts where id = ${contractId}`;
  const payments = await bench.sql<{ id: string; state: string; open: boolean }[]>`
    select p.id, p.state, l.payment_id is not null and l.revoked_at is null as open
    from keiyaku.payments p left join keiyaku.licenses l on l.payment_id = p.id
    where p.contract_id = ${contractId} order by p.id`;
  return {
    ...contract,
    payments: payments.map(
      ({ id, state, open }) => `${id.slice(contractId.length + 1)} ${state}${open ? " open" : ""}`,
    ),
  };
}

async function noticesOf(contractId: string) {
  const rows = await bench.sql<{ kind: string; recipient: string }[]>`select kind, recipient from keiyaku.notifications
    where contract_id = ${contractId} order by recipient`;
  return rows.map(({ kind, recipient }) => `${kind} ${recipient}`);
}

/** What took effect at Stripe for a subscription and its invoices, by our own doing. */
async function effectsOn(subscriptionId: string) {
  const ledger = await bench.stripe.control.ledger();
  return ledger
    .filter(({ effect, subscription }) => effect !== "seeded" && subscription === subscriptionId)
    .map(({ effect }) => effect);
}

async function subscriptionAt(subscriptionId: string) {
  const reply = await bench.deps.gateway.readSubscription(subscriptionId);
  if (reply.type !== "done" || reply.value.type !== "found") throw new Error(`no subscription ${subscriptionId}`);
  return reply.value;
}

const succeeded = { state: "succeeded", outcome: { attention: [] } };
const terminated = ["contract_terminated customer", "contract_terminated operators"];

describe("start, and the renewal of the same day", () => {
  it("begins a monthly contract that was confirmed before its start, and takes its first month as paid", async () => {
    const contract = { status: "not_started", initial_fee_minor: 3_000 };
    const id = await addContract({ contract, periods: ["due"], initialFee: "paid" });
    expect(await run("start", id, "2024-10-07")).toMatchObject({
      state: "rejected",
      rejection_code: "not_due",
      rejection_detail: { date: "2024-10-07" },
    });
    expect(await run("start", id, "2024-10-08")).toMatchObject({ ...succeeded, outcome: { statusAfter: "active" } });
    expect(await standingOf(id)).toMatchObject({ payments: ["initial_fee paid", "period:0 due"] });

    expect(await run("renew", id, "2024-10-08")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({
      status: "active",
      payments: ["initial_fee paid", "period:0 paid open"],
    });
    expect(await run("start", id, "2024-10-08")).toMatchObject({
      state: "rejected",
      rejection_code: "status_not_allowed",
      rejection_detail: { status: "active" },
    });
  });

  it("opens a first month that was paid beforehand", async () => {
    const contract = { status: "not_started", special_months: 1, special_price_minor: 980 };
    const id = await addContract({ contract, periods: ["paid"] });
    expect(await run("start", id, "2024-10-08")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ status: "special_period", payments: ["period:0 paid open"] });
  });

  it("opens nothing of a contract by card for its initial fee, and changes nothing at Stripe", async () => {
    const rows: Rows = { contract: { status: "not_started" }, initialFee: "paid" };
    const { contractId, subscriptionId } = await addCardContract(rows);
    expect(await run("start", contractId, "2024-10-08")).toMatchObject(succeeded);
    expect(await standingOf(contractId)).toMatchObject({ status: "active", payments: ["initial_fee paid"] });
    expect(await run("renew", contractId, "2024-10-08")).toMatchObject({ rejection_code: "collected_by_stripe" });
    expect(await effectsOn(subscriptionId)).toEqual([]);
  });

  it("establishes a contract that is bought once, and opens what was paid for it", async () => {
    const contract = { status: "not_started", kind: "one_time", payment_method: "other" };
    const id = await addContract({ contract });
    await insertRows(bench.sql, "payments", paymentRow({ contract_id: id, subject: "one_time_price" }));
    expect(await run("start", id, "2024-10-20")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ status: "established", payments: ["one_time_price paid open"] });
  });
});

describe("end_special_period", () => {
  it("makes the contract active on renewal k, not before, and once", async () => {
    const contract = { status: "special_period", special_months: 3, special_price_minor: 980 };
    const id = await addContract({ contract, periods: ["paid", "paid", "paid"] });
    expect(await run("end_special_period", id, "2025-01-07")).toMatchObject({ rejection_code: "not_due" });
    expect(await run("end_special_period", id, "2025-01-08")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ status: "active" });
    expect(await run("end_special_period", id, "2025-01-08")).toMatchObject({ rejection_code: "status_not_allowed" });
  });
});

describe("renew", () => {
  it("records payment and license of each month that has begun, once, at the price of its time", async () => {
    const contract = { status: "special_period", special_months: 2, special_price_minor: 980 };
    const id = await addContract({ contract, periods: ["paid"] });
    // A run that was away for two months asks for each day in turn.
    const days = ["2024-11-07", "2024-11-08", "2024-11-09", "2024-12-07", "2024-12-08", "2024-12-09"];
    const outcomes: unknown[] = [];
    for (const date of days) outcomes.push((await run("renew", id, date)).state);
    expect(outcomes).toEqual(["rejected", "succeeded", "rejected", "rejected", "succeeded", "rejected"]);
    expect(await standingOf(id)).toMatchObject({
      payments: ["period:0 paid open", "period:1 paid open", "period:2 paid open"],
    });
    const rows = await bench.sql`select period, starts_on::text, amount_minor::int, paid_at is not null as has_time
      from keiyaku.payments where contract_id = ${id} and period > 0 order by period`;
    expect(rows).toEqual([
      { period: 1, starts_on: "2024-11-08", amount_minor: 980, has_time: true },
      { period: 2, starts_on: "2024-12-08", amount_minor: 1_980, has_time: true },
    ]);
    expect(await noticesOf(id)).toEqual([]);
  });

  it("does nothing while the contract is suspended", async () => {
    const id = await addContract({ contract: { status: "payment_unconfirmed" }, periods: ["paid", "unpaid"] });
    expect(await run("renew", id, "2024-12-08")).toMatchObject({
      rejection_code: "status_not_allowed",
      rejection_detail: { status: "payment_unconfirmed" },
    });
    expect(await standingOf(id)).toMatchObject({ payments: ["period:0 paid open", "period:1 unpaid"] });
  });

  it("waits behind an operation that is held for a person, instead of being refused", async () => {
    const id = await addContract({ periods: ["paid"] });
    await insertRows(bench.sql, "operations", operationRow({ id: `held-${id}`, contract_id: id, state: "held" }));
    const waiting = await enter("renew", id, "2024-11-08");
    expect(await bench.execute(waiting)).toMatchObject({ type: "deferred", reason: "not_its_turn" });
    expect(await bench.operation(waiting)).toMatchObject({ state: "requested" });
  });
});

describe("terminate_at_renewal", () => {
  const reserved = { status: "termination_reserved", termination_on: "2025-02-08", termination_source: "person" };
  const suspended = { ...reserved, status: "payment_unconfirmed" };

  it("ends a contract on its date, keeps what was paid viewable, and tells customer and operators", async () => {
    const id = await addContract({ contract: reserved, periods: ["paid", "paid"] });
    expect(await run("terminate_at_renewal", id, "2025-02-07")).toMatchObject({ rejection_code: "not_due" });
    expect(await run("terminate_at_renewal", id, "2025-02-08")).toMatchObject(succeeded);
    expect(await standingOf(id)).toEqual({
      status: "terminated",
      reservation: null,
      hasEnded: true,
      // Those of the last two no run has recorded.
      payments: [0, 1, 2, 3].map((period) => `period:${period} paid open`),
    });
    expect(await noticesOf(id)).toEqual(terminated);
    expect(await run("terminate_at_renewal", id, "2025-02-08")).toMatchObject({ rejection_code: "status_not_allowed" });
    expect(await noticesOf(id)).toEqual(terminated);
  });

  it("writes off what is unpaid of one that was suspended meanwhile", async () => {
    const id = await addContract({ contract: suspended, periods: ["paid", "unpaid", "due"] });
    expect(await run("terminate_at_renewal", id, "2025-03-01")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({
      status: "terminated",
      payments: ["period:0 paid open", "period:1 never_charged", "period:2 never_charged"],
    });
  });

  it("by card cancels the subscription that Stripe still runs", async () => {
    const rows: Rows = { contract: reserved, periods: ["paid", "paid", "paid", "paid"] };
    const { contractId, subscriptionId } = await addCardContract(rows, { cancelAtPeriodEnd: true });
    expect(await run("terminate_at_renewal", contractId, "2025-02-08")).toMatchObject(succeeded);
    expect(await effectsOn(subscriptionId)).toEqual(["subscription.canceled"]);
    expect(await standingOf(contractId)).toMatchObject({ status: "terminated", hasEnded: true });
    expect(await noticesOf(contractId)).toEqual(terminated);
  });

  it("by card calls nothing when Stripe has ended the subscription by itself", async () => {
    const ended = { status: "canceled", endedAt: "2025-02-08T03:00:00Z" } as const;
    const { contractId, subscriptionId } = await addCardContract({ contract: reserved, periods: ["paid"] }, ended);
    expect(await run("terminate_at_renewal", contractId, "2025-02-08")).toMatchObject(succeeded);
    expect(await effectsOn(subscriptionId)).toEqual([]);
    expect(await standingOf(contractId)).toMatchObject({ status: "terminated" });
  });

  it("by card, suspended: cancels first, then voids the open invoice, and writes the period off", async () => {
    const rows: Rows = { contract: suspended, periods: ["paid", "paid", "paid", "unpaid"] };
    const { contractId, subscriptionId } = await addCardContract(rows, { status: "past_due", cancelAtPeriodEnd: true });
    expect(await run("terminate_at_renewal", contractId, "2025-02-08")).toMatchObject(succeeded);
    const effects = await effectsOn(subscriptionId);
    expect(effects.filter((effect) => effect === "subscription.canceled" || effect === "invoice.voided")).toEqual([
      "subscription.canceled",
      "invoice.voided",
    ]);
    expect((await standingOf(contractId)).payments).toContain("period:3 never_charged");
  });

  it("takes a cancellation whose reply was lost for done", async () => {
    const { contractId, subscriptionId } = await addCardContract({ contract: reserved, periods: ["paid"] });
    await bench.stripe.control.fault({ mode: "lose_reply_after", method: "DELETE", path: "/v1/subscriptions/*" });
    expect(await run("terminate_at_renewal", contractId, "2025-02-08")).toMatchObject(succeeded);
    expect(await effectsOn(subscriptionId)).toEqual(["subscription.canceled"]);
  });

  it("lifts a reservation that was made at Stripe and lifted there, and says so", async () => {
    const contract = { ...reserved, termination_source: "stripe" };
    const { contractId, subscriptionId } = await addCardContract({ contract, periods: ["paid"] });
    expect(await run("terminate_at_renewal", contractId, "2025-02-08")).toMatchObject({
      state: "succeeded",
      outcome: {
        statusAfter: "active",
        attention: [{ code: "reservation_lifted_at_stripe", detail: { subscriptionId } }],
      },
    });
    expect(await standingOf(contractId)).toMatchObject({ status: "active", reservation: null, hasEnded: false });
    expect(await effectsOn(subscriptionId)).toEqual([]);
    expect(await noticesOf(contractId)).toEqual([]);
  });

  it("puts off a reservation that was made at Stripe and put off there", async () => {
    const contract = { ...reserved, termination_source: "stripe" };
    const later = { cancelAt: "2025-03-08T03:00:00Z" };
    const { contractId, subscriptionId } = await addCardContract({ contract, periods: ["paid"] }, later);
    expect(await run("terminate_at_renewal", contractId, "2025-02-08")).toMatchObject(succeeded);
    expect(await standingOf(contractId)).toMatchObject({
      status: "termination_reserved",
      reservation: "2025-03-08 stripe",
    });
    expect(await effectsOn(subscriptionId)).toEqual([]);
  });
});

describe("the product's automatic-termination month", () => {
  const february = { automatic_termination_month: "2025-02" };
  const madeByProduct = "2025-02-08 product_month";

  async function setMonth(contractId: string, month: string | null) {
    await bench.sql`update keiyaku.products set automatic_termination_month = ${month}, version = version + 1
      where id = (select product_id from keiyaku.contracts where id = ${contractId})`;
  }

  it("reserves the contract's end, which nobody can withdraw, and releases it once the month is moved", async () => {
    const id = await addContract({ product: february, periods: ["paid"] });
    expect(await run("reserve_by_product_month", id, "2025-01-07")).toMatchObject({ rejection_code: "not_due" });
    expect(await run("reserve_by_product_month", id, "2025-01-08")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ status: "termination_reserved", reservation: madeByProduct });
    expect(await run("reserve_by_product_month", id, "2025-01-09")).toMatchObject({ rejection_code: "not_due" });

    expect(await run("release_by_product_month", id, "2025-01-10")).toMatchObject({ rejection_code: "not_due" });
    await setMonth(id, "2025-03");
    expect(await run("release_by_product_month", id, "2025-01-10")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ status: "active", reservation: null });

    expect(await run("reserve_by_product_month", id, "2025-02-08")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ reservation: "2025-03-08 product_month" });
    const withdrawal = await bench.perform({ id: `w-${id}`, kind: "withdraw_reservation", contractId: id });
    expect(withdrawal.state).toBe("rejected");
  });

  it("notes the reservation of a suspended contract beside its suspension, and releases it there", async () => {
    const contract = { status: "payment_unconfirmed" };
    const id = await addContract({ contract, product: february, periods: ["paid", "unpaid"] });
    expect(await run("reserve_by_product_month", id, "2025-01-20")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ status: "payment_unconfirmed", reservation: madeByProduct });
    await setMonth(id, null);
    expect(await run("release_by_product_month", id, "2025-01-21")).toMatchObject(succeeded);
    expect(await standingOf(id)).toMatchObject({ status: "payment_unconfirmed", reservation: null });
  });

  it("by card is set at Stripe, and lifted there", async () => {
    const rows: Rows = { product: february, periods: ["paid", "paid", "paid", "paid"] };
    const { contractId, subscriptionId } = await addCardContract(rows);
    expect(await run("reserve_by_product_month", contractId, "2025-01-20")).toMatchObject(succeeded);
    expect(await standingOf(contractId)).toMatchObject({ status: "termination_reserved", reservation: madeByProduct });
    expect(await subscriptionAt(subscriptionId)).toMatchObject({
      cancelAtPeriodEnd: true,
      cancelAt: "2025-02-08T03:00:00Z",
    });

    await setMonth(contractId, null);
    expect(await run("release_by_product_month", contractId, "2025-01-21")).toMatchObject(succeeded);
    expect(await standingOf(contractId)).toMatchObject({ status: "active", reservation: null });
    expect(await subscriptionAt(subscriptionId)).toMatchObject({ cancelAtPeriodEnd: false, cancelAt: null });
    expect(await effectsOn(subscriptionId)).toEqual(["subscription.updated", "subscription.updated"]);
  });

  it("by card waits on a renewal date until Stripe has rolled over", async () => {
    const march = { product: { automatic_termination_month: "2025-03" }, periods: ["paid"] } satisfies Rows;
    const waiting = await addCardContract(march);
    expect(await run("reserve_by_product_month", waiting.contractId, "2025-02-08")).toMatchObject({
      rejection_code: "renewal_date_today",
      rejection_detail: { date: "2025-02-08" },
    });
    expect(await effectsOn(waiting.subscriptionId)).toEqual([]);

    const rolledOver = await addCardContract(march, { asOf: "2025-02-08T03:00:01Z" });
    expect(await run("reserve_by_product_month", rolledOver.contractId, "2025-02-08")).toMatchObject(succeeded);
    expect(await standingOf(rolledOver.contractId)).toMatchObject({ reservation: "2025-03-08 product_month" });
  });

  it("by card leaves a date alone whose period Stripe has left behind", async () => {
    const { contractId, subscriptionId } = await addCardContract({ product: february, periods: ["paid"] });
    expect(await run("reserve_by_product_month", contractId, "2025-01-07")).toMatchObject({
      rejection_code: "not_due",
      rejection_detail: { date: "2025-01-07" },
    });
    expect(await effectsOn(subscriptionId)).toEqual([]);
  });

  it("by card makes a person's reservation for the same date its own, without a call", async () => {
    const contract = { status: "termination_reserved" };
    const rows: Rows = { contract, product: february, periods: ["paid"] };
    const { contractId, subscriptionId } = await addCardContract(rows, { cancelAtPeriodEnd: true });
    expect(await run("reserve_by_product_month", contractId, "2025-01-20")).toMatchObject(succeeded);
    expect(await standingOf(contractId)).toMatchObject({ status: "termination_reserved", reservation: madeByProduct });
    expect(await effectsOn(subscriptionId)).toEqual([]);
  });

  it("by card calls nothing to release what Stripe no longer shows", async () => {
    const contract = { status: "termination_reserved", termination_source: "product_month" };
    const { contractId, subscriptionId } = await addCardContract({ contract, periods: ["paid"] });
    expect(await run("release_by_product_month", contractId, "2025-01-20")).toMatchObject(succeeded);
    expect(await standingOf(contractId)).toMatchObject({ status: "active", reservation: null });
    expect(await effectsOn(subscriptionId)).toEqual([]);
  });

  it.each(["lose_reply_after", "truncate_reply"] as const)(
    "by card has one effect when the reply to its call comes to grief: %s",
    async (mode) => {
      const { contractId, subscriptionId } = await addCardContract({ product: february, periods: ["paid"] });
      // The SDK repeats a destroyed connection once by itself; the repetition's reply is lost too.
      const times = mode === "truncate_reply" ? 1 : 2;
      await bench.stripe.control.fault({ mode, method: "POST", path: "/v1/subscriptions/*", times });
      expect(await run("reserve_by_product_month", contractId, "2025-01-20")).toMatchObject(succeeded);
      await setMonth(contractId, null);
      await bench.stripe.control.clearFaults();
      await bench.stripe.control.fault({ mode, method: "POST", path: "/v1/subscriptions/*", times });
      expect(await run("release_by_product_month", contractId, "2025-01-21")).toMatchObject(succeeded);
      expect(await effectsOn(subscriptionId)).toEqual(["subscription.updated", "subscription.updated"]);
      expect(await standingOf(contractId)).toMatchObject({ status: "active", reservation: null });
    },
  );
});

describe("what a date brings, put back", () => {
  it("is rung for behind what people want", async () => {
    const { contractId } = await addCardContract({
      product: { automatic_termination_month: "2025-02" },
      periods: ["paid"],
    });
    bench.bells.length = 0;
    await bench.stripe.control.fault({ mode: "rate_limit_429", method: "GET", path: "/v1/subscriptions/*", times: 5 });
    await run("reserve_by_product_month", contractId, "2025-01-20");
    expect(bench.bells).toMatchObject([{ cause: "put_back", behindPeople: true }]);
  });
});
