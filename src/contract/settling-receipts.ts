import { billedPeriodOn, licenseOnPaid, runningStatusOn } from "./billing.ts";
import { type BusinessDate, businessDateOf, periodNearest } from "./calendar.ts";
import { tellBoth } from "./canceling.ts";
import { payPeriods, statusOncePaid } from "./confirming.ts";
import { type Contract, type ContractStatus, isOneOf } from "./contract.ts";
import { type Missing, nothingMissing } from "./missing-payments.ts";
import { opensByItself, type Recording } from "./receipts.ts";
import { isKept } from "./refunding.ts";
import { type RuleFacts, settle } from "./rule.ts";
import type { Answers, Step } from "./step.ts";
import { hasEnded, seeSubscription } from "./subscription.ts";

/**
 * Settles money of a contract that has not ended. A contract that waited for its payment takes the status that
 * `confirm_payment` would give it. A suspended one runs again when its current period is paid by now: as its dates say, as
 * reserved if a reservation stands, or as not started before the start date. Otherwise the status stays, and so it does once
 * the subscription has ended: then nothing bills any more, and the end itself is on its way.
 *
 * `isCurrent`: whether the money came by the subscription that bills the contract now. A former one brings payments only.
 */
export function settleReceipt(
  facts: RuleFacts<unknown>,
  recording: Recording,
  isCurrent: boolean,
  answers: Answers,
): Step {
  const { world, today } = facts;
  const { contract, payments, licenses } = world;
  const { newPayments, paymentMoves, rows, attention } = recording;
  const isWaiting = contract.status === "awaiting_payment";
  const mayMove = isCurrent && (isWaiting || contract.status === "payment_unconfirmed");
  const current = mayMove ? currentPeriod(facts, answers) : undefined;
  if (current?.type === "step") return current.step;

  const paid = new Set(
    [...payments.filter(({ state }) => state === "paid"), ...rows].flatMap(({ period }) => period ?? []),
  );
  const status = current?.type === "period" ? statusOnMoney(facts, current.index, paid) : undefined;
  const isSuspended = isWaiting && status === "payment_unconfirmed";
  const missing =
    isSuspended && current?.type === "period" ? missPeriods(facts, current.index ?? 0, paid) : nothingMissing;

  // What was paid while it waited opens with its start.
  const opened = [...(isWaiting ? payments.filter((row) => isKept(world, row)) : []), ...rows.filter(opensByItself)];
  const isOpen = opensWhatIsPaid({ ...contract, status: status ?? contract.status }, today);
  const runsAgain = contract.status === "payment_unconfirmed" && status !== undefined;
  return settle({
    ...(status === undefined ? {} : { status }),
    // Nothing is reserved of what has not begun; when it ends at Stripe, that is reported.
    ...(status === "not_started" && contract.terminationOn !== null ? { reservation: null } : {}),
    newPayments: [...newPayments, ...missing.newPayments],
    paymentMoves: [...paymentMoves, ...missing.paymentMoves],
    licenses: [...(isOpen ? opened.flatMap((row) => licenseOnPaid(row, licenses)) : []), ...missing.licenses],
    attention,
    notices: runsAgain ? tellBoth("contract_running_again", {}) : [],
  });
}

/** In these statuses nothing can be viewed, whatever has been paid. */
const statusesThatOpenNothing = ["awaiting_payment", "not_started", "canceled"] as const;

/** Whether what is paid for a contract can be viewed at once. */
export function opensWhatIsPaid({ status, startOn }: Contract, today: BusinessDate): boolean {
  return !isOneOf(status, statusesThatOpenNothing) && startOn <= today;
}

/** The status that money leads to; undefined when it stays. `current` is the index of the period that bills now. */
function statusOnMoney(
  { world: { contract }, today }: RuleFacts<unknown>,
  current: number | null,
  paid: ReadonlySet<number>,
): ContractStatus | undefined {
  if (contract.status === "awaiting_payment") {
    if (contract.kind === "one_time" || contract.startOn > today) return statusOncePaid(contract, today, []);
    return current === null || paid.has(current) ? runningStatusOn(contract, today) : "payment_unconfirmed";
  }
  return current !== null && paid.has(current) ? statusRunningAgain(contract, today) : undefined;
}

/** The status of a suspended contract whose current period has been paid. */
export function statusRunningAgain(contract: Contract, today: BusinessDate): ContractStatus {
  if (contract.startOn > today) return "not_started";
  return contract.terminationOn === null ? runningStatusOn(contract, today) : "termination_reserved";
}

type CurrentPeriod =
  | { readonly type: "step"; readonly step: Step }
  /** Null where nothing is billed: the contract is paid once. */
  | { readonly type: "period"; readonly index: number | null }
  | { readonly type: "ended" };

/** The period that is billed now, by Stripe; by our own dates where its subscription is not there. */
function currentPeriod({ world: { contract }, today, zone }: RuleFacts<unknown>, answers: Answers): CurrentPeriod {
  const subscriptionId = contract.stripeSubscriptionId;
  if (subscriptionId === null) return { type: "period", index: null };
  const looked = seeSubscription(subscriptionId, answers);
  if (looked.type === "step") return looked;
  const { seen } = looked;
  if (seen.type === "missing") return { type: "period", index: billedPeriodOn(contract, today)?.index ?? 0 };
  if (hasEnded(seen)) return { type: "ended" };
  const { index } = periodNearest(contract.startOn, businessDateOf(seen.currentPeriodStartAt, zone));
  return { type: "period", index };
}

/** The periods up to the current one that nothing has paid, as unpaid. */
function missPeriods({ world, takenAt }: RuleFacts<unknown>, current: number, paid: ReadonlySet<number>): Missing {
  const unpaid = Array.from({ length: current + 1 }, (_, index) => index).filter((index) => !paid.has(index));
  return payPeriods(world, { paidAt: takenAt, paid: [], unpaid });
}
