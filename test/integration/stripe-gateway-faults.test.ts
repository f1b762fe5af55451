import { describe, expect, onTestFinished, test } from "vitest";
import type { FaultMode, FaultRule } from "../../sandbox/stripe/core/fault-rule.ts";
import { startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { systemClock } from "../../src/clock.ts";
import { Secret } from "../../src/secret.ts";
import type { GatewayReply, IdempotencyKey, StripeGateway } from "../../src/stripe/gateway.ts";
import { Pace } from "../../src/stripe/pace.ts";
import { createStripeGateway, type StripeGatewayOptions } from "../../src/stripe/stripe-gateway.ts";

const key = "k1" as IdempotencyKey;

/** Something for every verb to read and to change. */
async function setup(options: Partial<StripeGatewayOptions> = {}) {
  const standIn = await startStripeStandIn({ refuseAutomaticKeys: true });
  onTestFinished(() => standIn.stop());
  const { control } = standIn;
  await control.seed({
    customers: [{ id: "cus_1" }],
    products: [{ id: "prod_1" }],
    prices: [{ id: "price_1", product: "prod_1", amount: 1_000 }],
    subscriptions: [
      {
        id: "sub_1",
        customer: "cus_1",
        price: "price_1",
        anchorAt: "2026-01-08T01:00:00Z",
        cancelAt: "2030-01-08T01:00:00Z",
        invoices: [
          { id: "in_open", period: 0, status: "open" },
          { id: "in_draft", period: 1, status: "draft" },
        ],
      },
    ],
    paymentIntents: [{ id: "pi_1", customer: "cus_1", amount: 5_000 }],
  });
  const gateway = createStripeGateway({ secretKey: new Secret(standIn.secretKey), apiBase: standIn.url, ...options });
  onTestFinished(() => gateway.close());
  const effects = async () => (await control.ledger()).filter(({ effect }) => effect !== "seeded");
  return { gateway, control, effects };
}

interface VerbCase {
  readonly verb: keyof StripeGateway;
  readonly ask: (gateway: StripeGateway) => Promise<GatewayReply<unknown>>;
}

const refund = { refundId: "r_1", operationId: "op_1", paymentIntentId: "pi_1", amountMinor: 2_000 };
const lookCases: readonly VerbCase[] = [
  { verb: "readSubscription", ask: (gateway) => gateway.readSubscription("sub_1") },
  { verb: "listUnpaidInvoices", ask: (gateway) => gateway.listUnpaidInvoices("sub_1") },
  { verb: "readInvoice", ask: (gateway) => gateway.readInvoice("in_open") },
  { verb: "listPaidInvoices", ask: (gateway) => gateway.listPaidInvoices("sub_1") },
  { verb: "readPaymentIntent", ask: (gateway) => gateway.readPaymentIntent("pi_1") },
  { verb: "listRefunds", ask: (gateway) => gateway.listRefunds("pi_1") },
];
const callCases: readonly VerbCase[] = [
  { verb: "cancelSubscription", ask: (gateway) => gateway.cancelSubscription("sub_1") },
  { verb: "setCancelAtPeriodEnd", ask: (gateway) => gateway.setCancelAtPeriodEnd("sub_1", true, key) },
  { verb: "clearCancelAt", ask: (gateway) => gateway.clearCancelAt("sub_1", key) },
  { verb: "voidInvoice", ask: (gateway) => gateway.voidInvoice("in_open", key) },
  { verb: "stopInvoice", ask: (gateway) => gateway.stopInvoice("in_draft", key) },
  { verb: "refundPayment", ask: (gateway) => gateway.refundPayment(refund, key) },
];
const verbCases = [...lookCases, ...callCases];

/** Meets every request from now on. */
const always = { path: "/**", times: 9 } as const;

describe.each(verbCases)("$verb", ({ ask }) => {
  test.each<[FaultMode, string]>([
    ["status_401", "unauthorized"],
    ["status_403", "forbidden"],
    ["rate_limit_429", "rate_limited"],
    ["lock_timeout_429", "lock_timeout"],
  ])("is not done now after %s, and nothing is changed", async (mode, reason) => {
    const { gateway, control, effects } = await setup();
    await control.fault({ mode, ...always } as FaultRule);

    expect(await ask(gateway)).toEqual({ type: "not_now", reason, requestId: expect.stringMatching(/^req_/) });
    expect(await effects()).toEqual([]);
  });

  test("is not done now when nothing listens at Stripe's address", async () => {
    const standIn = await startStripeStandIn();
    await standIn.stop();
    const gateway = createStripeGateway({
      secretKey: new Secret(standIn.secretKey),
      apiBase: standIn.url,
      maxNetworkRetries: 0,
    });

    expect(await ask(gateway)).toEqual({ type: "not_now", reason: "unreachable", requestId: null });
  });

  test.each<[FaultRule, string]>([
    [{ mode: "lose_reply_after", ...always }, "connection_lost"],
    [{ mode: "truncate_reply", ...always }, "connection_lost"],
    [{ mode: "html_502", ...always }, "unreadable_reply"],
    [{ mode: "stored_500", ...always }, "server_error"],
    [{ mode: "hold", ms: 60_000, ...always }, "timeout"],
  ])("is unknown after $mode, and soon", async (rule, reason) => {
    // Short where it is what ends the call; elsewhere a reply comes, on a crowded machine a little late.
    const timeoutMs = reason === "timeout" ? 150 : 5_000;
    const { gateway, control } = await setup({ maxNetworkRetries: 0, timeoutMs });
    await control.fault(rule);
    const startedAt = performance.now();

    expect(await ask(gateway)).toMatchObject({ type: "unknown", reason });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});

describe.each(callCases)("$verb, sent twice by the SDK,", ({ ask }) => {
  test.each<FaultRule>([
    { mode: "lose_reply_after", path: "/**" },
    { mode: "html_502", executed: true, path: "/**" },
  ])("is unknown when it was executed unseen ($mode) before it was turned away", async (first) => {
    const { gateway, control, effects } = await setup({ maxNetworkRetries: 1 });
    await control.fault(first);
    await control.fault({ mode: "rate_limit_429", ...always });

    expect(await ask(gateway)).toMatchObject({ type: "unknown", reason: "connection_lost" });
    expect(await effects()).not.toEqual([]);
  });
});

test("a call that met a key in use is unknown, and is done when it is sent again", async () => {
  const { gateway, control } = await setup({ maxNetworkRetries: 0, timeoutMs: 5_000 });
  await control.fault({ mode: "hold", ms: 60_000, path: "/v1/refunds" });
  const first = gateway.refundPayment(refund, key);
  await expect.poll(() => control.pendingFaults()).toEqual([]);

  expect(await gateway.refundPayment(refund, key)).toMatchObject({ type: "unknown", reason: "conflict" });
  await control.releaseHeld();
  const done = await first;
  expect(done).toMatchObject({ type: "done" });
  expect(await gateway.refundPayment(refund, key)).toEqual({ ...done, requestId: expect.any(String) });
});

test("every POST carries our key at every sending, and nothing else carries one", async () => {
  const { gateway, control } = await setup({ maxNetworkRetries: 1 });
  await control.fault({ mode: "html_502", path: "/v1/refunds", method: "POST" });

  for (const { ask } of verbCases) await ask(gateway);

  const requests = await control.requests();
  const keysOf = (isPost: boolean) =>
    requests.filter(({ method }) => (method === "POST") === isPost).map(({ idempotencyKey }) => idempotencyKey);
  expect(keysOf(true)).toEqual(Array.from({ length: 6 }, () => "k1"));
  expect(new Set(keysOf(false))).toEqual(new Set([undefined]));
});

test("who keeps to the limits is never turned away, however many ask at once", async () => {
  const { gateway, control } = await setup({ pace: new Pace({ perSecond: 25, perEndpoint: 8 }, systemClock) });
  await control.setRateLimits({ perEndpoint: 10 });

  const replies = await Promise.all(Array.from({ length: 12 }, () => gateway.readSubscription("sub_1")));

  expect(replies.map(({ type }) => type)).toEqual(Array(12).fill("done"));
  expect((await control.requests()).map(({ status }) => status)).not.toContain(429);
});
