import { z } from "zod";
import type { Payment, Refund } from "../contract.ts";
import { followBuriedRefunds, followRefunds, listRefunds } from "../following-refunds.ts";
import { type ContractRule, missingAtStripe, settle, stripe } from "../rule.ts";
import type { Step } from "../step.ts";

const params = z.strictObject({ paymentIntentId: z.string().min(1).max(255) });

/**
 * Something has become of a refund at Stripe (`refund.*`, `charge.refunded`). Every refund that Stripe lists of the payment
 * intent is followed, whoever made it; neither license nor status is touched. One that fails after all is owed again.
 */
export const recordRefund: ContractRule<typeof params> = {
  kind: "record_refund",
  subject: "contract",
  button: { ja: "返金の記録", en: "Record a refund" },
  summary: {
    ja: "Stripe上の返金の状況を、返金の記録に反映します。",
    en: "The refund ledger follows Stripe, refunds made on its dashboard and late failures included.",
  },
  actors: stripe,
  params,
  next({ world, params: { paymentIntentId } }, answers) {
    const isOfIntent = (row: Payment | Refund) => row.stripePaymentIntentId === paymentIntentId;
    const payments = world.payments.filter(isOfIntent);
    // What an invoice held beyond our lines has no payment, but a refund when it was given back.
    if (payments.length === 0 && !world.refunds.some(isOfIntent)) return unknownPayment(paymentIntentId);
    const listed = listRefunds(paymentIntentId, answers);
    if (listed.type === "step") return listed.step;
    const { seen } = listed;
    return seen.type === "missing"
      ? missingAtStripe(paymentIntentId)
      : settle(followRefunds(payments, world.refunds, seen, paymentIntentId));
  },
  nextAfterDeletion({ tombstone, params: { paymentIntentId } }, answers) {
    const rows = [...tombstone.payments, ...tombstone.refunds];
    if (!rows.some((row) => row.stripePaymentIntentId === paymentIntentId)) return unknownPayment(paymentIntentId);
    const listed = listRefunds(paymentIntentId, answers);
    if (listed.type === "step") return listed.step;
    const { seen } = listed;
    return seen.type === "missing"
      ? missingAtStripe(paymentIntentId)
      : settle(followBuriedRefunds(tombstone, seen, paymentIntentId));
  },
};

function unknownPayment(paymentIntentId: string): Step {
  return settle({ attention: [{ code: "payment_unknown", detail: { paymentIntentId } }] });
}
