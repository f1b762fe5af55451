import { licenseOnPaid } from "./billing.ts";
import { businessDateOf, type Instant } from "./calendar.ts";
import { callOffEnded, endSubscriptions, tellBoth } from "./canceling.ts";
import { closeInvoices } from "./closing-invoices.ts";
import { type Collection, collectPayments } from "./collecting.ts";
import type { ContractWorld } from "./contract.ts";
import { isLate } from "./receipts.ts";
import { isKept } from "./refunding.ts";
import { endAs, isFinal, type RuleFacts, settle, superseded } from "./rule.ts";
import type { Answers, Step } from "./step.ts";
import { endOf, type FoundSubscription, seeSubscription, withEnd } from "./subscription.ts";

/** The subscription that Stripe has reported on, or the next step where it is not read yet or says nothing new. */
export type Reported =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "seen"; readonly subscription: FoundSubscription };

/**
 * Reads the subscription that a report is about. One of a contract that has ended, or that no longer bills its contract,
 * says nothing new; one that Stripe does not have is remarked on.
 */
export function readReported(
  { world: { contract }, params: { subscriptionId } }: RuleFacts<{ readonly subscriptionId: string }>,
  answers: Answers,
): Reported {
  if (subscriptionId !== contract.stripeSubscriptionId || isFinal(contract)) {
    return { type: "step", step: superseded() };
  }
  const looked = seeSubscription(subscriptionId, answers);
  if (looked.type === "step") return looked;
  const { seen } = looked;
  if (seen.type === "missing") {
    const attention = [{ code: "subscription_missing", detail: { subscriptionId } }] as const;
    return { type: "step", step: superseded({ attention }) };
  }
  return { type: "seen", subscription: seen };
}

/**
 * What the end of its subscription at Stripe means for a contract that has not ended: if it never began, it is canceled as
 * `cancel` does it; otherwise it is terminated as `terminate` does it. Left to end at
 * Stripe are its invoices, and former subscriptions.
 */
export function endWithSubscription(
  facts: RuleFacts<unknown>,
  subscription: FoundSubscription,
  answers: Answers,
): Step {
  const { world } = facts;
  const { contract, licenses } = world;
  const ending = endSubscriptions(contract, answers, contract.formerStripeSubscriptionIds);
  if (ending.type === "step") return ending.step;
  const endedAt = endOf(subscription);
  const ended = { ...ending, endedAt };
  if (hasNeverBegun(facts, subscription)) return callOffEnded(facts, ended, answers);
  const ran = paidUnheard(facts, endedAt, answers);
  if (ran.type === "step") return ran.step;
  if (ran.type === "unpaid") return callOffEnded(facts, ended, answers);

  const { newPayments, paymentMoves } = ran;
  const known = withEnd(ran.world, endedAt);
  const closing = closeInvoices({ ...facts, world: known }, answers);
  if (closing.type === "step") return closing.step;
  // It began and ended before its start was processed here: what was paid stays viewable, so it has to open first.
  const isUnopened = contract.status === "not_started" || contract.status === "awaiting_payment";
  const opened = isUnopened ? known.payments.filter((row) => isKept(known, row)) : [];
  return settle({
    ...endAs("terminated", endedAt),
    reservation: null,
    newPayments: [...newPayments, ...closing.newPayments],
    paymentMoves: [...paymentMoves, ...closing.paymentMoves],
    licenses: [...opened.flatMap((payment) => licenseOnPaid(payment, licenses)), ...closing.licenses],
    attention: [...ending.attention, ...ran.attention, ...closing.attention],
    notices: tellBoth("contract_terminated", {}),
  });
}

type PaidUnheard =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "unpaid" }
  | ({ readonly type: "ran" } & Pick<Collection, "newPayments" | "paymentMoves" | "attention" | "world">);

/**
 * What was paid of a contract that still waits for its payment here, though its subscription ran beyond its start and has
 * ended: the reports of its payments are late, or lost. With a period paid it ran, and is terminated; without, it is called
 * off. Any other contract has been told of what was paid for it.
 */
function paidUnheard(facts: RuleFacts<unknown>, endedAt: Instant | null, answers: Answers): PaidUnheard {
  const { world } = facts;
  if (world.contract.status !== "awaiting_payment") {
    return { type: "ran", newPayments: [], paymentMoves: [], attention: [], world };
  }
  const collecting = collectPayments(facts, answers, endedAt);
  if (collecting.type === "step") return collecting;
  const { collection } = collecting;
  return hasRun(collection.world, endedAt) ? { type: "ran", ...collection } : { type: "unpaid" };
}

/** Whether a period was paid before the end. */
function hasRun({ payments }: ContractWorld, endedAt: Instant | null): boolean {
  return payments.some(({ period, paidAt }) => period !== null && paidAt !== null && !isLate(paidAt, endedAt));
}

/**
 * Whether the contract never began. `incomplete_expired` is Stripe's word for a subscription whose first invoice was never
 * paid; of a contract that has run, by a subscription before this one, it is an end like any other, lest all that was paid
 * for what was viewed went back.
 */
function hasNeverBegun(
  { world, zone, today }: RuleFacts<unknown>,
  { stripeSubscriptionStatus, endedAt }: FoundSubscription,
): boolean {
  const endedOn = endedAt === null ? today : businessDateOf(endedAt, zone);
  if (endedOn < world.contract.startOn) return true;
  return stripeSubscriptionStatus === "incomplete_expired" && !hasRun(world, endedAt);
}
