import type Stripe from "stripe";
import { expect, test } from "vitest";
import { PURCHASE, SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed(PURCHASE);
  const events = async () =>
    (await bundle.stripe.events.list({ limit: 100 })).data.toReversed().map(({ type }) => type);
  const refund = (params: Stripe.RefundCreateParams = {}) =>
    bundle.stripe.refunds.create({ charge: "ch_purchase", ...params });
  return { ...bundle, events, refund };
}

test("H. a dispute takes the money back, and one that is won brings it again", async () => {
  const { stripe, control, events, refund } = await setUp();
  await control.setBalance(0);

  const id = await control.dispute("ch_purchase", { reason: "product_not_received" });

  expect(await stripe.disputes.retrieve(id)).toMatchObject({
    object: "dispute",
    amount: 10_000,
    charge: "ch_purchase",
    payment_intent: "pi_purchase",
    reason: "product_not_received",
    status: "needs_response",
    is_charge_refundable: false,
  });
  expect(await control.balance()).toBe(-10_000);
  expect((await stripeErrorOf(refund())).code).toBe("charge_disputed");
  await control.closeDispute(id, "won");
  expect(await control.balance()).toBe(0);
  expect(await events()).toEqual([
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
  ]);
  expect(await refund()).toMatchObject({ status: "pending", pending_reason: "insufficient_funds" });
  await expect(control.closeDispute(id, "lost")).rejects.toThrow(/is won/);
});

test("H. a dispute that is lost is closed, and the charge stays unrefundable", async () => {
  const { stripe, control, events, refund } = await setUp();
  const id = await control.dispute("ch_purchase");

  await control.closeDispute(id, "lost");

  expect((await events()).slice(-2)).toEqual(["charge.dispute.updated", "charge.dispute.closed"]);
  expect((await stripe.disputes.list({ payment_intent: "pi_purchase" })).data).toMatchObject([{ id, status: "lost" }]);
  expect((await stripeErrorOf(refund())).code).toBe("charge_disputed");
  expect((await control.ledger()).filter(({ object }) => object === "dispute")).toMatchObject([
    { effect: "charge.disputed", objectId: id, amount: 10_000 },
    { effect: "dispute.closed", objectId: id, status: "lost" },
  ]);
});

test("an inquiry takes no money and hinders no refund", async () => {
  const { control, events, refund } = await setUp();

  await control.dispute("ch_purchase", { status: "warning_needs_response" });

  expect(await events()).toEqual(["charge.dispute.created"]);
  expect(await refund()).toMatchObject({ status: "succeeded" });
});

test("the card that is disputed at once", async () => {
  const { stripe, events } = await setUp();

  const { latest_charge } = await stripe.paymentIntents.create({
    amount: 500,
    currency: "jpy",
    confirm: true,
    payment_method: "pm_card_createDispute",
    expand: ["latest_charge"],
  });

  expect(latest_charge).toMatchObject({ status: "succeeded", disputed: true });
  expect((await events()).slice(-2)).toEqual(["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
});

test("a setting lets a dispute end the subscription that the charge paid for", async () => {
  const { stripe, control } = await setUp();
  await control.seed({ products: SHOP.products, prices: SHOP.prices });
  const { id } = await stripe.subscriptions.create({ customer: "cus_hanako", items: [{ price: "price_monthly" }] });
  const [charge] = (await stripe.charges.list({ limit: 1 })).data;
  await control.setDisputeCancelsSubscription(true);

  await control.dispute(charge?.id ?? "");

  expect(await stripe.subscriptions.retrieve(id)).toMatchObject({
    status: "canceled",
    cancellation_details: { reason: "payment_disputed" },
  });
});
