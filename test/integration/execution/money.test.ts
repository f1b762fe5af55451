import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { businessDateOf } from "../../../src/contract/calendar.ts";
import { unreadable } from "../../../src/queue/read-payload.ts";
import { refuseUnreadable } from "../../../src/store/accept-request.ts";
import { monthlyByCard, oneTimeByCard, startingByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { addOperations, insertRows } from "../../support/store-rows.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

async function effectsOf(operationId: string) {
  const requests = await bench.stripe.control.requests();
  const ids = new Set<string | null>(
    requests.flatMap(({ idempotencyKey, requestId }) => (idempotencyKey?.includes(operationId) ? [requestId] : [])),
  );
  const ledger = await bench.stripe.control.ledger();
  return ledger.filter((entry) => ids.has(entry.requestId)).map(({ effect, amount }) => [effect, amount]);
}

async function countsOf(contractId: string) {
  const [row] = await bench.sql`select
    (select count(*)::int from keiyaku.contracts where id = ${contractId}) as contracts,
    (select count(*)::int from keiyaku.payments where contract_id = ${contractId}) as payments,
    (select count(*)::int from keiyaku.licenses where contract_id = ${contractId}) as licenses,
    (select count(*)::int from keiyaku.signups where contract_id = ${contractId}) as signups,
    (select count(*)::int from keiyaku.refunds where contract_id = ${contractId}) as refunds,
    (select count(*)::int from keiyaku.stripe_calls s join keiyaku.operations o on o.id = s.operation_id
      where o.contract_id = ${contractId}) as journal`;
  return row;
}

const nothing = { contracts: 0, payments: 0, licenses: 0, signups: 0, refunds: 0, journal: 0 };

function deletion(contractId: string) {
  return {
    id: `del-${contractId}`,
    kind: "delete",
    contractId,
    params: { confirm: contractId },
    reason: "誤登録",
  } as const;
}

describe("cancel", () => {
  it.each([
    ["Stripe has reported", true],
    ["nobody has told of", false],
  ])("gives a payment back once that was brought along without its ids and that %s", async (_, isReported) => {
    const { contractId, invoiceId, paymentIntentId } = await startingByCard(bench);
    const report = { kind: "record_payment", contract_id: contractId, params: { invoiceId } };
    const told = { id: `told-${contractId}`, actor_type: "stripe", actor_id: "evt_1", ...report };
    const late = { ...told, id: `late-${contractId}` };
    if (isReported) {
      await addOperations(bench.sql, told);
      await bench.execute(told.id);
    }
    const canceled = await bench.perform({ id: `cancel-${contractId}`, kind: "cancel", contractId });
    expect(canceled).toMatchObject({ state: "succeeded", outcome: { statusAfter: "canceled", attention: [] } });
    await addOperations(bench.sql, late);
    await bench.execute(late.id);
    expect(await bench.operation(late.id)).toMatchObject({ state: "succeeded", outcome: { superseded: true } });

    expect(await effectsOf(`cancel-${contractId}`)).toEqual([["refund.created", 1_980]]);
    const payments = await bench.sql`select state, stripe_invoice_id, stripe_payment_intent_id from keiyaku.payments
      where contract_id = ${contractId}`;
    expect(payments).toEqual([
      { state: "refunded", stripe_invoice_id: invoiceId, stripe_payment_intent_id: paymentIntentId },
    ]);
    const refunds =
      await bench.sql`select state, amount_minor::int from keiyaku.refunds where contract_id = ${contractId}`;
    expect(refunds).toEqual([{ state: "succeeded", amount_minor: 1_980 }]);
  });
});

describe("delete", () => {
  it("cancels, refunds every payment, past months included, and leaves a tombstone", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench);
    const done = await bench.perform(deletion(contractId));
    expect(done).toMatchObject({ state: "succeeded", reason: null, frozen_facts: null });

    expect(await effectsOf(`del-${contractId}`)).toEqual([
      ["refund.created", 1_980],
      ["refund.created", 1_980],
    ]);
    expect(await countsOf(contractId)).toEqual(nothing);
    const [tombstone] = await bench.sql`select * from keiyaku.tombstones where contract_id = ${contractId}`;
    expect(tombstone).toMatchObject({
      operation_id: `del-${contractId}`,
      customer_id: null,
      payments: [
        { subject: "period", period: 0, result: "refunded" },
        { subject: "period", period: 1, result: "refunded" },
      ],
    });
    expect(tombstone?.stripe_ids).toContain(subscriptionId);
    expect(await bench.sql`select id, kind from keiyaku.operations where contract_id = ${contractId}`).toEqual([
      { id: `del-${contractId}`, kind: "delete" },
    ]);
  });

  it("forgets the bodies of the events about it, and of no others", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench);
    const eventOf = (id: string, object_id: string) => ({
      id: `evt_${id}_${contractId}`,
      type: "charge.refunded",
      object_id,
      livemode: false,
      api_version: "2025-01-01",
      created_at: new Date().toISOString(),
      arrived_by: "relay",
      state: "ignored",
      state_reason: "type_not_used",
      concluded_at: new Date().toISOString(),
      look_at: null,
      body: { data: {} },
    });
    const told = eventOf("told", "ch_1");
    const other = eventOf("other", "ch_1");
    await insertRows(bench.sql, "stripe_events", eventOf("by_object", subscriptionId), told, other);
    const report = { kind: "record_refund", contract_id: contractId, params: { paymentIntentId: "pi_unknown" } };
    await addOperations(bench.sql, { id: `told-${contractId}`, actor_type: "stripe", actor_id: told.id, ...report });
    await bench.execute(`told-${contractId}`);

    await bench.perform(deletion(contractId));
    const kept = await bench.sql`
      select id from keiyaku.stripe_events where id like ${`%${contractId}`} and body is not null`;
    expect(kept).toEqual([{ id: other.id }]);
  });

  it("refunds a paid invoice that only Stripe knows of", async () => {
    const { contractId, openInvoiceId } = await monthlyByCard(bench);
    await bench.sql`delete from keiyaku.licenses where payment_id in (
      select id from keiyaku.payments where stripe_invoice_id = ${openInvoiceId})`;
    await bench.sql`delete from keiyaku.payments where stripe_invoice_id = ${openInvoiceId}`;
    await bench.perform(deletion(contractId));
    const [tombstone] = await bench.sql`select payments from keiyaku.tombstones where contract_id = ${contractId}`;
    expect(tombstone?.payments).toMatchObject([
      { subject: "period", result: "refunded" },
      { paymentId: expect.stringMatching(`^${openInvoiceId}:il_`), subject: "period", result: "refunded" },
    ]);
  });

  it("ends although Stripe refuses a refund, which stays owed and may be asked for again", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    await bench.stripe.control.dispute(`ch_${paymentIntentId.slice(3)}`);
    expect(await bench.perform(deletion(contractId))).toMatchObject({ state: "succeeded" });
    expect(await countsOf(contractId)).toEqual({ ...nothing, refunds: 2 });
    expect(
      await bench.sql`select state, refusal_code, stripe_payment_intent_id as intent from keiyaku.refunds
        where contract_id = ${contractId}`,
    ).toEqual([
      { state: "due", refusal_code: "charge_disputed", intent: paymentIntentId },
      { state: "due", refusal_code: "charge_disputed", intent: paymentIntentId },
    ]);

    const again = await bench.perform({
      id: `again-${contractId}`,
      kind: "refund_payment",
      contractId,
      params: { paymentId: `${contractId}:initial_fee` },
    });
    expect(again).toMatchObject({ state: "succeeded", outcome: { attention: [{ code: "refund_owed" }] } });
    const waived = await bench.perform({
      id: `waive-${contractId}`,
      kind: "waive_refund",
      contractId,
      params: { refundId: `${contractId}:initial_fee:refund:1` },
      reason: "銀行が返金済み",
    });
    expect(waived).toMatchObject({ state: "succeeded" });
    const [tombstone] = await bench.sql`select version from keiyaku.tombstones where contract_id = ${contractId}`;
    expect(tombstone?.version).toBeGreaterThan(1);
  });

  it("keeps the customer's id with a refund by hand, and forgets it with that", async () => {
    const contractId = "del-by-hand";
    await bench.perform({ id: `reg-${contractId}`, kind: "register", contractId, params: monthlyTerms() });
    await bench.perform({ id: `pay-${contractId}`, kind: "confirm_payment", contractId, params: { paidPeriods: [0] } });
    await bench.perform(deletion(contractId));
    const owed = await bench.sql`select id from keiyaku.refunds where contract_id = ${contractId} order by id`;
    expect(owed).toHaveLength(2);
    const customer = async () =>
      (await bench.sql`select customer_id from keiyaku.tombstones where contract_id = ${contractId}`)[0]?.customer_id;
    expect(await customer()).toBe("customer-1");
    for (const [index, { id }] of owed.entries()) {
      const request = {
        id: `paid-${index}`,
        kind: "record_manual_refund",
        contractId,
        params: { refundId: id },
      } as const;
      expect(await bench.perform(request)).toMatchObject({ state: "succeeded" });
    }
    expect(await customer()).toBeNull();
  });

  it("answers what waited behind it and forgets its words, and no id is used again", async () => {
    const contractId = "del-waiting";
    await bench.perform({ id: `reg-${contractId}`, kind: "register", contractId, params: monthlyTerms() });
    await bench.accept(deletion(contractId));
    await bench.accept({ id: "behind", kind: "cancel", contractId, reason: "山田 花子が電話で依頼" });
    await bench.execute(`del-${contractId}`);
    expect(await bench.operation("behind")).toMatchObject({
      state: "rejected",
      rejection_code: "contract_deleted",
      reason: null,
      params: {},
    });
    expect(
      await bench.accept({ id: `reg-${contractId}`, kind: "register", contractId, params: monthlyTerms() }),
    ).toMatchObject({
      answer: "id_reused",
      problem: "was used before, by an operation of a contract that has been deleted",
    });
    expect(await bench.accept(deletion(contractId))).toMatchObject({ answer: "duplicate" });
    const after = await bench.perform({ id: "after", kind: "suspend", contractId });
    expect(after).toMatchObject({ state: "rejected", rejection_code: "contract_deleted" });
  });

  it("leaves no word, name or address anywhere, of before and of after", async () => {
    const contractId = "del-words";
    const canary = "カナリア";
    const params = monthlyTerms({
      customerId: "customer-words",
      customer: { id: "customer-words", email: "canary@example.com", name: canary },
    });
    const registration = { kind: "register", contractId, params, reason: canary } as const;
    await bench.perform({ ...registration, id: "reg-words" });
    await bench.perform({ id: "pay-words", kind: "confirm_payment", contractId, params: { paidPeriods: [0] } });
    // Refused before: an id that is used, and parameters that nobody knows.
    await bench.accept({ id: "reg-words", kind: "suspend", contractId, reason: canary });
    await bench.accept({ id: "odd words", kind: "suspend", contractId, reason: canary });
    const unread = (id: string) =>
      refuseUnreadable(
        bench.db,
        unreadable({ v: 1, request: { id, contractId, reason: canary } }, "reason", "is long"),
      );
    await unread("unread-words");
    // The deletion itself was held once, and a person let it be tried again.
    await bench.accept({ ...deletion(contractId), reason: canary });
    await bench.sql`update keiyaku.operations set retries = ${bench.sql.json([
      {
        operatorId: "op-1",
        reason: canary,
        at: "2025-01-20T03:00:00Z",
        question: { code: "attempts_exhausted", detail: { attempts: 10, lastReason: "conflict" } },
      },
    ])} where id = ${`del-${contractId}`}`;
    expect(await bench.execute(`del-${contractId}`)).toMatchObject({ type: "succeeded" });
    expect((await bench.operation(`del-${contractId}`)).outcome).toMatchObject({ statusAfter: null });

    // Refused after: what is sent again, what comes anew, and what no one could read.
    await bench.accept({ ...registration, id: "reg-words" });
    expect(await bench.perform({ ...registration, id: "reg-words-2" })).toMatchObject({
      rejection_code: "contract_deleted",
    });
    await bench.accept({ ...registration, id: "odd words 2" });
    await unread("unread-words-2");
    const [owed] = await bench.sql`select id from keiyaku.refunds where contract_id = ${contractId} order by id`;
    await bench.perform({
      id: "waive-words",
      kind: "waive_refund",
      contractId,
      params: { refundId: owed?.id },
      reason: canary,
    });

    const tables = await bench.sql`select table_name as name from information_schema.tables
      where table_schema = 'keiyaku' and table_type = 'BASE TABLE'`;
    const left: string[] = [];
    for (const { name } of tables) {
      const rows = await bench.sql`select t::text as text from keiyaku.${bench.sql(name)} t`;
      left.push(...rows.filter(({ text }) => /カナリア|canary/.test(text)).map(({ text }) => `${name}: ${text}`));
    }
    expect(left).toEqual([]);
  });

  it("leaves its ids at Stripe to nobody: neither a new contract nor another may have them", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench);
    const { contractId: onceId, paymentIntentId } = await oneTimeByCard(bench);
    const other = await monthlyByCard(bench);
    await bench.perform(deletion(contractId));
    await bench.perform(deletion(onceId));

    const register = (id: string, terms: object) =>
      bench.perform({
        id: `reg-${id}`,
        kind: "register",
        contractId: id,
        params: monthlyTerms({ paymentMethod: "card", ...terms }),
      });
    const tail = subscriptionId.slice(4);
    const claims = await Promise.all([
      register(`claims-${tail}`, { stripe: { customerId: `cus_${tail}`, subscriptionId } }),
      register(`claims-once-${tail}`, {
        kind: "one_time",
        productId: "course",
        product: { id: "course", kind: "one_time", priceMinor: 19_800 },
        stripe: { customerId: `cus_${tail}`, paymentIntentId },
      }),
    ]);
    expect(claims).toMatchObject([
      { rejection_code: "invalid_request", rejection_detail: { field: "params.stripe.subscriptionId" } },
      { rejection_code: "invalid_request", rejection_detail: { field: "params.stripe.paymentIntentId" } },
    ]);
    const replace = { kind: "replace_subscription", contractId: other.contractId, params: { subscriptionId } } as const;
    expect(await bench.perform({ id: `takes-${tail}`, ...replace })).toMatchObject({
      rejection_code: "subscription_mismatch",
      rejection_detail: { problem: "it belongs to another contract" },
    });
  });

  it("keeps the customer of another contract", async () => {
    const register = (contractId: string) =>
      bench.perform({
        id: `reg-${contractId}`,
        kind: "register",
        contractId,
        params: monthlyTerms({
          customerId: "customer-of-two",
          customer: { id: "customer-of-two", email: "two@example.com", name: "二" },
        }),
      });
    const customers = () => bench.sql`select id from keiyaku.customers where id = 'customer-of-two'`;
    await register("del-one-of-two");
    await register("del-two-of-two");
    await bench.perform(deletion("del-one-of-two"));
    expect(await customers()).toHaveLength(1);
    await bench.perform(deletion("del-two-of-two"));
    expect(await customers()).toHaveLength(0);
  });

  it("resumes after its first refund was journaled, without refunding again", async () => {
    const { contractId } = await monthlyByCard(bench);
    const id = `del-${contractId}`;
    await bench.stripe.control.fault({
      mode: "lose_reply_before",
      method: "POST",
      path: "/v1/refunds",
      times: 2,
      skip: 1,
    });
    await bench.accept(deletion(contractId));
    expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason: "result_unknown" });
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await effectsOf(id)).toEqual([
      ["refund.created", 1_980],
      ["refund.created", 1_980],
    ]);
  });
});

