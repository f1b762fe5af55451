import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Brakes } from "../../../src/contract/operation.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { abandonHeldOperation, retryHeldOperation } from "../../../src/store/decide-held-operation.ts";
import { requestRepair } from "../../../src/store/request-repair.ts";
import { canceledWithoutItsPayment, oneTimeByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { insertRows } from "../../support/store-rows.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
beforeEach(() => bench.sql`truncate keiyaku.refund_hours`);
afterAll(() => bench.close());

const open: Brakes = { refundLimitMinor: null, refundLimitPerHourMinor: null };

/** A paid one-time contract whose price of ¥19,800 is to be refunded. */
async function refundAsked() {
  const { contractId } = await oneTimeByCard(bench);
  const id = `refund-${contractId}`;
  const params = { paymentId: `${contractId}:one_time_price` };
  await bench.accept({ id, kind: "refund_payment", contractId, params });
  return { id, contractId, refundId: `${contractId}:one_time_price:refund:1` };
}

function execute(id: string, brakes: Partial<Brakes>) {
  return executeOperation({ ...bench.deps, brakes: { ...open, ...brakes } }, id);
}

async function retry(id: string) {
  const { attempt } = (await bench.operation(id)) as { attempt: number };
  const guard = { operationId: id, state: "held", attempt } as const;
  await retryHeldOperation(bench.db, guard, { operatorId: "alice", reason: "checked with the shop" });
}

async function refundsOf(contractId: string) {
  return await bench.sql`select state, amount_minor::int from keiyaku.refunds where contract_id = ${contractId}
    order by amount_minor`;
}

async function countedThisHour() {
  const [row] = await bench.sql`select sum(amount_minor)::int as counted from keiyaku.refund_hours`;
  return row?.counted;
}

const owed = [{ state: "due", amount_minor: 19_800 }];
const succeeded = [{ state: "succeeded", amount_minor: 19_800 }];

describe("a refund beyond the limit of each", () => {
  const brakes = { refundLimitMinor: 19_799 };

  it("is held for a person with nothing sent, and owed from then on", async () => {
    const { id, contractId, refundId } = await refundAsked();
    expect(await execute(id, brakes)).toEqual({
      type: "held",
      question: {
        code: "refund_limit_exceeded",
        detail: {
          step: `refund:${contractId}:one_time_price`,
          refundId,
          amountMinor: 19_800,
          limitMinor: 19_799,
          effect: "none",
        },
      },
    });
    expect(await refundsOf(contractId)).toEqual(owed);
    const ledger = await bench.stripe.control.ledger();
    expect(JSON.stringify(ledger)).not.toContain(refundId);
  });

  it("is sent once a person lets it be tried again", async () => {
    const { id, contractId } = await refundAsked();
    await execute(id, brakes);
    await retry(id);
    expect(await execute(id, brakes)).toEqual({ type: "succeeded" });
    expect(await refundsOf(contractId)).toEqual(succeeded);
  });

  it("may be abandoned instead, stays owed, and may be asked for again", async () => {
    const { id, contractId } = await refundAsked();
    await execute(id, brakes);
    const guard = { operationId: id, state: "held", attempt: 1 } as const;
    await abandonHeldOperation(bench.db, guard, { operatorId: "alice", reason: "a mistake" });
    expect(await bench.operation(id)).toMatchObject({ state: "abandoned" });
    expect(await refundsOf(contractId)).toEqual(owed);

    const params = { paymentId: `${contractId}:one_time_price` };
    await bench.accept({ id: `again-${contractId}`, kind: "refund_payment", contractId, params });
    expect(await execute(`again-${contractId}`, {})).toEqual({ type: "succeeded" });
    expect(await refundsOf(contractId)).toEqual(succeeded);
  });

  it("in the middle of an operation goes on under its own row, with the facts of the first call", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const id = `cancel-${contractId}`;
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    // The initial fee of ¥3,000 goes, the price is held.
    expect(await execute(id, { refundLimitMinor: 10_000 })).toMatchObject({ type: "held" });
    expect(await refundsOf(contractId)).toEqual([{ state: "succeeded", amount_minor: 3_000 }, ...owed]);
    await retry(id);
    expect(await execute(id, { refundLimitMinor: 10_000 })).toEqual({ type: "succeeded" });
    expect(await refundsOf(contractId)).toEqual([{ state: "succeeded", amount_minor: 3_000 }, ...succeeded]);
  });

  it("of late money that is abandoned stays owed under the payment's id, and may be asked for", async () => {
    const { contractId } = await oneTimeByCard(bench);
    await bench.perform({ id: `cancel-${contractId}`, kind: "cancel_with_refund", contractId });
    const refund = { id: `${contractId}:late:refund:1`, contract_id: contractId, payment_id: `${contractId}:late` };
    const [paid] = await bench.sql`select stripe_payment_intent_id as intent from keiyaku.payments
      where contract_id = ${contractId} limit 1`;
    await insertRows(bench.sql, "refunds", {
      ...refund,
      amount_minor: 500,
      state: "due",
      stripe_payment_intent_id: paid?.intent,
      operation_id: "abandoned",
    });
    const id = `again-${contractId}`;
    await bench.accept({ id, kind: "refund_payment", contractId, params: { paymentId: refund.payment_id } });
    // Nothing is left of the charge, so nothing is owed of it any more.
    expect(await execute(id, {})).toEqual({ type: "succeeded" });
    const [row] = await bench.sql`select state from keiyaku.refunds where id = ${refund.id}`;
    expect(row).toEqual({ state: "waived" });
  });

  it("is not let go by a person's answer to another question", async () => {
    const { id } = await refundAsked();
    await execute(id, { refundLimitPerHourMinor: 1 });
    await retry(id);
    expect(await execute(id, brakes)).toMatchObject({ question: { code: "refund_limit_exceeded" } });
  });

  it("is not let go by a person's answer about another refund of the same operation", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const id = `cancel-${contractId}`;
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    const step = async () => {
      const report = await execute(id, { refundLimitMinor: 1 });
      return report.type === "held" ? report.question?.detail.step : report.type;
    };
    expect(await step()).toBe(`refund:${contractId}:initial_fee`);
    await retry(id);
    expect(await step()).toBe(`refund:${contractId}:one_time_price`);
    await retry(id);
    expect(await step()).toBe("succeeded");
  });

  it("at the limit itself is sent without a word, and counted nowhere", async () => {
    const { id, contractId } = await refundAsked();
    expect(await execute(id, { refundLimitMinor: 19_800 })).toEqual({ type: "succeeded" });
    expect(await refundsOf(contractId)).toEqual(succeeded);
    expect(await countedThisHour()).toBeNull();
  });
});

