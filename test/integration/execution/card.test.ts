import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { monthlyByCard, oneTimeByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";

let bench: ExecutionBench;
beforeAll(async () => {
  bench = await createExecutionBench();
});
afterEach(() => bench.stripe.control.clearFaults());
afterAll(() => bench.close());

/** What took effect at Stripe for one object, by our own doing. */
async function effects(of: { paymentIntent?: string; subscription?: string; invoice?: string }) {
  const ledger = await bench.stripe.control.ledger();
  return ledger
    .filter((entry) => entry.effect !== "seeded")
    .filter(
      (entry) =>
        (of.paymentIntent !== undefined && entry.paymentIntent === of.paymentIntent) ||
        (of.subscription !== undefined && entry.subscription === of.subscription),
    );
}

async function refundRows(contractId: string) {
  return bench.sql`select payment_id, amount_minor::int as amount, state, refusal_code from keiyaku.refunds
    where contract_id = ${contractId} order by id`;
}

/** Makes a put-back operation due now, as if its delay had passed. */
async function passDelay(operationId: string) {
  await bench.sql`update keiyaku.operations set next_attempt_at = null where id = ${operationId}`;
}

/** Makes the journal older, as if the time had passed since the calls were sent. */
async function ageJournal(operationId: string, hours: number) {
  await bench.sql`update keiyaku.stripe_calls set first_sent_at = first_sent_at - ${hours} * interval '1 hour',
    last_sent_at = last_sent_at - ${hours} * interval '1 hour' where operation_id = ${operationId} and type = 'call'`;
}

describe("cancel_with_refund", () => {
  it("refunds every row of a shared charge, each once, and revokes the license", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const done = await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    expect(done).toMatchObject({ state: "succeeded", outcome: { statusAfter: "canceled", attention: [] } });
    expect((await effects({ paymentIntent: paymentIntentId })).map(({ effect, amount }) => [effect, amount])).toEqual([
      ["refund.created", 3_000],
      ["refund.created", 19_800],
    ]);
    expect(await refundRows(contractId)).toMatchObject([
      { amount: 3_000, state: "succeeded" },
      { amount: 19_800, state: "succeeded" },
    ]);
    const [contract] = await bench.sql`select c.status, (select count(*)::int from keiyaku.payments p
      where p.contract_id = c.id and p.state = 'refunded') as refunded, (select count(*)::int from keiyaku.licenses l
      where l.contract_id = c.id and l.revoked_because = 'canceled') as revoked from keiyaku.contracts c where c.id = ${contractId}`;
    expect(contract).toEqual({ status: "canceled", refunded: 2, revoked: 1 });
  });

  it("names its refund row in the refund's metadata, and nothing else of the contract", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    const [first] = await effects({ paymentIntent: paymentIntentId });
    expect(first?.metadata).toEqual({
      keiyaku_refund: `${contractId}:initial_fee:refund:1`,
      keiyaku_operation: `c-${contractId}`,
    });
  });

  it("gives back what a dashboard refund has left, and says that it is odd", async () => {
    const { contractId } = await oneTimeByCard(bench, { refunds: [{ amount: 20_000 }] });
    const done = await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    expect(done).toMatchObject({ state: "succeeded", outcome: { attention: [{ code: "refunded_elsewhere" }] } });
    expect(await refundRows(contractId)).toMatchObject([{ amount: 2_800, state: "succeeded" }]);
  });

  it("keeps owing what Stripe refuses for good, and cancels all the same", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    await bench.stripe.control.dispute(`ch_${paymentIntentId.slice(3)}`);
    const done = await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    expect(done).toMatchObject({ state: "succeeded", outcome: { statusAfter: "canceled" } });
    expect(await refundRows(contractId)).toMatchObject([
      { state: "due", refusal_code: "charge_disputed" },
      { state: "due", refusal_code: "charge_disputed" },
    ]);
    expect(await effects({ paymentIntent: paymentIntentId })).not.toContainEqual(
      expect.objectContaining({ effect: "refund.created" }),
    );
    const told = await bench.sql`select kind, recipient, detail from keiyaku.notifications
      where contract_id = ${contractId} and kind = 'refund_refused'`;
    expect(told).toEqual([
      { kind: "refund_refused", recipient: "operators", detail: { refunds: 2, owedMinor: 22_800 } },
    ]);
  });

  it("journals for Stripe's support which request answered each step, also with a refusal", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    await bench.stripe.control.dispute(`ch_${paymentIntentId.slice(3)}`);
    await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    const steps = await bench.sql`select type, request_id, learned_by from keiyaku.stripe_calls
      where operation_id = ${`c-${contractId}`}`;
    const methods = new Map((await bench.stripe.control.requests()).map((each) => [each.requestId, each.method]));
    expect(
      steps.map((step) => ({ type: step.type, method: methods.get(step.request_id), learnedBy: step.learned_by })),
    ).toEqual(steps.map(({ type }) => ({ type, method: type === "call" ? "POST" : "GET", learnedBy: "reply" })));
    expect(steps.filter(({ type }) => type === "call")).toHaveLength(2);
  });

  it("asks again, under its own row, for a refund that an abandoned operation left owed", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    await bench.sql`insert into keiyaku.refunds (id, contract_id, payment_id, amount_minor, state, operation_id)
      values (${`${contractId}:initial_fee:refund:1`}, ${contractId}, ${`${contractId}:initial_fee`}, 3000, 'due', 'given-up')`;
    const done = await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    expect(done).toMatchObject({ state: "succeeded", outcome: { attention: [] } });
    expect((await effects({ paymentIntent: paymentIntentId })).map(({ amount }) => amount)).toEqual([3_000, 19_800]);
    expect(
      await bench.sql`select id, state, operation_id from keiyaku.refunds
      where contract_id = ${contractId} and payment_id like '%initial_fee'`,
    ).toEqual([{ id: `${contractId}:initial_fee:refund:1`, state: "succeeded", operation_id: `c-${contractId}` }]);
  });

  it("leaves a pending refund pending and counts it as on its way", async () => {
    const { contractId } = await oneTimeByCard(bench);
    await bench.stripe.control.setRefundOutcome("pending", 2);
    const done = await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    expect(done).toMatchObject({ state: "succeeded" });
    expect(await refundRows(contractId)).toMatchObject([{ state: "pending" }, { state: "pending" }]);
  });
});

