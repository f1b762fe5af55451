import { checkPaymentMethod } from "../billing/cards.ts";
import { record } from "../billing/effects.ts";
import { cardOfLastDigits, cardOfNumber, cardOfToken, lastDigitsOf, type TestCard } from "../billing/test-cards.ts";
import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, notImitated, resourceMissing, StripeRefusal } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { changedMetadata, type Params } from "../core/params.ts";
import type { StoredPaymentMethod } from "../core/stored.ts";
import { paymentMethodObject } from "../objects/payment-method.ts";

const create = defineEndpoint({
  method: "POST",
  path: "/v1/payment_methods",
  params: [
    "type",
    "card[number]",
    "card[exp_month]",
    "card[exp_year]",
    "card[cvc]",
    "card[token]",
    "billing_details[name]",
    "billing_details[email]",
    "metadata[]",
  ],
  answers: "payment_method",
  read: (params) => {
    const type = params.requiredText("type");
    if (type !== "card") throw notImitated(`payment methods of the type ${type}`, "type");
    return { card: readCard(params), metadata: changedMetadata({}, params.metadata()) };
  },
  execute: (change, { card, metadata }) => {
    const method = change.put(methodOf(change, card, { customer: null, metadata }));
    record(change, "payment_method.created", method, { metadata: method.metadata });
    return method;
  },
});

const attach = defineEndpoint({
  method: "POST",
  path: "/v1/payment_methods/:id/attach",
  params: ["customer"],
  answers: "payment_method",
  read: (params, id) => {
    checkPaymentMethod(id, "payment_method");
    return { id, customer: params.requiredText("customer") };
  },
  execute: (change, { id, customer }) => attachMethod(change, id, customer),
});

const detach = defineEndpoint({
  method: "POST",
  path: "/v1/payment_methods/:id/detach",
  params: [],
  answers: "payment_method",
  read: (_params, id) => id,
  execute: (change, id) => {
    const method = methodNamed(change, id);
    if (method.customer === null) throw invalidRequest("The payment method is not attached to a customer.");
    const detached = change.put({ ...method, customer: null });
    record(change, "payment_method.detached", detached, { metadata: detached.metadata });
    return detached;
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/payment_methods/:id",
  params: [],
  answers: "payment_method",
  read: (_params, id) => id,
  execute: methodNamed,
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/payment_methods",
  params: [...LIST_PARAMS, "customer", "type"],
  answers: "payment_method",
  isList: true,
  read: (params) => ({ page: readPageRequest(params), customer: params.text("customer") }),
  execute: ({ objects }, { page, customer }) =>
    listPage(
      {
        collection: objects.payment_method,
        matches: (method) => customer !== undefined && method.customer === customer,
        url: "/v1/payment_methods",
        noun: "payment_method",
      },
      page,
    ),
});

export const paymentMethodEndpoints: readonly Endpoint[] = [create, attach, detach, retrieve, list];

/**
 * Attaches a card to a customer. A token (`pm_card_visa`) becomes a payment method of its own by that; a card that is
 * refused at once refuses here too.
 */
export function attachMethod(change: Change, id: string, customer: string): StoredPaymentMethod {
  if (change.objects.customer.get(customer) === undefined) throw resourceMissing("customer", customer, "customer");
  followClockOf(change, customer);
  const token = change.objects.payment_method.get(id) === undefined ? cardOfToken(id) : undefined;
  const method = token === undefined ? methodNamed(change, id) : methodOf(change, token, { customer: null });
  if (method.customer !== null && method.customer !== customer) {
    throw invalidRequest("The payment method you provided has already been attached to a customer.");
  }
  const card = token ?? cardOfLastDigits(method.card.last4);
  if (card.isRefusedAtOnce === true && card.decline !== undefined) {
    const { code, declineCode, message } = card.decline;
    throw new StripeRefusal(402, { type: "card_error", code, decline_code: declineCode, message });
  }
  const attached = change.put({ ...method, customer });
  record(change, "payment_method.attached", attached, { customer, metadata: attached.metadata });
  return attached;
}

function methodOf(
  change: Change,
  card: TestCard,
  facts: Pick<Parameters<typeof paymentMethodObject>[0], "customer" | "metadata">,
): StoredPaymentMethod {
  return paymentMethodObject({ ...facts, created: change.now, brand: card.brand, last4: lastDigitsOf(card) });
}

function methodNamed({ objects }: Change, id: string): StoredPaymentMethod {
  const method = objects.payment_method.get(id);
  if (method === undefined) throw resourceMissing("PaymentMethod", id, "payment_method");
  return method;
}

function readCard(params: Params): TestCard {
  const input = params.map("card");
  const name = input.has("token") ? "token" : "number";
  const text = input.requiredText(name);
  const card = name === "token" ? cardOfToken(text) : cardOfNumber(text);
  if (card !== undefined) return card;
  throw new StripeRefusal(402, {
    type: "card_error",
    code: "incorrect_number",
    message: "The card number is not one of the test cards.",
    param: input.nameOf(name),
  });
}
