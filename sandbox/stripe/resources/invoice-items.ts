import { removePending } from "../billing/pending-items.ts";
import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import type { StoredInvoiceItem } from "../core/stored.ts";

const PATH = "/v1/invoiceitems";

const retrieve = defineEndpoint({
  method: "GET",
  path: `${PATH}/:id`,
  params: [],
  answers: "invoiceitem",
  read: (_params, id) => id,
  execute: itemNamed,
});

const list = defineEndpoint({
  method: "GET",
  path: PATH,
  params: [...LIST_PARAMS, "customer", "invoice", "pending"],
  answers: "invoiceitem",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    customer: params.text("customer"),
    invoice: params.text("invoice"),
    isPending: params.flag("pending"),
  }),
  execute: ({ objects }, { page, customer, invoice, isPending }) =>
    listPage(
      {
        collection: objects.invoiceitem,
        index: customer === undefined ? undefined : { name: "customer", key: customer },
        matches: (item) =>
          (invoice === undefined || item.invoice === invoice) &&
          (isPending === undefined || isPending === (item.invoice === null)),
        url: PATH,
        noun: "invoiceitem",
      },
      page,
    ),
});

const remove = defineEndpoint({
  method: "DELETE",
  path: `${PATH}/:id`,
  params: [],
  answers: "invoiceitem",
  read: (_params, id) => id,
  execute: (change, id) => {
    const item = itemNamed(change, id);
    if (item.invoice !== null) throw invalidRequest("An invoice item that is on an invoice cannot be deleted.");
    removePending(change, item);
    return { id, object: "invoiceitem" as const, deleted: true as const };
  },
});

export const invoiceItemEndpoints: readonly Endpoint[] = [retrieve, list, remove];

function itemNamed(change: Change, id: string): StoredInvoiceItem {
  const item = change.objects.invoiceitem.get(id);
  if (item === undefined) throw resourceMissing("invoiceitem", id, "invoiceitem");
  followClockOf(change, item.customer);
  return item;
}
