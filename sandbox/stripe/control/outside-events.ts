import { GOOD_CARD } from "../billing/cards.ts";
import { chargeIntent } from "../billing/charging.ts";
import { afterAttempt, collectInvoice, scheduleByHand } from "../billing/collecting.ts";
import { closeDispute, openDispute } from "../billing/disputing.ts";
import { failRefund, referenceRefund, succeedRefund } from "../billing/refunding.ts";
import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import type { DisputeStatus, StoredCharge, StoredRefund } from "../core/stored.ts";
import { countsAsRefunded } from "../objects/refund.ts";
import { existing } from "./put-new.ts";

/** The customer pays an open invoice with a good card, whatever card is on file. */
export function payInvoiceByHand(change: Change, id: string): void {
  const invoice = existing(change.objects.invoice, "invoice", id);
  if (invoice.status !== "open") throw new Error(`The invoice ${id} is ${invoice.status}, not open`);
  followClockOf(change, invoice.customer);
  collectInvoice(change, invoice, GOOD_CARD, { isAuthenticated: true });
}

/** The cardholder authenticates a payment that waits for it, and the card pays. */
export function authenticatePayment(change: Change, id: string): void {
  const intent = existing(change.objects.payment_intent, "PaymentIntent", id);
  if (intent.status !== "requires_action" || intent.payment_method === null) {
    throw new Error(`The PaymentIntent ${id} is ${intent.status}: it asks for no authentication`);
  }
  followClockOf(change, intent.customer);
  const attempt = chargeIntent(change, intent, intent.payment_method, { isAuthenticated: true });
  const [payment] = change.objects.invoice_payment.newestFirst("payment_intent", id);
  const invoice = payment === undefined ? undefined : change.objects.invoice.get(payment.invoice);
  if (invoice !== undefined) afterAttempt(change, invoice, attempt, scheduleByHand(invoice));
}

export type RefundEnd = { readonly status: "succeeded" } | { readonly status: "failed"; readonly reason: string };

/** A refund ends otherwise than it was answered, or ends at last. */
export function settleRefund(change: Change, id: string, end: RefundEnd): void {
  const refund = refundNamed(change, id);
  if (end.status === "failed") {
    if (!countsAsRefunded(refund.status)) throw new Error(`The refund ${id} is ${refund.status} already`);
    failRefund(change, refund, end.reason);
    return;
  }
  if (refund.status !== "pending") throw new Error(`The refund ${id} is ${refund.status}, not pending`);
  succeedRefund(change, refund);
}

/** The bank tells the reference of a refund that has succeeded. */
export function tellRefundReference(change: Change, id: string, reference: string): void {
  const refund = refundNamed(change, id);
  if (refund.status !== "succeeded") throw new Error(`The refund ${id} is ${refund.status}, not succeeded`);
  referenceRefund(change, refund, reference);
}

/** The cardholder disputes a charge. Returns the dispute's id. */
export function disputeCharge(change: Change, id: string, reason: string, status: DisputeStatus): string {
  const charge = existing(change.objects.charge, "charge", id);
  if (!canBeDisputed(charge)) throw new Error(`The charge ${id} cannot be disputed`);
  followClockOf(change, charge.customer);
  return openDispute(change, charge, reason, status).id;
}

/** The bank decides a dispute. */
export function decideDispute(change: Change, id: string, outcome: "won" | "lost"): void {
  const dispute = existing(change.objects.dispute, "dispute", id);
  if (dispute.status === "won" || dispute.status === "lost") throw new Error(`The dispute ${id} is ${dispute.status}`);
  followClockOf(change, change.objects.charge.get(dispute.charge)?.customer ?? null);
  closeDispute(change, dispute, outcome);
}

function canBeDisputed(charge: StoredCharge): boolean {
  return charge.status === "succeeded" && !charge.disputed;
}

function refundNamed(change: Change, id: string): StoredRefund {
  const refund = existing(change.objects.refund, "refund", id);
  followClockOf(change, change.objects.charge.get(refund.charge)?.customer ?? null);
  return refund;
}
