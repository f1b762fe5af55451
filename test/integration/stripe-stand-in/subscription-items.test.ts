import { expect, test } from "vitest";
import { FEBRUARY, FINAL, seconds, setUpClock } from "./set-up-clock.ts";
import { stripeErrorOf } from "./set-up-stand-in.ts";

const MARCH = seconds("2026-03-31T03:00:00Z");

/** A customer on a test clock, and prices of ¥3,000, ¥800 and ¥500 a month, ¥9,000 a year, ¥2,000 once. */
async function setUp() {
  const bundle = await setUpClock();
  const price = { product: "prod_course" };
  await bundle.control.seed({
    prices: [
      { id: "price_books", amount: 800, ...price },
      { id: "price_room", amount: 500, ...price },
      { id: "price_yearly", amount: 9000, interval: "year", ...price },
      { id: "price_once", amount: 2000, interval: null, ...price },
    ],
  });
  const create = (...items: { price: string; quantity?: number }[]) =>
    bundle.stripe.subscriptions.create({ customer: bundle.customer, items });
  return { ...bundle, create };
}

test("a subscription of several prices has an item of each, in one period, and a line of each on every invoice", async () => {
  const { stripe, create, advanceTo } = await setUp();

  const { id, items } = await create({ price: "price_monthly" }, { price: "price_books", quantity: 2 });
  await advanceTo(FINAL);

  expect(items.data).toMatchObject([
    { price: { id: "price_monthly" }, quantity: 1, current_period_end: FEBRUARY },
    { price: { id: "price_books" }, quantity: 2, current_period_end: FEBRUARY },
  ]);
  const invoices = (await stripe.invoices.list({ subscription: id })).data;
  expect(invoices.map(({ status, amount_paid }) => [status, amount_paid])).toEqual([
    ["paid", 4600],
    ["paid", 4600],
  ]);
  const [renewal] = invoices;
  expect(renewal?.lines.data).toMatchObject(
    [3000, 1600].map((amount, position) => ({
      amount,
      period: { start: FEBRUARY, end: MARCH },
      parent: { subscription_item_details: { subscription_item: items.data[position]?.id } },
    })),
  );
  expect((await stripe.subscriptions.retrieve(id)).items.data.map((item) => item.current_period_end)).toEqual([
    MARCH,
    MARCH,
  ]);
});

test("a seed plants several prices, too", async () => {
  const { stripe, control } = await setUp();

  await control.seed({
    customers: [{ id: "cus_taro" }],
    subscriptions: [
      {
        id: "sub_t",
        customer: "cus_taro",
        price: "price_monthly",
        furtherItems: [{ price: "price_room", quantity: 3 }],
        anchorAt: "2026-01-08T00:00:00Z",
        asOf: "2026-01-20T00:00:00Z",
        invoices: "all_paid",
      },
    ],
  });

  expect(await stripe.invoices.retrieve("in_t_0")).toMatchObject({ amount_paid: 4500 });
});

test.each([
  ["two items of one price", [{ price: "price_monthly" }, { price: "price_monthly", quantity: 2 }], "items"],
  ["items that recur differently", [{ price: "price_monthly" }, { price: "price_yearly" }], "items"],
  ["an item that is paid once", [{ price: "price_monthly" }, { price: "price_once" }], "items[1][price]"],
  ["an item of no known price", [{ price: "price_monthly" }, { price: "price_x" }], "items[1][price]"],
])("refuses %s", async (_what, items, param) => {
  const { stripe, customer, create } = await setUp();
  const before = (await stripe.subscriptions.list({ customer })).data.length;

  expect(await stripeErrorOf(create(...items))).toMatchObject({ statusCode: 400, param });
  expect((await stripe.subscriptions.list({ customer })).data).toHaveLength(before);
});
