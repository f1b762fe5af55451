import { describe, expect, onTestFinished, test } from "vitest";
import { startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { Secret } from "../../src/secret.ts";
import type { GatewayReply, IdempotencyKey } from "../../src/stripe/gateway.ts";
import { createStripeGateway } from "../../src/stripe/stripe-gateway.ts";

const key = (name: string) => name as IdempotencyKey;

/** A subscription of ¥1,000 a month since January 2026: paid, open and draft invoices, and a payment beside them of ¥5,000. */
async function setup() {
  const standIn = await startStripeStandIn({
    refuseAutomaticKeys: true,
    now: () => Date.parse("2026-04-20T00:00:00Z"),
  });
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
        invoices: [
          { id: "in_paid", period: 0, payment: { paymentIntent: "pi_0", paidAt: "2026-01-08T01:00:05Z" } },
          { id: "in_by_hand", period: 1, paidOutOfBand: true },
          { id: "in_open", period: 2, status: "open" },
          { id: "in_draft", period: 3, status: "draft" },
        ],
      },
      {
        id: "sub_2",
        customer: "cus_1",
        price: "price_1",
        anchorAt: "2026-01-08T01:00:00Z",
        invoices: [{ id: "in_other", period: 1, status: "open" }],
      },
      {
        id: "sub_over",
        customer: "cus_1",
        price: "price_1",
        anchorAt: "2026-01-08T01:00:00Z",
        status: "canceled",
        endedAt: "2026-02-20T00:00:00Z",
      },
    ],
    invoices: [
      { id: "in_void", subscription: "sub_over", period: 0, status: "void" },
      { id: "in_lost", subscription: "sub_over", period: 1, status: "uncollectible" },
    ],
    paymentIntents: [
      { id: "pi_1", customer: "cus_1", amount: 5_000 },
      { id: "pi_unpaid", customer: "cus_1", amount: 5_000, isPaid: false },
      { id: "pi_disputed", customer: "cus_1", amount: 5_000, payment: { disputed: true } },
    ],
  });
  const gateway = createStripeGateway({ secretKey: new Secret(standIn.secretKey), apiBase: standIn.url });
  onTestFinished(() => gateway.close());
  const effects = async (name: string) => (await control.ledger()).filter(({ effect }) => effect === name);
  return { gateway, control, effects };
}

const refund = { refundId: "pay_1:refund:1", operationId: "op_1", paymentIntentId: "pi_1", amountMinor: 2_000 };

function refusal(reply: GatewayReply<unknown>): string {
  return reply.type === "refused" ? reply.code : `not refused but ${reply.type}`;
}

describe("readSubscription", () => {
  test("gives status, reservation and period in our words", async () => {
    const { gateway } = await setup();

    expect(await gateway.readSubscription("sub_1")).toEqual({
      type: "done",
      requestId: expect.stringMatching(/^req_/),
      value: {
        type: "found",
        id: "sub_1",
        customerId: "cus_1",
        stripeSubscriptionStatus: "active",
        cancelAtPeriodEnd: false,
        cancelAt: null,
        currentPeriodStartAt: "2026-04-08T01:00:00Z",
        currentPeriodEndAt: "2026-05-08T01:00:00Z",
        endedAt: null,
      },
    });
  });

  test("reads one that has ended", async () => {
    const { gateway } = await setup();

    expect(await gateway.readSubscription("sub_over")).toMatchObject({
      value: { type: "found", stripeSubscriptionStatus: "canceled", endedAt: "2026-02-20T00:00:00Z" },
    });
  });

  test("answers that one is missing which Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.readSubscription("sub_none")).toMatchObject({ type: "done", value: { type: "missing" } });
  });
});

