import { z } from "zod";
import { billedPeriodOn, runningStatusOn } from "../billing.ts";
import { begunPeriods } from "../calendar.ts";
import { tellBoth } from "../canceling.ts";
import { payPeriods } from "../confirming.ts";
import { type ContractRule, reject, rejectStatus, settle, staff } from "../rule.ts";

const params = z.strictObject({
  paidPeriods: z
    .array(z.int().min(0))
    .max(600)
    .optional()
    .describe("The periods that are paid, counted from 0, the current one among them; all unpaid ones, when left out."),
});

/**
 * 契約停止の解除: the late money has come. The unpaid periods, those that began while the contract was suspended
 * included (or `params.paidPeriods`), become paid and their licenses are granted; one that was revoked for another
 * reason stays so. Without the current period among those paid, the contract stays suspended.
 */
export const resume: ContractRule<typeof params> = {
  kind: "resume",
  subject: "contract",
  button: { ja: "契約停止の解除", en: "Resume" },
  summary: {
    ja: "遅れていた入金を確認し、未払いの期間を支払い済みにして停止を解除します。",
    en: "The late money has come: the unpaid periods are paid, and their licenses open again.",
  },
  actors: staff,
  params,
  next({ world, today, takenAt, params: { paidPeriods } }) {
    const { contract, payments } = world;
    if (contract.paymentMethod === "card") return reject("collected_by_stripe");
    if (contract.status !== "payment_unconfirmed") return rejectStatus(contract);

    const rows = new Map(payments.flatMap((row) => (row.period === null ? [] : [[row.period, row] as const])));
    const begun = begunPeriods(contract.startOn, today, contract.terminationOn).map((period) => period.index);
    const unpaidRows = [...rows].flatMap(([index, { state }]) =>
      state === "unpaid" || (state === "due" && begun.includes(index)) ? [index] : [],
    );
    // Nothing is recorded for a period that begins while the contract is suspended: it is unpaid all the same. One without
    // a row that began before the last recorded one is history that nobody told us of, and no income of this day.
    const lastRecorded = Math.max(...begun.filter((index) => rows.has(index)));
    const begunMeanwhile = unpaidRows.length === 0 ? [] : begun.filter((index) => index > lastRecorded);
    const unpaid = [...new Set([...unpaidRows, ...begunMeanwhile])].sort((a, b) => a - b);

    const paid = paidPeriods ?? unpaid;
    const foreign = paid.find((index) => !unpaid.includes(index));
    if (foreign !== undefined) {
      const problem = `names period ${foreign}, which is not unpaid (unpaid are: ${unpaid.join(", ") || "none"})`;
      return reject("invalid_request", { field: "params.paidPeriods", problem });
    }
    const current = billedPeriodOn(contract, today);
    if (current !== undefined && rows.get(current.index)?.state !== "paid" && !paid.includes(current.index)) {
      return reject("period_unpaid", { period: String(current.index) });
    }

    return settle({
      status: contract.terminationOn === null ? runningStatusOn(contract, today) : "termination_reserved",
      ...payPeriods(world, { paidAt: takenAt, paid, unpaid }),
      notices: tellBoth("contract_running_again", {}),
    });
  },
};
