import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordSubscriptionEnd: ContractRule<typeof params> = {
  kind: "record_subscription_end",
  subject: "contract",
  button: { ja: "サブスクリプション終了の記録", en: "Record the end of the subscription" },
  summary: {
    ja: "Stripe上でサブスクリプションが終了したため、契約を解約またはキャンセルします。",
    en: "The subscription has ended at Stripe, and the contract ends with it.",
  },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