describe("a reply that is lost", () => {
  it.each(["lose_reply_after", "truncate_reply"] as const)("is looked up and adopted after %s", async (mode) => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    // The SDK repeats a destroyed connection once by itself; the repetition's reply is lost too.
    await bench.stripe.control.fault({
      mode,
      method: "POST",
      path: "/v1/refunds",
      times: mode === "truncate_reply" ? 1 : 2,
    });
    const done = await bench.perform({ id: `c-${contractId}`, kind: "cancel_with_refund", contractId });
    expect(done).toMatchObject({ state: "succeeded" });
    expect((await effects({ paymentIntent: paymentIntentId })).map(({ amount }) => amount)).toEqual([3_000, 19_800]);
    const calls = await bench.sql`select name, learned_by from keiyaku.stripe_calls
      where operation_id = ${`c-${contractId}`} and type = 'call' order by first_sent_at`;
    expect(calls.map((call) => call.learned_by)).toEqual(["look", "reply"]);
  });

  it("puts the operation back uncounted when nothing took effect, and sends the same key again", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const id = `c-${contractId}`;
    await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 });
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason: "result_unknown" });
    expect(await bench.operation(id)).toMatchObject({ state: "requested", occupies: true, attempts_counted: 0 });
    expect(bench.bells.at(-1)).toMatchObject({ operationId: id, attempt: 1 });

    await passDelay(id);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect((await effects({ paymentIntent: paymentIntentId })).map(({ amount }) => amount)).toEqual([3_000, 19_800]);
    const keys = (await bench.stripe.control.requests())
      .filter(
        ({ method, path, idempotencyKey }) =>
          method === "POST" && path === "/v1/refunds" && idempotencyKey?.includes(id),
      )
      .map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys).size).toBe(2);
  });

  it("waits while a key is neither trusted nor surely forgotten, and then takes the next one", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const id = `c-${contractId}`;
    await bench.stripe.control.fault({ mode: "lose_reply_before", method: "POST", path: "/v1/refunds", times: 2 });
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    await bench.execute(id);

    await ageJournal(id, 23.5);
    await passDelay(id);
    expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason: "key_expiring" });
    expect(await effects({ paymentIntent: paymentIntentId })).toEqual([]);

    await ageJournal(id, 1);
    await passDelay(id);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect((await effects({ paymentIntent: paymentIntentId })).map(({ amount }) => amount)).toEqual([3_000, 19_800]);
    const [call] = await bench.sql`select key_number, idempotency_key from keiyaku.stripe_calls
      where operation_id = ${id} and type = 'call' order by first_sent_at limit 1`;
    expect(call).toMatchObject({ key_number: 2, idempotency_key: expect.stringMatching(/:2$/) });
  });

  it("adopts an effect that a forgotten key had, instead of refunding again", async () => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const id = `c-${contractId}`;
    // Executed, but neither the reply nor the look afterwards comes through.
    await bench.stripe.control.fault({ mode: "lose_reply_after", method: "POST", path: "/v1/refunds", times: 2 });
    await bench.stripe.control.fault({
      mode: "lose_reply_before",
      method: "GET",
      path: "/v1/refunds",
      skip: 1,
      times: 4,
    });
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    expect(await bench.execute(id)).toMatchObject({ type: "retry", reason: "look_unanswered" });
    await bench.stripe.control.clearFaults();
    await bench.stripe.control.pruneKeys();
    await ageJournal(id, 25);
    await passDelay(id);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect((await effects({ paymentIntent: paymentIntentId })).map(({ amount }) => amount)).toEqual([3_000, 19_800]);
  });
});

