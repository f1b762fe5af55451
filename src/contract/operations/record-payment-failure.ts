import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordPaymentFailure: ContractRule<typeof params> = {
  kind: "record_payment_failure",
  subject: "contract",
  button: { ja: "支払い失敗の記録", en: "Record a failed payment" },
  summary: {
    ja: "Stripeが報告した決済失敗を記録し、契約を停止して、顧客と管理者に知らせます。",
    en: "Stripe reports a failed attempt: the contract is suspended, and customer and operators are told of every one.",
  },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
