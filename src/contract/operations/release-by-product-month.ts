import { productMonthStood, reachesProductMonth, withoutReservation } from "../reserving.ts";
import { type ContractRule, reject, rejectStatus, schedule, settle } from "../rule.ts";
import { rejectNotDue, scheduledParams } from "../scheduled.ts";
import { endsByItselfOn, liftReservation, lookAtSubscription } from "../subscription.ts";

/**
 * 商品の年月指定による解約予約の解除: the product's month was cleared or moved to a later one, so a reservation that it made
 * no longer stands; it is lifted, at Stripe too where Stripe still shows one. A running contract runs on as the date says, a
 * suspended one stays suspended. A new month makes its own reservation when its time comes. A reservation that somebody else
 * had made for the same date stands again as theirs. For a date before the month was cleared or moved, nothing is due.
 */
export const releaseByProductMonth: ContractRule<typeof scheduledParams> = {
  kind: "release_by_product_month",
  subject: "contract",
  button: { ja: "商品の年月指定による解約予約の解除", en: "Release by product month" },
  summary: {
    ja: "商品の年月指定が解除または延期されたため、解約予約を解除します。",
    en: "The product's month was cleared or moved later, so the reservation that it made is lifted.",
  },
  actors: schedule,
  params: scheduledParams,
  next(facts, answers) {
    const { world, zone, params } = facts;
    const { contract, product } = world;
    const { status, terminationOn, terminationSource, terminationAskedBy, stripeSubscriptionId } = contract;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (status !== "termination_reserved" && status !== "payment_unconfirmed") return rejectStatus(contract);
    if (terminationOn === null || terminationSource !== "product_month") return rejectNotDue(params.date);
    // In time the run of that date would have found the month by which it was reserved.
    if (!productMonthStood(product, params.date, zone)) return rejectNotDue(params.date);
    // Once its date has come, the contract ends.
    if (terminationOn <= params.date || reachesProductMonth(product, terminationOn)) return rejectNotDue(params.date);

    // Somebody had asked for that date, too: theirs stands again, and Stripe ends the contract as before.
    if (terminationAskedBy !== null) {
      return settle({ reservation: { terminationOn, terminationSource: terminationAskedBy } });
    }
    if (stripeSubscriptionId !== null) {
      const looked = lookAtSubscription(facts, stripeSubscriptionId, answers);
      if (looked.type === "step") return looked.step;
      const isReserved = endsByItselfOn(looked.subscription, zone) !== null;
      const lifting = isReserved ? liftReservation(looked.subscription, answers) : undefined;
      if (lifting !== undefined) return lifting;
    }
    return settle({
      ...withoutReservation(contract, params.date),
    });
  },
};
