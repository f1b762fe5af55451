import { z } from "zod";
import type { BusinessDate } from "../calendar.ts";
import type { Change } from "../change.ts";
import { finalStatuses, isOneOf } from "../contract.ts";
import { reserveAtPeriodEnd, withoutReservationAtStripe } from "../reserving.ts";
import { type ContractRule, type RuleFacts, reject, rejectStatus, settle, staff } from "../rule.ts";
import type { Answers, Step, SubscriptionSeen } from "../step.ts";
import { endsByItselfOn, type FoundSubscription, hasEnded } from "../subscription.ts";

const params = z.strictObject({
  subscriptionId: z.string().min(1).max(255).describe("The new subscription at Stripe, of the same customer: sub_…."),
});

/**
 * From now on another subscription of the same customer bills the contract. The present one becomes a former one, of which
 * only payments and refunds count; it is not ended here. A reservation that stands is made of the new one, too.
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
  next(facts, answers) {
    const { catalog } = facts;
    const { contract } = facts.world;
    const { subscriptionId } = facts.params;
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

    const carrying = carryReservation(facts, seen, answers, mismatch("it was renewed meanwhile, ask again"));
    return carrying.type === "step" ? carrying.step : settle({ subscriptionId, ...carrying.change });
  },
};

/**
 * What has the new subscription end where a reservation stands, lest it charge beyond: with its own period, or as it ends by
 * itself already. A reservation that was made at Stripe is what Stripe says of the new one.
 */
function carryReservation(
  { world: { contract }, zone, today }: RuleFacts<z.output<typeof params>>,
  subscription: FoundSubscription,
  answers: Answers,
  rolledOver: Step,
): { readonly type: "step"; readonly step: Step } | { readonly type: "carried"; readonly change: Change } {
  const { terminationOn, terminationSource, terminationAskedBy } = contract;
  const carried = (change: Change) => ({ type: "carried", change }) as const;
  if (terminationOn === null || terminationSource === null) return carried({});
  const reservedFor = (date: BusinessDate): Change => ({
    reservation: {
      terminationOn: date,
      terminationSource,
      ...(terminationAskedBy === null ? {} : { askedBy: terminationAskedBy }),
    },
  });
  const endsOn = endsByItselfOn(subscription, zone);
  if (endsOn !== null) return carried(reservedFor(endsOn));
  if (terminationSource === "stripe") return carried(withoutReservationAtStripe(contract, today, subscription.id));
  const reserving = reserveAtPeriodEnd({ zone }, subscription, answers, rolledOver);
  return reserving.type === "step" ? reserving : carried(reservedFor(reserving.terminationOn));
}
