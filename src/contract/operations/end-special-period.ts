import { runningStatusOn } from "../billing.ts";
import { type BusinessDate, businessDateOf, periodNearest } from "../calendar.ts";
import type { Contract } from "../contract.ts";
import { type ContractRule, reject, rejectStatus, schedule, settle } from "../rule.ts";
import { rejectNotDue, scheduledParams } from "../scheduled.ts";
import { type FoundSubscription, readSubscription } from "../subscription.ts";

/**
 * 特別期間の終了: renewal k of a contract with k special months has come, which bills the normal price. By card it has come
 * when Stripe's boundary has, which near a month's end may lie some days from the calendar's.
 */
export const endSpecialPeriod: ContractRule<typeof scheduledParams> = {
  kind: "end_special_period",
  subject: "contract",
  button: { ja: "特別期間の終了", en: "End the special period" },
  summary: {
    ja: "特別期間を終え、通常の契約に移行します。",
    en: "The special months are over; the contract runs at its normal price.",
  },
  actors: schedule,
  params: scheduledParams,
  next({ world: { contract }, params: { date }, zone }, answers) {
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.status !== "special_period") return rejectStatus(contract);
    const hasCome = runningStatusOn(contract, date) !== "special_period";
    if (contract.stripeSubscriptionId === null) return hasCome ? settle({ status: "active" }) : rejectNotDue(date);

    const seen = readSubscription(contract.stripeSubscriptionId, answers);
    if (seen.type === "step") return seen.step;
    const hasEnded = seen.subscription === null ? hasCome : hasRenewed(contract, seen.subscription, date, zone);
    return hasEnded ? settle({ status: "active" }) : rejectNotDue(date);
  },
};

/** Whether Stripe has come to renewal k on this date: its last special period is over, or ends on it. */
function hasRenewed(
  { startOn, specialMonths }: Contract,
  { currentPeriodStartAt, currentPeriodEndAt }: FoundSubscription,
  date: BusinessDate,
  zone: string,
): boolean {
  const current = periodNearest(startOn, businessDateOf(currentPeriodStartAt, zone)).index;
  return (
    current >= specialMonths || (current === specialMonths - 1 && businessDateOf(currentPeriodEndAt, zone) <= date)
  );
}
