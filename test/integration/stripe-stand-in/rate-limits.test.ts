import { expect, test } from "vitest";
import { RateLimits, rateLimitsSchema } from "../../../sandbox/stripe/core/rate-limits.ts";
import { eventually } from "../../support/eventually.ts";
import { PURCHASE, setUpStandIn, stripeErrorOf, untilHeld } from "./set-up-stand-in.ts";

test("no second lets more pass than allowed, of all and of each endpoint; who is refused counts for nothing", () => {
  const limits = new RateLimits();
  limits.set(rateLimitsSchema.parse({ global: 4, perEndpoint: 3, endpoints: { "POST /v1/refunds": 1 } }));
  const admitted = (endpoint: string, ...moments: number[]) =>
    moments.map((at) => limits.admit(endpoint, at).refusedFor);

  expect(admitted("POST /v1/refunds", 0, 500, 999, 1000)).toEqual([
    undefined,
    "endpoint-rate",
    "endpoint-rate",
    undefined,
  ]);
  expect(admitted("GET /v1/refunds", 1001, 1002, 1003, 1004)).toEqual([undefined, undefined, undefined, "global-rate"]);
  expect(admitted("GET /v1/charges", 1999, 2001)).toEqual(["global-rate", undefined]);
  limits.set(rateLimitsSchema.parse({}));
  expect(admitted("POST /v1/refunds", 2001, 2001)).toEqual([undefined, undefined]);
});

test("more than a limit is the limiter's 429, which names itself, executes nothing and stores nothing", async () => {
  const { stripe, control } = await setUpStandIn();
  await control.seed(PURCHASE);
  await control.setRateLimits({ endpoints: { "POST /v1/refunds": 1 } });
  const refund = (key: string) =>
    stripe.refunds.create({ charge: "ch_purchase", amount: 100 }, { idempotencyKey: key });

  const outcomes = await Promise.allSettled([refund("k1"), refund("k2"), refund("k3")]);

  const refused = outcomes.filter(({ status }) => status === "rejected");
  // As many as came within one second of the first.
  expect(refused.length).toBeGreaterThan(0);
  for (const each of refused) {
    expect(each).toMatchObject({
      reason: { code: "rate_limit", statusCode: 429, headers: { "stripe-rate-limited-reason": "endpoint-rate" } },
    });
  }
  await control.setRateLimits({});
  for (const key of ["k1", "k2", "k3"]) await refund(key);
  expect((await control.ledger()).filter(({ effect }) => effect === "refund.created")).toHaveLength(3);
  await control.setRateLimits({ global: 1 });
  const all = await Promise.allSettled([stripe.refunds.list(), stripe.charges.list(), stripe.events.list()]);
  expect(all.filter(({ status }) => status === "rejected")).toContainEqual(
    expect.objectContaining({
      reason: expect.objectContaining({
        headers: expect.objectContaining({ "stripe-rate-limited-reason": "global-rate" }),
      }),
    }),
  );
});

test("no more are at work at the same time than allowed", async () => {
  const { stripe, control } = await setUpStandIn();
  await control.seed(PURCHASE);
  await control.setRateLimits({ concurrent: 2, concurrentPerEndpoint: 1 });
  await control.fault({ mode: "hold", ms: 60_000, path: "/v1/refunds" });
  const held = stripe.refunds.list();
  await untilHeld(control);
  const reasonOf = async (request: Promise<unknown>) =>
    (await stripeErrorOf(request)).headers?.["stripe-rate-limited-reason"];

  expect(await reasonOf(stripe.refunds.list())).toBe("endpoint-concurrency");
  await stripe.charges.list();
  await control.fault({ mode: "hold", ms: 60_000, path: "/v1/charges" });
  const other = stripe.charges.list();
  const areHeld = async () => (await control.requests()).filter(({ fault }) => fault === "hold").length === 2;
  await eventually(areHeld, { withinMs: 5000, describe: "a second held request" });
  expect(await reasonOf(stripe.events.list())).toBe("global-concurrency");

  await control.releaseHeld();
  await Promise.all([held, other]);
  await stripe.refunds.list();
});
