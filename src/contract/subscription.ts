import { type BusinessDate, businessDateOf, type Instant } from "./calendar.ts";
import type { Contract, ContractWorld } from "./contract.ts";
import type { Facts } from "./operation.ts";
import { reject, superseded } from "./rule.ts";
import type { Answers, ChangeAnswer, Step, SubscriptionSeen } from "./step.ts";

export type FoundSubscription = Extract<SubscriptionSeen, { type: "found" }>;

/** Every subscription that bills the contract or billed it, the present one first. */
export function subscriptionsOf({ stripeSubscriptionId, formerStripeSubscriptionIds }: Contract): readonly string[] {
  return stripeSubscriptionId === null ? [] : [stripeSubscriptionId, ...formerStripeSubscriptionIds];
}

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

/** Whether Stripe says that the subscription has ended, or will never begin. Its status says so, whether or not a time does. */
export function hasEnded({ stripeSubscriptionStatus }: Pick<FoundSubscription, "stripeSubscriptionStatus">): boolean {
  return endedStatuses.includes(stripeSubscriptionStatus);
}

/** When a subscription ended, by Stripe's clock; null while it has not, and of one that Stripe does not have. */
export function endOf(seen: SubscriptionSeen): Instant | null {
  return seen.type === "found" ? seen.endedAt : null;
}

/** A contract with the end that it has at Stripe, by which it is judged what was paid too late. */
export function withEnd(world: ContractWorld, endedAt: Instant | null): ContractWorld {
  return endedAt === null ? world : { ...world, contract: { ...world.contract, endedAt } };
}

/** The business date on which Stripe is set to end the subscription by itself; null when it runs on. */
export function endsByItselfOn(
  { cancelAtPeriodEnd, cancelAt, currentPeriodEndAt }: FoundSubscription,
  zone: string,
): BusinessDate | null {
  const endAt = cancelAt ?? (cancelAtPeriodEnd ? currentPeriodEndAt : null);
  return endAt === null ? null : businessDateOf(endAt, zone);
}

/** The look that is still needed. */
type Needed = { readonly type: "step"; readonly step: Step };

/** Reads the contract's subscription, as Stripe has it. */
export function seeSubscription(
  subscriptionId: string,
  answers: Answers,
): Needed | { readonly type: "seen"; readonly seen: SubscriptionSeen } {
  const seen = answers.get("subscription") as SubscriptionSeen | undefined;
  if (seen !== undefined) return { type: "seen", seen };
  const look = { verb: "read_subscription", subscriptionId } as const;
  return { type: "step", step: { type: "look", name: "subscription", look } };
}

/** Reads the contract's subscription; null where it has ended, or is not there. */
export function readSubscription(
  subscriptionId: string,
  answers: Answers,
): Needed | { readonly type: "seen"; readonly subscription: FoundSubscription | null } {
  const looked = seeSubscription(subscriptionId, answers);
  if (looked.type === "step") return looked;
  const { seen } = looked;
  return { type: "seen", subscription: seen.type === "missing" || hasEnded(seen) ? null : seen };
}

/** Reads the contract's subscription for a rule that needs it alive. */
export function lookAtSubscription(facts: Pick<Facts, "zone">, subscriptionId: string, answers: Answers): LookedAt {
  const seen = readSubscription(subscriptionId, answers);
  if (seen.type === "step") return seen;
  const { subscription } = seen;
  if (subscription === null) return { type: "step", step: reject("subscription_not_running") };
  return {
    type: "seen",
    subscription,
    startsOn: businessDateOf(subscription.currentPeriodStartAt, facts.zone),
    endsOn: businessDateOf(subscription.currentPeriodEndAt, facts.zone),
  };
}

/**
 * The next step toward a subscription that no longer ends by itself; undefined once there is none. The end may have been
 * set for the period's end, as ours are, or for a moment of its own, on Stripe's dashboard.
 */
export function liftReservation(subscription: FoundSubscription, answers: Answers): Step | undefined {
  const answer = answers.get("withdraw") as ChangeAnswer | undefined;
  if (answer === undefined) {
    const { id: subscriptionId, cancelAt, cancelAtPeriodEnd } = subscription;
    const call =
      cancelAt !== null && !cancelAtPeriodEnd
        ? ({ verb: "clear_cancel_at", subscriptionId } as const)
        : ({ verb: "set_cancel_at_period_end", subscriptionId, cancelAtPeriodEnd: false } as const);
    return { type: "call", name: "withdraw", call };
  }
  if (answer.type === "overtaken") return overtakenByEnd(subscription.id);
  const isLifted = answer.type === "done" && answer.value.type === "found";
  return isLifted ? undefined : reject("subscription_not_running");
}

/**
 * The end of an operation whose call may have taken effect on a subscription that has ended since: it changes nothing here,
 * and says so. What the end means for the contract comes with Stripe's report of it.
 */
export function overtakenByEnd(subscriptionId: string): Step {
  return superseded({ attention: [{ code: "subscription_ended_meanwhile", detail: { subscriptionId } }] });
}
