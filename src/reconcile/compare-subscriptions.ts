import { Temporal } from "temporal-polyfill";
import { type BusinessDate, businessDateOf, type Instant, periodNearest } from "../contract/calendar.ts";
import { isFinal, isRunning } from "../contract/rule.ts";
import { endsByItselfOn, type FoundSubscription, hasEnded } from "../contract/subscription.ts";
import type { BookedContract } from "../store/read-books.ts";
import { type Difference, differenceOf, type Repair } from "./difference.ts";
import type { StripeFacts } from "./stripe-facts.ts";

/** The subscription that bills the contract: whether it is there, its status, its reservation, and its period's end. */
export function compareSubscription(
  books: BookedContract,
  { subscription }: StripeFacts,
  zone: string,
  isPaymentMissing: boolean,
): readonly Difference[] {
  const { contract } = books;
  const subscriptionId = contract.stripeSubscriptionId;
  if (subscription === null || subscriptionId === null) return [];
  const { status } = contract;
  if (subscription.type === "missing") {
    return isFinal(contract) ? [] : [differenceOf(books, "subscription_missing", { subscriptionId })];
  }
  const detail = { subscriptionId, status, stripeStatus: subscription.stripeSubscriptionStatus };
  if (isFinal(contract)) {
    return hasEnded(subscription) ? [] : [differenceOf(books, "subscription_outlives_contract", detail)];
  }
  if (hasEnded(subscription)) {
    return [
      differenceOf(books, "subscription_ended", detail, {
        kind: "record_subscription_end",
        params: { subscriptionId },
      }),
    ];
  }
  const { customerId } = subscription;
  return [
    ...(customerId === contract.stripeCustomerId
      ? []
      : [differenceOf(books, "subscription_of_other_customer", { subscriptionId, customerId })]),
    ...compareStatus(books, subscription, zone, isPaymentMissing),
    ...compareReservation(books, subscription, zone),
    ...comparePeriod(books, subscription, zone),
  ];
}

/** Stripe's words for a subscription whose money does not come. */
const unpaidStatuses: readonly string[] = ["past_due", "unpaid", "paused"];

function changeOf(subscriptionId: string): Repair {
  return { kind: "record_subscription_change", params: { subscriptionId } };
}

function compareStatus(
  books: BookedContract,
  { id: subscriptionId, stripeSubscriptionStatus: stripeStatus, currentPeriodStartAt }: FoundSubscription,
  zone: string,
  isPaymentMissing: boolean,
): readonly Difference[] {
  const { contract, payments } = books;
  const { status } = contract;
  const detail = { subscriptionId, status, stripeStatus };
  if (isRunning(contract) || status === "not_started") {
    if (unpaidStatuses.includes(stripeStatus)) {
      return [differenceOf(books, "subscription_unpaid", detail, changeOf(subscriptionId))];
    }
    return stripeStatus === "incomplete" ? [differenceOf(books, "subscription_incomplete", detail)] : [];
  }
  // What is missing of its payments leads it out of its suspension by itself.
  if (status !== "payment_unconfirmed" || stripeStatus !== "active" || isPaymentMissing) return [];
  const current = periodNearest(contract.startOn, businessDateOf(currentPeriodStartAt, zone)).index;
  const isPaid = payments.some((row) => row.period === current && row.state === "paid");
  return isPaid
    ? [differenceOf(books, "contract_still_suspended", detail, changeOf(subscriptionId))]
    : [differenceOf(books, "subscription_runs_unpaid", detail)];
}

/** Nothing is reserved of what neither runs nor is suspended: an end that was set at Stripe is mirrored when it starts. */
function compareReservation(
  books: BookedContract,
  subscription: FoundSubscription,
  zone: string,
): readonly Difference[] {
  const { contract } = books;
  if (!isRunning(contract) && contract.status !== "payment_unconfirmed") return [];
  const { terminationOn } = contract;
  const stripeEndsOn = endsByItselfOn(subscription, zone);
  if (terminationOn === stripeEndsOn) return [];
  const subscriptionId = subscription.id;
  const repair = changeOf(subscriptionId);
  if (terminationOn === null) {
    return [differenceOf(books, "reservation_missing", { subscriptionId, stripeEndsOn: stripeEndsOn ?? "" }, repair)];
  }
  return stripeEndsOn === null
    ? [differenceOf(books, "reservation_lifted", { subscriptionId, terminationOn }, repair)]
    : [differenceOf(books, "reservation_date_differs", { subscriptionId, terminationOn, stripeEndsOn }, repair)];
}

/**
 * The end of the current period of a contract that runs. In a trial nothing is renewed; and a subscription that took the place
 * of another has its own days, for good.
 */
function comparePeriod(books: BookedContract, subscription: FoundSubscription, zone: string): readonly Difference[] {
  const { contract } = books;
  const { id: subscriptionId, currentPeriodEndAt, stripeSubscriptionStatus } = subscription;
  const isReplaced = contract.formerStripeSubscriptionIds.length > 0;
  if (!isRunning(contract) || isReplaced || stripeSubscriptionStatus === "trialing") return [];
  const stripeEndsOn = businessDateOf(currentPeriodEndAt, zone);
  const { index, startsOn: renewalOn } = periodNearest(contract.startOn, stripeEndsOn);
  if (renewalOn === stripeEndsOn || isClippedByUtc(contract.startOn, index, currentPeriodEndAt, zone)) return [];
  return [differenceOf(books, "period_end_differs", { subscriptionId, stripeEndsOn, renewalOn })];
}

/**
 * Whether a boundary is the one that Stripe counts from the start date by the calendar of UTC, in which a month may be shorter
 * than in the business' zone: an anchor in the small hours of the 1st is the last of a month there.
 */
function isClippedByUtc(startOn: BusinessDate, index: number, boundaryAt: Instant, zone: string): boolean {
  const boundary = Temporal.Instant.from(boundaryAt).toZonedDateTimeISO("UTC");
  return [-1, 0, 1].some((days) => {
    const anchor = Temporal.PlainDate.from(startOn).add({ days }).toZonedDateTime({
      timeZone: "UTC",
      plainTime: boundary.toPlainTime(),
    });
    if (businessDateOf(anchor.toInstant().toString(), zone) !== startOn) return false;
    return [index - 1, index, index + 1].some(
      (months) => Temporal.ZonedDateTime.compare(anchor.add({ months }), boundary) === 0,
    );
  });
}

/** Other subscriptions that run: former ones, and those of the customer that are of no contract. */
export function compareOthers(books: BookedContract, { formerRunning, strangers }: StripeFacts): readonly Difference[] {
  const { contract } = books;
  const customerId = contract.stripeCustomerId ?? "";
  return [
    ...formerRunning.map(({ id: subscriptionId, stripeSubscriptionStatus: stripeStatus }) =>
      differenceOf(books, "former_subscription_runs", { subscriptionId, stripeStatus }),
    ),
    ...strangers.flatMap(({ id: subscriptionId, claimedContractId, sellsTheSame }) => {
      if (claimedContractId === contract.id) {
        return [differenceOf(books, "subscription_claims_contract", { subscriptionId })];
      }
      const isOfNobody = claimedContractId === null && sellsTheSame;
      return isOfNobody ? [differenceOf(books, "subscription_of_nobody", { subscriptionId, customerId })] : [];
    }),
  ];
}
