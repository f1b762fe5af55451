import { z } from "zod";
import type { Attention, Notice } from "../change.ts";
import type { DisputeState, Payment } from "../contract.ts";
import { waiveOwedOf } from "../refunding.ts";
import { type ContractRule, settle, stripe, superseded } from "../rule.ts";

const stripeId = z.string().min(1).max(255);
const params = z.strictObject({
  paymentIntentId: stripeId,
  disputeId: stripeId,
  /** Stripe's word for where the dispute stands. An open set. */
  stripeDisputeStatus: z.string().min(1).max(64),
});
type Params = z.output<typeof params>;

/**
 * The customer's bank has disputed a payment, or has decided (`charge.dispute.*`). It is noted on the rows of the payment,
 * and operators are told of each state once: one that was lost can no longer be refunded, so that no refund of it is owed any
 * more, and its license is theirs to decide. What is decided stays, whatever report comes late.
 *
 * An inquiry is only the bank's question (Stripe's `warning_…`), and takes no money: it is told, and noted on no row, so that
 * the dispute which may follow it, under the same id or another, is news.
 */
export const recordDispute: ContractRule<typeof params> = {
  kind: "record_dispute",
  subject: "contract",
  button: { ja: "不審請求の申し立ての記録", en: "Record a dispute" },
  summary: {
    ja: "不審請求の申し立ての状況を、支払いに記録します。",
    en: "A dispute is noted on its payment; one that is lost makes it unrefundable.",
  },
  actors: stripe,
  params,
  next({ world, params: reported }) {
    const state = stateOf(reported.stripeDisputeStatus);
    const rows = world.payments.filter((payment) => payment.stripePaymentIntentId === reported.paymentIntentId);
    const notices = tell(reported, state, rows);
    if (rows.length === 0) return settle({ attention: [unknownPayment(reported)], notices });
    const attention = [remark(reported, state)];
    if (isInquiry(state)) return settle({ attention, notices });
    const moved = rows.filter(({ dispute }) => isNews(dispute, state));
    if (moved.length === 0) return superseded({ notices });
    const lost = state === "lost" ? moved.map(({ id }) => id) : [];
    return settle({
      disputes: moved.map(({ id: paymentId }) => ({ paymentId, dispute: state })),
      refundMoves: waiveOwedOf(world.refunds, lost),
      attention,
      notices,
    });
  },
  nextAfterDeletion({ tombstone, params: reported }) {
    const state = stateOf(reported.stripeDisputeStatus);
    const rows = tombstone.payments.filter((payment) => payment.stripePaymentIntentId === reported.paymentIntentId);
    const notices = tell(reported, state, rows);
    if (rows.length === 0) return settle({ attention: [unknownPayment(reported)], notices });
    const lost = state === "lost" ? rows.map(({ paymentId }) => paymentId) : [];
    return settle({
      refundMoves: waiveOwedOf(tombstone.refunds, lost),
      attention: [remark(reported, state)],
      notices,
    });
  },
};

/** Whether a state is later than the one that is known: a dispute is decided once, and what is lost is never won. */
function isNews(known: DisputeState | null, state: DisputeState): boolean {
  return known === null || (known === "open" && state !== "open") || (known === "won" && state === "lost");
}

type Inquiry = "inquiry" | "inquiry_closed";

function isInquiry(state: DisputeState | Inquiry): state is Inquiry {
  return state === "inquiry" || state === "inquiry_closed";
}

/** What Stripe's word means to us. `prevented`: it was settled before it became a dispute, and the money stayed. */
function stateOf(stripeDisputeStatus: string): DisputeState | Inquiry {
  switch (stripeDisputeStatus) {
    case "lost":
      return "lost";
    case "won":
    case "prevented":
      return "won";
    case "warning_closed":
      return "inquiry_closed";
    default:
      return stripeDisputeStatus.startsWith("warning_") ? "inquiry" : "open";
  }
}

function remark({ disputeId }: Params, state: DisputeState | Inquiry): Attention {
  return { code: "payment_disputed", detail: { disputeId, state } };
}

function unknownPayment({ paymentIntentId, disputeId }: Params): Attention {
  return { code: "payment_unknown", detail: { paymentIntentId, disputeId } };
}

function tell(
  { paymentIntentId, disputeId }: Params,
  state: DisputeState | Inquiry,
  rows: readonly Pick<Payment, "amountMinor">[],
): readonly Notice[] {
  const amountMinor = rows.reduce((sum, row) => sum + row.amountMinor, 0);
  const detail = { paymentIntentId, disputeId, state, amountMinor };
  return [
    { kind: "payment_disputed", recipient: "operators", detail, cause: `payment_disputed:${disputeId}:${state}` },
  ];
}
