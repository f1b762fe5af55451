import { runningStatusOn } from "../billing.ts";
import { type ContractRule, reject, rejectStatus, schedule, settle } from "../rule.ts";
import { rejectNotDue, scheduledParams } from "../scheduled.ts";

/** 特別期間の終了: renewal k of a contract with k special months has come, which bills the normal price. */
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
  next({ world: { contract }, params: { date } }) {
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.status !== "special_period") return rejectStatus(contract);
    const status = runningStatusOn(contract, date);
    return status === "special_period" ? rejectNotDue(date) : settle({ status });
  },
};