describe("refund_payment", () => {
  it("gives back one month, revokes its license on demand, and leaves the contract running", async () => {
    const { contractId } = await monthlyByCard(bench);
    const paymentId = `${contractId}:period:0`;
    const request = {
      id: `one-${contractId}`,
      kind: "refund_payment",
      contractId,
      params: { paymentId, revokeLicense: true },
    } as const;
    expect(await bench.perform(request)).toMatchObject({ state: "succeeded" });
    expect(await effectsOf(`one-${contractId}`)).toEqual([["refund.created", 1_980]]);
    const [row] = await bench.sql`select c.status, p.state, l.revoked_because from keiyaku.contracts c
      join keiyaku.payments p on p.contract_id = c.id and p.id = ${paymentId} join keiyaku.licenses l on l.payment_id = p.id`;
    expect(row).toEqual({ status: "active", state: "refunded", revoked_because: "refunded" });

    const second = await bench.perform({ ...request, id: `two-${contractId}` });
    expect(second).toMatchObject({ state: "rejected", rejection_code: "already_refunded" });
  });

  it("makes a refund that failed anew, and the new one takes its place", async () => {
    const { contractId } = await monthlyByCard(bench);
    const paymentId = `${contractId}:period:1`;
    await bench.stripe.control.setRefundOutcome("failed", 1);
    const request = (id: string) => ({ id, kind: "refund_payment", contractId, params: { paymentId } }) as const;
    expect(await bench.perform(request(`fail-${contractId}`))).toMatchObject({
      state: "succeeded",
      outcome: { attention: [{ code: "refund_owed" }] },
    });
    expect(await bench.perform(request(`anew-${contractId}`))).toMatchObject({ state: "succeeded" });
    expect(
      await bench.sql`select id, state, superseded_by from keiyaku.refunds where contract_id = ${contractId} order by id`,
    ).toEqual([
      { id: `${paymentId}:refund:1`, state: "failed", superseded_by: `${paymentId}:refund:2` },
      { id: `${paymentId}:refund:2`, state: "succeeded", superseded_by: null },
    ]);
  });
});