describe("listUnpaidInvoices", () => {
  test("lists drafts and open invoices of the subscription, newest first", async () => {
    const { gateway } = await setup();

    expect(await gateway.listUnpaidInvoices("sub_1")).toMatchObject({
      type: "done",
      value: {
        invoices: [
          { id: "in_draft", stripeInvoiceStatus: "draft" },
          { id: "in_open", stripeInvoiceStatus: "open" },
        ],
      },
    });
  });

  test("lists all of more than a page holds", async () => {
    const { gateway, control } = await setup();
    const open = Array.from({ length: 101 }, (_, period) => ({
      id: `in_long_${period}`,
      period,
      status: "open" as const,
    }));
    await control.seed({
      subscriptions: [
        { id: "sub_long", customer: "cus_1", price: "price_1", anchorAt: "2010-01-08T01:00:00Z", invoices: open },
      ],
    });

    const reply = await gateway.listUnpaidInvoices("sub_long");

    expect(reply.type === "done" && reply.value.invoices.map(({ id }) => id)).toEqual(
      open.map(({ id }) => id).toReversed(),
    );
  });

  test("finds none of a subscription that Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.listUnpaidInvoices("sub_none")).toMatchObject({ type: "done", value: { invoices: [] } });
  });
});

describe("readInvoice", () => {
  test("tells when and by which intent it was paid", async () => {
    const { gateway } = await setup();

    expect(await gateway.readInvoice("in_paid")).toMatchObject({
      type: "done",
      value: {
        type: "found",
        id: "in_paid",
        stripeInvoiceStatus: "paid",
        amountDueMinor: 1_000,
        amountPaidMinor: 1_000,
        paidAt: "2026-01-08T01:00:05Z",
        paymentIntentId: "pi_0",
      },
    });
  });

  test("tells which subscription it bills, why, and for what: each period, and what was added", async () => {
    const { gateway, control } = await setup();
    await control.seed({
      subscriptions: [
        {
          id: "sub_fee",
          customer: "cus_1",
          price: "price_1",
          anchorAt: "2026-01-08T01:00:00Z",
          initialFee: 3_000,
          invoices: [{ id: "in_first", period: 0 }],
        },
      ],
    });

    expect(await gateway.readInvoice("in_first")).toMatchObject({
      value: {
        amountPaidMinor: 4_000,
        subscriptionId: "sub_fee",
        billingReason: "subscription_create",
        autoAdvance: false,
        lines: [
          {
            id: expect.stringMatching(/^il_/),
            amountMinor: 1_000,
            startsAt: "2026-01-08T01:00:00Z",
            endsAt: "2026-02-08T01:00:00Z",
            billsSubscription: true,
            isProration: false,
          },
          { amountMinor: 3_000, startsAt: "2026-01-08T01:00:00Z", billsSubscription: false, isProration: false },
        ],
      },
    });
    expect(await gateway.readInvoice("in_open")).toMatchObject({ value: { billingReason: "subscription_cycle" } });
  });

  test("knows no subscription of one that was made by hand", async () => {
    const { gateway, control } = await setup();
    await control.seed({ invoices: [{ id: "in_manual", customer: "cus_1", amount: 700 }] });

    expect(await gateway.readInvoice("in_manual")).toMatchObject({
      value: { subscriptionId: null, billingReason: "manual", lines: [{ billsSubscription: false }] },
    });
  });

  test("knows no intent of one that is open, or was paid outside Stripe", async () => {
    const { gateway } = await setup();

    expect(await gateway.readInvoice("in_open")).toMatchObject({
      value: { stripeInvoiceStatus: "open", amountPaidMinor: 0, paidAt: null, paymentIntentId: null },
    });
    expect(await gateway.readInvoice("in_by_hand")).toMatchObject({
      value: { stripeInvoiceStatus: "paid", paymentIntentId: null },
    });
  });

  test("answers that one is missing which Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.readInvoice("in_none")).toMatchObject({ type: "done", value: { type: "missing" } });
  });
});

