import { type BusinessDate, isRenewalDate, nextRenewalAfter } from "../calendar.ts";
import type { Change, Reservation } from "../change.ts";
import type { ContractWorld } from "../contract.ts";
import { renewalProcessedSince } from "../renewals.ts";
import { isProductsLastDate, remarkOnRenewal, reserveAtPeriodEnd } from "../reserving.ts";
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
import { lookAtSubscription } from "../subscription.ts";

/**
 * 解約予約: a running monthly contract is to end on its next renewal date. Refused on a renewal date itself, and when the
 * contract has been renewed since the request was taken.
 *
 * By card the dates are Stripe's: what its subscription says of the current period, read fresh.
 */
export const reserveTermination: ContractRule<typeof noParams> = {
  kind: "reserve_termination",
  subject: "contract",
  button: { ja: "解約予約", en: "Reserve termination" },
  summary: {
    ja: "次の更新日で解約するよう予約します。カード払いではStripeにも予約します。",
    en: "The contract ends on its next renewal date; by card, at Stripe too.",
  },
  actors: staffAndCustomer,
  params: noParams,
  next(facts, answers) {
    const { world, today } = facts;
    const { contract } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.status !== "active" && contract.status !== "special_period") return rejectStatus(contract);
    if (contract.stripeSubscriptionId !== null) return reserveByCard(facts, contract.stripeSubscriptionId, answers);

    if (isRenewalDate(contract.startOn, today)) return reject("renewal_date_today", { date: today });
    if (renewalProcessedSince(world, today)) return reject("renewal_already_processed");
    return reserve(world, nextRenewalAfter(contract.startOn, today));
  },
};

function reserveByCard(facts: RuleFacts<NoParams>, subscriptionId: string, answers: Answers): Step {
  const { world, today } = facts;
  const looked = lookAtSubscription(facts, subscriptionId, answers);
  if (looked.type === "step") return looked.step;
  const { startsOn, endsOn, subscription } = looked;

  const onRenewalDate = today === endsOn || (today === startsOn && today !== world.contract.startOn);
  if (onRenewalDate) return reject("renewal_date_today", { date: today });
  if (startsOn > today) return reject("renewal_already_processed");

  const reserving = reserveAtPeriodEnd(facts, subscription, answers, reject("renewal_already_processed"));
  if (reserving.type === "step") return reserving.step;
  return reserve(world, reserving.terminationOn, remarkOnRenewal(world.contract, reserving.terminationOn));
}

/** A reservation for the product's last date is one by product month at once, and cannot be withdrawn. */
function reserve(world: ContractWorld, terminationOn: BusinessDate, remarks: Pick<Change, "attention"> = {}): Step {
  const reservation: Reservation = isProductsLastDate(world, terminationOn)
    ? { terminationOn, terminationSource: "product_month", askedBy: "person" }
    : { terminationOn, terminationSource: "person" };
  return settle({ status: "termination_reserved", reservation, ...remarks });
}
