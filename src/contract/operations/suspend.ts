import { z } from "zod";
import { billedPeriodOn, licenseOnUnpaid, newPeriodPayment, paymentOfPeriod } from "../billing.ts";
import { tellBoth } from "../canceling.ts";
import { waiveOwedOf } from "../refunding.ts";
import { recordPeriods, unrecordedPeriods } from "../renewals.ts";
import { type ContractRule, isRunning, reject, rejectStatus, settle, staff } from "../rule.ts";

const params = z.strictObject({
  period: z
    .int()
    .min(0)
    .optional()
    .describe("The period that is not paid, counted from 0; the current one, when left out."),
});

/**
 * 契約の停止: the money of a running monthly contract did not come. The current period (or `params.period`, counted from
 * 0) becomes unpaid and its license is revoked; earlier ones stay viewable. A reservation stays noted. A refund that was
 * owed of that period is waived: nobody pays back what never came. Other periods that have begun and that no run has recorded yet
 * are taken as paid, as a run would have taken them.
 */
export const suspend: ContractRule<typeof params> = {
  kind: "suspend",
  subject: "contract",
  button: { ja: "契約の停止", en: "Suspend" },
  summary: {
    ja: "入金がない月額契約を停止し、当月分のライセンスを取り消します。",
    en: "The current period is unpaid and its license revoked; earlier ones stay viewable.",
  },
  actors: staff,
  params,
  next({ world, today, takenAt, zone, params: { period } }) {
    const { contract } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.paymentMethod === "card") return reject("collected_by_stripe");
    if (!isRunning(contract)) return rejectStatus(contract);

    const current = billedPeriodOn(contract, today)?.index ?? -1;
    const index = period ?? current;
    if (index < 0 || index > current) return invalidPeriod("names a period that has not begun");
    const payment = paymentOfPeriod(world, index);
    if (payment?.state === "refunded") return invalidPeriod("names a period that has been refunded");

    // It ran until now: what no run has recorded of that time is taken as paid, since none will once it is suspended.
    const unrecorded = unrecordedPeriods(world, today, zone).filter((each) => each !== index);
    const recorded = recordPeriods(world, unrecorded, takenAt);
    return settle({
      status: "payment_unconfirmed",
      newPayments: [
        ...recorded.newPayments,
        ...(payment === undefined ? [newPeriodPayment(contract, index, { state: "unpaid" })] : []),
      ],
      paymentMoves: [
        ...recorded.paymentMoves,
        ...(payment === undefined || payment.state === "unpaid"
          ? []
          : [{ id: payment.id, from: payment.state, to: "unpaid" as const }]),
      ],
      refundMoves: payment === undefined ? [] : waiveOwedOf(world.refunds, [payment.id]),
      licenses: [...recorded.licenses, ...(payment === undefined ? [] : licenseOnUnpaid(payment, world.licenses))],
      notices: tellBoth("contract_suspended", { period: index }),
    });
  },
};

function invalidPeriod(problem: string) {
  return reject("invalid_request", { field: "params.period", problem });
}
