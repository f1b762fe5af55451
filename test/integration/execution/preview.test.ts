import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import type { OperationRequest } from "../../../src/contract/operation.ts";
import type { Plan } from "../../../src/contract/plan.ts";
import { executeOperation } from "../../../src/execution/execute-operation.ts";
import { listButtons } from "../../../src/execution/list-buttons.ts";
import { type PreviewDeps, previewOperation } from "../../../src/execution/preview-operation.ts";
import type { StripeGateway } from "../../../src/stripe/gateway.ts";
import { monthlyByCard, oneTimeByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench, monthlyTerms } from "../../support/execution.ts";
import { addContract, everythingOf, insertRows, operationRow, paymentRow } from "../../support/store-rows.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

type Asked = Pick<OperationRequest, "kind" | "contractId"> & Partial<OperationRequest>;

const alice = { type: "operator", id: "op-1" } as const;

function preview(asked: Asked, overrides: Partial<PreviewDeps> = {}) {
  const { db, gateway, business, clock } = bench.deps;
  return previewOperation({ db, gateway, business, clock, ...overrides }, { id: "p-1", actor: alice, ...asked });
}

async function planOf(asked: Asked, overrides: Partial<PreviewDeps> = {}): Promise<Plan> {
  const previewed = await preview(asked, overrides);
  if (previewed.type !== "plan") throw new Error(JSON.stringify(previewed));
  return previewed.plan;
}

/** Requests that could have changed something at Stripe, since there were `after` of any sort. */
async function changingRequests(after = 0): Promise<readonly string[]> {
  const requests = await bench.stripe.control.requests();
  return requests.slice(after).flatMap(({ method, path }) => (method === "GET" ? [] : [`${method} ${path}`]));
}

async function requestCount(): Promise<number> {
  return (await bench.stripe.control.requests()).length;
}

/** A refund made by somebody on Stripe's dashboard. */
async function refundOnDashboard(paymentIntentId: string, amountMinor: number): Promise<void> {
  const reply = await fetch(`${bench.stripe.url}/v1/refunds`, {
    method: "POST",
    headers: { authorization: `Bearer ${bench.stripe.secretKey}`, "idempotency-key": `dashboard-${paymentIntentId}` },
    body: new URLSearchParams({ payment_intent: paymentIntentId, amount: String(amountMinor) }),
  });
  expect(reply.status).toBe(200);
}

let numbers = 0;

/** A contract by bank transfer that is active in its third period or so, all of them paid. */
async function byTransfer(): Promise<string> {
  const contractId = `transfer-${++numbers}`;
  await bench.perform({ id: `reg-${contractId}`, kind: "register", contractId, params: monthlyTerms() });
  await bench.perform({ id: `pay-${contractId}`, kind: "confirm_payment", contractId });
  return contractId;
}

