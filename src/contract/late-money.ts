import { licenseOnPaid } from "./billing.ts";
import { isLater } from "./calendar.ts";
import { refundRefusals } from "./canceling.ts";
import { catchUp } from "./catching-up.ts";
import type { Attention, Notice } from "./change.ts";
import type { BuriedPayment } from "./contract.ts";
import { asRefunded, isLate, opensByItself, type Receipt, type Recording, sourceOf } from "./receipts.ts";
import { refundableOf, refundPayments, refundSourceOf, sumOf } from "./refunding.ts";
import { type RuleFacts, settle, superseded, type TombstoneFacts } from "./rule.ts";
import { opensWhatIsPaid } from "./settling-receipts.ts";
import type { Answers, Step } from "./step.ts";

/**
 * Money of a contract that has ended, here or only at Stripe yet: when, its world says. What was made before the end and is
 * only told of late is an ordinary payment. What was made after it is recorded and, unless the installation keeps it,
 * refunded; operators are told.
 *
 * A canceled contract opens nothing, whatever is paid for it, and keeps nothing: its cancel refunds everything that was paid.
 */
export function recordAfterEnd(
  facts: RuleFacts<unknown>,
  receipt: Receipt,
  recording: Recording,
  answers: Answers,
): Step {
  const { world, today, policy } = facts;
  const { contract, licenses } = world;
  const { newPayments, paymentMoves, rows } = recording;
  const opens = opensWhatIsPaid(contract, today);
  const kept = {
    newPayments,
    paymentMoves,
    licenses: opens ? rows.filter(opensByItself).flatMap((row) => licenseOnPaid(row, licenses)) : [],
  };
  const cameLate = isLate(receipt.paidAt, contract.endedAt);
  if (!cameLate && contract.status === "terminated") {
    return catchUp(facts, receipt, recording, { ...kept, attention: recording.attention }, answers);
  }
  const remark = lateRemark(receipt, sumPaid(recording));
  // What a canceled contract was paid before its end would have been refunded by its cancel, had that known of it.
  if (cameLate && policy.latePayment === "keep") {
    const told = { attention: [...recording.attention, remark], notices: [tellLate(receipt, recording, 0)] };
    return catchUp(facts, receipt, recording, { ...kept, ...told }, answers);
  }
  const refundable = [...rows, ...beyond(receipt, recording)]
    .map((row) => refundableOf(world, row))
    .filter(({ leftMinor }) => leftMinor > 0);
  if (rows.length === 0 && refundable.length === 0) return superseded();
  const refunding = refundPayments(refundSourceOf(world), refundable, answers);
  if (refunding.type === "step") return refunding.step;
  const { newRefunds, refundMoves, paymentMoves: refunds, attention, refundMinor } = sumOf(refunding.results);
  const refunded = asRefunded(recording, new Set(refunds.map(({ id }) => id)));
  return settle({
    newPayments: refunded.newPayments,
    paymentMoves: refunded.paymentMoves,
    newRefunds,
    refundMoves,
    attention: [...recording.attention, remark, ...attention],
    notices: [tellLate(receipt, recording, refundMinor), ...refundRefusals(attention)],
  });
}

/** What was paid beyond the rows, as something to refund by itself. */
function beyond(receipt: Receipt, { beyondMinor: amountMinor }: Recording) {
  return [{ id: sourceOf(receipt), amountMinor, stripePaymentIntentId: receipt.paymentIntentId }];
}

function sumPaid({ rows, beyondMinor }: Recording): number {
  return rows.reduce((sum, { amountMinor }) => sum + amountMinor, beyondMinor);
}

function lateRemark(receipt: Pick<Receipt, "invoiceId" | "paymentIntentId">, amountMinor: number): Attention {
  return { code: "late_payment", detail: { source: sourceOf(receipt), amountMinor } };
}

function tellLate(receipt: Receipt, recording: Recording, refundMinor: number): Notice {
  return tellOperators(sourceOf(receipt), sumPaid(recording), refundMinor);
}

function tellOperators(source: string, amountMinor: number, refundMinor: number): Notice {
  const detail = { source, amountMinor, refundMinor };
  return { kind: "late_payment", recipient: "operators", detail, cause: `late_payment:${source}` };
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
 * beside the others with its ids, by which what is reported of it later is known. Money that is buried already is old news.
 */
export function buryLate(
  { tombstone, policy }: TombstoneFacts<unknown>,
  money: MoneyForDeleted,
  answers: Answers,
): Step {
  const { invoiceId, paymentIntentId, paidAt } = money;
  const known = tombstone.payments.filter(
    (payment) =>
      payment.paymentId === invoiceId ||
      (paymentIntentId !== null && payment.stripePaymentIntentId === paymentIntentId),
  );
  const amountMinor = known.reduce((rest, payment) => rest - payment.amountMinor, money.amountMinor);
  // One without an intent is known by the tombstone's ids, with those that the deletion itself voided.
  const wasKnown =
    paymentIntentId === null &&
    invoiceId !== null &&
    tombstone.stripeIds.includes(invoiceId) &&
    !isLater(paidAt, tombstone.deletedAt);
  if (wasKnown || amountMinor <= 0) return superseded();

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
  const burialOf = (latePayments: readonly BuriedPayment[]) => ({
    latePayments,
    stripeIds: [invoiceId, paymentIntentId].filter((id) => id !== null),
  });
  const remark = lateRemark(money, amountMinor);
  const tell = (refundMinor: number) => tellOperators(sourceOf(money), amountMinor, refundMinor);
  if (policy.latePayment === "keep") {
    return settle({ burial: burialOf([bury("kept", null)]), attention: [remark], notices: [tell(0)] });
  }
  const refunding = refundPayments({ refunds: tombstone.refunds, byCard: true }, [payment], answers);
  if (refunding.type === "step") return refunding.step;
  const { newRefunds, refundMoves, attention, refundMinor } = sumOf(refunding.results);
  return settle({
    burial: burialOf(refunding.results.map(({ result, refundId }) => bury(result, refundId))),
    newRefunds,
    refundMoves,
    attention: [remark, ...attention],
    notices: [tell(refundMinor), ...refundRefusals(attention)],
  });
}