describe("listPaidInvoices", () => {
  test("lists what was paid, oldest first, with when and by which intent", async () => {
    const { gateway } = await setup();

    expect(await gateway.listPaidInvoices("sub_1")).toEqual({
      type: "done",
      requestId: expect.stringMatching(/^req_/),
      value: {
        invoices: [
          { id: "in_paid", amountPaidMinor: 1_000, paidAt: "2026-01-08T01:00:05Z", paymentIntentId: "pi_0" },
          { id: "in_by_hand", amountPaidMinor: 1_000, paidAt: expect.any(String), paymentIntentId: null },
        ],
      },
    });
  });

  test("lists those of a subscription that has ended", async () => {
    const { gateway, control } = await setup();
    await control.seed({ invoices: [{ id: "in_last", subscription: "sub_over", period: 0 }] });

    expect(await gateway.listPaidInvoices("sub_over")).toMatchObject({ value: { invoices: [{ id: "in_last" }] } });
  });

  test("lists all of more than a page holds, in their order", async () => {
    const { gateway, control } = await setup();
    const invoices = Array.from({ length: 101 }, (_, period) => ({ id: `in_long_${period}`, period }));
    await control.seed({
      subscriptions: [
        { id: "sub_long", customer: "cus_1", price: "price_1", anchorAt: "2010-01-08T01:00:00Z", invoices },
      ],
    });

    const reply = await gateway.listPaidInvoices("sub_long");

    expect(reply.type === "done" && reply.value.invoices.map(({ id }) => id)).toEqual(invoices.map(({ id }) => id));
  });

  test("finds none of a subscription that Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.listPaidInvoices("sub_none")).toMatchObject({ type: "done", value: { invoices: [] } });
  });
});

describe("readPaymentIntent", () => {
  test("tells how much it received, and when", async () => {
    const { gateway, control } = await setup();
    const payment = { paidAt: "2026-04-02T01:00:00Z" };
    await control.seed({ paymentIntents: [{ id: "pi_2", customer: "cus_1", amount: 9_800, payment }] });

    expect(await gateway.readPaymentIntent("pi_2")).toEqual({
      type: "done",
      requestId: expect.stringMatching(/^req_/),
      value: {
        type: "found",
        id: "pi_2",
        stripePaymentIntentStatus: "succeeded",
        amountReceivedMinor: 9_800,
        paidAt: "2026-04-02T01:00:00Z",
      },
    });
  });

  test("knows no time of one that was not paid", async () => {
    const { gateway } = await setup();

    expect(await gateway.readPaymentIntent("pi_unpaid")).toMatchObject({
      value: { type: "found", amountReceivedMinor: 0, paidAt: null },
    });
  });

  test("answers that one is missing which Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.readPaymentIntent("pi_none")).toMatchObject({ type: "done", value: { type: "missing" } });
  });
});

