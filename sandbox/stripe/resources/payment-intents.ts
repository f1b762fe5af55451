import { CHARGE_MIN } from "../billing/balance.ts";
import { cardToCharge, checkPaymentMethod, customerNamed } from "../billing/cards.ts";
import { recordPaymentIntent } from "../billing/effects.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { changedMetadata, type Params } from "../core/params.ts";
import { paymentIntentObject } from "../objects/payment-intent.ts";
import {
  cancelPaymentIntent,
  chargedAnswer,
  confirmPaymentIntent,
  paymentIntentNamed,
} from "./payment-intent-confirm.ts";
import { readCurrency } from "./read-currency.ts";

/** Stripe takes eight digits. */
const AMOUNT_MAX = 99_999_999;

const create = defineEndpoint({
  method: "POST",
  path: "/v1/payment_intents",
  params: [
    "amount",
    "currency",
    "customer",
    "payment_method",
    "automatic_payment_methods[enabled]",
    "automatic_payment_methods[allow_redirects]",
    "off_session",
    "confirm",
    "description",
    "metadata[]",
  ],
  answers: "payment_intent",
  read: (params) => {
    checkPaymentMethod(params.text("payment_method"), "payment_method");
    return {
      amount: readAmount(params),
      currency: readCurrency(params),
      customer: params.text("customer") ?? null,
      paymentMethod: params.text("payment_method") ?? null,
      isConfirmed: params.flag("confirm") ?? false,
      isOffSession: params.flag("off_session") ?? false,
      description: params.text("description"),
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, { isConfirmed, isOffSession, ...input }) => {
    const customer = input.customer === null ? undefined : customerNamed(change, input.customer);
    const card = customer === undefined ? input.paymentMethod : cardForConfirmation(customer, input, isConfirmed);
    if (isConfirmed && card === null) throw invalidRequest("A confirmation needs a payment_method.");
    const intent = change.put(paymentIntentObject({ ...input, created: change.now }));
    recordPaymentIntent(change, "payment_intent.created", intent);
    return isConfirmed && card !== null ? chargedAnswer(change, intent, card, { isOffSession }) : intent;
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/payment_intents/:id",
  params: [],
  answers: "payment_intent",
  read: (_params, id) => id,
  execute: paymentIntentNamed,
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/payment_intents",
  params: [...LIST_PARAMS, "customer"],
  answers: "payment_intent",
  isList: true,
  read: (params) => ({ page: readPageRequest(params), customer: params.text("customer") }),
  execute: ({ objects }, { page, customer }) =>
    listPage(
      {
        collection: objects.payment_intent,
        index: customer === undefined ? undefined : { name: "customer", key: customer },
        matches: () => true,
        url: "/v1/payment_intents",
        noun: "payment_intent",
      },
      page,
    ),
});

export const paymentIntentEndpoints: readonly Endpoint[] = [
  create,
  retrieve,
  list,
  confirmPaymentIntent,
  cancelPaymentIntent,
];

function readAmount(params: Params): number {
  const amount = params.integer("amount", 1, AMOUNT_MAX);
  if (amount === undefined) throw params.missing("amount");
  if (amount >= CHARGE_MIN) return amount;
  throw invalidRequest(`Amount must be at least ¥${CHARGE_MIN}.`, { code: "amount_too_small", param: "amount" });
}

function cardForConfirmation(
  customer: Parameters<typeof cardToCharge>[0],
  input: { readonly paymentMethod: string | null },
  isConfirmed: boolean,
): string | null {
  return isConfirmed ? cardToCharge(customer, input.paymentMethod) : input.paymentMethod;
}
