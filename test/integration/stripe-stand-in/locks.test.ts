import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { PURCHASE, SHOP, setUpStandIn, stripeErrorOf, untilHeld } from "./set-up-stand-in.ts";

async function setUp() {
  const bundle = await setUpStandIn();
  const { control, stripe } = bundle;
  await control.seed({
    products: SHOP.products,
    prices: SHOP.prices,
    customers: [...SHOP.customers, { id: "cus_taro" }],
    paymentIntents: [...PURCHASE.paymentIntents, { id: "pi_other", customer: "cus_hanako", amount: 10_000 }],
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-10-08T01:00:00Z",
        invoices: [{ period: 0, status: "open" }],
      },
    ],
  });
  await control.setLockWait(20);
  const refund = (charge: string, idempotencyKey: string) =>
    stripe.refunds.create({ charge, amount: 100 }, { idempotencyKey });
  const refundCount = async () => (await control.ledger()).filter(({ effect }) => effect === "refund.created").length;
  return { ...bundle, refund, refundCount };
}

test("a request at work on a charge makes others for it fail with lock_timeout, which is not stored", async () => {
  const { stripe, control, refund, refundCount } = await setUp();
  await control.fault({ mode: "hold", ms: 60_000, locks: true, path: "/v1/refunds" });
  const held = refund("ch_purchase", "k1");
  await untilHeld(control);

  const error = await stripeErrorOf(refund("ch_purchase", "k2"));
  const byIntent = await stripeErrorOf(stripe.refunds.create({ payment_intent: "pi_purchase" }));

  expect(error).toMatchObject({ type: "StripeRateLimitError", statusCode: 429, code: "lock_timeout" });
  expect(error.headers).not.toHaveProperty("stripe-rate-limited-reason");
  expect(byIntent.code).toBe("lock_timeout");
  expect(await refundCount()).toBe(0);
  await refund("ch_other", "k3");
  expect(await stripe.charges.retrieve("ch_purchase")).toMatchObject({ amount_refunded: 0 });

  await control.releaseHeld();
  await held;
  await refund("ch_purchase", "k2");

  expect(await stripe.charges.retrieve("ch_purchase")).toMatchObject({ amount_refunded: 200 });
});

test("a request waits for a lock that is freed in time", async () => {
  const { control, refund, refundCount } = await setUp();
  await control.setLockWait(60_000);
  await control.lockObject("ch_purchase");

  const waiting = refund("ch_purchase", "k1");
  const hasArrived = async () => (await control.requests()).some(({ status }) => status === null);
  await eventually(hasArrived, { withinMs: 5000, describe: "the request" });
  expect(await refundCount()).toBe(0);
  await control.unlockObject("ch_purchase");

  expect((await waiting).amount).toBe(100);
});

test("whoever works on a customer's subscription holds the customer too", async () => {
  const { stripe, control } = await setUp();
  await control.lockObject("cus_hanako");

  const refused = [
    stripe.subscriptions.update("sub_a", { cancel_at_period_end: true }),
    stripe.subscriptions.cancel("sub_a"),
    stripe.invoices.voidInvoice("in_a_0"),
    stripe.subscriptions.create({ customer: "cus_hanako", items: [{ price: "price_monthly" }] }),
  ];
  for (const each of refused) expect(await stripeErrorOf(each)).toMatchObject({ code: "lock_timeout" });

  await stripe.subscriptions.create({ customer: "cus_taro", items: [{ price: "price_monthly" }] });
  expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({ status: "active" });
  await control.unlockObject("cus_hanako");
  expect(await stripe.subscriptions.cancel("sub_a")).toMatchObject({ status: "canceled" });
});

test("a request that waits for a lock when the stand-in stops is not executed", async () => {
  const { standIn, control, refund, refundCount } = await setUp();
  await control.setLockWait(60_000);
  await control.lockObject("ch_purchase");
  const failed = stripeErrorOf(refund("ch_purchase", "k1"));
  const hasArrived = async () => (await control.requests()).some(({ status }) => status === null);
  await eventually(hasArrived, { withinMs: 5000, describe: "the request" });

  await standIn.stop();

  expect((await failed).type).toBe("StripeConnectionError");
  expect(await refundCount()).toBe(0);
});