describe("refunds beyond the limit of an hour", () => {
  it("are held, with what has been sent so far", async () => {
    const [first, second] = [await refundAsked(), await refundAsked()];
    const brakes = { refundLimitPerHourMinor: 39_599 };
    expect(await execute(first.id, brakes)).toEqual({ type: "succeeded" });
    expect(await execute(second.id, brakes)).toMatchObject({
      type: "held",
      question: {
        code: "hourly_refund_limit_exceeded",
        detail: { amountMinor: 19_800, limitMinor: 39_599, sentMinor: 19_800 },
      },
    });
    expect(await refundsOf(second.contractId)).toEqual(owed);
    expect(await countedThisHour()).toBe(19_800);
  });

  it("are sent when a person lets them, and count all the same", async () => {
    const { id, contractId } = await refundAsked();
    const brakes = { refundLimitPerHourMinor: 10_000 };
    await execute(id, brakes);
    await retry(id);
    expect(await execute(id, brakes)).toEqual({ type: "succeeded" });
    expect(await refundsOf(contractId)).toEqual(succeeded);
    expect(await countedThisHour()).toBe(19_800);
  });

  it("are not those of another hour", async () => {
    const { id } = await refundAsked();
    await bench.sql`insert into keiyaku.refund_hours
      values (date_trunc('hour', clock_timestamp()) - interval '1 hour', 1000000)`;
    expect(await execute(id, { refundLimitPerHourMinor: 19_800 })).toEqual({ type: "succeeded" });
  });

  it("are never exceeded by many at once: what was let go fits, and every other is held in the end", async () => {
    const asked = await Promise.all(Array.from({ length: 12 }, refundAsked));
    const brakes = { refundLimitPerHourMinor: 5 * 19_800 };
    await Promise.all(asked.map(({ id }) => execute(id, brakes)));
    expect(await countedThisHour()).toBe(5 * 19_800);
    // Those that met another at the counter are tried again, and then see what has been sent.
    await bench.sql`update keiyaku.operations set next_attempt_at = null where state = 'requested'`;
    await Promise.all(asked.map(({ id }) => execute(id, brakes)));

    const states = await bench.sql`select state, count(*)::int from keiyaku.operations
      where id in ${bench.sql(asked.map(({ id }) => id))} group by state order by state`;
    expect(states).toEqual([
      { state: "held", count: 7 },
      { state: "succeeded", count: 5 },
    ]);
    expect(await countedThisHour()).toBe(5 * 19_800);
  });

  it("are counted once, however often a call is sent", async () => {
    const { id, contractId } = await refundAsked();
    const brakes = { refundLimitPerHourMinor: 19_800 };
    await bench.stripe.control.fault({ mode: "html_502", method: "POST", path: "/v1/refunds" });
    expect(await execute(id, brakes)).toMatchObject({ type: "deferred" });
    await bench.stripe.control.clearFaults();
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await execute(id, brakes)).toEqual({ type: "succeeded" });
    expect(await refundsOf(contractId)).toEqual(succeeded);
    expect(await countedThisHour()).toBe(19_800);
  });
});

