import type Stripe from "stripe";
import { expect, test } from "vitest";
import type { WebhookEndpointInput } from "../../../sandbox/stripe/webhooks/webhook-endpoint.ts";
import { eventually } from "../../support/eventually.ts";
import { advance, BEGINNING, FINAL } from "./set-up-clock.ts";
import { type Received, setUpReceiver } from "./set-up-receiver.ts";
import { PURCHASE, SHOP, setUpStandIn } from "./set-up-stand-in.ts";

/** A stand-in with one webhook endpoint, which answers with `answers` in turn and then with 200. */
async function setUp(endpoint: Partial<WebhookEndpointInput> = {}) {
  const bundle = await setUpStandIn();
  const { url, received, answers, until } = await setUpReceiver();
  const { id, secret } = await bundle.control.addWebhookEndpoint({ url, ...endpoint });
  await bundle.control.seed(PURCHASE);
  const verify = ({ body, signature }: Received, by = secret) =>
    bundle.stripe.webhooks.constructEvent(body, signature, by);
  const states = async () =>
    (await bundle.control.deliveries()).map(({ state, attempts }) => ({
      state,
      statuses: attempts.map(({ status }) => status),
    }));
  const untilStates = async (...wanted: string[]) => {
    const areThere = async () => JSON.stringify((await states()).map(({ state }) => state)) === JSON.stringify(wanted);
    await eventually(areThere, { withinMs: 10_000, describe: `deliveries ${wanted.join(", ")}` });
  };
  const refund = (params: Stripe.RefundCreateParams = {}) =>
    bundle.stripe.refunds.create({ charge: "ch_purchase", amount: 100, ...params });
  const typesOf = () => received.map((each) => verify(each).type);
  return { ...bundle, endpoint: id, secret, received, answers, verify, until, states, untilStates, refund, typesOf };
}

test("delivers every event, signed so that the SDK believes it, in order and unexpanded", async () => {
  const { stripe, received, verify, until, refund, untilStates } = await setUp();
  const made = await refund({ expand: ["charge"] });

  await until(2);

  const events = received.map((each) => verify(each));
  expect(events.map(({ type }) => type)).toEqual(["refund.created", "charge.refunded"]);
  expect(events[0]).toMatchObject({
    object: "event",
    api_version: "2026-10-28.endive",
    livemode: false,
    pending_webhooks: 1,
    request: { id: made.lastResponse.requestId },
    data: { object: { id: made.id, charge: "ch_purchase" } },
  });
  await untilStates("delivered", "delivered");
  expect(await stripe.events.retrieve(events[0]?.id ?? "")).toMatchObject({ pending_webhooks: 0 });
});

test("delivers only what an endpoint wants", async () => {
  const { refund, until, typesOf, control, untilStates } = await setUp({ enabledEvents: ["charge.*"] });

  await refund();
  await until(1);

  expect(typesOf()).toEqual(["charge.refunded"]);
  await untilStates("delivered");
  const [delivery] = await control.deliveries();
  expect(delivery).toMatchObject({ state: "delivered", nextAttemptAt: null });
});

test("tries again when the clock has come so far, signed anew over the same body, and gives up in the end", async () => {
  const { stripe, control, refund, until, untilStates, received, answers, states, verify } = await setUp({
    enabledEvents: ["refund.created"],
    retryAfterSeconds: [60, 3600],
  });
  answers.push(500, 302, 404);
  await refund();
  await until(1);
  await untilStates("waiting");
  expect((await stripe.events.list({ delivery_success: false })).data.map(({ type }) => type)).toEqual([
    "refund.created",
  ]);

  await control.advanceClock({ seconds: 59 });
  expect(received).toHaveLength(1);
  await control.advanceClock({ seconds: 1 });
  await until(2);
  await control.advanceClock({ seconds: 3600 });
  await untilStates("given_up");

  expect(await states()).toEqual([{ state: "given_up", statuses: [500, 302, 404] }]);
  expect(new Set(received.map(({ body }) => body)).size).toBe(1);
  for (const each of received) expect(verify(each).type).toBe("refund.created");
});

test("an endpoint that cannot be reached is an attempt without a status, and no obstacle to others", async () => {
  const { control, refund, until, typesOf, received } = await setUp({ enabledEvents: ["refund.created"] });
  await control.addWebhookEndpoint({ url: "http://127.0.0.1:9/nobody", enabledEvents: ["refund.created"] });

  await refund();
  await until(1);

  expect(typesOf()).toEqual(["refund.created"]);
  expect(JSON.parse(received[0]?.body ?? "{}")).toMatchObject({ pending_webhooks: 2 });
  const unreached = async () => (await control.deliveries()).find(({ attempts }) => attempts[0]?.status === null);
  await eventually(async () => (await unreached())?.state === "waiting", {
    withinMs: 10_000,
    describe: "a failed attempt",
  });
});

test("what is lost is found in the list of events, and nowhere else", async () => {
  const { stripe, control, refund, untilStates, received } = await setUp({ enabledEvents: ["refund.*"] });
  await control.disturbDeliveries({ mode: "lose", types: ["refund.created"] });
  const lost = await refund();
  await refund();

  await untilStates("lost", "delivered");

  expect(received).toHaveLength(1);
  const undelivered = (await stripe.events.list({ delivery_success: false, types: ["refund.created"] })).data;
  expect(undelivered.map(({ data }) => data.object)).toMatchObject([{ id: lost.id }]);
  expect((await stripe.events.list({ delivery_success: true, types: ["refund.created"] })).data).toHaveLength(1);
});