describe("listRefunds", () => {
  test("counts what is left: pending refunds are gone, failed and canceled ones have come back", async () => {
    const { gateway, control } = await setup();
    await control.seed({
      paymentIntents: [
        {
          id: "pi_2",
          amount: 5_000,
          payment: {
            refunds: [
              { id: "re_0", amount: 700, status: "canceled", createdAt: "2026-03-31T00:00:00Z" },
              { id: "re_1", amount: 1_000, status: "failed", createdAt: "2026-04-01T00:00:00Z" },
              { id: "re_2", amount: 1_500, status: "pending", createdAt: "2026-04-02T00:00:00Z" },
              { id: "re_3", amount: 500, metadata: { keiyaku_refund: "r_3" }, createdAt: "2026-04-03T00:00:00Z" },
            ],
          },
        },
      ],
    });

    expect(await gateway.listRefunds("pi_2")).toMatchObject({
      type: "done",
      value: {
        type: "found",
        chargedMinor: 5_000,
        leftMinor: 3_000,
        disputed: false,
        refunds: [
          { id: "re_3", amountMinor: 500, stripeRefundStatus: "succeeded", refundId: "r_3" },
          { id: "re_2", amountMinor: 1_500, stripeRefundStatus: "pending", refundId: null },
          { id: "re_1", amountMinor: 1_000, stripeRefundStatus: "failed", refundId: null },
          { id: "re_0", amountMinor: 700, stripeRefundStatus: "canceled", refundId: null },
        ],
      },
    });
  });

  test("lists all of more than a page holds", async () => {
    const { gateway, control } = await setup();
    const refunds = Array.from({ length: 201 }, () => ({ amount: 1 }));
    await control.seed({ paymentIntents: [{ id: "pi_many", amount: 5_000, payment: { refunds } }] });

    const reply = await gateway.listRefunds("pi_many");

    expect(reply).toMatchObject({ type: "done", value: { leftMinor: 5_000 - 201 } });
    expect(
      reply.type === "done" && reply.value.type === "found" && new Set(reply.value.refunds.map(({ id }) => id)).size,
    ).toBe(201);
  });

  test("says that nothing was charged while no charge has succeeded", async () => {
    const { gateway } = await setup();

    expect(await gateway.listRefunds("pi_unpaid")).toMatchObject({
      type: "done",
      value: { type: "found", chargedMinor: 0, leftMinor: 0, disputed: false, refunds: [] },
    });
  });

  test("tells of a dispute, and of a payment that Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.listRefunds("pi_disputed")).toMatchObject({ value: { type: "found", disputed: true } });
    expect(await gateway.listRefunds("pi_none")).toMatchObject({ type: "done", value: { type: "missing" } });
  });
});

describe("cancelSubscription", () => {
  test("ends it at once and leaves open invoices open", async () => {
    const { gateway } = await setup();

    expect(await gateway.cancelSubscription("sub_1")).toMatchObject({
      type: "done",
      value: { type: "found", stripeSubscriptionStatus: "canceled", endedAt: "2026-04-20T00:00:00Z" },
    });
    expect(await gateway.readInvoice("in_open")).toMatchObject({ value: { stripeInvoiceStatus: "open" } });
  });

  test("repeated is done again, without another effect", async () => {
    const { gateway, effects } = await setup();
    const first = await gateway.cancelSubscription("sub_1");

    const second = await gateway.cancelSubscription("sub_1");

    expect(second).toEqual({ ...first, requestId: expect.any(String) });
    expect(await effects("subscription.canceled")).toHaveLength(1);
  });

  test("is done although its reply was lost, and the repetition was told that there is no such subscription", async () => {
    const { gateway, control, effects } = await setup();
    await control.fault({ mode: "lose_reply_after", method: "DELETE", path: "/v1/subscriptions/*" });

    expect(await gateway.cancelSubscription("sub_1")).toMatchObject({
      type: "done",
      value: { stripeSubscriptionStatus: "canceled" },
    });
    expect((await control.requests()).map(({ method, status }) => `${method} ${status}`)).toEqual([
      "DELETE null",
      "DELETE 404",
      "GET 200",
    ]);
    expect(await effects("subscription.canceled")).toHaveLength(1);
  });

  test("is unknown as long as nobody can look why there is no such subscription", async () => {
    const { gateway, control } = await setup();
    await gateway.cancelSubscription("sub_1");
    await control.fault({ mode: "rate_limit_429", method: "GET", path: "/v1/subscriptions/*" });

    expect(await gateway.cancelSubscription("sub_1")).toMatchObject({ type: "unknown" });
  });

  test("refuses one that never existed", async () => {
    const { gateway } = await setup();

    expect(refusal(await gateway.cancelSubscription("sub_none"))).toBe("not_found");
  });
});

