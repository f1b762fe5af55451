import { expect, test } from "vitest";
import type { FaultRule } from "../../../sandbox/stripe/core/fault-rule.ts";
import { eventually } from "../../support/eventually.ts";
import { clientOf, PURCHASE, setUpStandIn, stripeErrorOf, untilHeld } from "./set-up-stand-in.ts";

const REFUND = { payment_intent: "pi_purchase", amount: 100 } as const;
const AT_REFUNDS = { method: "POST", path: "/v1/refunds" } as const;

async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed(PURCHASE);
  const refundCount = async () =>
    (await bundle.control.ledger()).filter(({ effect }) => effect === "refund.created").length;
  const refund = (idempotencyKey: string) => bundle.stripe.refunds.create(REFUND, { idempotencyKey });
  return { ...bundle, refundCount, refund };
}

test("a reply lost before the execution leaves no effect, and the SDK's one retry of a reset executes it", async () => {
  const { control, refund, refundCount } = await setUp();
  await control.fault({ mode: "lose_reply_before", times: 2, ...AT_REFUNDS });

  const error = await stripeErrorOf(refund("k1"));

  expect(error).toMatchObject({ type: "StripeConnectionError", detail: { code: "ECONNRESET" } });
  expect(error.statusCode).toBeUndefined();
  expect(await refundCount()).toBe(0);
  expect(await control.requests()).toMatchObject([
    { status: null, fault: "lose_reply_before", idempotencyKey: "k1" },
    { status: null, fault: "lose_reply_before", idempotencyKey: "k1" },
  ]);
  await control.fault({ mode: "lose_reply_before", ...AT_REFUNDS });
  expect(await refund("k1")).toMatchObject({ amount: 100 });
  expect(await refundCount()).toBe(1);
});

test("a reply lost after the execution leaves its effect, and the same key finds the answer", async () => {
  const { control, refund, refundCount } = await setUp();
  await control.fault({ mode: "lose_reply_after", times: 2, ...AT_REFUNDS });

  const error = await stripeErrorOf(refund("k1"));

  expect(error).toMatchObject({ type: "StripeConnectionError", detail: { code: "ECONNRESET" } });
  expect(await refundCount()).toBe(1);
  const found = await refund("k1");
  expect(found.lastResponse.headers["idempotent-replayed"]).toBe("true");
  expect(await refundCount()).toBe(1);
});

test("a truncated reply is a connection error that the SDK does not retry, although the money moved", async () => {
  const { standIn, control, refundCount } = await setUp();
  const retrying = clientOf(standIn, { maxNetworkRetries: 2 });
  await control.fault({ mode: "truncate_reply", ...AT_REFUNDS });

  const error = await stripeErrorOf(retrying.refunds.create(REFUND, { idempotencyKey: "k1" }));

  expect(error.type).toBe("StripeConnectionError");
  expect(await refundCount()).toBe(1);
  expect(await control.requests()).toMatchObject([{ status: null, fault: "truncate_reply" }]);
});

test.each([
  [false, 0],
  [true, 1],
])("an HTML 502 (executed: %s) tells the SDK nothing, and leaves %i refunds", async (executed, count) => {
  const { control, refund, refundCount } = await setUp();
  await control.fault({ mode: "html_502", executed, ...AT_REFUNDS });

  const error = await stripeErrorOf(refund("k1"));

  expect(error.type).toBe("StripeAPIError");
  expect(error.code).toBeUndefined();
  expect(await refundCount()).toBe(count);
  const again = await refund("k1");
  expect(again.lastResponse.headers["idempotent-replayed"]).toBe(executed ? "true" : undefined);
  expect(await refundCount()).toBe(1);
});

test("a stored 500 with Stripe-Should-Retry false is not retried by the SDK", async () => {
  const { standIn, control } = await setUp();
  const retrying = clientOf(standIn, { maxNetworkRetries: 2 });
  await control.fault({ mode: "stored_500", shouldRetry: false, ...AT_REFUNDS });

  const error = await stripeErrorOf(retrying.refunds.create(REFUND, { idempotencyKey: "k1" }));

  expect(error.statusCode).toBe(500);
  expect(await control.requests()).toHaveLength(1);
});

test("a request held before its execution has no effect while it waits, and takes effect though its client has gone", async () => {
  const { standIn, control, refundCount } = await setUp();
  await control.fault({ mode: "hold", ms: 60_000, ...AT_REFUNDS });
  const impatient = clientOf(standIn, { timeout: 50 });

  const error = await stripeErrorOf(impatient.refunds.create(REFUND, { idempotencyKey: "k1" }));

  expect(error).toMatchObject({ type: "StripeConnectionError", detail: { code: "ETIMEDOUT" } });
  expect(await refundCount()).toBe(0);
  await control.releaseHeld();
  await eventually(async () => (await refundCount()) === 1, { withinMs: 5000, describe: "the refund" });
});

test("a request held after its execution has had its effect, and its key answers others at once", async () => {
  const { control, refund, refundCount } = await setUp();
  await control.fault({ mode: "hold", ms: 60_000, when: "after_executing", ...AT_REFUNDS });
  const held = refund("k1");
  await eventually(async () => (await refundCount()) === 1, { withinMs: 5000, describe: "the refund" });

  const replay = await refund("k1");

  await control.releaseHeld();
  expect((await held).id).toBe(replay.id);
  expect(await refundCount()).toBe(1);
});

test("a hold ends by itself when its time is over", async () => {
  const { control, refund } = await setUp();
  await control.fault({ mode: "hold", ms: 30, ...AT_REFUNDS });

  const begun = performance.now();
  await refund("k1");

  expect(performance.now() - begun).toBeGreaterThanOrEqual(29);
});

