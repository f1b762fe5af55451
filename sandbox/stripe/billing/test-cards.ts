import type { Decline } from "../objects/charge.ts";

/** What a card does, as its number or its token tells. */
export interface TestCard {
  readonly number: string;
  readonly brand: string;
  /** Why every charge is refused; absent for a good card. */
  readonly decline?: Decline;
  /** It cannot even be attached to a customer. */
  readonly isRefusedAtOnce?: boolean;
  /** Its refunds succeed and fail later, or are pending and succeed later. */
  readonly refunds?: "fail_later" | "succeed_later";
  /** Its charges are disputed as soon as they have succeeded. */
  readonly isDisputed?: boolean;
  /** The cardholder must authenticate every payment. */
  readonly needsAuthentication?: boolean;
}

export const VISA: TestCard = { number: "4242424242424242", brand: "visa" };

/** Stripe's own test cards by their tokens (docs.stripe.com/testing). */
export const TEST_CARDS: Readonly<Record<string, TestCard>> = {
  pm_card_visa: VISA,
  pm_card_mastercard: { number: "5555555555554444", brand: "mastercard" },
  pm_card_jcb: { number: "3566002020360505", brand: "jcb" },
  pm_card_chargeDeclined: refusing("4000000000000002", declined("generic_decline", "The card was declined.")),
  pm_card_chargeDeclinedInsufficientFunds: refusing(
    "4000000000009995",
    declined("insufficient_funds", "The card has insufficient funds."),
  ),
  pm_card_chargeDeclinedLostCard: refusing("4000000000009987", declined("lost_card", "The card was declined.")),
  pm_card_chargeDeclinedStolenCard: refusing("4000000000009979", declined("stolen_card", "The card was declined.")),
  pm_card_chargeDeclinedExpiredCard: refusing("4000000000000069", ownCode("expired_card", "The card expired.")),
  pm_card_chargeDeclinedIncorrectCvc: refusing("4000000000000127", ownCode("incorrect_cvc", "The code is incorrect.")),
  pm_card_chargeDeclinedProcessingError: refusing(
    "4000000000000119",
    ownCode("processing_error", "An error occurred while the card was processed."),
  ),
  pm_card_chargeCustomerFail: {
    ...refusing("4000000000000341", declined("generic_decline", "The card was declined.")),
    isRefusedAtOnce: false,
  },
  pm_card_authenticationRequired: { number: "4000002760003184", brand: "visa", needsAuthentication: true },
  pm_card_createDispute: { number: "4000000000000259", brand: "visa", isDisputed: true },
  pm_card_refundFail: { number: "4000000000005126", brand: "visa", refunds: "fail_later" },
  pm_card_pendingRefund: { number: "4000000000007726", brand: "visa", refunds: "succeed_later" },
};

const BY_NUMBER = new Map(Object.values(TEST_CARDS).map((card) => [card.number, card]));
const BY_LAST_DIGITS = new Map(Object.values(TEST_CARDS).map((card) => [lastDigitsOf(card), card]));

/** The card of this number, or undefined: only test cards are cards here. */
export function cardOfNumber(number: string): TestCard | undefined {
  return BY_NUMBER.get(number.replaceAll(" ", ""));
}

/** The card whose stored payment method shows these digits. */
export function cardOfLastDigits(last4: string): TestCard {
  return BY_LAST_DIGITS.get(last4) ?? VISA;
}

/** The card of a token: `pm_card_visa`, `tok_visa`. `pm_card_visa_anything` behaves as its token. */
export function cardOfToken(token: string): TestCard | undefined {
  const name = token.startsWith("tok_") ? `pm_card_${token.slice("tok_".length)}` : token;
  return TEST_CARDS[name.split("_", 3).join("_")];
}

export function lastDigitsOf({ number }: TestCard): string {
  return number.slice(-4);
}

/** A refusal by the bank with this decline code. */
export function declined(declineCode: string, message: string): Decline {
  return { code: "card_declined", declineCode, message };
}

function ownCode(code: string, message: string): Decline {
  return { code, declineCode: code, message };
}

function refusing(number: string, decline: Decline): TestCard {
  return { number, brand: "visa", decline, isRefusedAtOnce: true };
}
