import type { Change } from "../core/change.ts";
import { StripeRefusal } from "../core/errors.ts";
import type { StoredCharge, StoredPaymentIntent } from "../core/stored.ts";
import { chargeObject, type Decline } from "../objects/charge.ts";
import { declineOf } from "./cards.ts";
import { recordCharge, recordPaymentIntent } from "./effects.ts";

export interface ChargeAttempt {
  readonly intent: StoredPaymentIntent;
  readonly charge: StoredCharge;
  /** Null when the money was taken. */
  readonly decline: Decline | null;
}

/** Charges a card once for a PaymentIntent: a new charge on the same PaymentIntent, every time. */
export function chargeIntent(change: Change, intent: StoredPaymentIntent, paymentMethod: string): ChargeAttempt {
  const decline = declineOf(paymentMethod);
  const charge = change.put(chargeObject({ created: change.now, paymentIntent: intent, paymentMethod, decline }));
  const charged = change.put(chargedIntent(intent, charge, decline));
  recordCharge(change, decline === null ? "charge.succeeded" : "charge.failed", charge);
  recordPaymentIntent(change, decline === null ? "payment_intent.succeeded" : "payment_intent.payment_failed", charged);
  return { intent: charged, charge, decline };
}

/** A PaymentIntent after a charge. */
export function chargedIntent(
  intent: StoredPaymentIntent,
  charge: StoredCharge,
  decline: Decline | null,
): StoredPaymentIntent {
  const tried = { ...intent, latest_charge: charge.id };
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

/** 402 `card_error`. Returned by an endpoint, not thrown: the failed charge stands. */
export function cardError({ decline, charge, intent }: ChargeAttempt & { decline: Decline }): StripeRefusal {
  return new StripeRefusal(402, {
    type: "card_error",
    code: decline.code,
    decline_code: decline.declineCode,
    message: decline.message,
    charge: charge.id,
    payment_intent: intent,
  });
}
