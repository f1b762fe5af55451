import { endSubscriptions, type SubscriptionEnding, tellBoth } from "../canceling.ts";
import { closeInvoices } from "../closing-invoices.ts";
import { recordPeriods, unrecordedPeriods } from "../renewals.ts";
import { withoutReservationAtStripe } from "../reserving.ts";
import {
  type ContractRule,
  endAs,
  isRunning,
  type RuleFacts,
  reject,
  rejectStatus,
  schedule,
  settle,
} from "../rule.ts";
import { rejectNotDue, type ScheduledParams, scheduledParams } from "../scheduled.ts";
import type { Answers, Step } from "../step.ts";
import { endOf, endsByItselfOn, type FoundSubscription, hasEnded, seeSubscription, withEnd } from "../subscription.ts";

/**
 * 更新日の解約: the reserved renewal date has come, and the contract ends, suspended meanwhile or not. What was paid stays
 * viewable; what was not counts as never charged. By card, in this order: the subscription is cancelled if Stripe still
 * runs it, its open invoices are voided and its drafts stopped, and what was unpaid is read for a payment in between.
 *
 * A reservation that was made at Stripe follows Stripe to the last: one lifted there meanwhile is lifted here, one put off
 * there is put off here, and the contract goes on.
 */
export const terminateAtRenewal: ContractRule<typeof scheduledParams> = {
  kind: "terminate_at_renewal",
  subject: "contract",
  button: { ja: "更新日の解約", en: "Terminate at renewal" },
  summary: {
    ja: "解約予約の更新日を迎えた契約を解約します。",
    en: "The reserved renewal date has come, and the contract ends.",
  },
  actors: schedule,
  params: scheduledParams,
  next(facts, answers) {
    const { world, params } = facts;
    const { contract } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.status !== "termination_reserved" && contract.status !== "payment_unconfirmed") {
      return rejectStatus(contract);
    }
    if (contract.terminationOn === null || contract.terminationOn > params.date) return rejectNotDue(params.date);

    const ending = endAtStripe(facts, answers);
    if (ending.type === "step") return ending.step;
    // It ran until then, unless it is suspended: what no run has recorded of that time is taken as paid, since none will any more.
    const unrecorded = isRunning(contract) ? unrecordedPeriods(world, params.date, facts.zone) : [];
    const recorded = recordPeriods(world, unrecorded, facts.takenAt);
    const isRecorded = (id: string) => recorded.paymentMoves.some((move) => move.id === id);
    const ended = { ...facts, today: params.date, world: withEnd(world, ending.endedAt) };
    const closing = closeInvoices(ended, answers);
    if (closing.type === "step") return closing.step;
    return settle({
      ...endAs("terminated", ending.endedAt),
      reservation: null,
      newPayments: [...recorded.newPayments, ...closing.newPayments],
      paymentMoves: [...recorded.paymentMoves, ...closing.paymentMoves.filter(({ id }) => !isRecorded(id))],
      licenses: [...recorded.licenses, ...closing.licenses],
      attention: [...ending.attention, ...closing.attention],
      notices: tellBoth("contract_terminated", {}),
    });
  },
};

/** The next step toward a subscription that has ended, or what its end gave cause to remark. */
function endAtStripe(facts: RuleFacts<ScheduledParams>, answers: Answers): SubscriptionEnding {
  const { contract } = facts.world;
  const { stripeSubscriptionId: subscriptionId, formerStripeSubscriptionIds: former } = contract;
  if (subscriptionId === null) return { type: "ended", endedAt: null, attention: [] };
  const looked = seeSubscription(subscriptionId, answers);
  if (looked.type === "step") return looked;
  const { seen } = looked;
  if (seen.type === "missing") {
    const others = endSubscriptions(contract, answers, former);
    if (others.type === "step") return others;
    const remark = { code: "subscription_missing", detail: { subscriptionId } } as const;
    return { type: "ended", endedAt: null, attention: [remark, ...others.attention] };
  }
  if (hasEnded(seen)) {
    const others = endSubscriptions(contract, answers, former);
    return others.type === "step" ? others : { ...others, endedAt: endOf(seen) };
  }
  const mirrored = contract.terminationSource === "stripe" ? mirrorReservation(facts, seen) : undefined;
  return mirrored === undefined ? endSubscriptions(contract, answers) : { type: "step", step: mirrored };
}

/** What becomes of a reservation that Stripe no longer shows as it was made there; undefined while it stands there. */
function mirrorReservation(
  { world: { contract }, zone, params: { date } }: RuleFacts<ScheduledParams>,
  subscription: FoundSubscription,
): Step | undefined {
  const endsOn = endsByItselfOn(subscription, zone);
  if (endsOn === null) return settle(withoutReservationAtStripe(contract, date, subscription.id));
  return endsOn > date ? settle({ reservation: { terminationOn: endsOn, terminationSource: "stripe" } }) : undefined;
}
