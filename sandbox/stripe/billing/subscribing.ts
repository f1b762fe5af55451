import type { Change } from "../core/change.ts";
import type { StoredCustomer, StoredInvoice, StoredSubscription } from "../core/stored.ts";
import { testClockOf } from "../objects/customer.ts";
import { invoiceObject } from "../objects/invoice.ts";
import type { LineFacts } from "../objects/invoice-line.ts";
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
import { boundary, type Period, periodAt } from "./periods.ts";

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
  /** When the first whole period begins, in seconds; null for now. Until then only a part of one is paid for. */
  readonly anchor: number | null;
  readonly anchorConfig: StoredSubscription["billing_cycle_anchor_config"];
  /** Whether the time before the anchor costs nothing. */
  readonly isStubFree: boolean;
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
    anchor: begun.trialEnd ?? begun.anchor ?? change.now,
    period: firstPeriod(change.now, begun),
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
      ...firstLines(subscription, period, begun),
      ...begun.fees.map((fee) => feeLine(subscription, fee, change.now)),
    ],
    periodStart: change.now,
    periodEnd: change.now,
    autoAdvance: false,
    attemptCount: 0,
    nextPaymentAttempt: null,
  });
}

function firstPeriod(now: number, { anchor, recurrence, trialEnd }: NewSubscription): Period {
  const end = trialEnd ?? anchor;
  return end === null ? periodAt(now, recurrence, 0) : { start: now, end };
}

function firstLines(subscription: StoredSubscription, period: Period, begun: NewSubscription): LineFacts[] {
  if (begun.trialEnd !== null) return trialLines(subscription, period);
  const lines = periodLines(subscription, period);
  if (begun.anchor === null) return lines;
  // The whole period of which this is the end.
  const whole = begun.anchor - boundary(begun.anchor, begun.recurrence, -1);
  const part = begun.isStubFree ? 0 : (period.end - period.start) / whole;
  return lines.map((line) => ({ ...line, amount: Math.round(line.amount * part) }));
}
