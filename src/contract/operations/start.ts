import { licenseOnPaid, runningStatusOn } from "../billing.ts";
import type { Reservation } from "../change.ts";
import type { Contract } from "../contract.ts";
import { isKept } from "../refunding.ts";
import { type ContractRule, rejectStatus, schedule, settle } from "../rule.ts";
import { rejectNotDue, scheduledParams } from "../scheduled.ts";
import type { Answers, Step } from "../step.ts";
import { endsByItselfOn, readSubscription } from "../subscription.ts";

/**
 * 契約開始: the start date has come. A one-time contract is established; a monthly one runs, in its special period or not,
 * by the date. Licenses of what is paid are granted: an initial fee opens nothing, and what was given back, or is on its
 * way back, opens nothing either. A period that is still due is left to `renew`, or by card to its own payment.
 *
 * By card the subscription is read: an end that was set at Stripe before there was anything to reserve is mirrored now.
 */
export const start: ContractRule<typeof scheduledParams> = {
  kind: "start",
  subject: "contract",
  button: { ja: "契約開始", en: "Start" },
  summary: {
    ja: "開始日を迎えた契約を開始し、支払い済みのライセンスを付与します。",
    en: "The start date has come: the contract is established or runs, and what is paid opens.",
  },
  actors: schedule,
  params: scheduledParams,
  next({ world, params: { date }, zone }, answers) {
    const { contract, payments, licenses } = world;
    if (contract.status !== "not_started") return rejectStatus(contract);
    if (contract.startOn > date) return rejectNotDue(date);
    const reserved = reservedAtStripe(contract, zone, answers);
    if (reserved.type === "step") return reserved.step;
    const { reservation } = reserved;
    const running = reservation === null ? runningStatusOn(contract, date) : "termination_reserved";
    return settle({
      status: contract.kind === "one_time" ? "established" : running,
      ...(reservation === null ? {} : { reservation }),
      licenses: payments.filter((row) => isKept(world, row)).flatMap((payment) => licenseOnPaid(payment, licenses)),
    });
  },
};

type Reserved =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "known"; readonly reservation: Reservation | null };

/** The reservation that Stripe has of a contract which is about to run. */
function reservedAtStripe({ stripeSubscriptionId, startOn }: Contract, zone: string, answers: Answers): Reserved {
  if (stripeSubscriptionId === null) return { type: "known", reservation: null };
  const seen = readSubscription(stripeSubscriptionId, answers);
  if (seen.type === "step") return seen;
  const terminationOn = seen.subscription === null ? null : endsByItselfOn(seen.subscription, zone);
  const isAhead = terminationOn !== null && terminationOn > startOn;
  return { type: "known", reservation: isAhead ? { terminationOn, terminationSource: "stripe" } : null };
}