describe("a refund that only a repair of the books would make", () => {
  /** A canceled one-time contract whose payment an import has left out, and the repair that records it. */
  async function paymentMissing(mayRefund: boolean) {
    const { contractId, paymentIntentId } = await canceledWithoutItsPayment(bench);
    const [row] = await bench.sql<
      { version: number }[]
    >`select version from keiyaku.contracts where id = ${contractId}`;
    const id = `repair-${contractId}`;
    const wanted = { operationId: id, kind: "record_payment", params: { paymentIntentId }, contractId } as const;
    await requestRepair(bench.db, { ...wanted, version: row?.version ?? 0, mayRefund });
    return { id, contractId };
  }

  it("is held for a person, whatever the limits, with nothing sent", async () => {
    const { id, contractId } = await paymentMissing(false);
    const report = await execute(id, {});
    expect(report).toMatchObject({ type: "held", question: { code: "refund_not_asked_for" } });
    expect(JSON.stringify(await bench.stripe.control.ledger())).not.toContain(`${contractId}:one_time_price:refund`);
  });

  it("is sent once a person lets it be tried again, each of them by a word of its own", async () => {
    const { id, contractId } = await paymentMissing(false);
    let held = 0;
    for (let report = await execute(id, {}); report.type === "held"; report = await execute(id, {})) {
      held += 1;
      await retry(id);
    }
    expect(held).toBeGreaterThan(0);
    const refunds = await refundsOf(contractId);
    expect(refunds).toHaveLength(held);
    expect(refunds.every(({ state }) => state === "succeeded")).toBe(true);
  });

  it("is sent at once when whoever asked for the repair asked for refunds, too", async () => {
    const { id, contractId } = await paymentMissing(true);
    expect(await execute(id, {})).toEqual({ type: "succeeded" });
    expect((await refundsOf(contractId)).every(({ state }) => state === "succeeded")).toBe(true);
  });
});
