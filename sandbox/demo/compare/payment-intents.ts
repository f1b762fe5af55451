import type { BookedPayment, BookedRefund, Books } from "./books.ts";
import { type ComparedLine, groupBy, inYen, sumOf } from "./line.ts";
import type { StripeCharge, StripeRefund, StripeSide } from "./stripe-side.ts";

/** Everything about one payment intent, on both sides. */
interface Sides {
  readonly id: string;
  readonly charge: StripeCharge | undefined;
  readonly refunds: readonly StripeRefund[];
  readonly payments: readonly BookedPayment[];
  readonly rows: readonly BookedRefund[];
  readonly everywhere: Everywhere;
}

/** Refunds of all payment intents together: one row must not have two of them, wherever they are. */
interface Everywhere {
  readonly byRow: ReadonlyMap<string, readonly StripeRefund[]>;
  readonly rows: ReadonlyMap<string, BookedRefund>;
}

/** Money that is back with the customer, or on its way there. */
function isGivenBack({ status }: StripeRefund): boolean {
  return status !== "failed" && status !== "canceled";
}

const collected: readonly string[] = ["paid", "refunded"];

/** Compares payment intent by payment intent: what was charged and refunded at Stripe, and what the books say of it. */
export function comparePaymentIntents(books: Books, stripe: StripeSide): readonly ComparedLine[] {
  const charges = new Map(stripe.charges.map((charge) => [charge.paymentIntentId, charge]));
  const refunds = groupBy(stripe.refunds, ({ paymentIntentId }) => paymentIntentId);
  const payments = groupBy(books.payments, ({ paymentIntentId }) => paymentIntentId);
  const rows = groupBy(books.refunds, ({ paymentIntentId }) => paymentIntentId);
  const everywhere = {
    byRow: groupBy(stripe.refunds, ({ refundId }) => refundId),
    rows: new Map(books.refunds.map((row) => [row.id, row])),
  };
  const ids = [...new Set([...charges.keys(), ...refunds.keys(), ...payments.keys()])].sort();
  return ids.map((id) =>
    compareOne({
      id,
      charge: charges.get(id),
      refunds: refunds.get(id) ?? [],
      payments: payments.get(id) ?? [],
      rows: rows.get(id) ?? [],
      everywhere,
    }),
  );
}

function compareOne(sides: Sides): ComparedLine {
  const { id, charge, refunds, payments, rows } = sides;
  const givenBack = refunds.filter(isGivenBack);
  const elsewhere = givenBack.filter(({ refundId }) => refundId === null);
  const ours = givenBack.filter(({ refundId }) => refundId !== null);
  const unreported = elsewhere.filter((refund) => rowsOf(refund, rows).length === 0);
  const states = [...groupBy(rows, ({ state }) => state)].map(([state, some]) => `${inYen(sumOf(some))} ${state}`);
  const booked = [...groupBy(payments, ({ state }) => state)].map(([state, some]) => `${inYen(sumOf(some))} ${state}`);
  return {
    type: "payment_intent",
    id,
    contractIds: [...new Set(payments.map(({ contractId }) => contractId))],
    atStripe:
      `charged ${inYen(charge?.amountMinor ?? 0)}, refunded by us ${inYen(sumOf(ours))}, ` +
      `elsewhere ${inYen(sumOf(elsewhere))}`,
    inBooks: `payments ${booked.join(" + ") || "none"}; refunds ${states.join(" + ") || "none"}`,
    differences: [...chargeDifferences(sides), ...refundDifferences(sides), ...balanceDifferences(sides)],
    remarks: [
      ...(unreported.length > 0
        ? [`${inYen(sumOf(unreported))} of ${inYen(charge?.amountMinor ?? 0)} refunded elsewhere`]
        : []),
      ...(charge?.isDisputed === true ? [`the charge of ${inYen(charge.amountMinor)} is disputed`] : []),
    ],
  };
}

function chargeDifferences({ charge, payments }: Sides): readonly string[] {
  const booked = payments.filter(({ state }) => collected.includes(state));
  const chargedMinor = charge?.amountMinor ?? 0;
  const bookedMinor = sumOf(booked);
  if (chargedMinor === bookedMinor) return [];
  if (payments.length === 0) return [`charged ${inYen(chargedMinor)}, and no payment in the books names it`];
  return [`charged ${inYen(chargedMinor)} at Stripe, ${inYen(bookedMinor)} collected by the books`];
}

