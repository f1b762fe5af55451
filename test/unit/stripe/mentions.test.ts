import { expect, test } from "vitest";
import { mentionsIn } from "../../../src/stripe/mentions.ts";
import { charge, eventOf, invoice, subscription } from "../../support/stripe-events.ts";

test("what can be a contract's at Stripe is mentioned wherever it stands, each id once", () => {
  const body = eventOf("invoice.paid", invoice()) as object as Record<string, unknown>;

  expect(mentionsIn(body)).toEqual(["cus_1", "hanako@example.com", "in_1", "sub_1"]);
  expect(mentionsIn({ data: { object: charge } })).toEqual(expect.arrayContaining(["cus_1", "pi_1"]));
  expect(mentionsIn({ data: { object: { ...subscription, latest_invoice: { id: "in_9" } } } })).toEqual(
    expect.arrayContaining(["cus_1", "in_9", "sub_1"]),
  );
  const detached = { data: { object: { customer: null }, previous_attributes: { customer: "cus_1" } } };
  expect(mentionsIn(detached)).toEqual(["cus_1"]);
});

test("mail addresses are mentioned in small letters, also within a text", () => {
  const body = {
    receipt_email: "Hanako@Example.COM",
    description: "Invoice for <taro@example.com>, and o'jiro+1@mail.example.jp.",
  };

  expect(mentionsIn(body)).toEqual(["hanako@example.com", "o'jiro+1@mail.example.jp", "taro@example.com"]);
});

test("neither words nor secrets, nor ids of other things are", () => {
  const body = {
    type: "customer.subscription.updated",
    client_secret: "pi_1_secret_2",
    charge: "ch_1",
    payment_method: "pm_1",
    price: "price_1",
    status: "incomplete",
    text: "for sub_1 and cus_1",
    handle: "@hanako",
  };

  expect(mentionsIn(body)).toEqual([]);
  expect(mentionsIn({})).toEqual([]);
});

test("a body that is nested a hundred thousand deep is read through", () => {
  let body: Record<string, unknown> = { id: "cus_1" };
  for (let depth = 0; depth < 100_000; depth += 1) body = { body };

  expect(mentionsIn(body)).toEqual(["cus_1"]);
});
