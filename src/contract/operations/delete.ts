import { z } from "zod";
import { businessDateOf } from "../calendar.ts";
import { refundRefusals } from "../canceling.ts";
import { type Collected, collectPayments, remarkOnDoubt } from "../collecting.ts";
import type { BuriedPayment, ContractWorld } from "../contract.ts";
import { closeSubscriptions } from "../erasing.ts";
import {
  type RefundResult,
  refundableAmong,
  refundableOf,
  refundPayments,
  refundSourceOf,
  sumOf,
} from "../refunding.ts";
import { withUnrecordedPaid } from "../renewals.ts";
import { type ContractRule, type RuleFacts, reject, settle, staff } from "../rule.ts";
import { subscriptionsOf } from "../subscription.ts";

const params = z.strictObject({
  confirm: z
    .string()
    .max(64)
    .optional()
    .describe("The contract's id once more; without it the deletion is rejected as `confirmation_missing`."),
});
type Params = z.output<typeof params>;

/**
 * 削除: makes as if nothing had been. By card, in this order: the subscriptions are cancelled, former ones too; their open
 * invoices are voided; every payment is refunded as far as possible, past months and payments that only Stripe knows of
 * included, except what was paid on or before the cut-off. Then contract, payments, licenses, sign-up and history are
 * erased. Refunds that Stripe refuses, for whatever reason, stay owed and do not stop it. A payment that may be one of those
 * which only Stripe knew of is left to a person, and so is one that no single intent paid. By hand, what a run that
 * is owed would have taken as paid counts as paid ({@link withUnrecordedPaid}).
 *
 * For mistaken sign-ups and contracts made by mistake; who wants money back should cancel, or refund the payment.
 */
export const deleteContract: ContractRule<typeof params> = {
  kind: "delete",
  subject: "contract",
  button: { ja: "削除", en: "Delete" },
  summary: {
    ja: "契約を削除し、全て無かったことにします。カードの支払いは可能な限り全て返金します。",
    en: "As if nothing had been: every payment by card is refunded as far as possible, and everything about the contract is erased.",
  },
  actors: staff,
  params,
  choices: ({ contractId }) => [{ params: { confirm: contractId } }],
  next(asGiven, answers) {
    const facts = { ...asGiven, world: withUnrecordedPaid(asGiven) };
    const { world, params: given } = facts;
    const { contract } = world;
    if (given.confirm !== contract.id) return reject("confirmation_missing", { contractId: contract.id });

    const closing = closeSubscriptions(world, answers);
    if (closing.type === "step") return closing.step;
    const collected = collectPayments(facts, answers);
    if (collected.type === "step") return collected.step;

    const { payments, oddlyPaid } = collected.collection;
    const { inDoubt, kept, toRefund } = sort(facts, payments);
    const refundable = toRefund.map((payment) => refundableOf(world, payment));
    const refunding = refundPayments(refundSourceOf(world), refundable, answers);
    if (refunding.type === "step") return refunding.step;

    const { newRefunds, refundMoves, attention } = sumOf(refunding.results);
    const owesByHand = newRefunds.some(({ state }) => state === "manual_due") || world.refunds.some(isOwedByHand);
    return settle({
      newRefunds,
      refundMoves,
      attention: [...closing.attention, ...oddlyPaid, ...attention, ...inDoubt.map(remarkOnDoubt)],
      notices: refundRefusals(attention),
      deletion: {
        customerId: owesByHand ? contract.customerId : null,
        stripeIds: stripeIdsOf(world, payments),
        payments: [
          ...payments.flatMap((payment) => buriedBefore(world, payment)),
          ...kept.map((payment) => buried(payment, "before_cutoff", null)),
          ...inDoubt.map((payment) => buried(payment, "in_doubt", null)),
          ...refunding.results.map((result) => buriedAs(payments, result)),
        ],
      },
    });
  },
};

/**
 * What is to be refunded, what was paid by card before refunds existed, and what may be money that is refunded already under
 * another name. Money that came by hand has no cut-off.
 */
function sort({ world, zone, policy }: RuleFacts<Params>, payments: readonly Collected[]) {
  const open = refundableAmong(world, payments);
  const byCard = world.contract.paymentMethod === "card";
  const isBefore = ({ paidAt }: Collected) => byCard && businessDateOf(paidAt, zone) <= policy.refundCutoffOn;
  const after = open.filter((payment) => !isBefore(payment));
  return {
    kept: open.filter(isBefore),
    inDoubt: after.filter(({ isInDoubt }) => isInDoubt),
    toRefund: after.filter(({ isInDoubt }) => !isInDoubt),
  };
}

/** A payment of which nothing was left to refund when the deletion came to it. */
function buriedBefore(world: ContractWorld, payment: Collected): readonly BuriedPayment[] {
  if (refundableAmong(world, [payment]).length > 0) return [];
  if (payment.dispute === "lost") return [buried(payment, "lost_in_dispute", null)];
  const refund = world.refunds.findLast(
    ({ paymentId, supersededBy }) => paymentId === payment.id && supersededBy === null,
  );
  const result = refund === undefined ? "refunded_before" : resultOf(refund.state);
  return [buried(payment, result, refund?.id ?? null)];
}

function resultOf(state: ContractWorld["refunds"][number]["state"]): BuriedPayment["result"] {
  if (state === "manual_due") return "refund_owed_by_hand";
  return state === "pending" || state === "requires_action" ? "refund_pending" : "refunded_before";
}

function buriedAs(payments: readonly Collected[], { paymentId, result, refundId }: RefundResult): BuriedPayment {
  const payment = payments.find(({ id }) => id === paymentId);
  if (payment === undefined) throw new Error(`${paymentId} was not to be refunded`);
  return buried(payment, result, refundId);
}

function buried(payment: Collected, result: BuriedPayment["result"], refundId: string | null): BuriedPayment {
  const { id, subject, period, amountMinor, paidAt, stripePaymentIntentId } = payment;
  return { paymentId: id, subject, period, amountMinor, paidAt, stripePaymentIntentId, result, refundId };
}

function isOwedByHand({ state }: ContractWorld["refunds"][number]): boolean {
  return state === "manual_due";
}

/** Everything by which late money and late events of the contract can be recognised. */
function stripeIdsOf({ contract, payments }: ContractWorld, collected: readonly Collected[]): readonly string[] {
  const ids = [
    contract.stripeCustomerId,
    ...subscriptionsOf(contract),
    contract.stripePaymentIntentId,
    ...[...payments, ...collected].flatMap(({ stripeInvoiceId, stripePaymentIntentId }) => [
      stripeInvoiceId,
      stripePaymentIntentId,
    ]),
  ];
  return [...new Set(ids.filter((id) => id !== null))];
}
