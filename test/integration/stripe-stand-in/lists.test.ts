import { expect, test } from "vitest";
import { setUpStandIn, stripeErrorOf } from "./set-up-stand-in.ts";

const FIRST_AT = Date.parse("2026-11-01T00:00:00Z") / 1000;

/** A payment with 23 refunds of one yen, ten seconds apart: re_00, the oldest, to re_22. */
async function setUp() {
  const bundle = await setUpStandIn();
  const refunds = Array.from({ length: 23 }, (_, n) => ({
    id: `re_${String(n).padStart(2, "0")}`,
    amount: 1,
    createdAt: FIRST_AT + 10 * n,
  }));
  await bundle.control.seed({
    paymentIntents: [
      { id: "pi_a", amount: 1000, createdAt: FIRST_AT, payment: { refunds } },
      { id: "pi_b", amount: 1000, payment: { refunds: [{ id: "re_other", amount: 5 }] } },
    ],
  });
  const page = async (params: object) => {
    const { data, has_more } = await bundle.stripe.refunds.list({ payment_intent: "pi_a", ...params });
    return { ids: data.map(({ id }) => id), has_more };
  };
  return { ...bundle, page };
}

function ids(from: number, to: number): string[] {
  return Array.from({ length: from - to + 1 }, (_, n) => `re_${String(from - n).padStart(2, "0")}`);
}

test("gives ten, newest first, unless told otherwise", async () => {
  const { page } = await setUp();

  expect(await page({})).toEqual({ ids: ids(22, 13), has_more: true });
  expect(await page({ limit: 100 })).toEqual({ ids: ids(22, 0), has_more: false });
  expect(await page({ limit: 23 })).toEqual({ ids: ids(22, 0), has_more: false });
});

test("goes on after an object, towards the older ones", async () => {
  const { page } = await setUp();

  expect(await page({ starting_after: "re_13" })).toEqual({ ids: ids(12, 3), has_more: true });
  expect(await page({ starting_after: "re_03" })).toEqual({ ids: ids(2, 0), has_more: false });
  expect(await page({ starting_after: "re_00" })).toEqual({ ids: [], has_more: false });
});

test("goes back before an object: the nearest newer ones, still newest first", async () => {
  const { page } = await setUp();

  expect(await page({ ending_before: "re_03", limit: 4 })).toEqual({ ids: ids(7, 4), has_more: true });
  expect(await page({ ending_before: "re_20", limit: 4 })).toEqual({ ids: ids(22, 21), has_more: false });
});

test("lets the SDK walk all pages, finding each object once", async () => {
  const { stripe } = await setUp();

  const found: string[] = [];
  for await (const refund of stripe.refunds.list({ payment_intent: "pi_a", limit: 5 })) found.push(refund.id);

  expect(found).toEqual(ids(22, 0));
});

test("a page taken later starts where the earlier one ended, although newer objects have come", async () => {
  const { stripe, page } = await setUp();
  await page({ limit: 3 });

  await stripe.refunds.create({ payment_intent: "pi_a", amount: 1 });

  expect(await page({ limit: 3, starting_after: "re_20" })).toEqual({ ids: ids(19, 17), has_more: true });
});

test("keeps to a range of creation times", async () => {
  const { page } = await setUp();
  const at = (n: number) => FIRST_AT + 10 * n;

  expect((await page({ created: { gte: at(3), lt: at(6) } })).ids).toEqual(ids(5, 3));
  expect((await page({ created: { gt: at(3), lte: at(6) } })).ids).toEqual(ids(6, 4));
  expect((await page({ created: at(7) })).ids).toEqual(["re_07"]);
});

test.each([{ limit: 0 }, { limit: 101 }])("refuses the page size %o", async (params) => {
  const { stripe } = await setUp();

  expect(await stripeErrorOf(stripe.refunds.list(params))).toMatchObject({ statusCode: 400, param: "limit" });
});

test("refuses both directions at once, and a start that does not exist", async () => {
  const { stripe } = await setUp();

  const both = stripe.refunds.list({ starting_after: "re_01", ending_before: "re_02" });
  expect((await stripeErrorOf(both)).statusCode).toBe(400);
  const nowhere = stripe.refunds.list({ starting_after: "re_x" });
  expect(await stripeErrorOf(nowhere)).toMatchObject({ code: "resource_missing", param: "starting_after" });
});

test("charges are listed by PaymentIntent and by customer", async () => {
  const { stripe, control } = await setUp();
  await control.seed({
    customers: [{ id: "cus_a" }],
    paymentIntents: [{ id: "pi_c", customer: "cus_a", amount: 70 }],
  });
  const found = async (params: object) => (await stripe.charges.list(params)).data.map(({ id }) => id);

  expect(await found({ payment_intent: "pi_c" })).toEqual(["ch_c"]);
  expect(await found({ customer: "cus_a" })).toEqual(["ch_c"]);
  expect(await found({ customer: "cus_a", payment_intent: "pi_a" })).toEqual([]);
});
