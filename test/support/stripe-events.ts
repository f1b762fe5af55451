import { chargeObject } from "../../sandbox/stripe/objects/charge.ts";
import { customerObject } from "../../sandbox/stripe/objects/customer.ts";
import { disputeObject } from "../../sandbox/stripe/objects/dispute.ts";
import { type EventFacts, eventObject } from "../../sandbox/stripe/objects/event.ts";
import { type InvoiceFacts, invoiceObject } from "../../sandbox/stripe/objects/invoice.ts";
import { paymentIntentObject } from "../../sandbox/stripe/objects/payment-intent.ts";
import { priceObject } from "../../sandbox/stripe/objects/price.ts";
import { type RefundFacts, refundObject } from "../../sandbox/stripe/objects/refund.ts";
import { subscriptionObject } from "../../sandbox/stripe/objects/subscription.ts";
import { signatureHeader } from "../../sandbox/stripe/webhooks/signature.ts";
import type { OperationKind } from "../../src/contract/operation.ts";
import { Secret } from "../../src/secret.ts";
import type { ExpectedEvents } from "../../src/stripe/verify-event.ts";

/** Stripe's objects and events as the stand-in makes them, without a stand-in. */

const created = 1_790_000_000;
const period = { start: created, end: created + 30 * 86_400 };
const customer = customerObject({ id: "cus_1", created, name: "山田 花子", email: "hanako@example.com" });
const price = priceObject({
  id: "price_1",
  created,
  product: "prod_1",
  currency: "jpy",
  unitAmount: 1_980,
  recurrence: { interval: "month", count: 1 },
});

export const subscription = subscriptionObject({
  id: "sub_1",
  created,
  customer: customer.id,
  items: [{ price, quantity: 1 }],
  status: "active",
  anchor: created,
  period,
});

export function invoice(facts: Partial<InvoiceFacts> = {}) {
  return invoiceObject({
    id: "in_1",
    created,
    customer,
    currency: "jpy",
    status: "open",
    billingReason: "subscription_cycle",
    parent: { subscription: "sub_1", metadata: {} },
    lines: [],
    periodStart: period.start,
    periodEnd: period.end,
    autoAdvance: true,
    attemptCount: 2,
    nextPaymentAttempt: created + 3 * 86_400,
    ...facts,
  });
}

export const paymentIntent = paymentIntentObject({
  id: "pi_1",
  created,
  amount: 1_980,
  currency: "jpy",
  customer: customer.id,
  paymentMethod: "pm_1",
});

export const charge = chargeObject({ id: "ch_1", created, paymentIntent, paymentMethod: "pm_1", decline: null });

export function refund(facts: Partial<RefundFacts> = {}) {
  return refundObject({ id: "re_1", created, charge, amount: 1_980, status: "succeeded", ...facts });
}

export const dispute = disputeObject({ id: "du_1", created, charge, reason: "fraudulent", status: "needs_response" });

/** An event about an object, by itself unless told. */
export function eventOf(type: string, object: EventFacts["object"], facts: Partial<EventFacts> = {}) {
  const byItself = { requestId: null, idempotencyKey: null, pendingWebhooks: 1 };
  return eventObject({ created, type, object, ...byItself, ...facts });
}

/** The text that is sent of an event, as Stripe and the stand-in write it. */
export function bodyOf(event: object): string {
  return JSON.stringify(event, null, 2);
}

export const webhookSecret = "whsec_of_the_first_endpoint";
export const otherWebhookSecret = "whsec_of_the_second_endpoint";

/** What an installation of test mode with these secrets expects. */
export function expectedEvents(overrides: Partial<ExpectedEvents> = {}): ExpectedEvents {
  const secrets = [new Secret(webhookSecret)];
  return { secrets, livemode: false, account: null, ...overrides };
}

/** The header for a body, signed at a moment (milliseconds since 1970), by HMAC of our own. */
export function signedAt(body: string, atMs: number, ...secrets: readonly string[]): string {
  return signatureHeader(body, Math.floor(atMs / 1_000), secrets.length === 0 ? [webhookSecret] : secrets);
}

interface ExpectedOperation {
  readonly kind: OperationKind;
  readonly params: object;
  readonly about: object;
}

const changeOf = { kind: "record_subscription_change", params: { subscriptionId: "sub_1" } } as const;
const ofSubscription = { subscriptionId: "sub_1" };
const givenUp = {
  kind: "record_subscription_change",
  params: { subscriptionId: "sub_1", invoiceId: "in_1" },
  about: ofSubscription,
} as const;
const ofIntent = { paymentIntentId: "pi_1" };
const failed: ExpectedOperation = {
  kind: "record_payment_failure",
  params: { invoiceId: "in_1", attempt: 2 },
  about: ofSubscription,
};
const refunded: ExpectedOperation = { kind: "record_refund", params: ofIntent, about: ofIntent };
const disputed = (status: string): ExpectedOperation => ({
  kind: "record_dispute",
  params: { ...ofIntent, disputeId: "du_1", stripeDisputeStatus: status },
  about: ofIntent,
});

/** What each type means, about an object of the above; null for what is ignored as not used. */
export const eventMeanings: Readonly<
  Record<string, readonly [object: EventFacts["object"], operation: ExpectedOperation | null]>
> = {
  "customer.subscription.created": [subscription, { ...changeOf, about: ofSubscription }],
  "customer.subscription.updated": [subscription, { ...changeOf, about: ofSubscription }],
  "customer.subscription.paused": [subscription, { ...changeOf, about: ofSubscription }],
  "customer.subscription.resumed": [subscription, { ...changeOf, about: ofSubscription }],
  "customer.subscription.deleted": [
    subscription,
    { kind: "record_subscription_end", params: ofSubscription, about: ofSubscription },
  ],
  "invoice.paid": [
    invoice({ status: "paid" }),
    { kind: "record_payment", params: { invoiceId: "in_1" }, about: ofSubscription },
  ],
  "invoice.payment_failed": [invoice(), failed],
  "invoice.payment_action_required": [invoice(), failed],
  "invoice.finalized": [invoice(), null],
  "invoice.voided": [invoice({ status: "void" }), givenUp],
  "invoice.marked_uncollectible": [invoice({ status: "uncollectible" }), givenUp],
  "invoice.finalization_failed": [invoice({ status: "draft" }), { ...changeOf, about: ofSubscription }],
  "payment_intent.succeeded": [paymentIntent, { kind: "record_payment", params: ofIntent, about: ofIntent }],
  "refund.created": [refund(), refunded],
  "refund.updated": [refund({ status: "pending" }), refunded],
  "refund.failed": [refund({ status: "failed" }), refunded],
  "charge.refunded": [charge, refunded],
  "charge.dispute.created": [dispute, disputed("needs_response")],
  "charge.dispute.closed": [{ ...dispute, status: "lost" }, disputed("lost")],
  // Also understood, although nobody is told to have them sent.
  "charge.refund.updated": [refund(), refunded],
  "charge.dispute.updated": [dispute, disputed("needs_response")],
  "charge.dispute.funds_withdrawn": [dispute, disputed("needs_response")],
  "charge.dispute.funds_reinstated": [{ ...dispute, status: "won" }, disputed("won")],
};
