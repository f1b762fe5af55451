import { expect, test } from "vitest";
import type { Seed } from "../../../sandbox/stripe/control/seed-schema.ts";
import { connectStandInControl } from "../../../sandbox/stripe/control-client.ts";
import { SHOP, setUpStandIn } from "./set-up-stand-in.ts";

const NOW = Date.parse("2026-11-20T03:00:00Z");

async function setUp() {
  const bundle = await setUpStandIn({ now: () => NOW });
  return { ...bundle, remote: connectStandInControl(bundle.standIn.url) };
}

test("seeds what is asked for, with ids that follow from the given ones, and says so in the ledger", async () => {
  const { stripe, control } = await setUp();

  const report = await control.seed({
    ...SHOP,
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-09-08T01:00:00Z",
        initialFee: 5000,
        invoices: "all_paid",
      },
    ],
    paymentIntents: [
      {
        id: "pi_purchase",
        customer: "cus_hanako",
        amount: 900,
        createdAt: "2026-09-01T00:00:00+09:00",
        payment: { charge: "ch_mine", refunds: [{ amount: 200 }, { amount: 100, status: "failed" }], disputed: true },
      },
    ],
  });

  expect(report).toEqual({
    subscriptions: [
      {
        id: "sub_a",
        item: "si_a",
        invoices: [0, 1, 2].map((n) => ({
          id: `in_a_${n}`,
          payment: { paymentIntent: `pi_a_${n}`, charge: `ch_a_${n}`, refunds: [] },
        })),
      },
    ],
    paymentIntents: [{ paymentIntent: "pi_purchase", charge: "ch_mine", refunds: ["re_mine_0", "re_mine_1"] }],
    invoices: [],
  });
  expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({ status: "active", latest_invoice: "in_a_2" });
  expect(await stripe.charges.retrieve("ch_mine")).toMatchObject({
    amount_refunded: 200,
    disputed: true,
    created: Date.parse("2026-08-31T15:00:00Z") / 1000,
  });
  const ledger = await control.ledger();
  expect(new Set(ledger.map(({ effect }) => effect))).toEqual(new Set(["seeded"]));
  const captured = ledger.filter(({ object, status }) => object === "charge" && status === "succeeded");
  expect(captured.map(({ amount }) => amount)).toEqual([8000, 3000, 3000, 900]);
  expect(ledger.filter(({ object }) => object === "dispute")).toMatchObject([{ amount: 900, charge: "ch_mine" }]);
});

test("seeds a canceled subscription in the period in which it ended", async () => {
  const { stripe, control } = await setUp();
  await control.seed({
    ...SHOP,
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-07-08T01:00:00Z",
        status: "canceled",
        endedAt: "2026-08-20T00:00:00Z",
      },
    ],
  });

  const { status, ended_at, items } = await stripe.subscriptions.retrieve("sub_a");

  expect({ status, ended_at }).toEqual({ status: "canceled", ended_at: Date.parse("2026-08-20T00:00:00Z") / 1000 });
  expect(items.data[0]?.current_period_end).toBe(Date.parse("2026-09-08T01:00:00Z") / 1000);
});

test.each<[string, Seed, RegExp]>([
  ["an id that is taken", { customers: [{ id: "cus_new" }, { id: "cus_hanako" }] }, /cus_hanako already/],
  [
    "a customer that is missing",
    { customers: [{ id: "cus_new" }], invoices: [{ id: "in_x", customer: "cus_x", amount: 1 }] },
    /no customer cus_x/,
  ],
  [
    "refunds beyond the charge",
    {
      customers: [{ id: "cus_new" }],
      paymentIntents: [{ id: "pi_x", amount: 10, payment: { refunds: [{ amount: 11 }] } }],
    },
    /more than its 10/,
  ],
  ["a shape that does not fit", { customers: [{ id: "cus_new" }], products: [{ nam: "x" }] } as unknown as Seed, /nam/],
])("a seed with %s is refused in a sentence and leaves nothing behind", async (_what, seed, message) => {
  const { stripe, control } = await setUp();
  await control.seed(SHOP);
  const before = await control.ledger();

  await expect(control.seed(seed)).rejects.toThrow(message);

  expect(await control.ledger()).toEqual(before);
  await expect(stripe.customers.retrieve("cus_new")).rejects.toMatchObject({ statusCode: 404 });
  await control.seed({ customers: [{ id: "cus_new" }] });
});

