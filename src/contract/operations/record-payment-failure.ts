import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordPaymentFailure: ContractRule<typeof params> = {
  kind: "record_payment_failure",
  subject: "contract",
  button: { ja: "支払い失敗の記録", en: "Record a failed payment" },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
