import { callOff } from "../canceling.ts";
import { type ContractRule, noParams, rejectStatus, staffAndCustomer } from "../rule.ts";

/**
 * キャンセル: calls off what has not been paid, or a monthly contract that has not started. What was paid so far, the
 * initial fee, goes back: through Stripe by card, as a note for a person otherwise.
 *
 * Customers may call off only what they have not paid for yet.
 */
export const cancel: ContractRule<typeof noParams> = {
  kind: "cancel",
  subject: "contract",
  button: { ja: "キャンセル", en: "Cancel" },
  summary: {
    ja: "支払い前、または開始前の月額契約を取りやめます。支払い済みの初期費用は返金します。",
    en: "What has not been paid, or a monthly contract that has not started, is called off; what was paid goes back.",
  },
  actors: staffAndCustomer,
  customerMayAsk: (contract) => contract.status === "awaiting_payment",
  params: noParams,
  next(facts, answers) {
    const { contract } = facts.world;
    const notYetPaid = contract.status === "awaiting_payment";
    const notYetRunning = contract.status === "not_started" && contract.kind === "monthly";
    if (!notYetPaid && !notYetRunning) return rejectStatus(contract);
    return callOff(facts, answers);
  },
};