describe("Stripe out of reach or out of patience", () => {
  it.each([
    ["status_401", "unauthorized"],
    ["status_403", "forbidden"],
    ["rate_limit_429", "rate_limited"],
    ["lock_timeout_429", "lock_timeout"],
  ] as const)("%s puts the operation back uncounted: %s", async (mode, reason) => {
    const { contractId, paymentIntentId } = await oneTimeByCard(bench);
    const id = `c-${contractId}`;
    await bench.stripe.control.fault({ mode, path: "/v1/refunds", method: "POST", times: 3 });
    await bench.accept({ id, kind: "cancel_with_refund", contractId });
    expect(await bench.execute(id)).toMatchObject({ type: "deferred", reason });
    expect(await bench.operation(id)).toMatchObject({ state: "requested", attempts_counted: 0, wait_reason: reason });
    await bench.stripe.control.clearFaults();
    await passDelay(id);
    expect(await bench.execute(id)).toEqual({ type: "succeeded" });
    expect((await effects({ paymentIntent: paymentIntentId })).map(({ amount }) => amount)).toEqual([3_000, 19_800]);
  });
});

describe("monthly contracts by card", () => {
  it("reserves the termination at Stripe, for the day on which Stripe's period ends, and withdraws it", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench);
    const reserved = await bench.perform({ id: `v-${contractId}`, kind: "reserve_termination", contractId });
    expect(reserved).toMatchObject({ state: "succeeded", outcome: { statusAfter: "termination_reserved" } });
    const [contract] =
      await bench.sql`select termination_on, termination_source from keiyaku.contracts where id = ${contractId}`;
    expect(contract).toMatchObject({ termination_source: "person" });

    const withdrawn = await bench.perform({ id: `w-${contractId}`, kind: "withdraw_reservation", contractId });
    expect(withdrawn).toMatchObject({ state: "succeeded", outcome: { statusAfter: "active" } });
    expect((await effects({ subscription: subscriptionId })).map(({ effect }) => effect)).toEqual([
      "subscription.updated",
      "subscription.updated",
    ]);
  });

  it("terminates: cancels first, then voids the open invoice, and writes the period off", async () => {
    const { contractId, subscriptionId, openInvoiceId } = await monthlyByCard(bench, { suspended: true });
    const done = await bench.perform({ id: `t-${contractId}`, kind: "terminate", contractId });
    expect(done).toMatchObject({ state: "succeeded", outcome: { statusAfter: "terminated", attention: [] } });
    const order = (await effects({ subscription: subscriptionId })).map(({ effect }) => effect);
    expect(order.indexOf("subscription.canceled")).toBeLessThan(order.indexOf("invoice.voided"));
    const [payment] =
      await bench.sql`select state from keiyaku.payments where contract_id = ${contractId} and period = 1`;
    expect(payment).toEqual({ state: "never_charged" });
    expect(openInvoiceId).toBeDefined();
  });

  it("takes a cancellation whose reply was lost for done, although Stripe answers 404 to the next one", async () => {
    const { contractId, subscriptionId } = await monthlyByCard(bench, { suspended: true });
    await bench.stripe.control.fault({ mode: "lose_reply_after", method: "DELETE", path: "/v1/subscriptions/*" });
    const done = await bench.perform({ id: `t-${contractId}`, kind: "terminate", contractId });
    expect(done).toMatchObject({ state: "succeeded", outcome: { statusAfter: "terminated", attention: [] } });
    const cancellations = (await effects({ subscription: subscriptionId })).filter(
      ({ effect }) => effect === "subscription.canceled",
    );
    expect(cancellations).toHaveLength(1);
  });
});
