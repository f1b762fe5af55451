import { callOff } from "../canceling.ts";
import { type ContractRule, noParams, reject, rejectStatus, staff } from "../rule.ts";

/**
 * キャンセル(手動返金): calls off a one-time contract that was paid by bank transfer or arranged by hand, established or
 * before its start. Nothing is refunded by itself: what was paid is noted as owed, for a person to give back.
 */
export const cancelManualRefund: ContractRule<typeof noParams> = {
  kind: "cancel_manual_refund",
  subject: "contract",
  button: { ja: "キャンセル(手動返金)", en: "Cancel with manual refund" },
  summary: {
    ja: "カード以外で支払われた買い切り契約を取りやめます。返金は担当者が行います。",
    en: "A one-time contract that was not paid by card is called off; a person gives the money back.",
  },
  actors: staff,
  params: noParams,
  next(facts, answers) {
    const { contract } = facts.world;
    if (contract.kind !== "one_time") return reject("not_one_time");
    if (contract.paymentMethod === "card") return reject("paid_by_card");
    if (contract.status !== "established" && contract.status !== "not_started") return rejectStatus(contract);
    return callOff(facts, answers);
  },
};
