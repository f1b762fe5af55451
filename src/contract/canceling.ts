import { revokeAll, writeOffUnpaid } from "./billing.ts";
import type { Instant } from "./calendar.ts";
import type { Attention, Change, NoticeOf } from "./change.ts";
import { collectPayments, remarkOnDoubt } from "./collecting.ts";
import type { Contract } from "./contract.ts";
import { endInvoices, remarkOnRest } from "./ending-invoices.ts";
import type { CustomerNoticeKind, NoticeDetail } from "./notices.ts";
import { withRefunds } from "./receipts.ts";
import { refundableAmong, refundableOf, refundPayments, refundSourceOf, sumOf } from "./refunding.ts";
import { endAs, type RuleFacts, settle } from "./rule.ts";
import type { Answers, CallAnswer, Step, SubscriptionSeen } from "./step.ts";
import { endOf, subscriptionsOf } from "./subscription.ts";

/**
 * Calls a contract off, as every kind of cancel does: the subscription is ended, what can still be paid of it is voided or
 * stopped, everything paid is refunded (through Stripe by card, as a note for a person otherwise), what was never paid is
 * written off, every license is revoked.
 *
 * By card everything is what Stripe says has been paid: a payment that nobody has told us of yet is recorded and goes back,
 * and so does what a charge holds beside our rows (tax, added lines).
 */
export function callOff(facts: RuleFacts<unknown>, answers: Answers): Step {
  const ending = endSubscriptions(facts.world.contract, answers);
  return ending.type === "step" ? ending.step : callOffEnded(facts, ending, answers);
}

/** As {@link callOff}, for a contract whose subscription has ended already, or that has none. */
export function callOffEnded(
  facts: RuleFacts<unknown>,
  ended: Omit<EndedSubscriptions, "type">,
  answers: Answers,
): Step {
  const { world } = facts;
  const closing = endInvoices(world, answers);
  if (closing.type === "step") return closing.step;
  const collecting = collectPayments(facts, answers);
  if (collecting.type === "step") return collecting.step;
  const { collection } = collecting;
  const held = refundableAmong(world, collection.payments);
  const inDoubt = held.filter(({ isInDoubt }) => isInDoubt);
  const refundable = held.filter(({ isInDoubt }) => !isInDoubt).map((payment) => refundableOf(world, payment));
  const refunding = refundPayments(refundSourceOf(world), refundable, answers);
  if (refunding.type === "step") return refunding.step;

  const { newRefunds, refundMoves, paymentMoves, attention, refundMinor } = sumOf(refunding.results);
  const payments = withRefunds(world, collection, paymentMoves);
  return settle({
    ...endAs("canceled", ended.endedAt),
    reservation: null,
    newPayments: payments.newPayments,
    paymentMoves: [...payments.paymentMoves, ...writeOffUnpaid(collection.world.payments)],
    newRefunds,
    refundMoves,
    licenses: revokeAll(world.licenses),
    attention: [
      ...ended.attention,
      ...closing.invoices.flatMap(remarkOnRest),
      ...collection.oddlyPaid,
      ...attention,
      ...inDoubt.map(remarkOnDoubt),
    ],
    notices: [
      ...tellBoth("contract_canceled", { refundMinor, owedMinor: owedMinorOf(attention) }),
      ...refundRefusals(attention),
    ],
  });
}

/** Either the call that ends a subscription of the contract, or what is known once they have ended. */
export type SubscriptionEnding = { readonly type: "step"; readonly step: Step } | EndedSubscriptions;

export interface EndedSubscriptions {
  readonly type: "ended";
  /** When the one that bills the contract ended, by Stripe's clock; null where there is none, or Stripe does not have it. */
  readonly endedAt: Instant | null;
  /** What the end gave cause to remark. */
  readonly attention: readonly Attention[];
}

/**
 * Ends subscriptions of a contract at once: all of them unless told, former ones too, since one that somebody has left running
 * would go on charging for a contract that has ended. "Ended already" and "no such subscription" are answers.
 */
export function endSubscriptions(
  contract: Contract,
  answers: Answers,
  subscriptionIds: readonly string[] = subscriptionsOf(contract),
): SubscriptionEnding {
  const attention: Attention[] = [];
  let endedAt: Instant | null = null;
  for (const subscriptionId of subscriptionIds) {
    const isCurrent = subscriptionId === contract.stripeSubscriptionId;
    const name = isCurrent ? "cancel_subscription" : `cancel_subscription:${subscriptionId}`;
    const answer = answers.get(name) as CallAnswer<SubscriptionSeen> | undefined;
    if (answer === undefined) {
      return { type: "step", step: { type: "call", name, call: { verb: "cancel_subscription", subscriptionId } } };
    }
    if (answer.type === "refused") attention.push({ code: "subscription_missing", detail: { subscriptionId } });
    else if (isCurrent) endedAt = endOf(answer.value);
  }
  return { type: "ended", endedAt, attention };
}

type Told<Kind extends CustomerNoticeKind> = Pick<NoticeOf<Kind>, "kind" | "detail"> & {
  readonly recipient: "customer" | "operators";
};

/** The same notice to the customer and to the operators. */
export function tellBoth<Kind extends CustomerNoticeKind>(
  kind: Kind,
  detail: NoticeDetail<Kind>,
): readonly Told<Kind>[] {
  return [
    { kind, recipient: "customer", detail },
    { kind, recipient: "operators", detail },
  ];
}

/** What of the refunds a person has to give back, by what was remarked on them. */
function owedMinorOf(attention: readonly Attention[]): number {
  return attention
    .filter(({ code }) => code === "refund_owed" || code === "refund_owed_by_hand")
    .reduce((sum, { detail }) => sum + Number(detail.amountMinor), 0);
}

/** One notice to the operators for everything that Stripe would not refund. */
export function refundRefusals(attention: readonly Attention[]): NonNullable<Change["notices"]> {
  const refused = attention.filter((remark) => remark.code === "refund_owed");
  if (refused.length === 0) return [];
  const owedMinor = refused.reduce((sum, remark) => sum + Number(remark.detail.amountMinor), 0);
  return [{ kind: "refund_refused", recipient: "operators", detail: { refunds: refused.length, owedMinor } }];
}
