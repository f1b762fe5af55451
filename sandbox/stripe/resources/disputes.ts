import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { narrowestIndex } from "./narrowest-index.ts";

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/disputes/:id",
  params: [],
  answers: "dispute",
  read: (_params, id) => id,
  execute: ({ objects }, id) => {
    const dispute = objects.dispute.get(id);
    if (dispute === undefined) throw resourceMissing("dispute", id, "dispute");
    return dispute;
  },
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/disputes",
  params: [...LIST_PARAMS, "charge", "payment_intent"],
  answers: "dispute",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    charge: params.text("charge"),
    paymentIntent: params.text("payment_intent"),
  }),
  execute: ({ objects }, { page, charge, paymentIntent }) =>
    listPage(
      {
        collection: objects.dispute,
        index: narrowestIndex({ charge, payment_intent: paymentIntent }),
        matches: (dispute) => paymentIntent === undefined || dispute.payment_intent === paymentIntent,
        url: "/v1/disputes",
        noun: "dispute",
      },
      page,
    ),
});

export const disputeEndpoints: readonly Endpoint[] = [retrieve, list];
