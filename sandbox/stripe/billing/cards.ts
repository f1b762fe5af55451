import type { Change } from "../core/change.ts";
import { invalidRequest, referenceMissing } from "../core/errors.ts";
import type { StoredCustomer } from "../core/stored.ts";
import type { Decline } from "../objects/charge.ts";

/**
 * Payment methods are ids only, as Stripe's test tokens are: any `pm_…` is a card, and these are cards that are refused.
 * They name Stripe's own tokens; `pm_card_chargeCustomerFail` is the one that can be attached and fails later.
 */
const DECLINES: Readonly<Record<string, Decline>> = {
  pm_card_chargeDeclined: declined("generic_decline", "The card was declined."),
  pm_card_chargeCustomerFail: declined("generic_decline", "The card was declined."),
  pm_card_chargeDeclinedInsufficientFunds: declined("insufficient_funds", "The card has insufficient funds."),
  pm_card_chargeDeclinedLostCard: declined("lost_card", "The card was declined."),
  pm_card_chargeDeclinedStolenCard: declined("stolen_card", "The card was declined."),
  pm_card_chargeDeclinedExpiredCard: {
    code: "expired_card",
    declineCode: "expired_card",
    message: "The card expired.",
  },
};

/** The card used when the control says that a customer paid. */
export const GOOD_CARD = "pm_card_visa";

/** Why this card is refused, or null for a good one. `pm_card_chargeDeclined_anything` behaves as its token. */
export function declineOf(paymentMethod: string): Decline | null {
  const token = paymentMethod.split("_", 3).join("_");
  return DECLINES[token] ?? null;
}

/** Throws 400 unless the id looks like a payment method's. */
export function checkPaymentMethod(id: string | undefined, param: string): void {
  if (id !== undefined && !id.startsWith("pm_")) throw referenceMissing("PaymentMethod", id, param);
}

/** The customer, or 400 `resource_missing`. */
export function customerNamed(change: Change, id: string): StoredCustomer {
  const customer = change.objects.customer.get(id);
  if (customer === undefined) throw referenceMissing("customer", id, "customer");
  return customer;
}

/** The first card of these, or the customer's default one, or 400. */
export function cardToCharge(customer: StoredCustomer, ...preferred: (string | null | undefined)[]): string {
  const card =
    preferred.find((id) => id !== null && id !== undefined) ?? customer.invoice_settings.default_payment_method;
  if (card !== null && card !== undefined) return card;
  throw invalidRequest("This customer has no payment method to charge.", { code: "resource_missing" });
}

function declined(declineCode: string, message: string): Decline {
  return { code: "card_declined", declineCode, message };
}
