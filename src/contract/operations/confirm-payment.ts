import { z } from "zod";
import { confirmPayments, readPaidPeriods } from "../confirming.ts";
import { type ContractRule, reject, rejectStatus, settle, staff } from "../rule.ts";

const params = z.strictObject({
  paidPeriods: z
    .array(z.int().min(0))
    .max(600)
    .optional()
    .describe("The periods that are paid, counted from 0; those that have begun, when left out. `monthly` only."),
});

/**
 * 支払いを確認: a person confirms that the money has come. The initial fee and the periods that have begun (or those of
 * `params.paidPeriods`, counted from 0) become paid, and the contract starts as its dates say.
 */
export const confirmPayment: ContractRule<typeof params> = {
  kind: "confirm_payment",
  subject: "contract",
  button: { ja: "支払いを確認", en: "Confirm payment" },
  summary: {
    ja: "入金を確認し、初期費用と開始済みの期間を支払い済みにして契約を開始します。",
    en: "The money has come: the initial fee and the periods that have begun are paid, and the contract starts.",
  },
  actors: staff,
  params,
  next({ world, today, takenAt, params: { paidPeriods } }) {
    const { contract } = world;
    if (contract.paymentMethod === "card") return reject("collected_by_stripe");
    if (contract.status !== "awaiting_payment") return rejectStatus(contract);
    const periods = readPaidPeriods(contract, today, paidPeriods);
    if (periods.type === "reject") return periods;
    return settle(confirmPayments(world, { today, paidAt: takenAt, paidPeriods: periods.indexes }));
  },
};
