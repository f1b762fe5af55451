import { expect, test } from "vitest";
import type { FaultRule } from "../../../sandbox/stripe/core/fault-rule.ts";
import { clientOf, SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const NOW = Date.parse("2026-11-20T03:00:00Z");
const AT_CANCEL = { method: "DELETE", path: "/v1/subscriptions/*" } as const;
const PERIOD_END = Date.parse("2026-12-08T01:00:00Z") / 1000;

/** A subscription anchored on the 8th whose November invoice is still open. */
async function setUp() {
  const clock = { ms: NOW };
  const bundle = await setUpStandIn({ now: () => clock.ms });
  await bundle.control.seed({
    ...SHOP,
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-10-08T01:00:00Z",
        status: "past_due",
        invoices: [
          { period: 0, status: "paid" },
          { period: 1, status: "open", attemptCount: 2, nextPaymentAttemptAt: "2026-11-22T00:00:00Z" },
        ],
      },
    ],
  });
  const effects = async () => (await bundle.control.ledger()).filter(({ effect }) => effect !== "seeded");
  return { ...bundle, clock, effects };
}

test("cancels at once: the whole subscription comes back, ended, and nothing is refunded", async () => {
  const { stripe, effects } = await setUp();

  const canceled = await stripe.subscriptions.cancel("sub_a", { cancellation_details: { comment: "moved away" } });

  expect(canceled).toMatchObject({
    status: "canceled",
    canceled_at: NOW / 1000,
    ended_at: NOW / 1000,
    cancel_at_period_end: false,
    cancellation_details: { reason: "cancellation_requested", comment: "moved away" },
  });
  expect((await effects()).map(({ effect }) => effect)).toEqual(["subscription.canceled", "invoice.updated"]);
});

test("sends its parameters in the query string, without a body and without a key", async () => {
  const { stripe, control } = await setUp();

  await stripe.subscriptions.cancel("sub_a", { prorate: false });

  const [request] = await control.requests();
  expect(request).toMatchObject({ method: "DELETE", path: "/v1/subscriptions/sub_a?prorate=false", status: 200 });
  expect(request?.idempotencyKey).toBeUndefined();
});

test("when the reply is lost, the SDK's retry sees 404 while GET shows the subscription canceled", async () => {
  const { standIn, control, effects } = await setUp();
  const stripe = clientOf(standIn, { maxNetworkRetries: 2 });
  await control.fault({ mode: "lose_reply_after", method: "DELETE", path: "/v1/subscriptions/*" });

  const error = await stripeErrorOf(stripe.subscriptions.cancel("sub_a"));

  expect(error).toMatchObject({ statusCode: 404, code: "resource_missing", param: "id" });
  expect((await control.requests()).map(({ status }) => status)).toEqual([null, 404]);
  expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({ status: "canceled" });
  expect((await effects()).filter(({ effect }) => effect === "subscription.canceled")).toHaveLength(1);
});

test.each<[mode: string, rule: FaultRule]>([
  ["truncated", { mode: "truncate_reply", ...AT_CANCEL }],
  ["a proxy's page", { mode: "html_502", executed: true, ...AT_CANCEL }],
  ["a 500", { mode: "stored_500", executed: true, ...AT_CANCEL }],
  ["too late", { mode: "hold", ms: 60_000, when: "after_executing", ...AT_CANCEL }],
])(
  "when the reply to a cancellation is %s, it has taken place once, and a second one finds nothing",
  async (_mode, rule) => {
    const { standIn, control, effects } = await setUp();
    const stripe = clientOf(standIn, { timeout: 500 });
    await control.fault(rule);

    await stripeErrorOf(stripe.subscriptions.cancel("sub_a"));
    await control.releaseHeld();

    expect(await stripeErrorOf(stripe.subscriptions.cancel("sub_a"))).toMatchObject({ statusCode: 404, param: "id" });
    expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({ status: "canceled" });
    expect((await effects()).filter(({ effect }) => effect === "subscription.canceled")).toHaveLength(1);
  },
);

test("leaves open invoices open, no longer advancing, and still payable", async () => {
  const { stripe, control } = await setUp();
  await stripe.subscriptions.cancel("sub_a");

  expect(await stripe.invoices.retrieve("in_a_1")).toMatchObject({
    status: "open",
    auto_advance: false,
    next_payment_attempt: null,
  });
  await control.payInvoice("in_a_1");

  expect(await stripe.invoices.retrieve("in_a_1")).toMatchObject({ status: "paid", amount_paid: 3000 });
  expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({ status: "canceled" });
});

