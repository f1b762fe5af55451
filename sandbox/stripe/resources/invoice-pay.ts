import { cardToCharge, checkPaymentMethod, customerNamed } from "../billing/cards.ts";
import { cardError } from "../billing/charging.ts";
import { collectInvoice } from "../billing/collecting.ts";
import { billedSubscription, finalizeInvoice, settleOutOfBand } from "../billing/invoicing.ts";
import type { Change } from "../core/change.ts";
import { type Answer, defineEndpoint } from "../core/endpoint.ts";
import { invalidRequest, StripeRefusal } from "../core/errors.ts";
import type { StoredInvoice } from "../core/stored.ts";
import { invoiceNamed } from "./invoice-named.ts";

export const payInvoice = defineEndpoint({
  method: "POST",
  path: "/v1/invoices/:id/pay",
  params: ["payment_method", "off_session", "paid_out_of_band"],
  answers: "invoice",
  read: (params, id) => {
    checkPaymentMethod(params.text("payment_method"), "payment_method");
    return {
      id,
      paymentMethod: params.text("payment_method"),
      isOffSession: params.flag("off_session") ?? true,
      isOutOfBand: params.flag("paid_out_of_band") ?? false,
    };
  },
  execute: (change, { id, paymentMethod, isOffSession, isOutOfBand }) => {
    const found = invoiceNamed(change, id, "id");
    if (found.status === "paid") throw invalidRequest("Invoice is already paid.");
    if (found.status === "void") throw invalidRequest("A void invoice cannot be paid.");
    const card = isOutOfBand ? null : cardFor(change, found, paymentMethod);
    const invoice = found.status === "draft" ? finalizeInvoice(change, found) : found;
    if (invoice.status === "paid") return invoice;
    return card === null ? settleOutOfBand(change, invoice) : collect(change, invoice, card, isOffSession);
  },
});

function collect(change: Change, invoice: StoredInvoice, card: string, isOffSession: boolean): Answer {
  const { invoice: tried, attempt } = collectInvoice(change, invoice, card, { isOffSession });
  if (attempt.result === "paid") return tried;
  change.emit("invoice.updated", tried);
  if (attempt.result === "declined") return cardError(attempt);
  return new StripeRefusal(402, {
    type: "card_error",
    code: "invoice_payment_intent_requires_action",
    message: "The payment needs the customer's authentication.",
    payment_intent: attempt.intent,
  });
}

function cardFor(change: Change, invoice: StoredInvoice, given: string | undefined): string {
  const subscription = billedSubscription(change, invoice);
  const customer = customerNamed(change, invoice.customer);
  return cardToCharge(customer, given, invoice.default_payment_method, subscription?.default_payment_method);
}
