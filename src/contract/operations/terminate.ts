import { endSubscriptions, tellBoth } from "../canceling.ts";
import { closeInvoices } from "../closing-invoices.ts";
import { type ContractRule, endAs, noParams, reject, rejectStatus, settle, staff } from "../rule.ts";
import { withEnd } from "../subscription.ts";

/**
 * 解約処理: ends a suspended monthly contract at once. The unpaid periods count as never charged; what was paid stays
 * viewable. By card, in this order: the subscription is cancelled, its open invoices are voided and its drafts stopped
 * (voiding first could make Stripe run the subscription again), and then it is looked whether one was paid in between,
 * by the invoices that our rows name and by all that Stripe lists as paid: that one is a payment, and opens its period as
 * any payment of a contract that has begun.
 */
export const terminate: ContractRule<typeof noParams> = {
  kind: "terminate",
  subject: "contract",
  button: { ja: "解約処理", en: "Terminate now" },
  summary: {
    ja: "停止中の月額契約を直ちに解約します。未払いの期間は請求されなかったものとします。",
    en: "A suspended contract ends at once; its unpaid periods count as never charged.",
  },
  actors: staff,
  params: noParams,
  next(facts, answers) {
    const { contract } = facts.world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.status !== "payment_unconfirmed") return rejectStatus(contract);

    const ending = endSubscriptions(contract, answers);
    if (ending.type === "step") return ending.step;
    const closing = closeInvoices({ ...facts, world: withEnd(facts.world, ending.endedAt) }, answers);
    if (closing.type === "step") return closing.step;
    return settle({
      ...endAs("terminated", ending.endedAt),
      reservation: null,
      newPayments: closing.newPayments,
      paymentMoves: closing.paymentMoves,
      licenses: closing.licenses,
      attention: [...ending.attention, ...closing.attention],
      notices: tellBoth("contract_terminated", {}),
    });
  },
};
