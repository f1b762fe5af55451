import { z } from "zod";
import { refundRefusals } from "../canceling.ts";
import type { Change, LicenseMove, PaymentMove } from "../change.ts";
import { collectPayments, isDoubtful, remarkOnDoubt } from "../collecting.ts";
import type { License, Payment, Refund, Tombstone } from "../contract.ts";
import { withRefunds } from "../receipts.ts";
import {
  isOwed,
  leftOfPayment,
  type Refundable,
  type Refunding,
  refundableOf,
  refundPayments,
  refundSourceOf,
  sumOf,
} from "../refunding.ts";
import { type ContractRule, type RuleFacts, reject, settle, staff } from "../rule.ts";
import type { Answers, Step } from "../step.ts";

const params = z.strictObject({
  paymentId: z
    .string()
    .min(1)
    .max(255)
    .describe("A row of the purchase history, such as `c-1:period:3`; what is left of it is refunded."),
  revokeLicense: z
    .boolean()
    .describe("Whether the license that the payment opened is revoked with it; it cannot be taken later.")
    .default(false),
});

/**
 * 部分返金: gives back what is left of one row of the purchase history, whole rows only: through Stripe where Stripe took
 * the money, as a note for a person otherwise. With `revokeLicense` the license that the payment opened is revoked with it.
 * Neither can be undone, and a license cannot be taken later for a payment that was refunded without it.
 *
 * Of a deleted contract, a refund that is still owed may be asked for again.
 */
export const refundPayment: ContractRule<typeof params> = {
  kind: "refund_payment",
  subject: "contract",
  button: { ja: "部分返金", en: "Refund one payment" },
  summary: {
    ja: "購入履歴の1件を返金します。ライセンスの取り消しも同時に指定できます。",
    en: "What is left of one payment goes back; on demand its license is revoked with it.",
  },
  actors: staff,
  params,
  choices({ world, tombstone }) {
    const rowless = (world?.refunds ?? []).filter(
      (refund) => isOwed(refund) && !world?.payments.some(({ id }) => id === refund.paymentId),
    );
    const payments =
      world?.payments
        .map((payment) => ({ id: payment.id, amountMinor: leftOfPayment(world, payment) }))
        .concat(rowless.map(({ paymentId: id, amountMinor }) => ({ id, amountMinor }))) ??
      tombstone?.payments.map(({ paymentId: id }) => ({ id, amountMinor: sumOwed(owedOf(tombstone, id)) })) ??
      [];
    if (payments.length === 0) return [{ params: { paymentId: "–" }, isStandIn: true }];
    return payments.map(({ id, amountMinor }) => ({ params: { paymentId: id }, amountMinor }));
  },
  next(facts, answers) {
    const { world, params: given } = facts;
    const { paymentId, revokeLicense } = given;
    const payment = world.payments.find(({ id }) => id === paymentId);
    if (payment?.state !== "paid") {
      // What a charge held beside its rows, or what came too late for one, is owed under its own name.
      const owed = refundOwed(world, paymentId, answers);
      if (owed !== undefined) return owed;
    }
    if (payment === undefined) return reject("payment_not_found", { paymentId });
    const refusal = refuseRefund(payment, leftOfPayment(world, payment));
    if (refusal !== undefined) return refusal;
    const naming = nameAtStripe(facts, payment, answers);
    if (naming.type === "step") return naming.step;
    if (naming.type === "in_doubt") return settle({ attention: [remarkOnDoubt(payment)] });
    const refunding = refundPayments(refundSourceOf(world), [refundableOf(world, naming.payment)], answers);
    const licenses = revokeLicense ? revokeFor(payment, world.licenses) : [];
    return settleRefund(refunding, paymentId, (moves) => ({
      paymentMoves: withRefunds(world, { newPayments: [], paymentMoves: naming.paymentMoves }, moves).paymentMoves,
      licenses,
    }));
  },
  nextAfterDeletion({ tombstone, params: { paymentId } }, answers) {
    const isKnown =
      owedOf(tombstone, paymentId).length > 0 || tombstone.payments.some((payment) => payment.paymentId === paymentId);
    return (
      refundOwed(tombstone, paymentId, answers) ??
      reject(isKnown ? "already_refunded" : "payment_not_found", { paymentId })
    );
  },
};

