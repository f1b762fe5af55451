import type { Attention, NewRefund, PaymentMove } from "./change.ts";
import { type ContractWorld, effectiveRefundStates, isOneOf, type Payment } from "./contract.ts";
import type { Answers, CallAnswer, RefundSeen, RefundsSeen, Step } from "./step.ts";

/** What refunding some payments comes to, once nothing is left to ask Stripe. */
export interface RefundResult {
  readonly newRefunds: readonly NewRefund[];
  readonly paymentMoves: readonly PaymentMove[];
  readonly attention: readonly Attention[];
  /** The sum that goes back to the customer now or is owed to them, for the mail that tells them so. */
  readonly refundMinor: number;
}

/** Either the next look or call, or the result when every payment has its answer. */
export type Refunding =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "done"; readonly result: RefundResult };

/** The id of the refund row that a new refund of this payment gets. Counts on from the rows that exist. */
export function refundId(world: Pick<ContractWorld, "refunds">, paymentId: string): string {
  const earlier = world.refunds.filter((refund) => refund.paymentId === paymentId).length;
  return `${paymentId}:refund:${earlier + 1}`;
}

/** By our own rows, what of a payment's amount is not given back, nor on its way back, nor noted for a person to do so. */
export function leftOfPayment(world: Pick<ContractWorld, "refunds">, payment: Payment): number {
  const returned = world.refunds
    .filter(({ paymentId }) => paymentId === payment.id)
    .filter(({ state }) => isOneOf(state, effectiveRefundStates) || state === "manual_due")
    .reduce((sum, refund) => sum + refund.amountMinor, 0);
  return payment.amountMinor - returned;
}

/** The payments that hold money of the customer's: paid, and not wholly given back by our own rows. */
export function refundablePayments(world: ContractWorld): readonly Payment[] {
  return world.payments.filter((payment) => payment.state === "paid" && leftOfPayment(world, payment) > 0);
}

/**
 * Refunds every payment given, through Stripe where Stripe took the money, as a note for a person otherwise.
 *
 * A refund that Stripe refuses for good stays owed and never blocks the contract: the result says so as attention.
 */
export function refundPayments(world: ContractWorld, payments: readonly Payment[], answers: Answers): Refunding {
  const results: RefundResult[] = [];
  for (const payment of payments) {
    const refunding = refundOne(world, payment, answers);
    if (refunding.type === "step") return refunding;
    results.push(refunding.result);
  }
  return {
    type: "done",
    result: {
      newRefunds: results.flatMap((result) => result.newRefunds),
      paymentMoves: results.flatMap((result) => result.paymentMoves),
      attention: results.flatMap((result) => result.attention),
      refundMinor: results.reduce((sum, result) => sum + result.refundMinor, 0),
    },
  };
}

function refundOne(world: ContractWorld, payment: Payment, answers: Answers): Refunding {
  // A refund that an earlier operation left owed, unsent or refused, is asked for again under its own row.
  const waiting = world.refunds.find(({ paymentId, state }) => paymentId === payment.id && state === "due");
  const id = waiting?.id ?? refundId(world, payment.id);
  const amountMinor = leftOfPayment(world, payment);
  const paymentIntentId = payment.stripePaymentIntentId;
  if (world.contract.paymentMethod !== "card" || paymentIntentId === null) {
    return owed({ id, paymentId: payment.id, amountMinor, state: "manual_due" }, "refund_owed_by_hand");
  }

  const lookName = `refunds_of:${payment.id}`;
  const seen = answers.get(lookName) as RefundsSeen | undefined;
  if (seen === undefined) {
    return step({ type: "look", name: lookName, look: { verb: "list_refunds", paymentIntentId } });
  }
  if (seen.type === "missing" || seen.chargedMinor === 0) {
    return waiting === undefined
      ? owed({ id, paymentId: payment.id, amountMinor, state: "due" }, "refund_owed")
      : stillOwed(id, waiting.amountMinor, "not_found");
  }
  if (seen.leftMinor <= 0) return refundedElsewhere(payment, amountMinor);

  // At most what the charge has left by Stripe's own list: rows of one invoice share it, and so may a dashboard refund.
  const sentMinor = Math.min(amountMinor, seen.leftMinor);
  const callName = `refund:${payment.id}`;
  const answer = answers.get(callName) as CallAnswer<RefundSeen> | undefined;
  if (answer === undefined) {
    return step({
      type: "call",
      name: callName,
      call: { verb: "refund_payment", refundId: id, paymentIntentId, amountMinor: sentMinor },
      refund: { isNew: waiting === undefined, refundId: id, paymentId: payment.id, amountMinor: sentMinor },
    });
  }
  if (answer.type === "refused") return stillOwed(id, sentMinor, answer.code);
  return answered(payment, id, answer.value);
}

function stillOwed(refundId: string, amountMinor: number, refusal: string): Refunding {
  const detail = { refundId, amountMinor, refusal };
  return done({ attention: [{ code: "refund_owed", detail }], refundMinor: amountMinor });
}

/** What the status that Stripe gave the refund means for the payment's row. */
function answered(payment: Payment, id: string, refund: RefundSeen): Refunding {
  const { amountMinor: refundMinor } = refund;
  const detail = { refundId: id, amountMinor: refundMinor };
  switch (refund.stripeRefundStatus) {
    case "succeeded":
      return done({ paymentMoves: [{ id: payment.id, from: "paid", to: "refunded" }], refundMinor });
    case "failed":
    case "canceled":
      return done({
        attention: [{ code: "refund_owed", detail: { ...detail, refusal: refund.stripeRefundStatus } }],
        refundMinor,
      });
    default:
      // Pending or requires_action: the money is on its way. Stripe reports how it ends.
      return done({ attention: [{ code: "refund_pending", detail }], refundMinor });
  }
}

function refundedElsewhere(payment: Payment, amountMinor: number): Refunding {
  return done({
    paymentMoves: [{ id: payment.id, from: "paid", to: "refunded" }],
    attention: [{ code: "refunded_elsewhere", detail: { paymentId: payment.id, amountMinor } }],
  });
}

function owed(refund: NewRefund, code: "refund_owed" | "refund_owed_by_hand"): Refunding {
  return done({
    newRefunds: [refund],
    attention: [{ code, detail: { refundId: refund.id, amountMinor: refund.amountMinor } }],
    refundMinor: refund.amountMinor,
  });
}

function step(next: Step): Refunding {
  return { type: "step", step: next };
}

function done(result: Partial<RefundResult>): Refunding {
  return { type: "done", result: { newRefunds: [], paymentMoves: [], attention: [], refundMinor: 0, ...result } };
}
