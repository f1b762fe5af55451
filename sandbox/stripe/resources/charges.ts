import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { narrowestIndex } from "./narrowest-index.ts";

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/charges/:id",
  params: [],
  answers: "charge",
  read: (_params, id) => id,
  execute: (change, id) => {
    const charge = change.objects.charge.get(id);
    if (charge === undefined) throw resourceMissing("charge", id, "id");
    return charge;
  },
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/charges",
  params: [...LIST_PARAMS, "customer", "payment_intent"],
  answers: "charge",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    customer: params.text("customer"),
    paymentIntent: params.text("payment_intent"),
  }),
  execute: ({ objects }, { page, customer, paymentIntent }) =>
    listPage(
      {
        collection: objects.charge,
        index: narrowestIndex({ payment_intent: paymentIntent, customer }),
        matches: (charge) => customer === undefined || charge.customer === customer,
        url: "/v1/charges",
        noun: "charge",
      },
      page,
    ),
});

export const chargeEndpoints: readonly Endpoint[] = [retrieve, list];
