import type { Change } from "../core/change.ts";
import type { StoredInvoice, StoredPaymentIntent } from "../core/stored.ts";
import { cardOf, isHardDecline } from "./cards.ts";
import { type ChargeAttempt, type ChargeOptions, chargeIntent } from "./charging.ts";
import { recordInvoice } from "./effects.ts";
import { billedSubscription, intentOf, settleInvoice } from "./invoicing.ts";

/** What an attempt leaves on its invoice when nothing was taken. */
export type Schedule = Pick<StoredInvoice, "attempt_count" | "next_payment_attempt">;

export interface Collected {
  readonly invoice: StoredInvoice;
  readonly attempt: ChargeAttempt;
}

/** One attempt to collect an open invoice from a card. An attempt by hand leaves the schedule of retries alone. */
export function collectInvoice(
  change: Change,
  invoice: StoredInvoice,
  paymentMethod: string,
  options: ChargeOptions & { readonly schedule?: Schedule } = {},
): Collected {
  const attempt = chargeIntent(change, intentOf(change, invoice), paymentMethod, options);
  return { attempt, invoice: afterAttempt(change, invoice, attempt, options.schedule ?? scheduleByHand(invoice)) };
}

/** The invoice after an attempt to charge its PaymentIntent: paid, or tried. */
export function afterAttempt(
  change: Change,
  invoice: StoredInvoice,
  attempt: ChargeAttempt,
  schedule: Schedule,
): StoredInvoice {
  const asksForAction = attempt.result === "requires_action";
  // The first payment of all may wait for the cardholder: it has not failed, and is not counted.
  const isUncounted = asksForAction && invoice.billing_reason === "subscription_create";
  const tried = { ...invoice, attempted: true, ...(isUncounted ? { attempt_count: invoice.attempt_count } : schedule) };
  if (attempt.result === "paid") return settleInvoice(change, tried);
  change.put(tried);
  if (!isUncounted) recordInvoice(change, "invoice.payment_failed", tried);
  if (asksForAction) recordInvoice(change, "invoice.payment_action_required", tried);
  return tried;
}

/** Only the first attempt by hand counts. */
export function scheduleByHand(invoice: StoredInvoice): Schedule {
  return {
    attempt_count: Math.max(1, invoice.attempt_count),
    next_payment_attempt: invoice.next_payment_attempt,
  };
}

/** The card that Stripe charges by itself for an invoice: the invoice's, the subscription's, the customer's. */
export function cardForInvoice(change: Change, invoice: StoredInvoice): string | undefined {
  const subscription = billedSubscription(change, invoice);
  const customer = change.objects.customer.get(invoice.customer);
  return cardOf(customer, invoice.default_payment_method, subscription?.default_payment_method);
}

/** Whether the card was refused for good before, so that it is not tried again. */
export function isGivenUp({ objects }: Change, intent: StoredPaymentIntent, paymentMethod: string): boolean {
  const last = intent.latest_charge === null ? undefined : objects.charge.get(intent.latest_charge);
  const reason = last?.status === "failed" ? last.outcome?.reason : undefined;
  return last?.payment_method === paymentMethod && typeof reason === "string" && isHardDecline(reason);
}
