import { cardToCharge, checkPaymentMethod, customerNamed } from "../billing/cards.ts";
import { cardError } from "../billing/charging.ts";
import { recordInvoice } from "../billing/effects.ts";
import { collectInvoice, finalizeInvoice, voidInvoice } from "../billing/invoicing.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { changedMetadata } from "../core/params.ts";
import { INVOICE_STATUSES, type StoredInvoice, subscriptionOf } from "../core/stored.ts";
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
    const updated = change.put({ ...withAutoAdvance(invoice, advances), metadata: changed });
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

const finalize = defineEndpoint({
  method: "POST",
  path: "/v1/invoices/:id/finalize",
  params: ["auto_advance"],
  answers: "invoice",
  read: (params, id) => ({ id, autoAdvance: params.flag("auto_advance") }),
  execute: (change, { id, autoAdvance }) => {
    const invoice = invoiceNamed(change, id, "id");
    if (invoice.status !== "draft") throw invalidRequest("This invoice is already finalized.");
    return finalizeInvoice(change, withAutoAdvance(invoice, autoAdvance ?? invoice.auto_advance));
  },
});

const pay = defineEndpoint({
  method: "POST",
  path: "/v1/invoices/:id/pay",
  params: ["payment_method", "off_session"],
  answers: "invoice",
  read: (params, id) => {
    checkPaymentMethod(params.text("payment_method"), "payment_method");
    return { id, paymentMethod: params.text("payment_method") };
  },
  execute: (change, { id, paymentMethod }) => {
    const found = invoiceNamed(change, id, "id");
    if (found.status === "paid") throw invalidRequest("Invoice is already paid.");
    if (found.status === "void") throw invalidRequest("A void invoice cannot be paid.");
    const card = cardFor(change, found, paymentMethod);
    const invoice = found.status === "draft" ? finalizeInvoice(change, found) : found;
    if (invoice.status === "paid") return invoice;
    const { invoice: tried, attempt } = collectInvoice(change, invoice, card);
    const { decline } = attempt;
    return decline === null ? tried : cardError({ ...attempt, decline });
  },
});

export const invoiceEndpoints: readonly Endpoint[] = [retrieve, list, update, voidEndpoint, finalize, pay];

function invoiceNamed(change: Change, id: string, param: "id" | "invoice"): StoredInvoice {
  const invoice = change.objects.invoice.get(id);
  if (invoice === undefined) throw resourceMissing("invoice", id, param);
  return invoice;
}

/** An invoice that no longer advances has no next attempt; one that advances again is given none until time moves. */
function withAutoAdvance(invoice: StoredInvoice, advances: boolean): StoredInvoice {
  if (advances) return { ...invoice, auto_advance: true };
  return { ...invoice, auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null };
}

function cardFor(change: Change, invoice: StoredInvoice, given: string | undefined): string {
  const subscription = change.objects.subscription.get(subscriptionOf(invoice) ?? "");
  const customer = customerNamed(change, invoice.customer);
  return cardToCharge(customer, given, invoice.default_payment_method, subscription?.default_payment_method);
}
