import { renewalProcessedSince } from "../renewals.ts";
import { withoutReservation } from "../reserving.ts";
import {
  type ContractRule,
  type NoParams,
  noParams,
  type RuleFacts,
  reject,
  rejectStatus,
  settle,
  staffAndCustomer,
} from "../rule.ts";
import type { Answers, Step } from "../step.ts";
import { liftReservation, lookAtSubscription } from "../subscription.ts";

/**
 * 解約の取消: lifts a reservation before its date comes. A running contract runs on as its dates say; a suspended one
 * stays suspended. A reservation by product month cannot be lifted.
 */
export const withdrawReservation: ContractRule<typeof noParams> = {
  kind: "withdraw_reservation",
  subject: "contract",
  button: { ja: "解約の取消", en: "Withdraw reservation" },
  summary: {
    ja: "解約予約を取り消し、契約を続けます。",
    en: "The reservation is lifted, and the contract runs on.",
  },
  actors: staffAndCustomer,
  params: noParams,
  next(facts, answers) {
    const { world, today } = facts;
    const { contract } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    const reserved = contract.status === "termination_reserved" || contract.status === "payment_unconfirmed";
    if (!reserved || contract.terminationOn === null) return rejectStatus(contract);
    if (today >= contract.terminationOn) return reject("renewal_date_reached", { date: contract.terminationOn });
    if (contract.terminationSource === "product_month") return reject("reserved_by_product_month");

    if (contract.stripeSubscriptionId !== null) {
      const lifting = liftAtStripe(facts, contract.stripeSubscriptionId, answers);
      if (lifting !== undefined) return lifting;
    } else if (renewalProcessedSince(world, today)) {
      return reject("renewal_already_processed");
    }
    return settle(withoutReservation(contract, today));
  },
};

/** The next step toward a subscription without a reservation; undefined once there is none. */
function liftAtStripe(facts: RuleFacts<NoParams>, subscriptionId: string, answers: Answers): Step | undefined {
  const looked = lookAtSubscription(facts, subscriptionId, answers);
  if (looked.type === "step") return looked.step;
  if (looked.startsOn > facts.today) return reject("renewal_already_processed");

  return liftReservation(looked.subscription, answers);
}
