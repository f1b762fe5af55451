import { newId } from "../core/ids.ts";
import type { StoredCharge, StoredPaymentIntent } from "../core/stored.ts";

/** Why a card was refused, in Stripe's words. */
export interface Decline {
  readonly code: string;
  readonly declineCode: string;
  readonly message: string;
}

export interface ChargeFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly paymentIntent: StoredPaymentIntent;
  readonly paymentMethod: string | null;
  /** Null when the charge succeeded. */
  readonly decline: Decline | null;
}

/** One attempt to charge a card for a PaymentIntent. */
export function chargeObject({ id, created, paymentIntent, paymentMethod, decline }: ChargeFacts): StoredCharge {
  const isPaid = decline === null;
  return {
    id: id ?? newId("charge"),
    object: "charge",
    amount: paymentIntent.amount,
    amount_captured: isPaid ? paymentIntent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: isPaid ? newId("balanceTransaction") : null,
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    calculated_statement_descriptor: "SANDBOX",
    captured: isPaid,
    created,
    currency: paymentIntent.currency,
    customer: paymentIntent.customer,
    description: paymentIntent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: { ...paymentIntent.metadata },
    on_behalf_of: null,
    outcome: outcomeOf(decline),
    paid: isPaid,
    payment_intent: paymentIntent.id,
    payment_method: paymentMethod,
    payment_method_details: null,
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: isPaid ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: null,
  };
}

function outcomeOf(decline: Decline | null): StoredCharge["outcome"] {
  return {
    advice_code: decline === null ? null : "try_again_later",
    network_advice_code: null,
    network_decline_code: null,
    network_status: decline === null ? "approved_by_network" : "declined_by_network",
    reason: decline?.declineCode ?? null,
    risk_level: "normal",
    seller_message: decline?.message ?? "Payment complete.",
    type: decline === null ? "authorized" : "issuer_declined",
  };
}