type Naming =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "in_doubt" }
  | {
      readonly type: "named";
      readonly payment: Pick<Payment, "id" | "amountMinor" | "stripePaymentIntentId">;
      readonly paymentMoves: readonly PaymentMove[];
    };

/**
 * Asks for what is owed of a payment that has no paid row here, by card; undefined where nothing is. What else was given back
 * of it is not known, so what is left is what the rows say is owed.
 */
function refundOwed(from: Pick<Tombstone, "refunds">, paymentId: string, answers: Answers): Step | undefined {
  const owed = owedOf(from, paymentId);
  const stripePaymentIntentId = owed[0]?.stripePaymentIntentId ?? null;
  if (stripePaymentIntentId === null) return undefined;
  const payment: Refundable = { id: paymentId, stripePaymentIntentId, leftMinor: sumOwed(owed) };
  const refunding = refundPayments({ refunds: from.refunds, byCard: true }, [payment], answers);
  return settleRefund(refunding, paymentId, () => ({ paymentMoves: [] }));
}

/**
 * Finds at Stripe which money a payment by card is that was brought along without its intent. Where more than one may be
 * meant, a person has to tell them apart.
 */
function nameAtStripe(facts: RuleFacts<unknown>, payment: Payment, answers: Answers): Naming {
  const byCard = facts.world.contract.paymentMethod === "card";
  if (!byCard || payment.stripePaymentIntentId !== null) return { type: "named", payment, paymentMoves: [] };
  const collecting = collectPayments(facts, answers);
  if (collecting.type === "step") return collecting;
  if (isDoubtful(collecting.collection, payment)) return { type: "in_doubt" };
  const { payments, paymentMoves } = collecting.collection;
  const isIt = ({ id }: { readonly id: string }) => id === payment.id;
  return { type: "named", payment: payments.find(isIt) ?? payment, paymentMoves: paymentMoves.filter(isIt) };
}

/** What is still owed of a payment. */
function owedOf({ refunds }: Pick<Tombstone, "refunds">, paymentId: string): readonly Refund[] {
  return refunds.filter((refund) => refund.paymentId === paymentId && isOwed(refund));
}

function sumOwed(owed: readonly Refund[]): number {
  return owed.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

/** Why nothing of a payment can be given back, in the order of the specification; undefined when something can. */
export function refuseRefund({ id, state, dispute }: Payment, leftMinor: number): Step | undefined {
  const detail = { paymentId: id };
  if (state === "refunded") return reject("already_refunded", detail);
  if (state !== "paid") return reject("payment_not_paid", detail);
  if (leftMinor <= 0) return reject("already_refunded", detail);
  return dispute === "lost" ? reject("payment_disputed", detail) : undefined;
}

/** The license of the payment, if it is open. */
function revokeFor({ id }: Payment, licenses: readonly License[]): readonly LicenseMove[] {
  const isOpen = licenses.some(({ paymentId, revokedBecause }) => paymentId === id && revokedBecause === null);
  return isOpen ? [{ type: "revoked", paymentId: id, because: "refunded" }] : [];
}

function settleRefund(
  refunding: Refunding,
  paymentId: string,
  changeWith: (paymentMoves: readonly PaymentMove[]) => Change,
): Step {
  if (refunding.type === "step") return refunding.step;
  // Somebody has refunded it at Stripe; the report of that brings our row up to date.
  const isNews = refunding.results.every(
    ({ result, refundMoves }) => result !== "refunded_before" || refundMoves.length > 0,
  );
  if (!isNews) return reject("already_refunded", { paymentId });
  const { newRefunds, refundMoves, paymentMoves, attention } = sumOf(refunding.results);
  return settle({
    newRefunds,
    refundMoves,
    attention,
    notices: refundRefusals(attention),
    ...changeWith(paymentMoves),
  });
}
