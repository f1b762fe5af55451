import { z } from "zod";
import { finalStatuses, isOneOf } from "../contract.ts";
import { type ContractRule, reject, rejectStatus, settle, staff } from "../rule.ts";
import type { SubscriptionSeen } from "../step.ts";
import { hasEnded } from "../subscription.ts";

const params = z.strictObject({
  subscriptionId: z.string().min(1).max(255).describe("The new subscription at Stripe, of the same customer: sub_…."),
});

/**
 * From now on another subscription of the same customer bills the contract. The present one becomes a former one, of which
 * only payments and refunds count; it is not ended here.
 */
export const replaceSubscription: ContractRule<typeof params> = {
  kind: "replace_subscription",
  subject: "contract",
  button: { ja: "サブスクリプションの差し替え", en: "Replace the subscription" },
  summary: {
    ja: "契約を請求するStripeのサブスクリプションを差し替えます。",
    en: "Another subscription of the same customer bills the contract from now on.",
  },
  actors: staff,
  params,
  // Which one is known to whoever made it at Stripe.
  choices: () => [{ params: { subscriptionId: "–" }, isStandIn: true }],
  next({ world, catalog, params: { subscriptionId } }, answers) {
    const { contract } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.paymentMethod !== "card") return reject("not_paid_by_card");
    if (isOneOf(contract.status, finalStatuses)) return rejectStatus(contract);
    const mismatch = (problem: string) => reject("subscription_mismatch", { subscriptionId, problem });
    if (subscriptionId === contract.stripeSubscriptionId) return mismatch("it bills the contract already");
    if (contract.formerStripeSubscriptionIds.includes(subscriptionId)) return mismatch("it billed the contract before");
    if (catalog?.stripeReferenceTaken === true) return mismatch("it belongs to another contract");

    const seen = answers.get("new_subscription") as SubscriptionSeen | undefined;
    if (seen === undefined) {
      return { type: "look", name: "new_subscription", look: { verb: "read_subscription", subscriptionId } };
    }
    if (seen.type === "missing") return mismatch("Stripe has no such subscription");
    if (seen.customerId !== contract.stripeCustomerId) return mismatch("it belongs to another customer");
    if (hasEnded(seen)) return mismatch("it has ended");
    return settle({ subscriptionId });
  },
};