test("delivers twice, and late, on demand", async () => {
  const { control, refund, until, typesOf, received, untilStates } = await setUp();
  await control.disturbDeliveries({ mode: "delay", seconds: 3600, types: ["refund.created"] });
  await control.disturbDeliveries({ mode: "duplicate", copies: 2, types: ["charge.refunded"] });
  await refund();
  await untilStates("waiting", "delivered", "delivered", "delivered");

  await control.advanceClock({ seconds: 3600 });
  await until(4);

  expect(typesOf()).toEqual(["charge.refunded", "charge.refunded", "charge.refunded", "refund.created"]);
  expect(new Set(received.slice(0, 3).map(({ body }) => body)).size).toBe(1);
});

test("a copy that arrives does not stand in for the delivery to another endpoint", async () => {
  const { stripe, control, refund } = await setUp({ enabledEvents: ["refund.created"] });
  await control.addWebhookEndpoint({ url: "http://127.0.0.1:9/nobody", enabledEvents: ["refund.created"] });
  await control.disturbDeliveries({ mode: "duplicate", types: ["refund.created"] });
  await refund();

  const areAttempted = async () => (await control.deliveries()).every(({ attempts }) => attempts.length > 0);
  await eventually(areAttempted, { withinMs: 10_000, describe: "three attempts" });

  expect((await stripe.events.list({ type: "refund.created" })).data).toMatchObject([{ pending_webhooks: 1 }]);
});

test("holds events and lets them go in another order", async () => {
  const { control, refund, until, typesOf, received } = await setUp();
  await control.holdDeliveries();
  await refund();
  await control.failRefund((await refund()).id);
  expect(received).toEqual([]);

  expect(await control.releaseDeliveries({ order: "reversed", first: ["refund.failed", "refund.created"] })).toBe(6);
  await until(6);

  expect(typesOf()).toEqual([
    "refund.failed",
    "refund.created",
    "refund.created",
    "refund.updated",
    "charge.refunded",
    "charge.refunded",
  ]);
});

test("the end of a subscription can be told before the failure that caused it", async () => {
  const { stripe, control, until, typesOf } = await setUp({
    enabledEvents: ["invoice.payment_failed", "customer.subscription.deleted"],
  });
  await control.seed({ products: SHOP.products, prices: SHOP.prices });
  await control.setDunning({ retryAfterDays: [] });
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: BEGINNING, customer: "cus_hanako" });
  await stripe.subscriptions.create({ customer: "cus_hanako", items: [{ price: "price_monthly" }] });
  await control.declineCards({ customer: "cus_hanako" });
  await control.holdDeliveries();
  await advance(stripe, clock.id, FINAL);

  await control.releaseDeliveries({ first: ["customer.subscription.deleted"] });
  await until(2);

  expect(typesOf()).toEqual(["customer.subscription.deleted", "invoice.payment_failed"]);
});

test("while a secret is rolled, both sign", async () => {
  const { control, refund, endpoint, secret, received, verify, until } = await setUp({
    enabledEvents: ["refund.created"],
  });
  const rolled = await control.rollWebhookSecret(endpoint, 3600);
  await refund();
  await until(1);
  await control.advanceClock({ seconds: 3600 });
  await refund();
  await until(2);

  const [during, after] = received as [Received, Received];
  expect(during.signature.match(/v1=/g)).toHaveLength(2);
  for (const by of [secret, rolled]) expect(verify(during, by).type).toBe("refund.created");
  expect(verify(after, rolled).type).toBe("refund.created");
  expect(() => verify(after, secret)).toThrow(/signature/i);
});

test.each([
  ["signed with another secret", { mode: "sign_wrongly" }, /signature/i],
  ["signed long ago", { mode: "sign_stale", seconds: 301 }, /tolerance/i],
] as const)("an event that is %s is refused by the SDK", async (_what, rule, message) => {
  const { control, refund, until, received, verify } = await setUp({ enabledEvents: ["refund.created"] });
  await control.disturbDeliveries(rule);
  await refund();
  await until(1);

  const [first] = received as [Received];
  expect(() => verify(first)).toThrow(message);
});

test("an endpoint that was removed is told nothing more", async () => {
  const { stripe, control, refund, endpoint, received } = await setUp();
  await control.removeWebhookEndpoint(endpoint);
  await refund();

  expect(await control.deliveries()).toEqual([]);
  expect(received).toEqual([]);
  expect((await stripe.events.list()).data[0]).toMatchObject({ pending_webhooks: 0 });
  await expect(control.removeWebhookEndpoint(endpoint)).rejects.toThrow(/no webhook endpoint/);
});

test("a clock that runs by itself brings a late delivery by itself", async () => {
  const { control, refund, until, typesOf } = await setUp({ enabledEvents: ["refund.created"] });
  await control.disturbDeliveries({ mode: "delay", seconds: 1 });
  await refund();

  await until(1);

  expect(typesOf()).toEqual(["refund.created"]);
});
