import type { Attention } from "./change.ts";
import type { Contract } from "./contract.ts";
import type { Answers, CallAnswer, InvoiceSeen, Step, SubscriptionSeen, UnpaidInvoicesSeen } from "./step.ts";

/** Every subscription that bills the contract or billed it, the present one first. */
export function subscriptionsOf({ stripeSubscriptionId, formerStripeSubscriptionIds }: Contract): readonly string[] {
  return stripeSubscriptionId === null ? [] : [stripeSubscriptionId, ...formerStripeSubscriptionIds];
}

type Closing =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "closed"; readonly attention: readonly Attention[] };

/**
 * Ends every subscription of a contract that is to be deleted, voids the open invoices and stops the drafts. "Cancelled
 * already", "no such subscription" and "no longer open" are answers.
 */
export function closeSubscriptions(contract: Contract, answers: Answers): Closing {
  const attention: Attention[] = [];
  const subscriptionIds = subscriptionsOf(contract);
  for (const subscriptionId of subscriptionIds) {
    const name = `cancel_subscription:${subscriptionId}`;
    const answer = answers.get(name) as CallAnswer<SubscriptionSeen> | undefined;
    if (answer === undefined) return call(name, { verb: "cancel_subscription", subscriptionId });
    if (answer.type === "refused") attention.push({ code: "subscription_missing", detail: { subscriptionId } });
  }
  for (const subscriptionId of subscriptionIds) {
    const name = `unpaid_invoices:${subscriptionId}`;
    const seen = answers.get(name) as UnpaidInvoicesSeen | undefined;
    if (seen === undefined) {
      return { type: "step", step: { type: "look", name, look: { verb: "list_unpaid_invoices", subscriptionId } } };
    }
    for (const { id, stripeInvoiceStatus } of seen.invoices) {
      const isOpen = stripeInvoiceStatus === "open";
      const stepName = isOpen ? `void:${id}` : `stop:${id}`;
      const answer = answers.get(stepName) as CallAnswer<InvoiceSeen> | undefined;
      if (answer === undefined)
        return call(stepName, { verb: isOpen ? "void_invoice" : "stop_invoice", invoiceId: id });
      // One that was paid in the meantime is among the paid ones, which are listed next.
      if (answer.type === "refused" && answer.code !== "invoice_not_open") {
        attention.push({ code: "invoice_not_voided", detail: { invoiceId: id, refusal: answer.code } });
      }
    }
  }
  return { type: "closed", attention };
}

function call(name: string, wanted: Extract<Step, { type: "call" }>["call"]): Closing {
  return { type: "step", step: { type: "call", name, call: wanted } };
}