test("takes only metadata and cancellation details for a canceled subscription", async () => {
  const { stripe } = await setUp();
  await stripe.subscriptions.cancel("sub_a");

  for (const params of [{ cancel_at_period_end: true }, { cancel_at_period_end: false }, { cancel_at: PERIOD_END }]) {
    expect(await stripeErrorOf(stripe.subscriptions.update("sub_a", params))).toMatchObject({
      statusCode: 400,
      code: "invalid_canceled_subscription_fields",
    });
  }
  const updated = await stripe.subscriptions.update("sub_a", {
    metadata: { contract: "c1" },
    cancellation_details: { feedback: "too_expensive" },
  });
  expect(updated).toMatchObject({
    status: "canceled",
    metadata: { contract: "c1" },
    cancellation_details: { feedback: "too_expensive", reason: "cancellation_requested" },
  });
});

test("answers 404 for a subscription that never was, with id as the parameter", async () => {
  const { stripe } = await setUp();

  for (const attempt of [stripe.subscriptions.retrieve("sub_x"), stripe.subscriptions.cancel("sub_x")]) {
    expect(await stripeErrorOf(attempt)).toMatchObject({ statusCode: 404, code: "resource_missing", param: "id" });
  }
});

test("reserves the end of the period: the status stays, and asking again changes nothing", async () => {
  const { stripe, clock, effects } = await setUp();

  const reserved = await stripe.subscriptions.update("sub_a", { cancel_at_period_end: true });
  clock.ms += 5000;
  const again = await stripe.subscriptions.update("sub_a", { cancel_at_period_end: true });

  expect(reserved).toMatchObject({
    status: "past_due",
    cancel_at_period_end: true,
    cancel_at: PERIOD_END,
    canceled_at: NOW / 1000,
    ended_at: null,
    cancellation_details: { reason: "cancellation_requested" },
  });
  expect(again).toMatchObject({ canceled_at: NOW / 1000 });
  expect((await effects()).map(({ effect }) => effect)).toEqual(["subscription.updated"]);
});

test("lifts a reservation again", async () => {
  const { stripe } = await setUp();
  await stripe.subscriptions.update("sub_a", { cancel_at_period_end: true });

  const lifted = await stripe.subscriptions.update("sub_a", { cancel_at_period_end: false });

  expect(lifted).toMatchObject({
    cancel_at_period_end: false,
    cancel_at: null,
    canceled_at: null,
    cancellation_details: { reason: null },
  });
});

test("an end set as a moment shows no flag, is not lifted with the flag, and is unset by an empty text", async () => {
  const { stripe } = await setUp();

  const set = await stripe.subscriptions.update("sub_a", { cancel_at: PERIOD_END + 100 });
  const kept = await stripe.subscriptions.update("sub_a", { cancel_at_period_end: false });
  const unset = await stripe.subscriptions.update("sub_a", { cancel_at: "" });

  expect(set).toMatchObject({ cancel_at: PERIOD_END + 100, cancel_at_period_end: false, canceled_at: NOW / 1000 });
  expect(kept.cancel_at).toBe(PERIOD_END + 100);
  expect(unset).toMatchObject({ cancel_at: null, canceled_at: null });
});

test("takes the names of period ends for the end of the item's period, and no moment in the past", async () => {
  const { stripe } = await setUp();

  expect(await stripe.subscriptions.update("sub_a", { cancel_at: "min_period_end" })).toMatchObject({
    cancel_at: PERIOD_END,
  });
  const past = stripe.subscriptions.update("sub_a", { cancel_at: NOW / 1000 });
  expect(await stripeErrorOf(past)).toMatchObject({ statusCode: 400, param: "cancel_at" });
  const both = stripe.subscriptions.update("sub_a", { cancel_at: PERIOD_END, cancel_at_period_end: true });
  expect((await stripeErrorOf(both)).statusCode).toBe(400);
});

test("lists subscriptions without the canceled ones unless they are asked for", async () => {
  const { stripe, control } = await setUp();
  const anchorAt = "2026-10-09T01:00:00Z";
  await control.seed({
    customers: [{ id: "cus_taro" }],
    subscriptions: [
      { id: "sub_b", customer: "cus_hanako", price: "price_monthly", anchorAt, status: "canceled" },
      { id: "sub_c", customer: "cus_taro", price: "price_monthly", anchorAt },
    ],
  });
  const ids = async (params: object) => (await stripe.subscriptions.list(params)).data.map(({ id }) => id);

  expect(await ids({})).toEqual(["sub_c", "sub_a"]);
  expect(await ids({ customer: "cus_hanako" })).toEqual(["sub_a"]);
  expect(await ids({ customer: "cus_hanako", status: "all" })).toEqual(["sub_b", "sub_a"]);
  expect(await ids({ status: "canceled" })).toEqual(["sub_b"]);
  expect(await ids({ status: "past_due" })).toEqual(["sub_a"]);
  expect(await ids({ status: "ended" })).toEqual(["sub_b"]);
});
