import type { Change } from "../core/change.ts";
import type { StoredCustomer, StoredInvoice, StoredSubscription } from "../core/stored.ts";
import { testClockOf } from "../objects/customer.ts";
import { invoiceObject } from "../objects/invoice.ts";
import type { Recurrence } from "../objects/price.ts";
import { subscriptionObject } from "../objects/subscription.ts";
import { currentPeriod, type ItemFacts } from "../objects/subscription-item.ts";
import { announceShortTrial } from "./announcing.ts";
import { withBalance } from "./balance.ts";
import { type ChargeAttempt, chargeIntent } from "./charging.ts";
import { afterAttempt, scheduleByHand } from "./collecting.ts";
import { recordInvoice, recordSubscription } from "./effects.ts";
import { requestPayment, settleInvoice } from "./invoicing.ts";
import { type AddedFee, feeLine, periodLines, trialLines } from "./lines.ts";
import { periodAt } from "./periods.ts";

export interface NewSubscription {
  readonly customer: StoredCustomer;
  /** At least one, all of this recurrence. */
  readonly items: readonly ItemFacts[];
  readonly recurrence: Recurrence;
  readonly fees: readonly AddedFee[];
  /** The card of this subscription, kept on it; null to use the customer's. */
  readonly defaultPaymentMethod: string | null;
  /** The card to charge now; null to leave the first invoice open. */
  readonly chargeTo: string | null;
  /** When the trial ends and the first paid period begins, in seconds; null without a trial. */
  readonly trialEnd: number | null;
  readonly description: string | null;
  readonly metadata: Record<string, string>;
}

export interface SubscriptionStart {
  readonly subscription: StoredSubscription;
  /** Null when nothing was charged. */
  readonly attempt: ChargeAttempt | null;
}

/**
 * Begins a subscription now: its first invoice is final at once and, if there is a card to charge, collected at once. The
 * events of the charge come before those of the subscription and its invoice.
 */
export function startSubscription(change: Change, begun: NewSubscription): SubscriptionStart {
  const created = subscriptionObject({
    ...begun,
    created: change.now,
    customer: begun.customer.id,
    status: "incomplete",
    anchor: begun.trialEnd ?? change.now,
    period:
      begun.trialEnd === null ? periodAt(change.now, begun.recurrence, 0) : { start: change.now, end: begun.trialEnd },
    trialEnd: begun.trialEnd,
    testClock: testClockOf(begun.customer),
  });
  const invoice = change.put(withBalance(change, firstInvoice(change, created, begun)));
  const waiting = change.put({ ...created, latest_invoice: invoice.id });
  const attempt = chargeFirst(change, invoice, begun.chargeTo);
  const isPaid = invoice.amount_due === 0 || attempt?.result === "paid";
  const status = begun.trialEnd === null ? "active" : "trialing";
  const subscription = change.put({ ...waiting, status: isPaid ? status : "incomplete" });
  recordSubscription(change, "subscription.created", subscription);
  announceShortTrial(change, subscription);
  recordInvoice(change, "invoice.created", invoice);
  recordInvoice(change, "invoice.finalized", invoice);
  if (invoice.amount_due === 0) settleInvoice(change, invoice);
  else if (attempt !== null) {
    const tried = afterAttempt(change, invoice, attempt, scheduleByHand(invoice));
    if (tried.status === "open") change.emit("invoice.updated", tried);
  }
  return { subscription, attempt };
}

function chargeFirst(change: Change, invoice: StoredInvoice, card: string | null): ChargeAttempt | null {
  if (invoice.amount_due === 0) return null;
  const intent = requestPayment(change, invoice);
  return card === null ? null : chargeIntent(change, intent, card);
}

/** The first invoice speaks of no time span of its own: only its lines do. */
function firstInvoice(change: Change, subscription: StoredSubscription, begun: NewSubscription): StoredInvoice {
  const period = currentPeriod(subscription);
  return invoiceObject({
    created: change.now,
    customer: begun.customer,
    currency: subscription.currency,
    status: "open",
    billingReason: "subscription_create",
    parent: { subscription: subscription.id, metadata: subscription.metadata },
    lines: [
      ...(begun.trialEnd === null ? periodLines(subscription, period) : trialLines(subscription, period)),
      ...begun.fees.map((fee) => feeLine(subscription, fee, change.now)),
    ],
    periodStart: change.now,
    periodEnd: change.now,
    autoAdvance: false,
    attemptCount: 0,
    nextPaymentAttempt: null,
  });
}
