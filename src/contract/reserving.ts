import { runningStatusOn } from "./billing.ts";
import { type BusinessDate, businessDateOf, monthOf, periodNearest } from "./calendar.ts";
import type { Change } from "./change.ts";
import type { Contract, ContractWorld, Product } from "./contract.ts";
import type { Facts } from "./operation.ts";
import { reject } from "./rule.ts";
import type { Answers, ChangeAnswer, Step } from "./step.ts";
import { type FoundSubscription, overtakenByEnd } from "./subscription.ts";

/** Whether a date lies in the product's automatic-termination month (商品の年月指定による自動解約) or later. */
export function reachesProductMonth({ automaticTerminationMonth }: Product, date: BusinessDate): boolean {
  return automaticTerminationMonth !== null && monthOf(date) >= automaticTerminationMonth;
}

/**
 * Whether the product's month, or that it has none, stood on a date already. A run that catches up on earlier dates reserves and
 * lifts nothing by it: in time it would not have known.
 */
export function productMonthStood(
  { automaticTerminationMonthSetAt: since }: Product,
  date: BusinessDate,
  zone: string,
): boolean {
  return businessDateOf(since, zone) <= date;
}

/** Whether this renewal date is the product's last for the contract. Contracts that an operator made have none. */
export function isProductsLastDate({ contract, product }: ContractWorld, renewalOn: BusinessDate): boolean {
  return contract.origin === "application" && reachesProductMonth(product, renewalOn);
}

/** What a reservation's being lifted changes: what was to end runs on as the date says; what is suspended stays so. */
export function withoutReservation(contract: Contract, date: BusinessDate): Pick<Change, "reservation" | "status"> {
  return {
    reservation: null,
    ...(contract.status === "termination_reserved" ? { status: runningStatusOn(contract, date) } : {}),
  };
}

/** The same, where Stripe no longer shows what was made there. */
export function withoutReservationAtStripe(contract: Contract, date: BusinessDate, subscriptionId: string): Change {
  return {
    ...withoutReservation(contract, date),
    attention: [{ code: "reservation_lifted_at_stripe", detail: { subscriptionId } }],
  };
}

/** Notes that Stripe renews the contract on another date than the calendar does, near a month's end. Stripe's holds. */
export function remarkOnRenewal({ startOn }: Contract, stripeOn: BusinessDate): Pick<Change, "attention"> {
  const computedOn = periodNearest(startOn, stripeOn).startsOn;
  return computedOn === stripeOn
    ? {}
    : { attention: [{ code: "renewal_date_differs", detail: { computedOn, stripeOn } }] };
}

/** Either the next call (or the refusal that it led to), or the business date on which Stripe ends the subscription. */
export type Reserving =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "reserved"; readonly terminationOn: BusinessDate };

/**
 * Has Stripe end the subscription with the period in which it was seen. If Stripe has rolled over between look and call,
 * the call would end a later period than was meant: it is undone, and `rolledOver` is the refusal. Nothing is refused of
 * what may have ended the subscription.
 */
export function reserveAtPeriodEnd(
  { zone }: Pick<Facts, "zone">,
  subscription: FoundSubscription,
  answers: Answers,
  rolledOver: Step,
): Reserving {
  const { id: subscriptionId } = subscription;
  const answer = answers.get("reserve") as ChangeAnswer | undefined;
  if (answer === undefined) {
    const call = { verb: "set_cancel_at_period_end", subscriptionId, cancelAtPeriodEnd: true } as const;
    return step({ type: "call", name: "reserve", call });
  }
  if (answer.type === "overtaken") return step(overtakenByEnd(subscriptionId));
  if (answer.type === "refused" || answer.value.type === "missing") return step(reject("subscription_not_running"));

  if (answer.value.currentPeriodEndAt !== subscription.currentPeriodEndAt) {
    const undoing = answers.get("undo_reserve") as ChangeAnswer | undefined;
    const call = { verb: "set_cancel_at_period_end", subscriptionId, cancelAtPeriodEnd: false } as const;
    if (undoing === undefined) return step({ type: "call", name: "undo_reserve", call });
    return step(undoing.type === "done" ? rolledOver : overtakenByEnd(subscriptionId));
  }
  return { type: "reserved", terminationOn: businessDateOf(answer.value.currentPeriodEndAt, zone) };
}

function step(next: Step): Reserving {
  return { type: "step", step: next };
}
