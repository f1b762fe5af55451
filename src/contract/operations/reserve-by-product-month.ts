import { type BusinessDate, businessDateOf, nextRenewalAfter } from "../calendar.ts";
import type { Change } from "../change.ts";
import { type AskedReservationSource, type Contract, type ContractWorld, isOneOf } from "../contract.ts";
import { renewalProcessedSince } from "../renewals.ts";
import { isProductsLastDate, productMonthStood, remarkOnRenewal, reserveAtPeriodEnd } from "../reserving.ts";
import { type ContractRule, type RuleFacts, reject, rejectStatus, schedule, settle } from "../rule.ts";
import { rejectNotDue, type ScheduledParams, scheduledParams } from "../scheduled.ts";
import type { Answers, Step } from "../step.ts";
import { endsByItselfOn, lookAtSubscription } from "../subscription.ts";

const reservableStatuses = ["active", "special_period", "termination_reserved", "payment_unconfirmed"] as const;

/**
 * 商品の年月指定による自動解約: the product's month is reached by the contract's next renewal date after today, so the
 * contract is to end on it, and nobody can withdraw that. A suspended contract stays suspended, with the reservation beside
 * it. A reservation that a person or Stripe made for that very date becomes one by product month, which remembers theirs; one
 * for a later date gives way, lest the contract outlive the product's month. One for an earlier date, which Stripe may not
 * have reported yet, stays as it is. For a date before the month stood, or before the contract was registered, nothing is due.
 *
 * By card the dates are Stripe's, read fresh. On a renewal date it waits until Stripe has rolled over, lest it end the
 * contract that very day: refused, and asked again on the next day.
 */
export const reserveByProductMonth: ContractRule<typeof scheduledParams> = {
  kind: "reserve_by_product_month",
  subject: "contract",
  button: { ja: "商品の年月指定による解約予約", en: "Reserve by product month" },
  summary: {
    ja: "商品に指定された年月に達する更新日で解約するよう予約します。取り消しはできません。",
    en: "The product's month is reached by the next renewal date, so the contract ends on it; nobody can withdraw that.",
  },
  actors: schedule,
  params: scheduledParams,
  next(facts, answers) {
    const { world, zone, params } = facts;
    const { contract, product } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (!isOneOf(contract.status, reservableStatuses)) return rejectStatus(contract);
    // By card a contract may be suspended before its start, when it has no renewal to end on yet.
    const mayEnd = product.automaticTerminationMonth !== null && contract.origin === "application";
    if (!mayEnd || contract.startOn > params.date) return rejectNotDue(params.date);
    // What came after that date, a run in time would not have known.
    const isLater = businessDateOf(contract.createdAt, zone) > params.date;
    if (isLater || !productMonthStood(product, params.date, zone)) return rejectNotDue(params.date);
    // One that stands already, or whose date has come: then the contract ends.
    const { terminationOn: reservedOn, terminationSource } = contract;
    if (terminationSource === "product_month" || (reservedOn !== null && reservedOn <= params.date)) {
      return rejectNotDue(params.date);
    }

    if (contract.stripeSubscriptionId !== null) return reserveByCard(facts, contract.stripeSubscriptionId, answers);
    const terminationOn = nextRenewalAfter(contract.startOn, params.date);
    const isDue = isLastOn(world, terminationOn) && !renewalProcessedSince(world, params.date);
    return isDue ? reserve(contract, terminationOn, null) : rejectNotDue(params.date);
  },
};

function reserveByCard(facts: RuleFacts<ScheduledParams>, subscriptionId: string, answers: Answers): Step {
  const { world, zone, params } = facts;
  const notDue = rejectNotDue(params.date);
  const looked = lookAtSubscription(facts, subscriptionId, answers);
  if (looked.type === "step") return looked.step;
  const { startsOn, endsOn, subscription } = looked;

  // Stripe has renewed the contract since that date: a later date's run asks about the period that runs now.
  if (startsOn > params.date) return notDue;
  if (endsOn <= params.date) return reject("renewal_date_today", { date: params.date });
  // Before Stripe rolls over, no other date can be reserved: until then only another month of the product changes this.
  if (!isProductsLastDate(world, endsOn)) return rejectNotDue(params.date, endsOn);
  if (!isLastOn(world, endsOn)) return notDue;
  const endsByItself = endsByItselfOn(subscription, zone);
  if (endsByItself === endsOn) return reserve(world.contract, endsOn, "stripe");
  // For an earlier moment than the period's end, set on Stripe's dashboard: the contract ends before this would end it.
  if (endsByItself !== null && endsByItself < endsOn) return notDue;

  const reserving = reserveAtPeriodEnd(facts, subscription, answers, notDue);
  if (reserving.type === "step") return reserving.step;
  const { terminationOn } = reserving;
  return reserve(world.contract, terminationOn, null, remarkOnRenewal(world.contract, terminationOn));
}

/** Whether the product has the contract end on this renewal date, and no reservation for an earlier one stands. */
function isLastOn(world: ContractWorld, renewalOn: BusinessDate): boolean {
  const { terminationOn } = world.contract;
  return isProductsLastDate(world, renewalOn) && (terminationOn === null || terminationOn >= renewalOn);
}

/** `atStripe`: who has Stripe end the contract on that date already, as far as our rows do not know. */
function reserve(
  { status, terminationOn: reservedOn, terminationSource }: Contract,
  terminationOn: BusinessDate,
  atStripe: AskedReservationSource | null,
  remarks: Pick<Change, "attention"> = {},
): Step {
  const isTheirs = reservedOn === terminationOn && terminationSource !== null && terminationSource !== "product_month";
  const askedBy = isTheirs ? terminationSource : atStripe;
  return settle({
    reservation: { terminationOn, terminationSource: "product_month", ...(askedBy === null ? {} : { askedBy }) },
    ...(status === "active" || status === "special_period" ? { status: "termination_reserved" } : {}),
    ...remarks,
  });
}
