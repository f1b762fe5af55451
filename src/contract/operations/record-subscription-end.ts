import { z } from "zod";
import { type ContractRule, stripe, superseded } from "../rule.ts";
import { hasEnded } from "../subscription.ts";
import { endWithSubscription, readReported } from "../subscription-ending.ts";

const params = z.strictObject({ subscriptionId: z.string().min(1).max(255) });

/**
 * The subscription of a contract is over (`customer.subscription.deleted`): the retries that Stripe was set to make have run
 * out, a reservation's date has come, or somebody ended it there. The contract is terminated, or canceled if it never began.
 *
 * The subscription is read, not trusted from the event. The end of a former one, or of a contract that has ended, says
 * nothing new.
 */
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
  next(facts, answers) {
    const reported = readReported(facts, answers);
    if (reported.type === "step") return reported.step;
    const { subscription } = reported;
    return hasEnded(subscription) ? endWithSubscription(facts, subscription, answers) : superseded();
  },
  nextAfterDeletion: () => superseded(),
};
