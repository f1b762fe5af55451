import type { BookedContract } from "../store/read-books.ts";
import { comparePayments, compareRefunds } from "./compare-money.ts";
import { compareOthers, compareSubscription } from "./compare-subscriptions.ts";
import type { Difference } from "./difference.ts";
import type { StripeFacts } from "./stripe-facts.ts";

/**
 * Holds what our books say of a contract against what Stripe says of it, and tells every difference with what would put it
 * right. Pure. Nothing is a difference that our rules leave to Stripe (a period's end that is clipped by the calendar of
 * UTC), that they owe and have not sent yet, or that they have noted and written no row for.
 */
export function compare(books: BookedContract, stripe: StripeFacts, zone: string): readonly Difference[] {
  const payments = comparePayments(books, stripe, zone);
  return [
    ...compareSubscription(
      books,
      stripe,
      zone,
      payments.some(({ type }) => type === "payment_missing"),
    ),
    ...compareOthers(books, stripe),
    ...payments,
    ...compareRefunds(books, stripe),
  ];
}