describe("setCancelAtPeriodEnd", () => {
  test("reserves the end and lifts it", async () => {
    const { gateway } = await setup();

    const reserved = await gateway.setCancelAtPeriodEnd("sub_1", true, key("k1"));
    const lifted = await gateway.setCancelAtPeriodEnd("sub_1", false, key("k2"));

    expect(reserved).toMatchObject({
      type: "done",
      value: {
        cancelAtPeriodEnd: true,
        cancelAt: "2026-05-08T01:00:00Z",
        stripeSubscriptionStatus: "active",
        endedAt: null,
      },
    });
    expect(lifted).toMatchObject({ type: "done", value: { cancelAtPeriodEnd: false, cancelAt: null } });
  });

  test.each([
    ["the same", "k1"],
    ["another", "k2"],
  ])("repeated with %s key leaves the same state", async (_, second) => {
    const { gateway } = await setup();
    const first = await gateway.setCancelAtPeriodEnd("sub_1", true, key("k1"));

    const repeated = await gateway.setCancelAtPeriodEnd("sub_1", true, key(second));

    expect(repeated).toEqual({ ...first, requestId: expect.any(String) });
    expect(await gateway.readSubscription("sub_1")).toMatchObject({ value: { cancelAtPeriodEnd: true } });
  });

  test("refuses one that has ended, and one that never existed", async () => {
    const { gateway } = await setup();

    expect(refusal(await gateway.setCancelAtPeriodEnd("sub_over", true, key("k1")))).toBe("subscription_ended");
    expect(refusal(await gateway.setCancelAtPeriodEnd("sub_none", true, key("k2")))).toBe("not_found");
  });
});

describe("clearCancelAt", () => {
  /** A subscription that somebody has set to end at a moment of its own. */
  async function withEnd() {
    const bundle = await setup();
    const end = { cancelAt: "2026-06-01T00:00:00Z" };
    await bundle.control.seed({
      subscriptions: [{ id: "sub_end", customer: "cus_1", price: "price_1", anchorAt: "2026-01-08T01:00:00Z", ...end }],
    });
    return bundle;
  }

  test("lifts an end at a moment of its own, which lifting the end at the period's end leaves", async () => {
    const { gateway } = await withEnd();

    expect(await gateway.setCancelAtPeriodEnd("sub_end", false, key("k1"))).toMatchObject({
      value: { cancelAtPeriodEnd: false, cancelAt: "2026-06-01T00:00:00Z" },
    });
    expect(await gateway.clearCancelAt("sub_end", key("k2"))).toMatchObject({
      type: "done",
      value: { cancelAtPeriodEnd: false, cancelAt: null, endedAt: null },
    });
  });

  test.each([
    ["the same", "k1"],
    ["another", "k2"],
  ])("repeated with %s key leaves the same state, without another effect", async (_, second) => {
    const { gateway, effects } = await withEnd();
    const first = await gateway.clearCancelAt("sub_end", key("k1"));

    expect(await gateway.clearCancelAt("sub_end", key(second))).toEqual({ ...first, requestId: expect.any(String) });
    expect(await effects("subscription.updated")).toHaveLength(1);
  });

  test("refuses one that has ended, and one that never existed", async () => {
    const { gateway } = await setup();

    expect(refusal(await gateway.clearCancelAt("sub_over", key("k1")))).toBe("subscription_ended");
    expect(refusal(await gateway.clearCancelAt("sub_none", key("k2")))).toBe("not_found");
  });
});

describe("voidInvoice", () => {
  test("voids an open invoice", async () => {
    const { gateway } = await setup();

    expect(await gateway.voidInvoice("in_open", key("k1"))).toMatchObject({
      type: "done",
      value: { id: "in_open", stripeInvoiceStatus: "void", paymentIntentId: null },
    });
  });

  test.each([
    ["the same", "k1"],
    ["another", "k2"],
  ])("repeated with %s key is done, without another effect", async (_, second) => {
    const { gateway, effects } = await setup();
    await gateway.voidInvoice("in_open", key("k1"));

    expect(await gateway.voidInvoice("in_open", key(second))).toMatchObject({
      type: "done",
      value: { stripeInvoiceStatus: "void" },
    });
    expect(await effects("invoice.voided")).toHaveLength(1);
  });

  test.each(["in_paid", "in_draft", "in_lost"])("refuses %s, which is not open", async (id) => {
    const { gateway } = await setup();

    expect(refusal(await gateway.voidInvoice(id, key("k1")))).toBe("invoice_not_open");
  });

  test("refuses one that never existed", async () => {
    const { gateway } = await setup();

    expect(refusal(await gateway.voidInvoice("in_none", key("k1")))).toBe("not_found");
  });
});

