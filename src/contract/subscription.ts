import { type BusinessDate, businessDateOf } from "./calendar.ts";
import type { Facts } from "./operation.ts";
import { reject } from "./rule.ts";
import type { Answers, Step, SubscriptionSeen } from "./step.ts";

type FoundSubscription = Extract<SubscriptionSeen, { type: "found" }>;

/** Either the look that is still needed (or the refusal that it led to), or the subscription with its period's dates. */
export type LookedAt =
  | { readonly type: "step"; readonly step: Step }
  | {
      readonly type: "seen";
      readonly subscription: FoundSubscription;
      /** Business dates of the current period's two ends, as Stripe has them. */
      readonly startsOn: BusinessDate;
      readonly endsOn: BusinessDate;
    };

/** Stripe's words for a subscription that has ended, or never began. */
const endedStatuses: readonly string[] = ["canceled", "incomplete_expired"];

/** Reads the contract's subscription for a rule that needs it alive. */
export function lookAtSubscription(facts: Pick<Facts, "zone">, subscriptionId: string, answers: Answers): LookedAt {
  const seen = answers.get("subscription") as SubscriptionSeen | undefined;
  if (seen === undefined) {
    const look = { verb: "read_subscription", subscriptionId } as const;
    return { type: "step", step: { type: "look", name: "subscription", look } };
  }
  if (seen.type === "missing" || endedStatuses.includes(seen.stripeSubscriptionStatus)) {
    return { type: "step", step: reject("subscription_not_running") };
  }
  return {
    type: "seen",
    subscription: seen,
    startsOn: businessDateOf(seen.currentPeriodStartAt, facts.zone),
    endsOn: businessDateOf(seen.currentPeriodEndAt, facts.zone),
  };
}
