import { licenseOnPaid } from "./billing.ts";
import { isLater } from "./calendar.ts";
import { refundRefusals } from "./canceling.ts";
import type { Attention, Change, Notice } from "./change.ts";
import type { BuriedPayment } from "./contract.ts";
import { opensByItself, type Receipt, type Recording } from "./receipts.ts";
import { type RefundResult, refundableOf, refundPayments, refundSourceOf, sumOf } from "./refunding.ts";
import { type RuleFacts, settle, superseded, type TombstoneFacts } from "./rule.ts";
import type { Answers, Step } from "./step.ts";

/**
 * Money of a contract that has ended. What was made before the end and is only told of late is an ordinary payment. What
 * was made after it is recorded and, unless the installation keeps it, refunded; operators are told.
 *
 * A canceled contract opens nothing, whatever is paid for it.
 */
export function recordAfterEnd(
  { world, today, policy }: RuleFacts<unknown>,
  receipt: Receipt,
  recording: Recording,
  answers: Answers,
): Step {
  const { contract, licenses } = world;
  const { newPayments, paymentMoves, rows } = recording;
  const opens = contract.status === "terminated" && contract.startOn <= today;
  const kept = {
    newPayments,
    paymentMoves,
    licenses: opens ? rows.filter(opensByItself).flatMap((row) => licenseOnPaid(row, licenses)) : [],
  };
  const isLate = contract.endedAt === null || isLater(receipt.paidAt, contract.endedAt);
  if (!isLate) {
    // Nothing gives it back by itself, and nothing of a canceled contract was meant to be kept.
    const odd = contract.status === "canceled" ? [lateRemark(receipt, sumPaid(recording))] : [];
    return settle({ ...kept, attention: [...recording.attention, ...odd] });
  }
  const remark = lateRemark(receipt, sumPaid(recording));
  if (policy.latePayment === "keep") {
    return settle({ ...kept, attention: [...recording.attention, remark], notices: [tellLate(receipt, recording, 0)] });
  }
  const refundable = rows.map((row) => refundableOf(world, row)).filter(({ leftMinor }) => leftMinor > 0);
  const refunding = refundPayments(refundSourceOf(world), refundable, answers);
  if (refunding.type === "step") return refunding.step;
  const { newRefunds, refundMoves, attention, refundMinor } = sumOf(refunding.results);
  return settle({
    ...withRefunds(recording, refunding.results),
    newRefunds,
    refundMoves,
    attention: [...recording.attention, remark, ...attention],
    notices: [tellLate(receipt, recording, refundMinor), ...refundRefusals(attention)],
  });
}

/** The recording with the rows that were refunded at once as refunded: a row is written or moved but once. */
function withRefunds(
  { newPayments, paymentMoves }: Recording,
  results: readonly RefundResult[],
): Pick<Change, "newPayments" | "paymentMoves"> {
  const refunded = new Set(results.flatMap((result) => result.paymentMoves.map(({ id }) => id)));
  const state = (id: string) => (refunded.has(id) ? "refunded" : "paid");
  return {
    newPayments: newPayments.map((row) => ({ ...row, state: state(row.id) })),
    paymentMoves: paymentMoves.map((move) => ({ ...move, to: state(move.id) })),
  };
}

function sumPaid({ rows }: Recording): number {
  return rows.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

function lateRemark(receipt: Pick<Receipt, "invoiceId" | "paymentIntentId">, amountMinor: number): Attention {
  return { code: "late_payment", detail: { source: sourceOf(receipt), amountMinor } };
}

/** Stripe's id by which a person finds the money: the invoice's, or the intent's where there is none. */
function sourceOf({ invoiceId, paymentIntentId }: Pick<Receipt, "invoiceId" | "paymentIntentId">): string {
  return invoiceId ?? paymentIntentId ?? "unknown";
}

function tellLate(receipt: Receipt, recording: Recording, refundMinor: number): Notice {
  const detail = { source: sourceOf(receipt), amountMinor: sumPaid(recording), refundMinor };
  return { kind: "late_payment", recipient: "operators", detail };
}

/** Money that came for a deleted contract. */
export interface MoneyForDeleted {
  readonly invoiceId: string | null;
  readonly paymentIntentId: string | null;
  readonly amountMinor: number;
  readonly paidAt: string;
}

/**
 * Money of a deleted contract that its deletion did not know of: refunded, unless the installation keeps it, and buried
 * beside the others. Money that is buried already is old news.
 */
export function buryLate(
  { tombstone, policy }: TombstoneFacts<unknown>,
  money: MoneyForDeleted,
  answers: Answers,
): Step {
  const { invoiceId, paymentIntentId, amountMinor, paidAt } = money;
  const isKnown = tombstone.payments.some(
    (payment) =>
      payment.paymentId === invoiceId ||
      (paymentIntentId !== null && payment.stripePaymentIntentId === paymentIntentId),
  );
  // One without an intent is known by the tombstone's ids, with those that the deletion itself voided.
  const wasKnown =
    paymentIntentId === null &&
    invoiceId !== null &&
    tombstone.stripeIds.includes(invoiceId) &&
    !isLater(paidAt, tombstone.deletedAt);
  if (isKnown || wasKnown || amountMinor <= 0) return superseded();

  const payment = { id: sourceOf(money), leftMinor: amountMinor, stripePaymentIntentId: paymentIntentId };
  const bury = (result: BuriedPayment["result"], refundId: string | null): BuriedPayment => ({
    paymentId: payment.id,
    subject: "unknown",
    period: null,
    amountMinor,
    paidAt,
    stripePaymentIntentId: paymentIntentId,
    result,
    refundId,
  });
  const remark = lateRemark(money, amountMinor);
  const tell = (refundMinor: number): Notice => {
    const detail = { source: sourceOf(money), amountMinor, refundMinor };
    return { kind: "late_payment", recipient: "operators", detail };
  };
  if (policy.latePayment === "keep") {
    return settle({ burial: { latePayments: [bury("kept", null)] }, attention: [remark], notices: [tell(0)] });
  }
  const refunding = refundPayments({ refunds: tombstone.refunds, byCard: true }, [payment], answers);
  if (refunding.type === "step") return refunding.step;
  const { newRefunds, refundMoves, attention, refundMinor } = sumOf(refunding.results);
  return settle({
    burial: { latePayments: refunding.results.map(({ result, refundId }) => bury(result, refundId)) },
    newRefunds,
    refundMoves,
    attention: [remark, ...attention],
    notices: [tell(refundMinor), ...refundRefusals(attention)],
  });
}
