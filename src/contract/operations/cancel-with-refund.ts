import { callOff } from "../canceling.ts";
import { type ContractRule, noParams, reject, rejectStatus, staff } from "../rule.ts";

/**
 * キャンセルして返金: calls off a one-time contract that was paid by card, established or before its start, and refunds
 * everything through Stripe.
 */
export const cancelWithRefund: ContractRule<typeof noParams> = {
  kind: "cancel_with_refund",
  subject: "contract",
  button: { ja: "キャンセルして返金", en: "Cancel and refund" },
  summary: {
    ja: "カードで支払われた買い切り契約を取りやめ、Stripeを通じて全額を返金します。",
    en: "A one-time contract that was paid by card is called off and refunded through Stripe.",
  },
  actors: staff,
  params: noParams,
  next(facts, answers) {
    const { contract } = facts.world;
    if (contract.kind !== "one_time") return reject("not_one_time");
    if (contract.paymentMethod !== "card") return reject("not_paid_by_card");
    if (contract.status !== "established" && contract.status !== "not_started") return rejectStatus(contract);
    return callOff(facts, answers);
  },
};
