import { expect, test } from "vitest";
import { PURCHASE, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const DAY = 24 * 60 * 60;

async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed(PURCHASE);
  const events = async () =>
    (await bundle.stripe.events.list({ limit: 100 })).data.toReversed().map(({ type }) => type);
  const refundOf = async (card: string) => {
    const payment = { amount: 1000, currency: "jpy", confirm: true, payment_method: card };
    const intent = await bundle.stripe.paymentIntents.create(payment);
    return bundle.stripe.refunds.create({ payment_intent: intent.id });
  };
  return { ...bundle, events, refundOf };
}

test("F. a refund, whole or in part: refund.created, then charge.refunded with what was refunded so far", async () => {
  const { stripe, control, events } = await setUp();
  const part = await stripe.refunds.create({ charge: "ch_purchase", amount: 400 }, { idempotencyKey: "op_1" });
  await stripe.refunds.create({ charge: "ch_purchase" });

  expect(await events()).toEqual(["refund.created", "charge.refunded", "refund.created", "charge.refunded"]);
  const { data } = await stripe.events.list({ type: "charge.refunded" });
  expect(data.map((event) => event.data.object)).toMatchObject([
    { amount_refunded: 10_000, refunded: true },
    { amount_refunded: 400, refunded: false },
  ]);
  expect(data.at(-1)?.request).toEqual({ id: part.lastResponse.requestId, idempotency_key: "op_1" });
  await control.referenceRefund(part.id, "7417");
  expect((await events()).slice(-2)).toEqual(["refund.updated", "charge.refund.updated"]);
  expect((await stripe.refunds.retrieve(part.id)).destination_details?.card).toMatchObject({
    reference: "7417",
    reference_status: "available",
  });
});

test("G. a refund that had succeeded fails later: charge and balance have it again", async () => {
  const { stripe, control, events } = await setUp();
  await control.setBalance(10_000);
  const refund = await stripe.refunds.create({ charge: "ch_purchase" });
  expect(await control.balance()).toBe(0);

  await control.failRefund(refund.id, "expired_or_canceled_card");

  expect((await events()).slice(2)).toEqual(["refund.failed", "refund.updated"]);
  expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
    status: "failed",
    failure_reason: "expired_or_canceled_card",
    failure_balance_transaction: expect.stringMatching(/^txn_/),
  });
  expect(await stripe.charges.retrieve("ch_purchase")).toMatchObject({ amount_refunded: 0, refunded: false });
  expect(await control.balance()).toBe(10_000);
  expect(await stripe.refunds.create({ charge: "ch_purchase" })).toMatchObject({ status: "succeeded" });
});

test("an empty balance makes a refund wait, and the money that comes in carries it out", async () => {
  const { stripe, control, refundOf } = await setUp();
  await control.setBalance(0);
  const waiting = await stripe.refunds.create({ charge: "ch_purchase", amount: 700 });
  expect(waiting).toMatchObject({ status: "pending", pending_reason: "insufficient_funds" });
  expect((await stripe.charges.retrieve("ch_purchase")).amount_refunded).toBe(700);

  await stripe.paymentIntents.create({
    amount: 900,
    currency: "jpy",
    confirm: true,
    payment_method: "pm_card_visa",
  });

  expect((await stripe.refunds.retrieve(waiting.id)).status).toBe("succeeded");
  expect(await control.balance()).toBe(200);
  await control.setBalance(null);
  expect(await refundOf("pm_card_visa")).toMatchObject({ status: "succeeded" });
});

test("the test card whose refunds fail later, and the one whose refunds wait", async () => {
  const { stripe, control, refundOf } = await setUp();
  const failing = await refundOf("pm_card_refundFail");
  const waiting = await refundOf("pm_card_pendingRefund");
  expect([failing.status, waiting.status]).toEqual(["succeeded", "pending"]);

  await control.advanceClock({ seconds: DAY });

  expect(await stripe.refunds.retrieve(failing.id)).toMatchObject({
    status: "failed",
    failure_reason: "expired_or_canceled_card",
  });
  expect(await stripe.refunds.retrieve(waiting.id)).toMatchObject({ status: "succeeded" });
});

test("only a refund that waits for the customer can be canceled", async () => {
  const { stripe, control } = await setUp();
  await control.setRefundOutcome("requires_action");
  const waiting = await stripe.refunds.create({ charge: "ch_purchase", amount: 100 });
  const done = await stripe.refunds.create({ charge: "ch_purchase", amount: 100 });

  expect(await stripe.refunds.cancel(waiting.id)).toMatchObject({ status: "canceled" });
  expect((await stripeErrorOf(stripe.refunds.cancel(done.id))).statusCode).toBe(400);
  expect((await stripe.charges.retrieve("ch_purchase")).amount_refunded).toBe(100);
});
