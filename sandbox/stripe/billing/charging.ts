import type { Change } from "../core/change.ts";
import { StripeRefusal } from "../core/errors.ts";
import type { StoredCharge, StoredPaymentIntent } from "../core/stored.ts";
import { chargeObject, type Decline } from "../objects/charge.ts";
import { AUTHENTICATION_REQUIRED, askCard } from "./cards.ts";
import { openDispute } from "./disputing.ts";
import { recordCharge, recordPaymentIntent } from "./effects.ts";
import { balanceChanged } from "./refunding.ts";

export type ChargeAttempt =
  | { readonly result: "paid"; readonly intent: StoredPaymentIntent; readonly charge: StoredCharge }
  | DeclinedAttempt
  /** Nothing was charged: the cardholder must authenticate first. */
  | { readonly result: "requires_action"; readonly intent: StoredPaymentIntent };

export interface DeclinedAttempt {
  readonly result: "declined";
  readonly intent: StoredPaymentIntent;
  readonly charge: StoredCharge;
  readonly decline: Decline;
}

export interface ChargeOptions {
  /** The cardholder is not there: a card that asks for authentication is declined. */
  readonly isOffSession?: boolean;
  /** The cardholder is there and sees to it that the card pays. */
  readonly isAuthenticated?: boolean;
}

/** Charges a card once for a PaymentIntent: a new charge on the same PaymentIntent, every time. */
export function chargeIntent(
  change: Change,
  intent: StoredPaymentIntent,
  paymentMethod: string,
  { isOffSession = false, isAuthenticated = false }: ChargeOptions = {},
): ChargeAttempt {
  if (isAuthenticated) return take(change, intent, paymentMethod, false);
  const answer = askCard(change, intent.customer, paymentMethod);
  if (answer.type === "asks_for_authentication") {
    if (isOffSession) return decline(change, intent, paymentMethod, AUTHENTICATION_REQUIRED);
    const waiting = change.put(waitingIntent(intent, paymentMethod));
    recordPaymentIntent(change, "payment_intent.requires_action", waiting);
    return { result: "requires_action", intent: waiting };
  }
  if (answer.type === "declines") return decline(change, intent, paymentMethod, answer.decline);
  return take(change, intent, paymentMethod, answer.isDisputed);
}

function take(change: Change, intent: StoredPaymentIntent, paymentMethod: string, isDisputed: boolean): ChargeAttempt {
  const charge = change.put(chargeObject({ created: change.now, paymentIntent: intent, paymentMethod, decline: null }));
  const charged = change.put(chargedIntent(intent, charge, null));
  recordCharge(change, "charge.succeeded", charge);
  recordPaymentIntent(change, "payment_intent.succeeded", charged);
  balanceChanged(change, charge.amount);
  if (isDisputed) openDispute(change, charge, "fraudulent", "needs_response");
  return { result: "paid", intent: charged, charge };
}

function decline(change: Change, intent: StoredPaymentIntent, paymentMethod: string, reason: Decline): DeclinedAttempt {
  const charge = change.put(
    chargeObject({ created: change.now, paymentIntent: intent, paymentMethod, decline: reason }),
  );
  const declined = change.put(chargedIntent(intent, charge, reason));
  recordCharge(change, "charge.failed", charge);
  recordPaymentIntent(change, "payment_intent.payment_failed", declined);
  return { result: "declined", intent: declined, charge, decline: reason };
}

/** A PaymentIntent after a charge. */
export function chargedIntent(
  intent: StoredPaymentIntent,
  charge: StoredCharge,
  decline: Decline | null,
): StoredPaymentIntent {
  const tried = { ...intent, latest_charge: charge.id, next_action: null };
  if (decline === null) {
    return {
      ...tried,
      amount_received: intent.amount,
      last_payment_error: null,
      payment_method: charge.payment_method,
      status: "succeeded",
    };
  }
  return {
    ...tried,
    last_payment_error: {
      charge: charge.id,
      code: decline.code,
      decline_code: decline.declineCode,
      message: decline.message,
      type: "card_error",
    },
    payment_method: null,
    status: "requires_payment_method",
  };
}

function waitingIntent(intent: StoredPaymentIntent, paymentMethod: string): StoredPaymentIntent {
  return {
    ...intent,
    next_action: { type: "use_stripe_sdk", use_stripe_sdk: {} },
    payment_method: paymentMethod,
    status: "requires_action",
  };
}

/** 402 `card_error`. Returned by an endpoint, not thrown: the failed charge stands. */
export function cardError({ decline, charge, intent }: DeclinedAttempt): StripeRefusal {
  return new StripeRefusal(402, {
    type: "card_error",
    code: decline.code,
    decline_code: decline.declineCode,
    message: decline.message,
    charge: charge.id,
    payment_intent: intent,
  });
}
