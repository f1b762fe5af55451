import { expect, test } from "vitest";
import { clientOf, PURCHASE, SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

interface RawError {
  error: Record<string, string>;
}

async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed(PURCHASE);
  const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    fetch(`${bundle.standIn.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${bundle.standIn.secretKey}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
  return { ...bundle, send };
}

test("every answer names its request, the API version and the key it was given", async () => {
  const { stripe, control } = await setUp();

  const { lastResponse } = await stripe.refunds.create({ charge: "ch_purchase" }, { idempotencyKey: "k1" });

  const [request] = await control.requests();
  expect(lastResponse).toMatchObject({
    requestId: request?.requestId,
    apiVersion: "2026-10-28.endive",
    idempotencyKey: "k1",
    statusCode: 200,
  });
  expect(request?.requestId).toMatch(/^req_/);
});

test("an error has doc_url only together with a code", async () => {
  const { send } = await setUp();

  const coded = await send("GET", "/v1/refunds/re_x");
  const codeless = await send("POST", "/v1/refunds", "");

  expect(((await coded.json()) as RawError).error).toMatchObject({
    type: "invalid_request_error",
    code: "resource_missing",
    doc_url: expect.stringContaining("resource-missing"),
    request_log_url: expect.stringContaining(coded.headers.get("request-id") ?? "none"),
  });
  expect(((await codeless.json()) as RawError).error).not.toHaveProperty("doc_url");
});

test.each([
  ["GET", "/v1/nonsense"],
  ["GET", "/v1/refunds/re_1/nonsense"],
  ["PUT", "/v1/refunds"],
  ["GET", "/v2/core/events"],
])("answers %s %s with 404 in Stripe's form, and says so in the log", async (method, path) => {
  const { send, logged } = await setUp();

  const answer = await send(method, path);

  expect(answer.status).toBe(404);
  expect(((await answer.json()) as RawError).error.type).toBe("invalid_request_error");
  expect(logged).toEqual([expect.stringContaining(`${method} ${path}`)]);
});

test.each([
  ["a name", "payment_intent=pi_purchase&surprise=1", "surprise"],
  ["a name of the prototype", "payment_intent=pi_purchase&__proto__[x]=1", "__proto__"],
])("refuses %s that it does not know, as it was written, without any effect", async (_what, body, param) => {
  const { send, control, logged } = await setUp();

  const answer = await send("POST", "/v1/refunds", body);

  expect(answer.status).toBe(400);
  expect(((await answer.json()) as RawError).error).toMatchObject({ code: "parameter_unknown", param });
  expect(logged).toEqual([expect.stringContaining(param)]);
  expect((await control.ledger()).filter(({ effect }) => effect !== "seeded")).toEqual([]);
});

test("refuses an unknown parameter inside a list by its index, and on GET and DELETE too", async () => {
  const { stripe, control } = await setUp();
  await control.seed({ products: SHOP.products, prices: SHOP.prices });

  const nested = stripe.subscriptions.create({
    customer: "cus_hanako",
    items: [{ price: "price_monthly", colour: "red" }],
  } as never);
  expect(await stripeErrorOf(nested)).toMatchObject({ code: "parameter_unknown", param: "items[0][colour]" });
  expect(await stripeErrorOf(stripe.refunds.list({ colour: "red" } as never))).toMatchObject({ param: "colour" });
  const canceled = stripe.subscriptions.cancel("sub_a", { colour: "red" } as never);
  expect(await stripeErrorOf(canceled)).toMatchObject({ param: "colour" });
});

test("reads lists with and without indexes alike", async () => {
  const { send, control } = await setUp();
  await control.seed({
    products: SHOP.products,
    prices: [...SHOP.prices, { id: "price_fee", product: "prod_course", amount: 10, interval: null }],
  });

  const expanded = await send("GET", "/v1/charges?expand[]=data.payment_intent&expand[]=data.customer");
  const created = await send(
    "POST",
    "/v1/subscriptions",
    "customer=cus_hanako&items[][price]=price_monthly&items[][quantity]=2" +
      "&add_invoice_items[][price]=price_fee&add_invoice_items[][quantity]=3&add_invoice_items[][price]=price_fee" +
      "&expand[]=latest_invoice",
  );

  expect(await expanded.json()).toMatchObject({
    data: [{ payment_intent: { id: "pi_purchase" }, customer: { id: "cus_hanako" } }],
  });
  expect(await created.json()).toMatchObject({
    items: { data: [{ quantity: 2 }] },
    latest_invoice: { lines: { data: [{ amount: 6000 }, { amount: 30 }, { amount: 10 }] } },
  });
});

test("decodes what was encoded", async () => {
  const { stripe } = await setUp();
  const metadata = { 理由: "解約 & 返金 = 100%", "a+b": " \n\"'" };

  const refund = await stripe.refunds.create({ charge: "ch_purchase", amount: 1, metadata });

  expect((await stripe.refunds.retrieve(refund.id)).metadata).toEqual(metadata);
});

test("keeps to Stripe's limits for metadata", async () => {
  const { stripe } = await setUp();
  const refund = (metadata: Record<string, string>) =>
    stripe.refunds.create({ charge: "ch_purchase", amount: 1, metadata });
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, "v"]));

  await refund({ ...many(49), ["k".repeat(40)]: "v".repeat(500) });
  for (const metadata of [many(51), { ["k".repeat(41)]: "v" }, { k: "v".repeat(501) }]) {
    expect((await stripeErrorOf(refund(metadata))).statusCode).toBe(400);
  }
});

test("accepts any key of test mode, as bearer or as basic, and nothing else", async () => {
  const { send, standIn } = await setUp();
  const basic = (key: string) => `Basic ${Buffer.from(`${key}:`).toString("base64")}`;
  const statusWith = async (authorization: string) =>
    (await send("GET", "/v1/refunds", undefined, { authorization })).status;

  expect(await statusWith("Bearer sk_test_another")).toBe(200);
  expect(await statusWith("Bearer rk_test_restricted")).toBe(200);
  expect(await statusWith(basic("sk_test_another"))).toBe(200);
  expect(await statusWith("Bearer sk_live_real")).toBe(401);
  expect(await statusWith("Bearer pk_test_public")).toBe(401);
  expect(await statusWith("Bearer")).toBe(401);
  expect((await fetch(`${standIn.url}/v1/refunds`)).status).toBe(401);
});

test("accepts only the key that the control has set, until it is told otherwise", async () => {
  const { standIn, stripe, control } = await setUp();
  await control.setAcceptedKey("sk_test_rolled");

  const error = await stripeErrorOf(stripe.refunds.list());

  expect(error).toMatchObject({ type: "StripeAuthenticationError", statusCode: 401 });
  expect(error.message).not.toContain(standIn.secretKey);
  await clientOf({ port: standIn.port, secretKey: "sk_test_rolled" }).refunds.list();
  await control.setAcceptedKey(null);
  await stripe.refunds.list();
});

test("refuses another API version rather than answering in the wrong shapes", async () => {
  const { send } = await setUp();

  const answer = await send("GET", "/v1/refunds", undefined, { "stripe-version": "2024-06-20" });

  expect(answer.status).toBe(400);
});

test("refuses what it does not imitate instead of ignoring it", async () => {
  const { stripe, control } = await setUp();
  await control.seed({
    products: SHOP.products,
    prices: SHOP.prices,
    subscriptions: [{ id: "sub_a", customer: "cus_hanako", price: "price_monthly", anchorAt: "2026-10-08T01:00:00Z" }],
  });
  const payment = { amount: 100, customer: "cus_hanako" };

  for (const attempt of [
    stripe.paymentIntents.create({ ...payment, currency: "usd" }),
    stripe.subscriptions.update("sub_a", { trial_end: "now" }),
    stripe.subscriptions.create({
      customer: "cus_hanako",
      items: [{ price: "price_monthly" }, { price: "price_monthly" }],
    }),
  ]) {
    expect((await stripeErrorOf(attempt)).statusCode).toBe(400);
  }
  expect((await control.ledger()).filter(({ effect }) => effect !== "seeded")).toEqual([]);
});

test("a defect of the stand-in's own is a 500 that is logged and not stored", async () => {
  const clock = { isBroken: false };
  const { stripe, control, logged } = await setUpStandIn({
    now: () => {
      if (clock.isBroken) {
        // Once: the answer's date is read from it as well.
        clock.isBroken = false;
        throw new Error("no time");
      }
      return Date.parse("2026-11-20T03:00:00Z");
    },
  });
  await control.seed(PURCHASE);
  const refund = () => stripe.refunds.create({ charge: "ch_purchase" }, { idempotencyKey: "k1" });
  clock.isBroken = true;

  expect(await stripeErrorOf(refund())).toMatchObject({ statusCode: 500, rawType: "api_error" });

  expect(logged).toEqual([expect.stringMatching(/^DEFECT at POST \/v1\/refunds: Error: no time/)]);
  expect(await refund()).toMatchObject({ amount: 10_000 });
});
