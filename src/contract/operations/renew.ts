import { paymentOfPeriod } from "../billing.ts";
import { type BusinessDate, type Period, periodOn } from "../calendar.ts";
import type { Contract } from "../contract.ts";
import { isOursToRecord, recordPeriods, unrecordedPeriods } from "../renewals.ts";
import { type ContractRule, isRunning, reject, rejectStatus, schedule, settle } from "../rule.ts";
import { rejectNotDue, scheduledParams } from "../scheduled.ts";

/**
 * 契約の更新: a period of a running contract has begun that nobody collects by card. Its payment is taken as made, until a
 * person says otherwise: a paid row with its fee, and a license.
 *
 * As a rule that is the period which contains the date; earlier ones too where no run was made in their time. What the history
 * of an imported contract lacks is not invented. A row that is there and not waiting, such as one that a person found unpaid, is
 * left as it is.
 */
export const renew: ContractRule<typeof scheduledParams> = {
  kind: "renew",
  subject: "contract",
  button: { ja: "契約の更新", en: "Renew" },
  summary: {
    ja: "カード以外の月額契約の更新日に、新しい期間の支払いとライセンスを記録します。",
    en: "A period has begun that nobody collects by card: its payment is taken as made, and its license granted.",
  },
  actors: schedule,
  params: scheduledParams,
  next({ world, takenAt, zone, params: { date } }) {
    const { contract } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.paymentMethod === "card") return reject("collected_by_stripe");
    if (!isRunning(contract)) return rejectStatus(contract);
    const period = runningPeriodOn(contract, date);
    if (period === undefined || !isOursToRecord(period, contract, zone)) return rejectNotDue(date);
    if ((paymentOfPeriod(world, period.index)?.state ?? "due") !== "due") return rejectNotDue(date);
    return settle(recordPeriods(world, [...unrecordedPeriods(world, date, zone), period.index], takenAt));
  },
};

/** The period that contains the date: none before the start, none that begins on or after the termination date. */
function runningPeriodOn({ startOn, terminationOn }: Contract, date: BusinessDate): Period | undefined {
  const period = periodOn(startOn, date);
  return period !== undefined && terminationOn !== null && period.startsOn >= terminationOn ? undefined : period;
}
