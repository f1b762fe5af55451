import { z } from "zod";
import { type ContractRule, reject, staff } from "../rule.ts";
import { chooseRefund, settleOwed } from "../settling-refunds.ts";

const params = z.strictObject({
  refundId: z.string().min(1).max(300).describe("A refund that is owed, such as `c-1:period:3:refund:1`."),
});

/** It was decided that a refund which is owed will not be given; the request says why. */
export const waiveRefund: ContractRule<typeof params> = {
  kind: "waive_refund",
  subject: "contract",
  button: { ja: "返金しないことを記録", en: "Waive a refund" },
  summary: {
    ja: "返金待ちの返金を行わないことを、理由とともに記録します。",
    en: "An owed refund will not be given, for the reason that the request says.",
  },
  actors: staff,
  params,
  choices: chooseRefund,
  next: ({ operation, world, params: { refundId } }) =>
    operation.hasReason ? settleOwed(world, refundId, "waived") : reasonMissing(),
  nextAfterDeletion: ({ operation, tombstone, params: { refundId } }) =>
    operation.hasReason ? settleOwed(tombstone, refundId, "waived") : reasonMissing(),
};

function reasonMissing() {
  return reject("invalid_request", { field: "reason", problem: "must say why the refund is waived" });
}
