import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { invalidRequest, referenceMissing } from "../core/errors.ts";
import type { StoredCustomer } from "../core/stored.ts";
import type { Decline } from "../objects/charge.ts";
import { cardOfLastDigits, cardOfToken, declined, type TestCard, VISA } from "./test-cards.ts";

/** The card used when the control says that a customer paid. */
export const GOOD_CARD = "pm_card_visa";

/** After these the same card is not charged again: retries are scheduled and counted, but only a new card is tried. */
const HARD_DECLINES = new Set([
  "incorrect_number",
  "lost_card",
  "stolen_card",
  "pickup_card",
  "revocation_of_authorization",
  "revocation_of_all_authorizations",
  "authentication_required",
  "highest_risk_level",
  "transaction_not_allowed",
]);

export function isHardDecline(declineCode: string): boolean {
  return HARD_DECLINES.has(declineCode);
}

/** How a charge of a card is going to end. */
export type CardAnswer =
  | { readonly type: "pays"; readonly isDisputed: boolean }
  | { readonly type: "declines"; readonly decline: Decline }
  | { readonly type: "asks_for_authentication" };

/** The card behind a payment method: a stored one by its digits, a token by its name, any other `pm_…` is a good card. */
export function cardBehind({ objects }: Pick<Change, "objects">, paymentMethod: string): TestCard {
  const stored = objects.payment_method.get(paymentMethod);
  return stored === undefined ? (cardOfToken(paymentMethod) ?? VISA) : cardOfLastDigits(stored.card.last4);
}

/** What the card answers to a charge now. A decline that was to come is used up by asking. */
export function askCard(change: Change, customer: string | null, paymentMethod: string): CardAnswer {
  const toCome = takeDecline(change, customer, paymentMethod);
  if (toCome !== undefined) return { type: "declines", decline: toCome };
  const card = cardBehind(change, paymentMethod);
  if (card.decline !== undefined) return { type: "declines", decline: card.decline };
  if (card.needsAuthentication === true) return { type: "asks_for_authentication" };
  return { type: "pays", isDisputed: card.isDisputed === true };
}

/** The refusal when a payment needs the cardholder, who is not there. */
export const AUTHENTICATION_REQUIRED = declined(
  "authentication_required",
  "The card was declined: the cardholder must authenticate.",
);

/** Throws 400 unless the id looks like a payment method's. */
export function checkPaymentMethod(id: string | undefined, param: string): void {
  if (id !== undefined && !id.startsWith("pm_")) throw referenceMissing("PaymentMethod", id, param);
}

/** The customer, on whose clock everything that follows is dated, or 400 `resource_missing`. */
export function customerNamed(change: Change, id: string): StoredCustomer {
  const customer = change.objects.customer.get(id);
  if (customer === undefined) throw referenceMissing("customer", id, "customer");
  followClockOf(change, id);
  return customer;
}

/** The first card of these, or the customer's default one, or undefined. */
export function cardOf(
  customer: StoredCustomer | undefined,
  ...preferred: (string | null | undefined)[]
): string | undefined {
  const given = preferred.find((id) => id !== null && id !== undefined);
  return given ?? customer?.invoice_settings.default_payment_method ?? undefined;
}

/** As `cardOf`, or 400. */
export function cardToCharge(customer: StoredCustomer, ...preferred: (string | null | undefined)[]): string {
  const card = cardOf(customer, ...preferred);
  if (card !== undefined) return card;
  throw invalidRequest("This customer has no payment method to charge.", { code: "resource_missing" });
}

function takeDecline(change: Change, customer: string | null, paymentMethod: string): Decline | undefined {
  const { declines } = change.world;
  const found = declines.find(
    (each) =>
      (each.customer === null || each.customer === customer) &&
      (each.paymentMethod === null || each.paymentMethod === paymentMethod),
  );
  if (found === undefined) return undefined;
  const rest = found.times > 1 ? [{ ...found, times: found.times - 1 }] : [];
  change.useUp({ declines: declines.flatMap((each) => (each === found ? rest : [each])) });
  return found.decline;
}
