import { z } from "zod";
import { type ContractRule, rejectStatus, stripe } from "../rule.ts";

const params = z.strictObject({});

export const recordSubscriptionChange: ContractRule<typeof params> = {
  kind: "record_subscription_change",
  subject: "contract",
  button: { ja: "サブスクリプション変更の記録", en: "Record a change of the subscription" },
  summary: {
    ja: "Stripe上での予約・解除・未払いなどの変更を契約に反映します。",
    en: "What was reserved, lifted or left unpaid at Stripe is mirrored here.",
  },
  actors: stripe,
  params,
  next: ({ world }) => rejectStatus(world.contract),
};
