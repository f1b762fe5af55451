import { notCollected } from "../billing/canceling.ts";
import { recordInvoice } from "../billing/effects.ts";
import { finalizeInvoice, reactivate, voidInvoice, writeOffInvoice } from "../billing/invoicing.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { changedMetadata } from "../core/params.ts";
import { INVOICE_STATUSES, type StoredInvoice } from "../core/stored.ts";
import { DRAFT_SECONDS } from "../objects/invoice.ts";
import { invoiceNamed } from "./invoice-named.ts";
import { payInvoice } from "./invoice-pay.ts";
import { narrowestIndex } from "./narrowest-index.ts";
import { isSameMetadata } from "./same-metadata.ts";

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/invoices/:id",
  params: [],
  answers: "invoice",
  read: (_params, id) => id,
  execute: (change, id) => invoiceNamed(change, id, "invoice"),
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/invoices",
  params: [...LIST_PARAMS, "customer", "subscription", "status"],
  answers: "invoice",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    customer: params.text("customer"),
    subscription: params.text("subscription"),
    status: params.oneOf("status", INVOICE_STATUSES),
  }),
  execute: ({ objects }, { page, customer, subscription, status }) =>
    listPage(
      {
        collection: objects.invoice,
        index: narrowestIndex({ subscription, customer }),
        matches: (invoice) =>
          (status === undefined || invoice.status === status) &&
          (customer === undefined || invoice.customer === customer),
        url: "/v1/invoices",
        noun: "invoice",
      },
      page,
    ),
});

const update = defineEndpoint({
  method: "POST",
  path: "/v1/invoices/:id",
  params: ["auto_advance", "metadata[]"],
  answers: "invoice",
  read: (params, id) => ({ id, autoAdvance: params.flag("auto_advance"), metadata: params.metadata() }),
  execute: (change, { id, autoAdvance, metadata }) => {
    const invoice = invoiceNamed(change, id, "id");
    const changed = changedMetadata(invoice.metadata, metadata);
    const advances = autoAdvance ?? invoice.auto_advance;
    if (advances && (invoice.status === "paid" || invoice.status === "void")) {
      throw invalidRequest("A paid or void invoice cannot advance.", { param: "auto_advance" });
    }
    if (isSameMetadata(invoice.metadata, changed) && advances === invoice.auto_advance) return invoice;
    const updated = change.put({ ...withAutoAdvance(change, invoice, advances), metadata: changed });
    recordInvoice(change, "invoice.updated", updated);
    return updated;
  },
});

const voidEndpoint = defineEndpoint({
  method: "POST",
  path: "/v1/invoices/:id/void",
  params: [],
  answers: "invoice",
  read: (_params, id) => id,
  execute: (change, id) => {
    const invoice = invoiceNamed(change, id, "id");
    if (invoice.status === "paid") throw invalidRequest("You cannot void an invoice that has paid payments.");
    if (invoice.status !== "open") throw invalidRequest("You can only void an open invoice; this invoice isn't open.");
    return voidInvoice(change, invoice);
  },
});

const markUncollectible = defineEndpoint({
  method: "POST",
  path: "/v1/invoices/:id/mark_uncollectible",
  params: [],
  answers: "invoice",
  read: (_params, id) => id,
  execute: (change, id) => {
    const invoice = invoiceNamed(change, id, "id");
    if (invoice.status !== "open") throw invalidRequest("Only an open invoice can be marked as uncollectible.");
    const writtenOff = writeOffInvoice(change, invoice, "user_forgiven");
    reactivate(change, writtenOff);
    return writtenOff;
  },
});

const finalize = defineEndpoint({
  method: "POST",
  path: "/v1/invoices/:id/finalize",
  params: ["auto_advance"],
  answers: "invoice",
  read: (params, id) => ({ id, autoAdvance: params.flag("auto_advance") }),
  execute: (change, { id, autoAdvance }) => {
    const invoice = invoiceNamed(change, id, "id");
    if (invoice.status !== "draft") throw invalidRequest("This invoice is already finalized.");
    return finalizeInvoice(change, withAutoAdvance(change, invoice, autoAdvance ?? invoice.auto_advance));
  },
});

export const invoiceEndpoints: readonly Endpoint[] = [
  retrieve,
  list,
  update,
  voidEndpoint,
  markUncollectible,
  finalize,
  payInvoice,
];

/**
 * An invoice that no longer advances has no next attempt. A draft that advances again becomes final an hour from now; an
 * open invoice is given no attempt, since the schedule of its retries has ended.
 */
function withAutoAdvance(change: Change, invoice: StoredInvoice, advances: boolean): StoredInvoice {
  if (!advances) return notCollected(invoice);
  if (invoice.auto_advance || invoice.status !== "draft") return { ...invoice, auto_advance: true };
  return {
    ...invoice,
    auto_advance: true,
    automatically_finalizes_at: change.now + DRAFT_SECONDS + 1,
    next_payment_attempt: change.now + DRAFT_SECONDS,
  };
}
