import { effectiveRefundStates, isOneOf, type Payment, type Refund } from "../contract/contract.ts";
import {
  asPaid,
  holdsMoney,
  isOf,
  type Receipt,
  receiptOf,
  receiptOfIntent,
  recordReceipt,
} from "../contract/receipts.ts";
import { refundStateOf } from "../contract/refunding.ts";
import type { PaidInvoiceSeen, RefundSeen, RefundsSeen } from "../contract/step.ts";
import type { BookedContract } from "../store/read-books.ts";
import { type Difference, differenceOf, type Repair } from "./difference.ts";
import type { StripeFacts } from "./stripe-facts.ts";

/** What Stripe was paid and our rows do not show, and the other way round. */
export function comparePayments(books: BookedContract, stripe: StripeFacts, zone: string): readonly Difference[] {
  const { paymentIntent } = stripe;
  const receipts: Receipt[] = stripe.invoices.flatMap((invoice) => {
    const seen = invoice.lines === null ? undefined : asPaid(invoice.lines);
    return seen === undefined ? [] : [receiptOf(books, seen, zone)];
  });
  if (paymentIntent?.type === "found" && paymentIntent.paidAt !== null && paymentIntent.amountReceivedMinor > 0) {
    receipts.push(receiptOfIntent(books, { ...paymentIntent, paidAt: paymentIntent.paidAt }));
  }
  return [...receipts.flatMap((receipt) => compareReceipt(books, receipt)), ...compareRows(books, stripe)];
}

/** Money of Stripe's that our rows do not show, or do not name. What an operation has noted without a row is known. */
function compareReceipt(books: BookedContract, receipt: Receipt): readonly Difference[] {
  const { invoiceId, paymentIntentId, paidMinor: amountMinor } = receipt;
  const source = invoiceId ?? paymentIntentId ?? "";
  const { isNews, rows, named } = recordReceipt(books, receipt);
  const isNoted = rows.length === 0 && named.length === 0 && books.notedPaid.includes(source);
  if (!isNews || isNoted) return [];
  const repair: Repair = {
    kind: "record_payment",
    params: invoiceId === null ? { paymentIntentId: source } : { invoiceId },
  };
  const isUnnamed = rows.length === 0 && named.length > 0;
  return [differenceOf(books, isUnnamed ? "payment_unnamed" : "payment_missing", { source, amountMinor }, repair)];
}

/** Rows that hold money of which Stripe does not know, or not as much. Money that came by other ways names nothing there. */
function compareRows(books: BookedContract, { invoices, refunds }: StripeFacts): readonly Difference[] {
  const held = books.payments.filter((row) => holdsMoney(row) && row.amountMinor > 0);
  const lost = held.filter(({ stripePaymentIntentId: intentId, stripeInvoiceId: invoiceId }) => {
    if (intentId !== null) return chargedMinorOf(refunds.get(intentId)) === 0;
    return invoiceId !== null && !invoices.some(({ id }) => id === invoiceId);
  });
  const intents = new Set(held.flatMap((row) => (lost.includes(row) ? [] : (row.stripePaymentIntentId ?? []))));
  return [
    ...lost.map(({ id: paymentId, stripeInvoiceId, stripePaymentIntentId }) =>
      differenceOf(books, "payment_not_at_stripe", {
        paymentId,
        source: stripeInvoiceId ?? stripePaymentIntentId ?? "",
      }),
    ),
    ...[...intents].flatMap((source) => {
      const bookedMinor = sumOf(held.filter((row) => row.stripePaymentIntentId === source));
      const amountMinor = chargedMinorOf(refunds.get(source));
      return bookedMinor > amountMinor
        ? [differenceOf(books, "payment_amount_differs", { source, bookedMinor, amountMinor })]
        : [];
    }),
  ];
}

function chargedMinorOf(seen: RefundsSeen | undefined): number {
  return seen?.type === "found" ? seen.chargedMinor : 0;
}

/** What was refunded of each charge, by our rows and by Stripe's list. */
export function compareRefunds(books: BookedContract, { refunds }: StripeFacts): readonly Difference[] {
  return [...refunds].flatMap(([source, seen]) =>
    seen.type === "found" && seen.chargedMinor > 0 ? compareCharge(books, source, seen) : [],
  );
}

