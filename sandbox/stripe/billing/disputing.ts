import type { Change } from "../core/change.ts";
import { type DisputeStatus, type StoredCharge, type StoredDispute, subscriptionOf } from "../core/stored.ts";
import { disputeObject, isInquiry } from "../objects/dispute.ts";
import { endSubscription } from "./canceling.ts";
import { recordDispute } from "./effects.ts";
import { balanceChanged } from "./refunding.ts";

/** The cardholder disputes a charge. The money is taken back at once, unless the bank only asks. */
export function openDispute(
  change: Change,
  charge: StoredCharge,
  reason: string,
  status: DisputeStatus,
): StoredDispute {
  const dispute = change.put(disputeObject({ created: change.now, charge, reason, status }));
  change.put({ ...charge, disputed: true });
  recordDispute(change, "charge.disputed", dispute);
  if (isInquiry(status)) return dispute;
  change.emit("charge.dispute.funds_withdrawn", dispute);
  balanceChanged(change, -dispute.amount);
  if (change.world.disputeCancelsSubscription) cancelDisputed(change, charge);
  return dispute;
}

/** won: the money comes back and can be refunded again; lost: it is gone. */
export function closeDispute(change: Change, dispute: StoredDispute, outcome: "won" | "lost"): StoredDispute {
  const answered = change.put({
    ...dispute,
    evidence_details: { ...dispute.evidence_details, has_evidence: true, submission_count: 1 },
    status: "under_review",
  });
  change.emit("charge.dispute.updated", answered);
  const closed = change.put({ ...answered, is_charge_refundable: outcome === "won", status: outcome });
  if (outcome === "won") {
    change.emit("charge.dispute.funds_reinstated", closed);
    balanceChanged(change, dispute.amount);
  }
  recordDispute(change, "dispute.closed", closed);
  return closed;
}

function cancelDisputed(change: Change, charge: StoredCharge): void {
  const [payment] = change.objects.invoice_payment.newestFirst("payment_intent", charge.payment_intent);
  const invoice = payment === undefined ? undefined : change.objects.invoice.get(payment.invoice);
  const id = invoice === undefined ? null : subscriptionOf(invoice);
  const subscription = id === null ? undefined : change.objects.subscription.get(id);
  if (subscription !== undefined) endSubscription(change, subscription, "payment_disputed");
}
