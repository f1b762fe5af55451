import type { BookedContract, Books } from "./books.ts";
import { type ComparedLine, sumOf } from "./line.ts";
import { comparePaymentIntents } from "./payment-intents.ts";
import type { StripeSide } from "./stripe-side.ts";
import { compareInvoices, compareSubscriptions } from "./subscriptions.ts";

/** How many of something, and what they come to where they are money. */
export interface Count {
  readonly count: number;
  readonly amountMinor?: number;
}

/** One row of the summary. */
export interface Total {
  readonly name: string;
  readonly atStripe: Count;
  readonly inBooks: Count;
}

/** Our books beside Stripe's ledger. */
export interface Comparison {
  readonly lines: readonly ComparedLine[];
  readonly totals: readonly Total[];
}

/**
 * Compares the books with Stripe's ledger, line by line and in sum. Pure.
 *
 * A line says what both sides have; what cannot be is a difference, what Stripe may know and the books not is a remark.
 */
export function compare(books: Books, stripe: StripeSide): Comparison {
  const lines = [
    ...comparePaymentIntents(books, stripe),
    ...compareSubscriptions(books, stripe),
    ...compareInvoices(books, stripe),
  ];
  return { lines, totals: totalsOf(books, stripe) };
}

function totalsOf(books: Books, stripe: StripeSide): readonly Total[] {
  const collected = books.payments.filter(
    ({ state, paymentIntentId }) => paymentIntentId !== null && (state === "paid" || state === "refunded"),
  );
  const intents = new Set(collected.map(({ paymentIntentId }) => paymentIntentId));
  const givenBack = stripe.refunds.filter(({ status }) => status !== "failed" && status !== "canceled");
  const ours = givenBack.filter(({ refundId }) => refundId !== null);
  const elsewhere = givenBack.filter(({ refundId }) => refundId === null);
  const rows = books.refunds.filter(({ state }) => ["pending", "requires_action", "succeeded"].includes(state));
  const [reported, own] = partition(rows, (row) => elsewhere.some(({ id }) => id === row.stripeRefundId));
  const known = new Set(stripe.subscriptions.map(({ id }) => id));
  const has = (which: (contract: BookedContract) => boolean) =>
    books.contracts.filter((contract) => contract.subscriptionId !== null && which(contract)).length;
  // Of a contract that was called off, the books have no period that was to be paid.
  const calledOff = new Set(
    books.contracts.flatMap(({ status, subscriptionId }) => (status === "canceled" ? [subscriptionId] : [])),
  );
  const closed = stripe.invoices.filter(
    ({ closedByRequest, subscriptionId }) => closedByRequest && !calledOff.has(subscriptionId),
  );
  const terminated = new Set(
    books.contracts.flatMap(({ id, status, subscriptionId }) =>
      status === "terminated" && subscriptionId !== null && known.has(subscriptionId) ? [id] : [],
    ),
  );
  const neverCharged = books.payments.filter(
    ({ state, contractId }) => state === "never_charged" && terminated.has(contractId),
  );
  return [
    {
      name: "charges collected",
      atStripe: { count: stripe.charges.length, amountMinor: sumOf(stripe.charges) },
      inBooks: { count: intents.size, amountMinor: sumOf(collected) },
    },
    {
      name: "refunds by keiyaku",
      atStripe: { count: ours.length, amountMinor: sumOf(ours) },
      inBooks: { count: own.length, amountMinor: sumOf(own) },
    },
    {
      name: "refunds by others",
      atStripe: { count: elsewhere.length, amountMinor: sumOf(elsewhere) },
      inBooks: {
        count: new Set(reported.map(({ stripeRefundId }) => stripeRefundId)).size,
        amountMinor: sumOf(reported),
      },
    },
    {
      name: "subscriptions that run",
      atStripe: { count: stripe.subscriptions.filter(({ status }) => status !== "canceled").length },
      inBooks: { count: has(({ status }) => status !== "canceled" && status !== "terminated") },
    },
    {
      name: "those reserved to end",
      atStripe: {
        count: stripe.subscriptions.filter(({ endsAtPeriodEnd, status }) => endsAtPeriodEnd && status !== "canceled")
          .length,
      },
      inBooks: { count: has(({ isReserved }) => isReserved) },
    },
    {
      name: "invoices closed by keiyaku",
      atStripe: { count: closed.length },
      inBooks: { count: neverCharged.length },
    },
  ];
}

function partition<Row>(
  rows: readonly Row[],
  isFirst: (row: Row) => boolean,
): readonly [readonly Row[], readonly Row[]] {
  return [rows.filter(isFirst), rows.filter((row) => !isFirst(row))];
}