/**
 * Every refund of ours at Stripe has one row that says the same of it. One that others made has rows once Stripe has reported
 * it, and they come to the same. And every row has its refund.
 */
function refundDifferences({ id, refunds, rows, everywhere }: Sides): readonly string[] {
  const named = refunds.filter(({ refundId }) => refundId !== null);
  const elsewhere = refunds.filter(({ refundId }) => refundId === null);
  const reported = elsewhere.flatMap((refund) => rowsOf(refund, rows));
  return [
    ...named.flatMap((refund) => differencesOf(refund, id, everywhere)),
    ...elsewhere.flatMap((refund) => differencesElsewhere(refund, rowsOf(refund, rows))),
    ...rows
      .filter((row) => row.stripeRefundId !== null && !everywhere.byRow.has(row.id) && !reported.includes(row))
      .map((row) => `the books have ${row.id} as ${row.state}, and Stripe has no such refund`),
  ];
}

/** The rows of a refund by Stripe's id, as others' refunds have them: one for each payment that it gives back. */
function rowsOf({ id }: StripeRefund, rows: readonly BookedRefund[]): readonly BookedRefund[] {
  return rows.filter(({ stripeRefundId }) => stripeRefundId === id);
}

function differencesElsewhere({ id, amountMinor, status }: StripeRefund, rows: readonly BookedRefund[]) {
  const bookedMinor = sumOf(rows);
  return [
    ...(rows.length > 0 && bookedMinor !== amountMinor
      ? [`${id} is over ${inYen(amountMinor)}, ${inYen(bookedMinor)} by the books`]
      : []),
    ...rows.filter(({ state }) => state !== status).map(({ state }) => `${id} is ${status}, ${state} by the books`),
  ];
}

function differencesOf(refund: StripeRefund, intentId: string, { byRow, rows }: Everywhere): readonly string[] {
  const refundId = refund.refundId ?? "";
  const row = rows.get(refundId);
  if (row === undefined) return [`${refund.id} names ${refundId}, which no row of the books is`];
  const made = (byRow.get(refundId) ?? []).filter(isGivenBack);
  if (made.length > 1) {
    const intents = [...new Set(made.map(({ paymentIntentId }) => paymentIntentId))].join(" and ");
    return [`${made.length} refunds for ${refundId}, on ${intents}`];
  }
  const differences: string[] = [];
  if (row.paymentIntentId !== intentId)
    differences.push(`${refund.id} names ${refundId}, which is about another payment`);
  if (row.stripeRefundId !== refund.id) differences.push(`${refund.id} of ${refundId} is not the one of the books`);
  if (refund.amountMinor !== row.amountMinor) {
    differences.push(`${refund.id} is over ${inYen(refund.amountMinor)}, ${inYen(row.amountMinor)} by the books`);
  }
  if (refund.status !== row.state) differences.push(`${refund.id} is ${refund.status}, ${row.state} by the books`);
  if (refund.operationId !== row.operationId) differences.push(`${refund.id} names another operation than its row`);
  return differences;
}

/** No more goes back than was charged, and what the books call refunded is back. */
function balanceDifferences({ charge, refunds, payments, rows }: Sides): readonly string[] {
  const givenBackMinor = sumOf(refunds.filter(isGivenBack));
  const chargedMinor = charge?.amountMinor ?? 0;
  const settledMinor = sumOf(refunds.filter(({ status }) => status === "succeeded"));
  const refundedMinor = sumOf(payments.filter(({ state }) => state === "refunded"));
  const settled = new Set(refunds.flatMap(({ status, refundId }) => (status === "succeeded" ? [refundId] : [])));
  const repaid = new Set(rows.flatMap(({ id, paymentId }) => (settled.has(id) ? [paymentId] : [])));
  const forgotten = payments.filter(({ id, state }) => state === "paid" && repaid.has(id));
  return [
    ...(givenBackMinor > chargedMinor
      ? [`${inYen(givenBackMinor)} refunded of a charge of ${inYen(chargedMinor)}`]
      : []),
    ...(refundedMinor > settledMinor
      ? [`${inYen(refundedMinor)} refunded by the books, ${inYen(settledMinor)} at Stripe`]
      : []),
    ...forgotten.map(({ id }) => `${id} is paid by the books, and Stripe has refunded it`),
  ];
}
