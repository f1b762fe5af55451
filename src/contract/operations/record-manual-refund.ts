import { z } from "zod";
import { type ContractRule, staff } from "../rule.ts";
import { chooseRefund, settleOwed } from "../settling-refunds.ts";

const params = z.strictObject({
  refundId: z.string().min(1).max(300).describe("A refund that is owed, such as `c-1:period:3:refund:1`."),
});

/** A person has paid a refund back by hand, whatever way it was meant to go: nothing of it is owed any more. */
export const recordManualRefund: ContractRule<typeof params> = {
  kind: "record_manual_refund",
  subject: "contract",
  button: { ja: "手動返金を記録", en: "Record a refund by hand" },
  summary: {
    ja: "担当者が返金を済ませたことを記録します。",
    en: "A person has paid an owed refund back.",
  },
  actors: staff,
  params,
  choices: chooseRefund,
  next: ({ world, params: { refundId } }) => settleOwed(world, refundId, "manual_done"),
  nextAfterDeletion: ({ tombstone, params: { refundId } }) => settleOwed(tombstone, refundId, "manual_done"),
};
