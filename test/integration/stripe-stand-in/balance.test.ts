import { expect, test } from "vitest";
import { FINAL, seconds, setUpClock } from "./set-up-clock.ts";
import { SHOP, setUpStandIn } from "./set-up-stand-in.ts";

const SECOND_FINAL = seconds("2026-03-31T03:00:00Z") + 3601;

async function setUp(balance: number, price?: { id: string; amount: number }) {
  const bundle = await setUpClock();
  const { control, customer, stripe } = bundle;
  if (price !== undefined) await control.seed({ prices: [{ product: "prod_course", ...price }] });
  await stripe.customers.update(customer, { balance });
  const balanceOf = async () => {
    const found = await stripe.customers.retrieve(customer);
    return found.deleted ? undefined : found.balance;
  };
  const chargesSince = async (moment: number) =>
    (await stripe.charges.list({ customer, created: { gte: moment } })).data.map(({ amount }) => amount);
  return { ...bundle, balanceOf, chargesSince };
}

test("a credit is used up by the next invoices before any card is charged", async () => {
  const { stripe, subscription, advanceTo, latestInvoice, balanceOf, chargesSince } = await setUp(-5000);
  await advanceTo(FINAL);

  expect(await latestInvoice()).toMatchObject({
    status: "paid",
    total: 3000,
    amount_due: 0,
    amount_paid: 0,
    starting_balance: -5000,
    ending_balance: -2000,
  });
  expect((await stripe.invoicePayments.list({ invoice: (await latestInvoice())?.id ?? "" })).data).toEqual([]);
  expect(await balanceOf()).toBe(-2000);
  await advanceTo(SECOND_FINAL);

  expect(await latestInvoice()).toMatchObject({ amount_paid: 1000, starting_balance: -2000, ending_balance: 0 });
  expect(await chargesSince(FINAL)).toEqual([1000]);
  expect(await balanceOf()).toBe(0);
  expect((await stripe.events.list({ type: "customer.updated", limit: 1 })).data[0]?.data).toMatchObject({
    object: { balance: 0 },
    previous_attributes: { balance: -2000 },
  });
  expect((await stripe.subscriptions.retrieve(subscription)).status).toBe("active");
});

test("what is too little to be charged is carried over until it is enough", async () => {
  const { stripe, customer, advanceTo, balanceOf, chargesSince, events } = await setUp(0, {
    id: "price_small",
    amount: 30,
  });
  const { id } = await stripe.subscriptions.create({ customer, items: [{ price: "price_small" }] });
  const [first] = (await stripe.invoices.list({ subscription: id })).data;
  expect(first).toMatchObject({ status: "paid", total: 30, amount_due: 0, ending_balance: 30 });
  expect(await balanceOf()).toBe(30);
  await stripe.subscriptions.cancel(id);
  await events();

  await advanceTo(FINAL);

  expect(await chargesSince(FINAL)).toEqual([3030]);
  expect(await balanceOf()).toBe(0);
});

test("what a void invoice had taken from the balance is there again", async () => {
  const { stripe, control, advanceTo, latestInvoice, customer, balanceOf } = await setUp(-1000);
  await control.declineCards({ customer });
  await advanceTo(FINAL);
  const invoice = await latestInvoice();
  expect(invoice).toMatchObject({ status: "open", amount_due: 2000 });
  expect(await balanceOf()).toBe(0);

  await stripe.invoices.voidInvoice(invoice?.id ?? "");

  expect(await balanceOf()).toBe(-1000);
});

test("a new customer may begin with a credit, which the first invoice takes", async () => {
  const { stripe, control } = await setUpStandIn();
  await control.seed({ products: SHOP.products, prices: SHOP.prices });
  const { id } = await stripe.customers.create({
    balance: -500,
    invoice_settings: { default_payment_method: "pm_card_visa" },
  });

  await stripe.subscriptions.create({ customer: id, items: [{ price: "price_monthly" }] });

  expect((await stripe.charges.list({ customer: id })).data).toMatchObject([{ amount: 2500 }]);
});
