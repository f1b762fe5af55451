import { expect, test } from "vitest";
import { PURCHASE, SHOP, setUpStandIn, stripeErrorOf, untilHeld } from "./set-up-stand-in.ts";

const HOURS_MS = 60 * 60 * 1000;
const REFUND = { payment_intent: "pi_purchase", amount: 100 } as const;

async function setUp() {
  const clock = { ms: Date.parse("2026-11-01T00:00:00Z") };
  const bundle = await setUpStandIn({ now: () => clock.ms });
  await bundle.control.seed(PURCHASE);
  const refunds = async () => (await bundle.control.ledger()).filter(({ effect }) => effect === "refund.created");
  return { ...bundle, clock, refunds };
}

test("replays the first answer to a key without executing again", async () => {
  const { stripe, control, refunds } = await setUp();
  const first = await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  const second = await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  expect(second.id).toBe(first.id);
  expect(first.lastResponse.headers["idempotent-replayed"]).toBeUndefined();
  expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
  expect(second.lastResponse.headers["original-request"]).toBe(first.lastResponse.requestId);
  expect(second.lastResponse.idempotencyKey).toBe("k1");
  expect(await refunds()).toMatchObject([{ idempotencyKey: "k1", requestId: first.lastResponse.requestId }]);
  expect((await control.requests()).map(({ replayed, status }) => ({ replayed, status }))).toEqual([
    { replayed: false, status: 200 },
    { replayed: true, status: 200 },
  ]);
});

test("replays the answer as it was, although the object has changed since", async () => {
  const { stripe } = await setUp();
  const { id } = await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });
  await stripe.refunds.update(id, { metadata: { later: "yes" } });

  const replay = await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  expect(replay.metadata).toEqual({});
});

test.each([
  ["other parameters", { payment_intent: "pi_purchase", amount: 101 }],
  ["one parameter more", { ...REFUND, metadata: { a: "b" } }],
])("refuses a used key with %s", async (_what, params) => {
  const { stripe, refunds } = await setUp();
  await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  const error = await stripeErrorOf(stripe.refunds.create(params, { idempotencyKey: "k1" }));

  expect(error).toMatchObject({ type: "StripeIdempotencyError", statusCode: 400, rawType: "idempotency_error" });
  expect(await refunds()).toHaveLength(1);
});

test("refuses a used key for another object, with the same parameters", async () => {
  const { stripe } = await setUp();
  const [one, other] = [await stripe.refunds.create(REFUND), await stripe.refunds.create(REFUND)];
  const params = { metadata: { row: "r1" } };
  await stripe.refunds.update(one.id, params, { idempotencyKey: "k1" });

  const error = await stripeErrorOf(stripe.refunds.update(other.id, params, { idempotencyKey: "k1" }));

  expect(error.rawType).toBe("idempotency_error");
});

test("takes parameters in another order for the same request", async () => {
  const { stripe, refunds } = await setUp();
  await stripe.refunds.create({ payment_intent: "pi_purchase", amount: 100 }, { idempotencyKey: "k1" });

  await stripe.refunds.create({ amount: 100, payment_intent: "pi_purchase" }, { idempotencyKey: "k1" });

  expect(await refunds()).toHaveLength(1);
});

test("answers 409 while a request with the key is being executed, and replays its answer afterwards", async () => {
  const { stripe, control, refunds } = await setUp();
  await control.fault({ mode: "hold", ms: 60_000, method: "POST", path: "/v1/refunds" });
  const held = stripe.refunds.create(REFUND, { idempotencyKey: "k1" });
  await untilHeld(control);

  const error = await stripeErrorOf(stripe.refunds.create(REFUND, { idempotencyKey: "k1" }));

  expect(error).toMatchObject({ statusCode: 409, rawType: "idempotency_error", code: "idempotency_key_in_use" });
  expect(await refunds()).toEqual([]);
  expect(await control.releaseHeld()).toBe(1);
  const first = await held;
  expect((await stripe.refunds.create(REFUND, { idempotencyKey: "k1" })).id).toBe(first.id);
  expect(await refunds()).toHaveLength(1);
});

test("a request held in flight and a second one with another key refund twice", async () => {
  const { stripe, control, refunds } = await setUp();
  await control.fault({ mode: "hold", ms: 60_000, method: "POST", path: "/v1/refunds" });
  const held = stripe.refunds.create(REFUND, { idempotencyKey: "k1" });
  await untilHeld(control);
  expect((await stripe.refunds.list({ payment_intent: "pi_purchase" })).data).toEqual([]);

  await stripe.refunds.create(REFUND, { idempotencyKey: "k2" });
  await control.releaseHeld();
  await held;

  expect((await refunds()).map(({ idempotencyKey }) => idempotencyKey)).toEqual(["k2", "k1"]);
});

test("stores a 500 and replays it for as long as the key is kept", async () => {
  const { stripe, control, refunds } = await setUp();
  await control.fault({ mode: "stored_500", method: "POST", path: "/v1/refunds" });

  const first = await stripeErrorOf(stripe.refunds.create(REFUND, { idempotencyKey: "k1" }));
  const second = await stripeErrorOf(stripe.refunds.create(REFUND, { idempotencyKey: "k1" }));

  expect([first, second]).toMatchObject([
    { type: "StripeAPIError", statusCode: 500, rawType: "api_error" },
    { statusCode: 500, headers: { "idempotent-replayed": "true" } },
  ]);
  expect(await refunds()).toEqual([]);
  expect(await stripe.refunds.create(REFUND, { idempotencyKey: "k2" })).toMatchObject({ amount: 100 });
});

