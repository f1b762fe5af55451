import type Stripe from "stripe";
import { newId } from "../core/ids.ts";
import type { Metadata, RefundStatus, StoredCharge, StoredRefund } from "../core/stored.ts";

export interface RefundFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly charge: StoredCharge;
  readonly amount: number;
  readonly status: RefundStatus;
  readonly pendingReason?: "insufficient_funds" | "processing";
  readonly reason?: Stripe.Refund.Reason | null | undefined;
  readonly metadata?: Metadata | undefined;
}

export function refundObject(facts: RefundFacts): StoredRefund {
  const { charge, status } = facts;
  return {
    id: facts.id ?? newId("refund"),
    object: "refund",
    amount: facts.amount,
    balance_transaction: newId("balanceTransaction"),
    charge: charge.id,
    created: facts.created,
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: {
      card: { reference_status: "pending", reference_type: "acquirer_reference_number", type: "refund" },
      type: "card",
    },
    metadata: facts.metadata ?? {},
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    ...(status === "pending" ? { pending_reason: facts.pendingReason ?? "insufficient_funds" } : {}),
    ...(status === "failed" ? failureOf("unknown") : {}),
    reason: facts.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status,
    transfer_reversal: null,
  };
}

/** What a refund that failed says beside its status. */
export function failureOf(reason: string): Pick<StoredRefund, "failure_reason" | "failure_balance_transaction"> {
  return { failure_reason: reason, failure_balance_transaction: newId("balanceTransaction") };
}

/** A refund counts against what is left of its charge unless it failed or was canceled; a pending one counts. */
export function countsAsRefunded(status: RefundStatus): boolean {
  return status !== "failed" && status !== "canceled";
}
