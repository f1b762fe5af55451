import { newId } from "../core/ids.ts";
import type { DisputeStatus, StoredCharge, StoredDispute } from "../core/stored.ts";

export interface DisputeFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly charge: StoredCharge;
  readonly reason: string;
  readonly status: DisputeStatus;
}

/** How long the merchant has to answer. */
const RESPONSE_SECONDS = 9 * 24 * 60 * 60;

export function disputeObject({ id, created, charge, reason, status }: DisputeFacts): StoredDispute {
  return {
    id: id ?? newId("dispute"),
    object: "dispute",
    amount: charge.amount,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: NO_EVIDENCE,
    evidence_details: {
      due_by: created + RESPONSE_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: "not_submitted",
    },
    intended_submission_method: null,
    is_charge_refundable: isInquiry(status),
    livemode: false,
    metadata: {},
    network_reason_code: null,
    payment_intent: charge.payment_intent,
    reason,
    status,
  };
}

/** A question of the bank before any money is taken: the charge can still be refunded. */
export function isInquiry(status: DisputeStatus): boolean {
  return status.startsWith("warning_");
}

const NO_EVIDENCE: StoredDispute["evidence"] = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
};
