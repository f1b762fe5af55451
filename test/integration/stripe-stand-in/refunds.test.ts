import fc from "fast-check";
import { expect, test } from "vitest";
import { PURCHASE, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

async function setUp() {
  const bundle = await setUpStandIn();
  await bundle.control.seed(PURCHASE);
  const effects = async (effect: string) => (await bundle.control.ledger()).filter((entry) => entry.effect === effect);
  return { ...bundle, effects };
}

test("refunds all that is left when no amount is given", async () => {
  const { stripe, effects } = await setUp();
  await stripe.refunds.create({ payment_intent: "pi_purchase", amount: 4000 });

  const rest = await stripe.refunds.create({ payment_intent: "pi_purchase", metadata: { row: "r2" } });

  expect(rest).toMatchObject({
    object: "refund",
    amount: 6000,
    status: "succeeded",
    charge: "ch_purchase",
    reason: null,
  });
  expect(await stripe.charges.retrieve("ch_purchase")).toMatchObject({ amount_refunded: 10_000, refunded: true });
  expect(await effects("refund.created")).toMatchObject([
    { amount: 4000, paymentIntent: "pi_purchase", charge: "ch_purchase" },
    { amount: 6000, objectId: rest.id, metadata: { row: "r2" } },
  ]);
});

test("refunds by charge as well as by PaymentIntent, and keeps a partly refunded charge open", async () => {
  const { stripe } = await setUp();

  const refund = await stripe.refunds.create({ charge: "ch_purchase", amount: 1, reason: "requested_by_customer" });

  expect(refund).toMatchObject({ payment_intent: "pi_purchase", amount: 1, reason: "requested_by_customer" });
  expect(await stripe.charges.retrieve("ch_purchase")).toMatchObject({ amount_refunded: 1, refunded: false });
});

test("refuses more than is left, naming the amount but giving no code", async () => {
  const { stripe, effects } = await setUp();
  await stripe.refunds.create({ payment_intent: "pi_purchase", amount: 9999 });

  const error = await stripeErrorOf(stripe.refunds.create({ payment_intent: "pi_purchase", amount: 2 }));

  expect(error).toMatchObject({ statusCode: 400, rawType: "invalid_request_error", param: "amount" });
  expect(error.code).toBeUndefined();
  expect(error.doc_url).toBeUndefined();
  expect(await effects("refund.created")).toHaveLength(1);
});

test("refuses to refund what is wholly refunded, with its code", async () => {
  const { stripe } = await setUp();
  await stripe.refunds.create({ payment_intent: "pi_purchase" });

  const error = await stripeErrorOf(stripe.refunds.create({ payment_intent: "pi_purchase", amount: 1 }));

  expect(error).toMatchObject({ statusCode: 400, code: "charge_already_refunded" });
  expect(error.doc_url).toContain("charge-already-refunded");
});

test.each(["0", "-5", "1.5", "ten"])("refuses the amount %s as not an integer from 1", async (amount) => {
  const { stripe, effects } = await setUp();

  const error = await stripeErrorOf(
    stripe.refunds.create({ payment_intent: "pi_purchase", amount: amount as unknown as number }),
  );

  expect(error).toMatchObject({ statusCode: 400, code: "parameter_invalid_integer", param: "amount" });
  expect(await effects("refund.created")).toEqual([]);
});

test("refuses a refund of nothing in particular, without a code", async () => {
  const { stripe } = await setUp();

  const error = await stripeErrorOf(stripe.refunds.create({ amount: 100 }));

  expect(error).toMatchObject({ statusCode: 400, rawType: "invalid_request_error" });
  expect(error.code).toBeUndefined();
});

test("answers 404 with the parameter's name for ids it does not know", async () => {
  const { stripe } = await setUp();

  expect(await stripeErrorOf(stripe.refunds.create({ payment_intent: "pi_none" }))).toMatchObject({
    statusCode: 404,
    code: "resource_missing",
    param: "payment_intent",
  });
  expect(await stripeErrorOf(stripe.refunds.create({ charge: "ch_none" }))).toMatchObject({
    statusCode: 404,
    code: "resource_missing",
    param: "charge",
  });
});

test("refuses to refund a PaymentIntent that was never paid", async () => {
  const { stripe, control } = await setUp();
  await control.seed({ paymentIntents: [{ id: "pi_unpaid", amount: 500, isPaid: false }] });

  const error = await stripeErrorOf(stripe.refunds.create({ payment_intent: "pi_unpaid" }));

  expect(error).toMatchObject({ statusCode: 400, rawType: "invalid_request_error" });
});

test("refuses to refund a disputed charge", async () => {
  const { stripe, control, effects } = await setUp();
  await control.dispute("ch_purchase");

  const error = await stripeErrorOf(stripe.refunds.create({ payment_intent: "pi_purchase" }));

  expect(error).toMatchObject({ statusCode: 400, code: "charge_disputed" });
  expect(await effects("charge.disputed")).toMatchObject([{ amount: 10_000, charge: "ch_purchase", requestId: null }]);
});

test("counts a pending refund as refunded until it ends", async () => {
  const { stripe, control, effects } = await setUp();
  await control.setRefundOutcome("pending");

  const pending = await stripe.refunds.create({ payment_intent: "pi_purchase" });

  expect(pending).toMatchObject({ status: "pending", pending_reason: "insufficient_funds" });
  const again = await stripeErrorOf(stripe.refunds.create({ payment_intent: "pi_purchase" }));
  expect(again.code).toBe("charge_already_refunded");
  await control.succeedRefund(pending.id);
  const ended = await stripe.refunds.retrieve(pending.id);
  expect(ended.status).toBe("succeeded");
  expect(ended.pending_reason).toBeUndefined();
  expect(await effects("refund.succeeded")).toMatchObject([{ objectId: pending.id }]);
});

test("gives back the balance of a refund that fails after it succeeded", async () => {
  const { stripe, control, effects } = await setUp();
  const refund = await stripe.refunds.create({ payment_intent: "pi_purchase", amount: 7000 });

  await control.failRefund(refund.id, "expired_or_canceled_card");

  expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
    status: "failed",
    failure_reason: "expired_or_canceled_card",
  });
  expect(await stripe.charges.retrieve("ch_purchase")).toMatchObject({ amount_refunded: 0, refunded: false });
  expect(await effects("refund.failed")).toMatchObject([{ amount: 7000, objectId: refund.id, requestId: null }]);
  expect(await stripe.refunds.create({ payment_intent: "pi_purchase" })).toMatchObject({ amount: 10_000 });
});

