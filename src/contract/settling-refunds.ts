import type { PaymentMove } from "./change.ts";
import type { ContractWorld, Refund, Tombstone } from "./contract.ts";
import { isOwed, leftOfPayment } from "./refunding.ts";
import { type ChoiceFacts, type RuleChoice, reject, settle } from "./rule.ts";
import type { Step } from "./step.ts";

/** Every refund that is owed, or a stand-in where there is none. */
export function chooseRefund({ world, tombstone }: ChoiceFacts): readonly RuleChoice[] {
  const owed = (world ?? tombstone)?.refunds.filter(isOwed) ?? [];
  if (owed.length === 0) return [{ params: { refundId: "–" }, isStandIn: true }];
  return owed.map(({ id, amountMinor }) => ({ params: { refundId: id }, amountMinor }));
}

/**
 * Settles a refund that is owed: a person paid it back (`manual_done`), or it will not be given (`waived`). Paid back, the
 * payment is refunded once nothing of it is left. Of a deleted contract, the customer is forgotten with the last refund
 * that a person owed them.
 */
export function settleOwed(
  from: ContractWorld | Tombstone,
  refundId: string,
  to: Extract<Refund["state"], "manual_done" | "waived">,
): Step {
  const refund = from.refunds.find(({ id }) => id === refundId);
  if (refund === undefined || !isOwed(refund)) return reject("refund_not_owed", { refundId });
  const refundMoves = [{ id: refundId, from: refund.state, to }];
  if ("contract" in from) {
    const lackingMinor = lackingOf(from, refund);
    if (to === "manual_done" && refund.amountMinor > lackingMinor) {
      return reject("refund_not_owed", { refundId, lackingMinor: String(lackingMinor) });
    }
    return settle({ refundMoves, paymentMoves: to === "manual_done" ? paymentMoves(from, refund) : [] });
  }
  const others = from.refunds.filter(({ id, state }) => id !== refundId && state === "manual_due");
  return settle({ refundMoves, burial: { forgetCustomer: from.customerId !== null && others.length === 0 } });
}

/** How much of the refund's payment nobody has given back, or is giving back by another way. */
function lackingOf(world: ContractWorld, refund: Refund): number {
  const payment = world.payments.find(({ id }) => id === refund.paymentId);
  if (payment === undefined) return refund.amountMinor;
  // What was noted as owed by hand counts as given back already, itself included; what Stripe failed to give back does not.
  return leftOfPayment(world, payment) + (refund.state === "manual_due" ? refund.amountMinor : 0);
}

function paymentMoves(world: ContractWorld, refund: Refund): readonly PaymentMove[] {
  const payment = world.payments.find(({ id }) => id === refund.paymentId);
  if (payment?.state !== "paid") return [];
  const leftMinor = lackingOf(world, refund) - refund.amountMinor;
  const stillOwedByHand = world.refunds.some(
    ({ id, paymentId, state }) => id !== refund.id && paymentId === payment.id && state === "manual_due",
  );
  return leftMinor <= 0 && !stillOwedByHand ? [{ id: payment.id, from: "paid", to: "refunded" }] : [];
}