describe("a preview", () => {
  it("tells what would be done, having looked at Stripe and changed nothing there or here", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench, { refunds: [{ amount: 1_000 }] });
    const before = await everythingOf(bench.sql, contractId);
    const requests = await requestCount();

    const plan = await planOf({ kind: "cancel_with_refund", contractId });
    expect(plan).toMatchObject({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      status: { before: "established", after: "canceled" },
      refunds: [
        { paymentId: `${contractId}:initial_fee`, amountMinor: 3_000, by: "stripe" },
        { paymentId: `${contractId}:one_time_price`, amountMinor: 18_800, by: "stripe" },
      ],
    });
    expect(plan.calls).toEqual(
      plan.refunds.map(({ id, amountMinor }) => ({
        verb: "refund_payment",
        refundId: id,
        paymentIntentId,
        amountMinor,
      })),
    );
    expect(await everythingOf(bench.sql, contractId)).toEqual(before);
    expect(await changingRequests(requests)).toEqual([]);
    expect(await requestCount()).toBeGreaterThan(requests);
  });

  it("comes true: what was foreseen is what the ledger and Stripe have afterwards", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench, { suspended: true });
    const plan = await planOf({ kind: "terminate", contractId });
    const requests = await requestCount();
    const done = await bench.perform({ id: `t-${contractId}`, kind: "terminate", contractId });
    expect(done).toMatchObject({ state: "succeeded", outcome: { statusAfter: plan.status.after } });

    const calls = await bench.sql`select request from keiyaku.stripe_calls
      where operation_id = ${`t-${contractId}`} and type = 'call' order by first_sent_at`;
    expect(calls.map(({ request }) => request)).toEqual(plan.calls);
    expect(await changingRequests(requests)).toHaveLength(plan.calls.length);
    expect(plan.calls[0]).toEqual({ verb: "cancel_subscription", subscriptionId });
    const moved = await bench.sql`select id, state from keiyaku.payments
      where contract_id = ${contractId} and state = 'never_charged'`;
    expect(moved).toEqual(plan.payments.map(({ id, to }) => ({ id, state: to })));
    const told = await bench.sql`select kind, recipient from keiyaku.notifications where contract_id = ${contractId}
      order by recipient`;
    expect(told).toEqual(plan.mails.map(({ kind, recipient }) => ({ kind, recipient })));
  });

  it("has the same digest when it is asked again, and later the same day", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const { digest } = await planOf({ kind: "cancel_with_refund", contractId });
    const clock = { ...systemClock, now: () => new Date(Date.now() + 61_000).toISOString() };
    expect((await planOf({ kind: "cancel_with_refund", contractId, id: "p-2" }, { clock })).digest).toBe(digest);
  });

  it("of what a rule refuses is a plan that says so", async () => {
    expect(await planOf({ kind: "cancel", contractId: "nobody" })).toMatchObject({
      rejection: { code: "contract_not_found", sentence: { en: expect.stringMatching(/^There is no such contract/) } },
      calls: [],
    });
  });

  it("of a registration knows the catalog", async () => {
    const params = monthlyTerms({ product: undefined, customer: undefined, productId: "unheard-of" });
    const asked = { kind: "register", contractId: "preview-new" } as const;
    const plan = await planOf({ ...asked, params: JSON.parse(JSON.stringify(params)) });
    expect(plan.rejection).toMatchObject({ code: "invalid_request", detail: { field: "params.productId" } });
    expect(await planOf({ ...asked, params: JSON.parse(JSON.stringify(monthlyTerms())) })).toMatchObject({
      rejection: null,
      status: { before: null, after: "awaiting_payment" },
    });
    expect(await bench.sql`select id from keiyaku.contracts where id = 'preview-new'`).toEqual([]);
  });

  it("is not taken for a held operation that happens to have its id", async () => {
    const contractId = await byTransfer();
    await insertRows(bench.sql, "operations", operationRow({ id: "p-held", contract_id: contractId, state: "held" }));
    expect(await planOf({ kind: "suspend", contractId, id: "p-held" })).toMatchObject({
      rejection: { code: "operation_held", detail: { operationId: "p-held" } },
    });
  });

  it("cannot be told while Stripe is not to be had", async () => {
    const { contractId } = await oneTimeByCard(bench);
    await bench.stripe.control.fault({ mode: "rate_limit_429", path: "/v1/**" });
    expect(await preview({ kind: "cancel_with_refund", contractId })).toEqual({
      type: "not_now",
      reason: "rate_limited",
    });
  });

  it.each([
    ["not_now", { type: "unknown", reason: "connection_lost", requestId: null }, { reason: "unreachable" }],
    ["unexplained", { type: "unexplained", code: "odd", httpStatus: 418, requestId: null }, { code: "odd" }],
    ["unexplained", { type: "refused", code: "not_found", requestId: null }, { code: "not_found" }],
  ] as const)("is %s for a reading that came to %o", async (type, reply, told) => {
    const { contractId } = await oneTimeByCard(bench);
    const gateway = { ...bench.deps.gateway, listRefunds: async () => reply };
    expect(await preview({ kind: "cancel_with_refund", contractId }, { gateway })).toEqual({ type, ...told });
  });

  it("ends with its caller", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const signal = AbortSignal.abort();
    await expect(preview({ kind: "cancel_with_refund", contractId }, { signal })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

describe("a request that carries its plan", () => {
  it("is carried out while the world is as it was shown, with calls and without", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const refund = { kind: "cancel_with_refund", contractId } as const;
    const { digest: expectedPlan } = await planOf(refund);
    expect(await bench.perform({ ...refund, id: `e-${contractId}`, expectedPlan })).toMatchObject({
      state: "succeeded",
      outcome: { statusAfter: "canceled" },
    });

    const byHand = await byTransfer();
    const suspend = { kind: "suspend", contractId: byHand } as const;
    const shown = await planOf(suspend);
    expect(await bench.perform({ ...suspend, id: `e-${byHand}`, expectedPlan: shown.digest })).toMatchObject({
      state: "succeeded",
    });
  });

  it("is refused with the new plan when a payment was refunded on the dashboard, and carried out under that", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const asked = { kind: "cancel_with_refund", contractId } as const;
    const shown = await planOf(asked);
    await refundOnDashboard(paymentIntentId, 20_000);
    const before = await everythingOf(bench.sql, contractId);
    const requests = await requestCount();

    const refused = await bench.perform({ ...asked, id: `e1-${contractId}`, expectedPlan: shown.digest });
    const now = await planOf(asked);
    expect(now.digest).not.toBe(shown.digest);
    expect(refused).toMatchObject({
      state: "rejected",
      rejection_code: "plan_changed",
      rejection_detail: { digest: now.digest, plan: JSON.parse(JSON.stringify(now)) },
      occupies: false,
      frozen_facts: null,
    });
    expect(now.refunds).toMatchObject([{ amountMinor: 2_800 }]);
    expect(await changingRequests(requests)).toEqual([]);
    expect(await withoutOperations(contractId)).toEqual(withoutLedger(before));

    const again = await bench.perform({ ...asked, id: `e2-${contractId}`, expectedPlan: now.digest });
    expect(again).toMatchObject({ state: "succeeded", outcome: { statusAfter: "canceled" } });
    const rows =
      await bench.sql`select amount_minor::int as amount from keiyaku.refunds where contract_id = ${contractId}`;
    expect(rows).toEqual([{ amount: 2_800 }]);
  });

  it("is refused when another operation came between, though it needs nothing of Stripe", async () => {
    const contractId = await byTransfer();
    const asked = { kind: "delete", contractId, params: { confirm: contractId } } as const;
    const shown = await planOf(asked);
    await bench.perform({ id: `between-${contractId}`, kind: "reserve_termination", contractId });

    const refused = await bench.perform({ ...asked, id: `e1-${contractId}`, expectedPlan: shown.digest });
    expect(refused).toMatchObject({
      state: "rejected",
      rejection_code: "plan_changed",
      rejection_detail: { plan: { kind: "delete", status: { before: "termination_reserved" } } },
    });
    expect(await bench.sql`select status from keiyaku.contracts where id = ${contractId}`).toEqual([
      { status: "termination_reserved" },
    ]);
    const { digest } = refused.rejection_detail as { digest: string };
    expect(await bench.perform({ ...asked, id: `e2-${contractId}`, expectedPlan: digest })).toMatchObject({
      state: "succeeded",
    });
    expect(await bench.sql`select id from keiyaku.contracts where id = ${contractId}`).toEqual([]);
  });

  it("is refused when a renewal has come between, which ends the contract another month later", async () => {
    const contractId = `renewed-${++numbers}`;
    await addContract(bench.sql, { id: contractId, start_on: dateAgo(75) });
    const of = { contract_id: contractId, period: 0, starts_on: dateAgo(75) };
    await insertRows(bench.sql, "payments", paymentRow(of));
    const clock = { ...systemClock, now: () => new Date(Date.now() - 25 * dayMs).toISOString() };
    const asked = { kind: "reserve_termination", contractId } as const;
    const shown = await planOf(asked, { clock });
    expect(shown.rejection).toBeNull();

    const refused = await bench.perform({ ...asked, id: `e-${contractId}`, expectedPlan: shown.digest });
    expect(refused).toMatchObject({ state: "rejected", rejection_code: "plan_changed" });
    const { plan } = refused.rejection_detail as { plan: Plan };
    expect(plan.reservation.after?.terminationOn).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(String(plan.reservation.after?.terminationOn) > String(shown.reservation.after?.terminationOn)).toBe(true);
  });

  it("is told that the plan has changed also where a rule refuses it now, and the plan tells why", async () => {
    const contractId = await byTransfer();
    const shown = await planOf({ kind: "suspend", contractId });
    await bench.perform({ id: `between-${contractId}`, kind: "suspend", contractId });
    const asked = { kind: "suspend", contractId } as const;
    const now = await planOf(asked);
    expect(now.rejection?.code).toBe("status_not_allowed");
    expect(await bench.perform({ ...asked, id: `e-${contractId}`, expectedPlan: shown.digest })).toMatchObject({
      state: "rejected",
      rejection_code: "plan_changed",
      rejection_detail: { digest: now.digest },
    });
    // Who was shown the refusal, and asks all the same, is refused as shown.
    expect(await bench.perform({ ...asked, id: `e2-${contractId}`, expectedPlan: now.digest })).toMatchObject({
      state: "rejected",
      rejection_code: "status_not_allowed",
    });
  });

  it("is told so after a look at Stripe, too", async () => {
    const { contractId } = await monthlyByCard(bench);
    const asked = { kind: "reserve_termination", contractId } as const;
    const shown = await planOf(asked);
    await bench.perform({ ...asked, id: `between-${contractId}` });
    expect(await bench.perform({ ...asked, id: `e-${contractId}`, expectedPlan: shown.digest })).toMatchObject({
      state: "rejected",
      rejection_code: "plan_changed",
    });
  });

  it("of somebody who may not ask is told that alone", async () => {
    const contractId = await byTransfer();
    const asked = { kind: "reserve_termination", contractId, actor: { type: "customer", id: "somebody" } } as const;
    const shown = await planOf({ kind: "reserve_termination", contractId });
    expect(await bench.perform({ ...asked, id: `e-${contractId}`, expectedPlan: shown.digest })).toMatchObject({
      state: "rejected",
      rejection_code: "actor_not_allowed",
    });
  });

  it("is not held against the plan of another payment", async () => {
    const { contractId } = await oneTimeByCard(bench);
    const refund = (subject: string) =>
      ({ kind: "refund_payment", contractId, params: { paymentId: `${contractId}:${subject}` } }) as const;
    const { digest: expectedPlan } = await planOf(refund("initial_fee"));
    const requests = await requestCount();
    const refused = await bench.perform({ ...refund("one_time_price"), id: `e-${contractId}`, expectedPlan });
    expect(refused).toMatchObject({ state: "rejected", rejection_code: "plan_changed" });
    expect(await changingRequests(requests)).toEqual([]);
  });

  it("is no longer asked once its first call is journaled: what has begun is ended", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const asked = { kind: "cancel_with_refund", contractId } as const;
    const { digest: expectedPlan } = await planOf(asked);
    const id = `e-${contractId}`;
    await bench.accept({ ...asked, id, expectedPlan });
    // The first call is journaled and not taken; before it is taken up again, somebody refunds on the dashboard.
    await bench.stripe.control.fault({ mode: "rate_limit_429", method: "POST", path: "/v1/refunds" });
    expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason: "rate_limited" });
    await refundOnDashboard(paymentIntentId, 1_000);
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await bench.execute(id)).toMatchObject({ type: "succeeded" });
    expect(await bench.operation(id)).toMatchObject({ state: "succeeded", outcome: { statusAfter: "canceled" } });
  });

  it("waits while Stripe cannot be looked at for its plan, and neither calls nor refuses", async () => {
    const { contractId } = await monthlyByCard(bench, { suspended: true });
    const asked = { kind: "terminate", contractId } as const;
    const { digest: expectedPlan } = await planOf(asked);
    const id = `e-${contractId}`;
    await bench.accept({ ...asked, id, expectedPlan });
    const requests = await requestCount();
    // The rule would call at once: only the plan has something to look at first.
    await bench.stripe.control.fault({ mode: "rate_limit_429", method: "GET", path: "/v1/**" });
    expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason: "rate_limited" });
    expect(await changingRequests(requests)).toEqual([]);
    await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${id}`;
    expect(await bench.execute(id)).toMatchObject({ type: "succeeded" });
  });

  it("gives signs of life while its plan takes long to see, lest another attempt take it over", async () => {
    const { contractId } = await monthlyByCard(bench);
    const asked = { kind: "delete", contractId, params: { confirm: contractId } } as const;
    const { digest: expectedPlan } = await planOf(asked);
    const id = `e-${contractId}`;
    await bench.accept({ ...asked, id, expectedPlan });
    const silences: number[] = [];
    let monotonicMs = 0;
    const clock = { ...systemClock, monotonicMs: () => monotonicMs };
    const gateway: StripeGateway = {
      ...bench.deps.gateway,
      // Each takes half a minute, and finds out for how long the attempt has been silent before.
      async listRefunds(paymentIntentId) {
        const [row] = await bench.sql`select extract(epoch from clock_timestamp() - touched_at)::float8 as silent
          from keiyaku.operations where id = ${id}`;
        silences.push(row?.silent);
        await bench.sql`update keiyaku.operations set touched_at = touched_at - interval '30 seconds' where id = ${id}`;
        monotonicMs += 30_000;
        return bench.deps.gateway.listRefunds(paymentIntentId);
      },
    };
    expect(await executeOperation({ ...bench.deps, clock, gateway }, id)).toMatchObject({ type: "succeeded" });
    expect(silences.length).toBeGreaterThanOrEqual(2);
    // Without a sign of life the second would find the first one's half minute.
    expect(Math.max(...silences.slice(0, 2))).toBeLessThan(30);
  });

  it("looks no further for its plan once the process is to stop", async () => {
    const { contractId } = await monthlyByCard(bench, { suspended: true });
    const asked = { kind: "terminate", contractId } as const;
    const { digest: expectedPlan } = await planOf(asked);
    const id = `e-${contractId}`;
    await bench.accept({ ...asked, id, expectedPlan });
    const requests = await requestCount();
    const report = await executeOperation({ ...bench.deps, stopping: AbortSignal.abort() }, id);
    expect(report).toMatchObject({ type: "deferred", reason: "shutting_down" });
    expect(await requestCount()).toBe(requests);
  });

  it("costs nothing more at Stripe than what the plan has to see, and journals only the rule's own looks", async () => {
    const { contractId } = await monthlyByCard(bench, { suspended: true });
    const asked = { kind: "terminate", contractId } as const;
    const { digest: expectedPlan } = await planOf(asked);
    const id = `e-${contractId}`;
    expect(await bench.perform({ ...asked, id, expectedPlan })).toMatchObject({ state: "succeeded" });
    const journal = await bench.sql`select name, type, request ->> 'verb' as verb from keiyaku.stripe_calls
      where operation_id = ${id}`;
    expect(new Set(journal.map(({ name }) => name)).size).toBe(journal.length);
    const first = journal.find(({ verb }) => verb === "list_unpaid_invoices");
    expect(first).toMatchObject({ type: "look" });
  });
});

describe("the buttons of a contract", () => {
  const buttonsFor = (contractId: string, actor: OperationRequest["actor"] = alice) =>
    listButtons(bench.deps, contractId, actor);

  it("are read of the contract as it stands, for whoever asks", async () => {
    const contractId = await byTransfer();
    const before = await everythingOf(bench.sql, contractId);
    const found = await buttonsFor(contractId);
    expect(found.type).toBe("found");
    const offered = found.buttons.filter(({ allowed }) => allowed).map(({ kind }) => kind);
    expect(offered).toContain("suspend");
    expect(offered).not.toContain("resume");
    const refund = found.buttons.find(({ kind }) => kind === "refund_payment");
    const paid = await bench.sql`select id, amount_minor::int as amount from keiyaku.payments
      where contract_id = ${contractId} order by period nulls first, id`;
    expect(refund).toMatchObject({
      choices: paid.map(({ id, amount }) => ({ params: { paymentId: id }, amountMinor: amount })),
    });
    expect((await buttonsFor(contractId, { type: "customer", id: "stranger" })).buttons).toSatisfy(
      (buttons: (typeof found)["buttons"]) => buttons.every(({ allowed }) => !allowed),
    );
    expect(await everythingOf(bench.sql, contractId)).toEqual(before);
  });

  it("are what a tombstone accepts, once the contract is deleted", async () => {
    const contractId = await byTransfer();
    await bench.perform({ id: `d-${contractId}`, kind: "delete", contractId, params: { confirm: contractId } });
    const found = await buttonsFor(contractId);
    expect(found.type).toBe("deleted");
    const offered = found.buttons.filter(({ allowed }) => allowed).map(({ kind }) => kind);
    expect(offered).toEqual(["record_manual_refund", "waive_refund"]);
  });

  it("are none of a contract that nobody knows", async () => {
    const found = await buttonsFor("nobody");
    expect(found.type).toBe("missing");
    expect(found.buttons.every((button) => !button.allowed && button.rejection.code === "contract_not_found")).toBe(
      true,
    );
  });
});

const dayMs = 86_400_000;

/** The business date so many days ago. */
function dateAgo(days: number): string {
  return new Date(Date.now() - days * dayMs + 9 * 3_600_000).toISOString().slice(0, 10);
}

/** Everything of a contract but the ledger's rows, which tell of the refused request too. */
async function withoutOperations(contractId: string): Promise<unknown> {
  return withoutLedger(await everythingOf(bench.sql, contractId));
}

function withoutLedger(everything: unknown): object {
  const { operations: _, contract, ...rest } = everything as { operations: unknown; contract: { version: number }[] };
  // An attempt takes the contract's next version, whatever it comes to.
  return { ...rest, contract: contract.map(({ version: __, ...columns }) => contentOf(columns)) };
}

function contentOf(columns: Record<string, unknown>): object {
  const { updated_at: _, changed_by_operation_id: __, ...content } = columns;
  return content;
}
