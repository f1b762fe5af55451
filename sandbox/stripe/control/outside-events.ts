import { GOOD_CARD } from "../billing/cards.ts";
import { collectInvoice } from "../billing/invoicing.ts";
import { failRefund, succeedRefund } from "../billing/refunding.ts";
import type { Change } from "../core/change.ts";
import { countsAsRefunded } from "../objects/refund.ts";
import { existing } from "./put-new.ts";
import { recordDispute } from "./seed-payment.ts";

/** The customer pays an open invoice with a good card, whatever card is on file. */
export function payInvoiceByHand(change: Change, id: string): void {
  const invoice = existing(change.objects.invoice, "invoice", id);
  if (invoice.status !== "open") throw new Error(`The invoice ${id} is ${invoice.status}, not open`);
  collectInvoice(change, invoice, GOOD_CARD);
}

export type RefundEnd = { readonly status: "succeeded" } | { readonly status: "failed"; readonly reason: string };

/** A refund ends otherwise than it was answered, or ends at last. */
export function settleRefund(change: Change, id: string, end: RefundEnd): void {
  const refund = existing(change.objects.refund, "refund", id);
  if (end.status === "failed") {
    if (!countsAsRefunded(refund.status)) throw new Error(`The refund ${id} is ${refund.status} already`);
    failRefund(change, refund, end.reason);
    return;
  }
  if (refund.status !== "pending") throw new Error(`The refund ${id} is ${refund.status}, not pending`);
  succeedRefund(change, refund);
}

export function disputeCharge(change: Change, id: string): void {
  const charge = existing(change.objects.charge, "charge", id);
  if (charge.status !== "succeeded" || charge.disputed) throw new Error(`The charge ${id} cannot be disputed`);
  recordDispute(change, "charge.disputed", change.put({ ...charge, disputed: true }));
}
