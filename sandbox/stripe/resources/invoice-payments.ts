import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { notImitated, resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import type { Params } from "../core/params.ts";
import { narrowestIndex } from "./narrowest-index.ts";

const STATUSES = ["open", "paid", "canceled"] as const;

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/invoice_payments/:id",
  params: [],
  answers: "invoice_payment",
  read: (_params, id) => id,
  execute: (change, id) => {
    const payment = change.objects.invoice_payment.get(id);
    if (payment === undefined) throw resourceMissing("invoice_payment", id, "invoice_payment");
    return payment;
  },
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/invoice_payments",
  params: [...LIST_PARAMS, "invoice", "status", "payment[type]", "payment[payment_intent]"],
  answers: "invoice_payment",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    invoice: params.text("invoice"),
    paymentIntent: readPaymentIntent(params),
    status: params.oneOf("status", STATUSES),
  }),
  execute: ({ objects }, { page, invoice, paymentIntent, status }) =>
    listPage(
      {
        collection: objects.invoice_payment,
        index: narrowestIndex({ invoice, payment_intent: paymentIntent }),
        matches: (payment) =>
          (status === undefined || payment.status === status) &&
          (paymentIntent === undefined || payment.payment.payment_intent === paymentIntent),
        url: "/v1/invoice_payments",
        noun: "invoice_payment",
      },
      page,
    ),
});

export const invoicePaymentEndpoints: readonly Endpoint[] = [retrieve, list];

/** Inside `payment`, the type is required. */
function readPaymentIntent(params: Params): string | undefined {
  if (!params.has("payment")) return undefined;
  const payment = params.map("payment");
  const type = payment.requiredText("type");
  if (type !== "payment_intent") throw notImitated(`invoice payments by ${type}`, payment.nameOf("type"));
  return payment.text("payment_intent");
}