test("a customer pays an open invoice, and the subscription that waited for it is active", async () => {
  const { stripe, control } = await setUp();
  await control.seed({
    ...SHOP,
    subscriptions: [
      {
        id: "sub_a",
        customer: "cus_hanako",
        price: "price_monthly",
        anchorAt: "2026-11-08T01:00:00Z",
        status: "past_due",
        invoices: [{ period: 0, status: "open" }],
      },
    ],
  });

  await control.payInvoice("in_a_0");

  expect(await stripe.subscriptions.retrieve("sub_a")).toMatchObject({ status: "active" });
  const effects = (await control.ledger()).filter(({ effect }) => effect !== "seeded");
  expect(effects).toMatchObject([
    { effect: "charge.succeeded", amount: 3000, requestId: null },
    { effect: "payment_intent.succeeded" },
    { effect: "invoice.paid", amount: 3000 },
    { effect: "subscription.updated" },
  ]);
  await expect(control.payInvoice("in_a_0")).rejects.toThrow(/paid, not open/);
});

test("does over HTTP what it does in the same process", async () => {
  const { stripe, control, remote } = await setUp();

  const report = await remote.seed({
    ...SHOP,
    paymentIntents: [{ id: "pi_purchase", customer: "cus_hanako", amount: 500 }],
  });
  await remote.fault({ mode: "status_403", path: "/v1/refunds" });
  await remote.setRefundOutcome("pending", 2);
  await expect(stripe.refunds.create({ charge: "ch_purchase" })).rejects.toMatchObject({ statusCode: 403 });
  const refund = await stripe.refunds.create({ charge: "ch_purchase", amount: 100 });
  await remote.failRefund(refund.id);

  expect(report.paymentIntents).toEqual([{ paymentIntent: "pi_purchase", charge: "ch_purchase", refunds: [] }]);
  expect(refund.status).toBe("pending");
  expect(await remote.ledger()).toEqual(await control.ledger());
  expect(await remote.requests()).toEqual(await control.requests());
  expect(await remote.releaseHeld()).toBe(0);
  await expect(remote.failRefund(refund.id)).rejects.toThrow(/failed already/);
  await expect(remote.dispute("ch_x")).rejects.toThrow(/no charge ch_x/);
});

test("gives only what came after a sequence number", async () => {
  const { stripe, control, standIn } = await setUp();
  await control.seed(SHOP);
  await stripe.refunds.list();
  await stripe.charges.list();

  expect((await control.ledger(1)).map(({ sequence }) => sequence)).toEqual([2, 3]);
  expect((await control.requests(1)).map(({ path }) => path)).toEqual(["/v1/charges"]);
  const answer = await fetch(`${standIn.url}/_control/ledger?after=2`);
  expect(await answer.json()).toMatchObject({ result: [{ sequence: 3, objectId: "price_monthly" }] });
});

test("answers an unknown command with 400 and a sentence", async () => {
  const { standIn } = await setUp();

  const answer = await fetch(`${standIn.url}/_control/explode`, { method: "POST" });

  expect(answer.status).toBe(400);
  expect(await answer.json()).toEqual({ error: "The control has no command explode" });
});

test("forgets everything on reset", async () => {
  const { stripe, control } = await setUp();
  await control.seed(SHOP);
  await control.fault({ mode: "status_403", path: "/v1/**" });
  await control.setLatency(60_000);
  await control.setAcceptedKey("sk_test_other");
  await control.setRefundOutcome("failed");

  await control.reset();

  expect([await control.ledger(), await control.requests(), await control.pendingFaults()]).toEqual([[], [], []]);
  await expect(stripe.customers.retrieve("cus_hanako")).rejects.toMatchObject({ statusCode: 404 });
  await control.seed({ paymentIntents: [{ id: "pi_a", amount: 100 }] });
  expect(await stripe.refunds.create({ payment_intent: "pi_a" })).toMatchObject({ status: "succeeded" });
});