test("stores a 500 beside the effect of a request that was executed", async () => {
  const { stripe, control, refunds } = await setUp();
  await control.fault({ mode: "stored_500", executed: true, method: "POST", path: "/v1/refunds" });

  const first = await stripeErrorOf(stripe.refunds.create(REFUND, { idempotencyKey: "k1" }));
  const second = await stripeErrorOf(stripe.refunds.create(REFUND, { idempotencyKey: "k1" }));

  expect([first.statusCode, second.statusCode]).toEqual([500, 500]);
  expect(await refunds()).toHaveLength(1);
  expect((await stripe.refunds.list({ payment_intent: "pi_purchase" })).data).toHaveLength(1);
});

test("executes again, and refunds twice, once the key is pruned", async () => {
  const { stripe, control, refunds } = await setUp();
  const first = await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  expect(await control.pruneKeys()).toBe(1);
  const second = await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  expect(second.id).not.toBe(first.id);
  expect(await refunds()).toHaveLength(2);
});

test("forgets a key 24 hours after its answer was stored, and not before", async () => {
  const { stripe, clock, refunds } = await setUp();
  await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  clock.ms += 24 * HOURS_MS - 1;
  await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });
  expect(await refunds()).toHaveLength(1);

  clock.ms += 1;
  await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });
  expect(await refunds()).toHaveLength(2);
});

test("does not store a validation failure: the same key then does the corrected request", async () => {
  const { stripe, refunds } = await setUp();
  const error = await stripeErrorOf(stripe.refunds.create({ ...REFUND, amount: 0 }, { idempotencyKey: "k1" }));
  expect(error.code).toBe("parameter_invalid_integer");

  await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

  expect(await refunds()).toHaveLength(1);
});

test.each(["status_401", "status_403", "rate_limit_429", "lock_timeout_429"] as const)(
  "does not store the answer of %s",
  async (mode) => {
    const { stripe, control, refunds } = await setUp();
    await control.fault({ mode, method: "POST", path: "/v1/refunds" });
    await stripeErrorOf(stripe.refunds.create(REFUND, { idempotencyKey: "k1" }));
    expect(await refunds()).toEqual([]);

    await stripe.refunds.create(REFUND, { idempotencyKey: "k1" });

    expect(await refunds()).toHaveLength(1);
  },
);

test("stores a refusal that came from the execution", async () => {
  const { stripe, control } = await setUp();
  const whole = { payment_intent: "pi_purchase" };
  const { id } = await stripe.refunds.create(whole);
  await stripeErrorOf(stripe.refunds.create(whole, { idempotencyKey: "k1" }));
  await control.failRefund(id);

  const replay = await stripeErrorOf(stripe.refunds.create(whole, { idempotencyKey: "k1" }));

  expect(replay).toMatchObject({ code: "charge_already_refunded", headers: { "idempotent-replayed": "true" } });
});

test("stores a declined card, which leaves its failed charge behind once", async () => {
  const { stripe, control } = await setUp();
  const params = {
    amount: 500,
    currency: "jpy",
    customer: "cus_hanako",
    payment_method: "pm_card_chargeDeclined",
    confirm: true,
  };

  const first = await stripeErrorOf(stripe.paymentIntents.create(params, { idempotencyKey: "k1" }));
  const second = await stripeErrorOf(stripe.paymentIntents.create(params, { idempotencyKey: "k1" }));

  expect(first).toMatchObject({ type: "StripeCardError", statusCode: 402, code: "card_declined" });
  expect(second.charge).toBe(first.charge);
  expect((await control.ledger()).filter(({ effect }) => effect === "charge.failed")).toMatchObject([
    { objectId: first.charge, amount: 500 },
  ]);
});

test("ignores a key on a DELETE", async () => {
  const { stripe, control } = await setUp();
  await control.seed({
    products: SHOP.products,
    prices: SHOP.prices,
    subscriptions: [{ id: "sub_a", customer: "cus_hanako", price: "price_monthly", anchorAt: "2026-10-08T00:00:00Z" }],
  });
  await stripe.subscriptions.cancel("sub_a", {}, { idempotencyKey: "k1" });

  const error = await stripeErrorOf(stripe.subscriptions.cancel("sub_a", {}, { idempotencyKey: "k1" }));

  expect(error).toMatchObject({ statusCode: 404, code: "resource_missing" });
});

test("takes keys of up to 255 characters", async () => {
  const { stripe, refunds } = await setUp();
  await stripe.refunds.create(REFUND, { idempotencyKey: "k".repeat(255) });

  const error = await stripeErrorOf(stripe.refunds.create(REFUND, { idempotencyKey: "k".repeat(256) }));

  expect(error.statusCode).toBe(400);
  expect(await refunds()).toHaveLength(1);
});

test("refuses the SDK's own keys and POSTs without a key, when told to", async () => {
  const { stripe, standIn, control } = await setUpStandIn({ refuseAutomaticKeys: true });
  await control.seed(PURCHASE);

  const automatic = await stripeErrorOf(stripe.refunds.create(REFUND));
  const without = await fetch(`${standIn.url}/v1/refunds`, {
    method: "POST",
    headers: { authorization: `Bearer ${standIn.secretKey}` },
    body: "payment_intent=pi_purchase",
  });

  expect(automatic).toMatchObject({ statusCode: 400, rawType: "invalid_request_error" });
  expect(without.status).toBe(400);
  expect((await control.ledger()).filter(({ effect }) => effect === "refund.created")).toEqual([]);
  expect(await stripe.refunds.create(REFUND, { idempotencyKey: "op_1:refund:pi_purchase:1" })).toMatchObject({
    amount: 100,
  });
  expect(await stripe.refunds.list({ payment_intent: "pi_purchase" })).toMatchObject({ data: [{ amount: 100 }] });
});
