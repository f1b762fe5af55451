import { cardOf, checkPaymentMethod } from "../billing/cards.ts";
import { type ChargeOptions, cardError, chargeIntent } from "../billing/charging.ts";
import { recordPaymentIntent } from "../billing/effects.ts";
import { canceledIntent } from "../billing/invoicing.ts";
import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { type Answer, defineEndpoint } from "../core/endpoint.ts";
import { invalidRequest, resourceMissing } from "../core/errors.ts";
import type { StoredPaymentIntent } from "../core/stored.ts";

const CANCELLATION_REASONS = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"] as const;

export const confirmPaymentIntent = defineEndpoint({
  method: "POST",
  path: "/v1/payment_intents/:id/confirm",
  params: ["payment_method", "off_session", "return_url"],
  answers: "payment_intent",
  read: (params, id) => {
    checkPaymentMethod(params.text("payment_method"), "payment_method");
    return {
      id,
      paymentMethod: params.text("payment_method"),
      isOffSession: params.flag("off_session") ?? false,
    };
  },
  execute: (change, { id, paymentMethod, isOffSession }) => {
    const intent = paymentIntentNamed(change, id);
    refuseEnded(intent, "confirmed");
    const customer = intent.customer === null ? undefined : change.objects.customer.get(intent.customer);
    const card = cardOf(customer, paymentMethod, intent.payment_method);
    if (card === undefined) throw invalidRequest("A confirmation needs a payment_method.");
    return chargedAnswer(change, intent, card, { isOffSession });
  },
});

export const cancelPaymentIntent = defineEndpoint({
  method: "POST",
  path: "/v1/payment_intents/:id/cancel",
  params: ["cancellation_reason"],
  answers: "payment_intent",
  read: (params, id) => ({ id, reason: params.oneOf("cancellation_reason", CANCELLATION_REASONS) ?? null }),
  execute: (change, { id, reason }) => {
    const intent = paymentIntentNamed(change, id);
    refuseEnded(intent, "canceled");
    const [payment] = change.objects.invoice_payment.newestFirst("payment_intent", id);
    if (payment !== undefined) {
      throw invalidRequest("The PaymentIntent of an invoice cannot be canceled: void the invoice instead.");
    }
    const canceled = change.put(canceledIntent(intent, change.now, reason));
    recordPaymentIntent(change, "payment_intent.canceled", canceled);
    return canceled;
  },
});

/** The PaymentIntent after a charge, or 402: the failed charge stands. */
export function chargedAnswer(
  change: Change,
  intent: StoredPaymentIntent,
  card: string,
  options: ChargeOptions,
): Answer {
  const attempt = chargeIntent(change, intent, card, options);
  return attempt.result === "declined" ? cardError(attempt) : attempt.intent;
}

/** The PaymentIntent of this id, or 404. What follows is dated by its clock. */
export function paymentIntentNamed(change: Change, id: string): StoredPaymentIntent {
  const intent = change.objects.payment_intent.get(id);
  if (intent === undefined) throw resourceMissing("payment_intent", id, "intent");
  followClockOf(change, intent.customer);
  return intent;
}

function refuseEnded({ id, status }: StoredPaymentIntent, verb: string): void {
  if (status !== "succeeded" && status !== "canceled") return;
  throw invalidRequest(`The PaymentIntent ${id} cannot be ${verb}: it is ${status}.`, {
    code: "payment_intent_unexpected_state",
  });
}
