import type { Change } from "../core/change.ts";
import type { StoredInvoice, StoredInvoiceItem, StoredSubscription } from "../core/stored.ts";
import { DRAFT_SECONDS, invoiceObject } from "../objects/invoice.ts";
import { AWAITED_EVENT } from "./draft-answers.ts";
import { finalizeDueInvoice } from "./dunning.ts";
import { recordInvoice, recordInvoiceItem } from "./effects.ts";
import { pendingLine } from "./lines.ts";

/** A subscription's invoice items that no invoice has taken yet, oldest first. */
export function pendingItems({ objects }: Change, subscription: string): StoredInvoiceItem[] {
  return [...objects.invoiceitem.oldestFirst("subscription", subscription)].filter(({ invoice }) => invoice === null);
}

/** The invoice has taken everything that waited for one. */
export function takePending(change: Change, subscription: string, invoice: string): void {
  for (const item of pendingItems(change, subscription)) change.put({ ...item, invoice });
}

export function removePending(change: Change, item: StoredInvoiceItem): void {
  change.remove(item);
  recordInvoiceItem(change, "invoiceitem.deleted", item);
}

/** Tells of a draft of what waited for an invoice, makes it final at once and collects it. */
export function collectNow(change: Change, draft: StoredInvoice): void {
  recordInvoice(change, "invoice.created", draft);
  finalizeDueInvoice(change, draft);
}

/**
 * The draft of what waits for an invoice, which becomes the subscription's latest one; null when nothing waits. Tells
 * of neither yet.
 */
export function draftOfPending(
  change: Change,
  subscription: StoredSubscription,
  billingReason: "subscription_cycle" | "subscription_update",
): StoredInvoice | null {
  const items = pendingItems(change, subscription.id);
  const customer = change.objects.customer.get(subscription.customer);
  if (items.length === 0 || customer === undefined) return null;
  const draft = change.put(
    invoiceObject({
      created: change.now,
      customer,
      currency: subscription.currency,
      status: "draft",
      billingReason,
      parent: { subscription: subscription.id, metadata: subscription.metadata },
      lines: items.map(pendingLine),
      periodStart: change.now,
      periodEnd: change.now,
      autoAdvance: true,
      attemptCount: 0,
      nextPaymentAttempt: change.now + DRAFT_SECONDS,
      isAwaited: billingReason === "subscription_cycle" && change.receiversOf(AWAITED_EVENT) > 0,
    }),
  );
  takePending(change, subscription.id, draft.id);
  change.put({ ...subscription, latest_invoice: draft.id });
  return draft;
}