test("a refund that fails at once is in the ledger as created and as failed, and gives nothing back twice", async () => {
  const { stripe, control, effects } = await setUp();
  await control.setRefundOutcome("failed");

  const refund = await stripe.refunds.create({ payment_intent: "pi_purchase", amount: 7000 });

  expect(refund).toMatchObject({ status: "failed", failure_reason: "unknown" });
  expect(await effects("refund.created")).toMatchObject([{ amount: 7000, objectId: refund.id }]);
  expect(await effects("refund.failed")).toMatchObject([{ amount: 7000, objectId: refund.id }]);
  expect(await stripe.charges.retrieve("ch_purchase")).toMatchObject({ amount_refunded: 0 });
});

test("a refund fails at most once", async () => {
  const { stripe, control, effects } = await setUp();
  const refund = await stripe.refunds.create({ payment_intent: "pi_purchase" });
  await control.failRefund(refund.id);

  await expect(control.failRefund(refund.id)).rejects.toThrow(/failed already/);

  expect(await effects("refund.failed")).toHaveLength(1);
});

test("updates metadata key by key, and makes no entry when nothing changes", async () => {
  const { stripe, effects } = await setUp();
  const { id } = await stripe.refunds.create({ payment_intent: "pi_purchase", metadata: { a: "1", b: "2" } });

  await stripe.refunds.update(id, { metadata: { a: "", c: "3" } });
  await stripe.refunds.update(id, { metadata: { c: "3" } });

  expect((await stripe.refunds.retrieve(id)).metadata).toEqual({ b: "2", c: "3" });
  expect(await effects("refund.updated")).toMatchObject([{ objectId: id, metadata: { b: "2", c: "3" } }]);
  await stripe.refunds.update(id, { metadata: "" });
  expect((await stripe.refunds.retrieve(id)).metadata).toEqual({});
});

test("expands the charge and the PaymentIntent of a refund", async () => {
  const { stripe } = await setUp();

  const refund = await stripe.refunds.create({
    payment_intent: "pi_purchase",
    amount: 10,
    expand: ["charge.refunds", "payment_intent"],
  });

  expect(refund.charge).toMatchObject({ id: "ch_purchase", refunds: { data: [{ id: refund.id }] } });
  expect(refund.payment_intent).toMatchObject({ id: "pi_purchase", latest_charge: "ch_purchase" });
});

test("whatever is asked for, the ledger's refunds are what the charge says and never more than was paid", async () => {
  const { stripe, control, effects } = await setUp();
  const asked = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 6 });

  await fc.assert(
    fc.asyncProperty(asked, async (amounts) => {
      await control.reset();
      await control.seed(PURCHASE);
      for (const amount of amounts) {
        const attempt = stripe.refunds.create({ payment_intent: "pi_purchase", amount });
        await attempt.catch((error: unknown) => error);
      }
      const refunded = (await effects("refund.created")).reduce((sum, entry) => sum + (entry.amount ?? 0), 0);
      const charge = await stripe.charges.retrieve("ch_purchase");
      expect(charge.amount_refunded).toBe(refunded);
      expect(refunded).toBeLessThanOrEqual(10_000);
      expect(charge.refunded).toBe(refunded === 10_000);
    }),
    { numRuns: 25 },
  );
});
