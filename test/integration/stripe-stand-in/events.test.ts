import { expect, test } from "vitest";
import { PURCHASE, SHOP, setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const NOW = Date.parse("2026-11-20T03:00:00Z");
const DAY_MS = 24 * 60 * 60 * 1000;

async function setUp() {
  const clock = { ms: NOW };
  const bundle = await setUpStandIn({ now: () => clock.ms });
  await bundle.control.seed({
    ...SHOP,
    ...PURCHASE,
    subscriptions: [{ id: "sub_a", customer: "cus_hanako", price: "price_monthly", anchorAt: "2026-11-08T01:00:00Z" }],
  });
  return { ...bundle, clock };
}

test("seeded objects make no events, and neither do refusals, replays and requests that change nothing", async () => {
  const { stripe } = await setUp();
  expect((await stripe.events.list()).data).toEqual([]);

  const update = (key: string) =>
    stripe.subscriptions.update("sub_a", { metadata: { contract: "c1" } }, { idempotencyKey: key });
  await update("k1");
  await update("k1");
  await update("k2");
  await stripeErrorOf(stripe.refunds.create({ charge: "ch_purchase", amount: 99_999 }));

  expect((await stripe.events.list()).data.map(({ type }) => type)).toEqual(["customer.subscription.updated"]);
});

test("tells what was before: of a map only the entries that changed, of what was not there null", async () => {
  const { stripe } = await setUp();
  await stripe.subscriptions.update("sub_a", { metadata: { a: "1", b: "1" } });
  await stripe.subscriptions.update("sub_a", { metadata: { b: "2", c: "3" }, cancel_at_period_end: true });

  const [event] = (await stripe.events.list({ limit: 1 })).data;

  expect(event?.data.previous_attributes).toEqual({
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { reason: null },
    metadata: { b: "1", c: null },
  });
});

test("an event's object stays as it was when the event was made, and shows ids where answers show objects", async () => {
  const { stripe } = await setUp();
  const refund = await stripe.refunds.create({ charge: "ch_purchase", amount: 1, expand: ["charge.customer"] });
  const [event] = (await stripe.events.list({ type: "refund.created" })).data;

  await stripe.refunds.update(refund.id, { metadata: { later: "yes" } });

  expect(await stripe.events.retrieve(event?.id ?? "")).toEqual(event);
  expect(event?.data.object).toMatchObject({ id: refund.id, charge: "ch_purchase", metadata: {} });
});

test("lists events by type, by group, by several types, by time, and page by page from the oldest", async () => {
  const { stripe, clock } = await setUp();
  await stripe.refunds.create({ charge: "ch_purchase", amount: 1 });
  clock.ms += 10_000;
  await stripe.refunds.create({ charge: "ch_purchase", amount: 2 });
  await stripe.subscriptions.cancel("sub_a");
  const types = async (params: Parameters<typeof stripe.events.list>[0]) =>
    (await stripe.events.list(params)).data.map(({ type }) => type);

  expect(await types({ type: "refund.created" })).toEqual(["refund.created", "refund.created"]);
  expect(await types({ type: "customer.*" })).toEqual(["customer.subscription.deleted"]);
  expect(await types({ types: ["customer.subscription.deleted", "charge.refunded"], limit: 2 })).toEqual([
    "customer.subscription.deleted",
    "charge.refunded",
  ]);
  expect(await types({ created: { gte: NOW / 1000 + 10 }, type: "refund.created" })).toHaveLength(1);
  const [newest, ...older] = (await stripe.events.list({ limit: 100 })).data;
  const oldest = older.at(-1);
  expect(await types({ starting_after: newest?.id ?? "", limit: 1 })).toEqual(["charge.refunded"]);
  const pages = await stripe.events.list({ ending_before: oldest?.id ?? "", limit: 1 }).autoPagingToArray({ limit: 9 });
  expect(pages.map(({ type }) => type)).toEqual([
    "charge.refunded",
    "refund.created",
    "charge.refunded",
    "customer.subscription.deleted",
  ]);
});

test("takes at most twenty types, and type or types, not both", async () => {
  const { stripe } = await setUp();
  const types = Array.from({ length: 21 }, (_, n) => `invoice.kind_${n}`);

  expect(await stripeErrorOf(stripe.events.list({ types }))).toMatchObject({ statusCode: 400, param: "types" });
  await stripe.events.list({ types: types.slice(1) });
  const both = stripe.events.list({ type: "invoice.paid", types: ["invoice.paid"] });
  expect((await stripeErrorOf(both)).code).toBe("parameters_exclusive");
});

test("keeps events for thirty days", async () => {
  const { stripe, clock } = await setUp();
  await stripe.refunds.create({ charge: "ch_purchase", amount: 1 });
  const [event] = (await stripe.events.list({ limit: 1 })).data;

  clock.ms += 30 * DAY_MS - 1000;
  expect((await stripe.events.retrieve(event?.id ?? "")).id).toBe(event?.id);
  clock.ms += 1000;

  expect((await stripe.events.list()).data).toEqual([]);
  expect((await stripeErrorOf(stripe.events.retrieve(event?.id ?? ""))).statusCode).toBe(404);
});