describe("stopInvoice", () => {
  test("keeps a draft a draft, as often as it is asked", async () => {
    const { gateway, control, effects } = await setup();

    for (const name of ["k1", "k1", "k2"]) {
      expect(await gateway.stopInvoice("in_draft", key(name))).toMatchObject({
        type: "done",
        value: { id: "in_draft", stripeInvoiceStatus: "draft" },
      });
    }
    expect(await effects("invoice.updated")).toHaveLength(1);
    expect((await control.requests()).map(({ path }) => path)).toEqual(
      Array.from({ length: 3 }, () => "/v1/invoices/in_draft"),
    );
  });

  test("refuses one that never existed", async () => {
    const { gateway } = await setup();

    expect(refusal(await gateway.stopInvoice("in_none", key("k1")))).toBe("not_found");
  });
});

describe("refundPayment", () => {
  test("refunds the amount, and is found again by our refund row's id", async () => {
    const { gateway, effects } = await setup();

    const reply = await gateway.refundPayment(refund, key("k1"));

    const seen = {
      id: expect.stringMatching(/^re_/),
      amountMinor: 2_000,
      stripeRefundStatus: "succeeded",
      refundId: "pay_1:refund:1",
    };
    expect(reply).toMatchObject({ type: "done", value: seen });
    expect(await gateway.listRefunds("pi_1")).toMatchObject({ value: { leftMinor: 3_000, refunds: [seen] } });
    expect(await effects("refund.created")).toMatchObject([
      { metadata: { keiyaku_refund: "pay_1:refund:1", keiyaku_operation: "op_1" } },
    ]);
  });

  test("repeated with the same key gives the first refund", async () => {
    const { gateway, effects } = await setup();
    const first = await gateway.refundPayment(refund, key("k1"));

    const second = await gateway.refundPayment(refund, key("k1"));

    expect(second).toEqual({ ...first, requestId: expect.any(String) });
    expect(await effects("refund.created")).toHaveLength(1);
  });

  test("refunds once although its reply was lost", async () => {
    const { gateway, control, effects } = await setup();
    await control.fault({ mode: "lose_reply_after", method: "POST", path: "/v1/refunds" });

    expect(await gateway.refundPayment(refund, key("k1"))).toMatchObject({
      type: "done",
      value: { amountMinor: 2_000 },
    });
    expect(await effects("refund.created")).toHaveLength(1);
  });

  test("gives a pending refund as pending", async () => {
    const { gateway, control } = await setup();
    await control.setRefundOutcome("pending");

    expect(await gateway.refundPayment(refund, key("k1"))).toMatchObject({
      type: "done",
      value: { stripeRefundStatus: "pending" },
    });
  });

  test("refuses what has nothing left, or not enough, is disputed, or never existed", async () => {
    const { gateway, effects } = await setup();
    await gateway.refundPayment(refund, key("k1"));

    expect(refusal(await gateway.refundPayment({ ...refund, amountMinor: 3_001 }, key("k2")))).toBe(
      "amount_exceeds_left",
    );
    await gateway.refundPayment({ ...refund, amountMinor: 3_000 }, key("k3"));
    expect(refusal(await gateway.refundPayment({ ...refund, amountMinor: 1 }, key("k4")))).toBe(
      "charge_already_refunded",
    );
    expect(refusal(await gateway.refundPayment({ ...refund, paymentIntentId: "pi_disputed" }, key("k5")))).toBe(
      "charge_disputed",
    );
    expect(refusal(await gateway.refundPayment({ ...refund, paymentIntentId: "pi_none" }, key("k6")))).toBe(
      "not_found",
    );
    expect(await effects("refund.created")).toHaveLength(2);
  });

  test("leaves to a person what has no meaning: a payment without a charge, and a key with other parameters", async () => {
    const { gateway, effects } = await setup();
    await gateway.refundPayment(refund, key("k1"));

    expect(await gateway.refundPayment({ ...refund, paymentIntentId: "pi_unpaid" }, key("k2"))).toMatchObject({
      type: "unexplained",
      code: "invalid_request_error",
      httpStatus: 400,
    });
    expect(await gateway.refundPayment({ ...refund, amountMinor: 1 }, key("k1"))).toMatchObject({
      type: "unexplained",
      code: "idempotency_error",
      httpStatus: 400,
    });
    expect(await effects("refund.created")).toHaveLength(1);
  });
});

