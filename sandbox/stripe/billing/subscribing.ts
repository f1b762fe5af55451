import type { Change } from "../core/change.ts";
import type { StoredCustomer, StoredInvoice, StoredPrice, StoredSubscription } from "../core/stored.ts";
import { invoiceObject } from "../objects/invoice.ts";
import type { Recurrence } from "../objects/price.ts";
import { currentPeriod, subscriptionObject } from "../objects/subscription.ts";
import { declineOf } from "./cards.ts";
import type { ChargeAttempt } from "./charging.ts";
import { recordInvoice, recordSubscription } from "./effects.ts";
import { collectInvoice, requestPayment, settleInvoice } from "./invoicing.ts";
import { type AddedFee, feeLine, periodLine } from "./lines.ts";
import { periodAt } from "./periods.ts";

export interface NewSubscription {
  readonly customer: StoredCustomer;
  readonly price: StoredPrice;
  readonly recurrence: Recurrence;
  readonly quantity: number;
  readonly fees: readonly AddedFee[];
  /** The card of this subscription, kept on it; null to use the customer's. */
  readonly defaultPaymentMethod: string | null;
  /** The card to charge now; null to leave the first invoice open. */
  readonly chargeTo: string | null;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
}

export interface SubscriptionStart {
  readonly subscription: StoredSubscription;
  /** Null when nothing was charged. */
  readonly attempt: ChargeAttempt | null;
}

/** Begins a subscription now: its first invoice is final at once and, if there is a card to charge, collected at once. */
export function startSubscription(change: Change, begun: NewSubscription): SubscriptionStart {
  const created = subscriptionObject({
    ...begun,
    created: change.now,
    customer: begun.customer.id,
    status: "incomplete",
    anchor: change.now,
    period: periodAt(change.now, begun.recurrence, 0),
  });
  const invoice = change.put(firstInvoice(change, created, begun));
  const status = isPayable(invoice, begun.chargeTo) ? "active" : "incomplete";
  const subscription = change.put({ ...created, latest_invoice: invoice.id, status });
  recordSubscription(change, "subscription.created", subscription);
  recordInvoice(change, "invoice.created", invoice);
  recordInvoice(change, "invoice.finalized", invoice);
  return { subscription, attempt: collectFirst(change, invoice, begun.chargeTo) };
}

/** Whether the collection that follows will succeed, so that the subscription is active from its first moment. */
function isPayable(invoice: StoredInvoice, card: string | null): boolean {
  return invoice.amount_due === 0 || (card !== null && declineOf(card) === null);
}

function collectFirst(change: Change, invoice: StoredInvoice, card: string | null): ChargeAttempt | null {
  if (invoice.amount_due === 0) {
    settleInvoice(change, invoice);
    return null;
  }
  requestPayment(change, invoice);
  return card === null ? null : collectInvoice(change, invoice, card).attempt;
}

/** The first invoice speaks of no time span of its own: only its lines do. */
function firstInvoice(change: Change, subscription: StoredSubscription, begun: NewSubscription): StoredInvoice {
  return invoiceObject({
    created: change.now,
    customer: begun.customer,
    currency: begun.price.currency,
    status: "open",
    billingReason: "subscription_create",
    parent: { subscription: subscription.id, metadata: subscription.metadata },
    lines: [
      periodLine(subscription, currentPeriod(subscription)),
      ...begun.fees.map((fee) => feeLine(subscription, fee, change.now)),
    ],
    periodStart: change.now,
    periodEnd: change.now,
    autoAdvance: false,
    attemptCount: 0,
    nextPaymentAttempt: null,
  });
}
