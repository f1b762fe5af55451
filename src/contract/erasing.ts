import { endSubscriptions } from "./canceling.ts";
import type { Attention } from "./change.ts";
import type { Contract } from "./contract.ts";
import type { Answers, CallAnswer, CallStep, InvoiceSeen, Step, UnpaidInvoicesSeen } from "./step.ts";
import { subscriptionsOf } from "./subscription.ts";

type Closing =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "closed"; readonly attention: readonly Attention[] };

/**
 * Ends every subscription of a contract that is to be deleted, voids the open invoices and stops the drafts. "Cancelled
 * already", "no such subscription" and "no longer open" are answers.
 */
export function closeSubscriptions(contract: Contract, answers: Answers): Closing {
  const ending = endSubscriptions(contract, answers);
  if (ending.type === "step") return ending;
  const attention = [...ending.attention];
  for (const subscriptionId of subscriptionsOf(contract)) {
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

function call(name: string, wanted: CallStep["call"]): Closing {
  return { type: "step", step: { type: "call", name, call: wanted } };
}