describe("replace_subscription", () => {
  it("makes the present one a former one, and refuses one that another contract has", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench);
    const other = await monthlyByCard(bench);
    const replace = (id: string, next: string) =>
      bench.perform({ id, kind: "replace_subscription", contractId, params: { subscriptionId: next } });
    expect(await replace(`taken-${contractId}`, other.subscriptionId)).toMatchObject({
      state: "rejected",
      rejection_code: "subscription_mismatch",
    });

    const tail = subscriptionId.slice(4);
    await bench.stripe.control.seed({
      subscriptions: [
        {
          id: `${subscriptionId}_new`,
          customer: `cus_${tail}`,
          price: `price_${tail}`,
          anchorAt: new Date().toISOString(),
        },
      ],
    });
    expect(await replace(`new-${contractId}`, `${subscriptionId}_new`)).toMatchObject({ state: "succeeded" });
    const [contract] = await bench.sql`select stripe_subscription_id as now, former_stripe_subscription_ids as former
      from keiyaku.contracts where id = ${contractId}`;
    expect(contract).toEqual({ now: `${subscriptionId}_new`, former: [subscriptionId] });
    expect(await replace(`back-${contractId}`, subscriptionId)).toMatchObject({
      rejection_code: "subscription_mismatch",
    });
  });

  it("has Stripe end the new one where the contract is reserved to end, for the end of its period", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench);
    const tail = subscriptionId.slice(4);
    const next = `${subscriptionId}_next`;
    await bench.sql`update keiyaku.contracts set status = 'termination_reserved', termination_on = '2100-01-08',
      termination_source = 'person' where id = ${contractId}`;
    const anchorAt = new Date().toISOString();
    await bench.stripe.control.seed({
      subscriptions: [{ id: next, customer: `cus_${tail}`, price: `price_${tail}`, anchorAt }],
    });
    const id = `carry-${contractId}`;
    const replaced = { id, kind: "replace_subscription", contractId, params: { subscriptionId: next } } as const;
    expect(await bench.perform(replaced)).toMatchObject({ state: "succeeded" });
    const seen = await bench.deps.gateway.readSubscription(next);
    expect(seen).toMatchObject({ type: "done", value: { cancelAtPeriodEnd: true } });
    const [contract] = await bench.sql`select status, termination_on::text as "endsOn", termination_source as source
      from keiyaku.contracts where id = ${contractId}`;
    const endAt = seen.type === "done" && seen.value.type === "found" ? seen.value.currentPeriodEndAt : "";
    expect(contract).toEqual({
      status: "termination_reserved",
      endsOn: businessDateOf(endAt, "Asia/Tokyo"),
      source: "person",
    });
  });
});

describe("a call that was journaled by another version of the code", () => {
  it("is sent again as it was journaled, not as the rule would send it now", async () => {
    const { contractId } = await monthlyByCard(bench);
    const id = `old-${contractId}`;
    const paymentId = `${contractId}:period:0`;
    await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 });
    await bench.accept({ id, kind: "refund_payment", contractId, params: { paymentId } });
    expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason: "result_unknown" });
    await bench.sql`update keiyaku.stripe_calls set request = jsonb_set(request, '{amountMinor}', '1000')
      where operation_id = ${id} and type = 'call'`;
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect(await effectsOf(id)).toEqual([["refund.created", 1_000]]);
  });
});
