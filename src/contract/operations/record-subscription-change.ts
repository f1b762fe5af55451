import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordSubscriptionChange: ContractRule<typeof params> = {
  kind: "record_subscription_change",
  subject: "contract",
  button: { ja: "サブスクリプション変更の記録", en: "Record a change of the subscription" },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