describe("listSubscriptions", () => {
  test("lists those of a customer that were not canceled, with what each says and sells, as when it is read", async () => {
    const { gateway, control } = await setup();
    await control.seed({
      subscriptions: [
        {
          id: "sub_claiming",
          customer: "cus_1",
          price: "price_1",
          anchorAt: "2026-01-08T01:00:00Z",
          metadata: { keiyaku_contract: "c-1" },
        },
      ],
    });

    const reply = await gateway.listSubscriptions("cus_1");

    expect(reply).toMatchObject({ type: "done" });
    const listed = reply.type === "done" ? reply.value : [];
    expect(listed.map(({ id }) => id).toSorted()).toEqual(["sub_1", "sub_2", "sub_claiming"]);
    const read = await gateway.readSubscription("sub_1");
    expect(listed.find(({ id }) => id === "sub_1")).toEqual({
      id: "sub_1",
      stripeSubscriptionStatus: "active",
      claimedContractId: null,
      priceIds: ["price_1"],
      seen: read.type === "done" ? read.value : null,
    });
    expect(listed.find(({ id }) => id === "sub_claiming")).toMatchObject({ claimedContractId: "c-1" });
  });

  test("finds none of a customer that Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.listSubscriptions("cus_none")).toMatchObject({ type: "done", value: [] });
  });
});

describe("listCharges", () => {
  test("lists what a customer paid, with its refunds, as when those are listed by themselves", async () => {
    const { gateway } = await setup();
    await gateway.refundPayment(refund, key("k1"));

    const reply = await gateway.listCharges("cus_1");

    const listed = reply.type === "done" ? reply.value : [];
    expect(listed.map(({ paymentIntentId }) => `${paymentIntentId}`).toSorted()).toEqual([
      "pi_0",
      "pi_1",
      "pi_disputed",
    ]);
    for (const { paymentIntentId, refunds } of listed) {
      expect(await gateway.listRefunds(paymentIntentId ?? "")).toMatchObject({ type: "done", value: refunds });
    }
  });

  test("does not show the refunds of a charge that has more than Stripe lists with it", async () => {
    const { gateway, control } = await setup();
    const refunds = Array.from({ length: 11 }, () => ({ amount: 10 }));
    await control.seed({
      paymentIntents: [{ id: "pi_often", customer: "cus_1", amount: 5_000, payment: { refunds } }],
    });

    const reply = await gateway.listCharges("cus_1");

    const listed = reply.type === "done" ? reply.value : [];
    expect(listed.find(({ paymentIntentId }) => paymentIntentId === "pi_often")).toMatchObject({ refunds: null });
  });

  test("finds none of a customer that Stripe does not know", async () => {
    const { gateway } = await setup();

    expect(await gateway.listCharges("cus_none")).toMatchObject({ type: "done", value: [] });
  });
});