/** A person has settled it by other means, or a later refund has taken its place: Stripe's word does not move it any more. */
function isSettledOtherwise({ state, supersededBy }: Refund): boolean {
  return supersededBy !== null || isOneOf(state, ["manual_due", "manual_done", "waived"]);
}

function compareCharge(
  books: BookedContract,
  source: string,
  { refunds: listed, chargedMinor }: Extract<RefundsSeen, { type: "found" }>,
): readonly Difference[] {
  const repair: Repair = { kind: "record_refund", params: { paymentIntentId: source } };
  const rows = books.refunds.filter((row) => row.stripePaymentIntentId === source);
  const rowsOf = ({ id, refundId }: RefundSeen) =>
    rows.filter((row) => row.id === refundId || row.stripeRefundId === id);
  const differences = listed.flatMap((refund): Difference[] => {
    const { id: stripeRefundId, amountMinor, stripeRefundStatus: stripeStatus } = refund;
    const told = rowsOf(refund);
    const detail = { stripeRefundId, amountMinor, stripeStatus };
    // One that came to nothing moved nothing.
    if (told.length === 0) return isBack(refund) ? [differenceOf(books, "refund_missing", detail, repair)] : [];
    const moved = told.filter((row) => !isSettledOtherwise(row) && row.state !== refundStateOf(stripeStatus));
    const bookedMinor = sumOf(told);
    return [
      ...moved.map(({ id: refundId, state }) =>
        differenceOf(books, "refund_state_differs", { refundId, state, stripeStatus }, repair),
      ),
      // Others may give back more than is left of our rows: tax, or what an invoice held beside them.
      ...(bookedMinor > amountMinor
        ? [differenceOf(books, "refund_amount_differs", { stripeRefundId, bookedMinor, amountMinor })]
        : []),
    ];
  });
  const lost = rows.filter(
    (row) => row.stripeRefundId !== null && !listed.some((refund) => rowsOf(refund).includes(row)),
  );
  return [
    ...differences,
    ...lost.map(({ id: refundId, state, stripeRefundId }) =>
      differenceOf(books, "refund_not_at_stripe", { refundId, state, stripeRefundId: stripeRefundId ?? "" }),
    ),
    ...compareCovered(
      books,
      source,
      { listed, chargedMinor, isToldOtherwise: differences.length + lost.length > 0 },
      repair,
    ),
  ];
}

/** Payments that are paid here though all of the charge went back, or refunded here though nothing of it did. */
function compareCovered(
  books: BookedContract,
  source: string,
  seen: { readonly listed: readonly RefundSeen[]; readonly chargedMinor: number; readonly isToldOtherwise: boolean },
  repair: Repair,
): readonly Difference[] {
  if (seen.isToldOtherwise) return [];
  const rows = books.payments.filter((row) => row.stripePaymentIntentId === source && row.amountMinor > 0);
  const settled = seen.listed.filter(({ stripeRefundStatus }) => stripeRefundStatus === "succeeded");
  const byState = (state: Payment["state"]) => rows.filter((row) => row.state === state);
  if (sumOf(settled) >= seen.chargedMinor) {
    return byState("paid").map(({ id: paymentId }) =>
      differenceOf(books, "payment_wholly_refunded", { paymentId, source }, repair),
    );
  }
  const isGivenBackBy = (paymentId: string) =>
    books.refunds.some((row) => row.paymentId === paymentId && isOneOf(row.state, effectiveRefundStates));
  return byState("refunded")
    .filter(({ id }) => !isGivenBackBy(id))
    .map(({ id: paymentId }) => differenceOf(books, "payment_not_refunded", { paymentId, source }));
}

function isBack({ stripeRefundStatus }: RefundSeen): boolean {
  return stripeRefundStatus !== "failed" && stripeRefundStatus !== "canceled";
}

function sumOf(rows: readonly { readonly amountMinor: number }[]): number {
  return rows.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

/** Whether our rows of a paid invoice come to all of it, so that its lines need not be read. */
export function isWhollyBooked(
  { payments }: BookedContract,
  { id, amountPaidMinor, paymentIntentId }: PaidInvoiceSeen,
) {
  const rows = payments.filter((row) => holdsMoney(row) && isOf(row, { invoiceId: id, paymentIntentId }));
  const areNamed = rows.every((row) => row.stripeInvoiceId === id && row.stripePaymentIntentId === paymentIntentId);
  return amountPaidMinor <= 0 || (areNamed && sumOf(rows) >= amountPaidMinor);
}
