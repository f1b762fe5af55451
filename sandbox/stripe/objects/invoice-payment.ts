import { newId } from "../core/ids.ts";
import type { StoredInvoicePayment } from "../core/stored.ts";

export interface InvoicePaymentFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly invoice: string;
  readonly paymentIntent: string;
  readonly amount: number;
  readonly currency: string;
}

/** An invoice's payment while nothing has been paid. */
export function invoicePaymentObject(facts: InvoicePaymentFacts): StoredInvoicePayment {
  return {
    id: facts.id ?? newId("invoicePayment"),
    object: "invoice_payment",
    amount_paid: null,
    amount_requested: facts.amount,
    created: facts.created,
    currency: facts.currency,
    invoice: facts.invoice,
    is_default: true,
    livemode: false,
    payment: { type: "payment_intent", payment_intent: facts.paymentIntent },
    status: "open",
    status_transitions: { canceled_at: null, paid_at: null },
  };
}