test("a request that is held when the stand-in stops is not executed", async () => {
  const { standIn, control, refund } = await setUp();
  await control.fault({ mode: "hold", ms: 60_000, ...AT_REFUNDS });
  const failed = stripeErrorOf(refund("k1"));
  await untilHeld(control);

  await standIn.stop();

  expect((await failed).type).toBe("StripeConnectionError");
  expect((await control.ledger()).filter(({ effect }) => effect === "refund.created")).toEqual([]);
});

test.each([
  ["status_401", "StripeAuthenticationError", 401],
  ["status_403", "StripePermissionError", 403],
] as const)("%s is a %s and has no effect", async (mode, type, statusCode) => {
  const { control, refund, refundCount } = await setUp();
  await control.fault({ mode, ...AT_REFUNDS });

  expect(await stripeErrorOf(refund("k1"))).toMatchObject({ type, statusCode });
  expect(await refundCount()).toBe(0);
});

test("the limiter's 429 names its reason and is not retried by the SDK", async () => {
  const { standIn, control, refundCount } = await setUp();
  const retrying = clientOf(standIn, { maxNetworkRetries: 2 });
  await control.fault({ mode: "rate_limit_429", reason: "global-rate", ...AT_REFUNDS });

  const error = await stripeErrorOf(retrying.refunds.create(REFUND, { idempotencyKey: "k1" }));

  expect(error).toMatchObject({
    type: "StripeRateLimitError",
    code: "rate_limit",
    headers: { "stripe-rate-limited-reason": "global-rate" },
  });
  expect(await control.requests()).toHaveLength(1);
  expect(await refundCount()).toBe(0);
});

test("the 429 of a locked object has its own code, no reason, and is retried when it says so", async () => {
  const { standIn, control, refund, refundCount } = await setUp();
  await control.fault({ mode: "lock_timeout_429", ...AT_REFUNDS });
  const error = await stripeErrorOf(refund("k1"));
  expect(error).toMatchObject({ type: "StripeRateLimitError", code: "lock_timeout" });
  expect(error.headers).not.toHaveProperty("stripe-rate-limited-reason");

  await control.fault({ mode: "lock_timeout_429", shouldRetry: true, ...AT_REFUNDS });
  await clientOf(standIn, { maxNetworkRetries: 1 }).refunds.create(REFUND, { idempotencyKey: "k1" });

  expect(await refundCount()).toBe(1);
});

test("a rule meets as many requests as it says, after those it skips, and no others", async () => {
  const { control, stripe, refund } = await setUp();
  await control.fault({ mode: "status_403", skip: 1, times: 2, ...AT_REFUNDS });

  await refund("k1");
  await stripe.refunds.list();
  expect(await control.pendingFaults()).toEqual([
    { mode: "status_403", path: "/v1/refunds", skipsLeft: 0, timesLeft: 2 },
  ]);
  expect((await stripeErrorOf(refund("k2"))).statusCode).toBe(403);
  expect((await stripeErrorOf(refund("k3"))).statusCode).toBe(403);
  await refund("k4");

  expect(await control.pendingFaults()).toEqual([]);
});

test.each<[string, string, boolean]>([
  ["/v1/charges/*", "/v1/charges/ch_purchase", true],
  ["/v1/*", "/v1/charges/ch_purchase", false],
  ["/v1/**", "/v1/charges/ch_purchase", true],
  ["/v1/charges", "/v1/charges/ch_purchase", false],
])("the pattern %s meets %s: %s", async (path, _requested, isMet) => {
  const { control, stripe } = await setUp();
  await control.fault({ mode: "status_403", path });

  const outcome = await stripe.charges.retrieve("ch_purchase").then(
    () => "answered",
    () => "refused",
  );

  expect(outcome).toBe(isMet ? "refused" : "answered");
});

test("cleared rules meet nobody", async () => {
  const { control, refund } = await setUp();
  await control.fault({ mode: "status_403", times: 9, ...AT_REFUNDS });

  await control.clearFaults();

  expect(await refund("k1")).toMatchObject({ amount: 100 });
});

test("a rule that does not fit is refused in a sentence", async () => {
  const { control } = await setUp();

  await expect(control.fault({ mode: "explode", path: "/v1/refunds" } as unknown as FaultRule)).rejects.toThrow(/mode/);
  await expect(control.fault({ mode: "hold", path: "/v1/refunds" } as unknown as FaultRule)).rejects.toThrow(/ms/);
});

test("latency delays every request, and none once it is zero again", async () => {
  const { control, stripe } = await setUp();
  await control.setLatency(40);

  const begun = performance.now();
  await stripe.refunds.list();

  expect(performance.now() - begun).toBeGreaterThanOrEqual(39);
  await control.setLatency(0);
  await stripe.refunds.list();
});

test("a fault about an object meets only the requests that name it, in their path or their parameters", async () => {
  const { control, refund, stripe, refundCount } = await setUp();
  await control.fault({ mode: "status_403", path: "/v1/**", about: "pi_another" });
  expect(await refund("k1")).toMatchObject({ amount: 100 });
  await control.fault({ mode: "status_403", path: "/v1/**", about: "pi_purchase", times: 2 });

  await stripeErrorOf(refund("k2"));
  await stripeErrorOf(stripe.paymentIntents.retrieve("pi_purchase"));

  expect(await refundCount()).toBe(1);
  expect(await control.requests()).toMatchObject([{ status: 200 }, { status: 403 }, { status: 403 }]);
});
