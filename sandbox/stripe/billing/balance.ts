import type { Change } from "../core/change.ts";
import type { StoredCustomer, StoredInvoice } from "../core/stored.ts";
import { record } from "./effects.ts";

/** The smallest charge in yen. */
export const CHARGE_MIN = 50;

/**
 * The invoice at its finalization, with what the customer owes from before or has in credit. What is left of a credit, and
 * what is too little to be charged, is carried over to the next invoice.
 */
export function withBalance(change: Change, invoice: StoredInvoice): StoredInvoice {
  const customer = customerOf(change, invoice);
  const applied = balanceApplied(invoice, customer.balance);
  carryOver(change, customer, applied.ending_balance);
  return { ...invoice, ...applied };
}

/** What is due of an invoice to a customer with this balance, and what becomes of the balance. */
export function balanceApplied({ total }: StoredInvoice, balance: number) {
  const owed = total + balance;
  const due = owed < CHARGE_MIN ? 0 : owed;
  return { amount_due: due, amount_remaining: due, starting_balance: balance, ending_balance: owed - due };
}

/** A void invoice takes and gives nothing: the customer's balance is as if it had never been. */
export function returnBalance(change: Change, { starting_balance: before, ...invoice }: StoredInvoice): void {
  const customer = customerOf(change, invoice);
  carryOver(change, customer, customer.balance + before - (invoice.ending_balance ?? before));
}

function carryOver(change: Change, customer: StoredCustomer, balance: number): void {
  if (balance === customer.balance) return;
  const carried = change.put({ ...customer, balance });
  record(change, "customer.updated", carried, { customer: customer.id, metadata: customer.metadata });
}

function customerOf({ objects }: Change, { customer: id }: Pick<StoredInvoice, "customer">): StoredCustomer {
  const customer = objects.customer.get(id);
  if (customer === undefined) throw new Error(`There is no customer ${id}`);
  return customer;
}
