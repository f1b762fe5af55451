import { z } from "zod";
import { licenseOnPaid, runningStatusOn } from "../billing.ts";
import { type BusinessDate, businessDateOf, periodNearest } from "../calendar.ts";
import { tellBoth } from "../canceling.ts";
import type { Attention, Change, Notice, Reservation } from "../change.ts";
import type { Contract } from "../contract.ts";
import { isPeriodPaid, missPeriod } from "../missing-payments.ts";
import { isKept } from "../refunding.ts";
import { type ContractRule, isRunning, missingAtStripe, type RuleFacts, settle, stripe, superseded } from "../rule.ts";
import { statusRunningAgain } from "../settling-receipts.ts";
import type { Answers, InvoiceSeen, Step } from "../step.ts";
import { endsByItselfOn, type FoundSubscription, hasEnded } from "../subscription.ts";
import { endWithSubscription, readReported } from "../subscription-ending.ts";
import { missBill, owedBill } from "../unpaid-invoices.ts";

const stripeId = z.string().min(1).max(255);
const params = z.strictObject({
  subscriptionId: stripeId,
  /** An invoice of it that Stripe no longer asks for. */
  invoiceId: stripeId.optional(),
});
type Params = z.output<typeof params>;

/**
 * Something about the subscription of a contract has changed (`customer.subscription.created`, `updated`, `paused`,
 * `resumed`). It is read, and what it says is mirrored: a reservation that was set, moved or lifted at Stripe; and that
 * Stripe gets no money, which suspends a contract that runs or has not started. `unpaid` and `paused` are odd, since Stripe
 * should be set to cancel after its last retry: operators are told. `active` by itself proves no payment: only with the
 * current period paid does a suspended contract run again. One that has ended is taken as its end.
 *
 * Where an invoice of it was voided or written off (`invoice.voided`, `invoice.marked_uncollectible`), that one is read: the
 * period that it billed is not going to be paid by it, so that the contract is suspended as if an attempt had failed.
 */
export const recordSubscriptionChange: ContractRule<typeof params> = {
  kind: "record_subscription_change",
  subject: "contract",
  button: { ja: "サブスクリプション変更の記録", en: "Record a change of the subscription" },
  summary: {
    ja: "Stripe上での予約・解除・未払いなどの変更を契約に反映します。",
    en: "What was reserved, lifted or left unpaid at Stripe is mirrored here.",
  },
  actors: stripe,
  params,
  next(facts, answers) {
    const { subscriptionId, invoiceId } = facts.params;
    const billsNow = subscriptionId === facts.world.contract.stripeSubscriptionId;
    if (invoiceId !== undefined && billsNow) return giveUp(facts, invoiceId, answers);
    const reported = readReported(facts, answers);
    if (reported.type === "step") return reported.step;
    const { subscription } = reported;
    if (hasEnded(subscription)) return endWithSubscription(facts, subscription, answers);
    const change = mirror(facts, subscription);
    return Object.keys(change).length === 0 ? superseded() : settle(change);
  },
  nextAfterDeletion: () => superseded(),
};

/** What an invoice that is no longer asked for leaves unpaid. An end that is on its way comes by its own report. */
function giveUp(facts: RuleFacts<Params>, invoiceId: string, answers: Answers): Step {
  const invoice = answers.get("invoice") as InvoiceSeen | undefined;
  if (invoice === undefined) return { type: "look", name: "invoice", look: { verb: "read_invoice", invoiceId } };
  if (invoice.type === "missing") return missingAtStripe(invoiceId);
  const bill = owedBill(facts, invoice);
  if (bill === undefined) return superseded();
  const { suspends, ...missing } = missBill(facts.world, bill);
  if (suspends) {
    const notices = tellBoth("contract_suspended", { period: bill.period });
    return settle({ status: "payment_unconfirmed", ...missing, notices });
  }
  return missing.newPayments.length + missing.paymentMoves.length > 0 ? settle(missing) : superseded();
}

/** Everything that the subscription says otherwise than our rows; without a key when there is nothing. */
function mirror(facts: RuleFacts<Params>, subscription: FoundSubscription): Change {
  const { world, today, zone } = facts;
  const { contract } = world;
  const mirrored = mirrorReservation(contract, endsByItselfOn(subscription, zone));
  const isReserved = (mirrored === undefined ? contract.terminationOn : mirrored) !== null;
  const lifted = mirrored === null && contract.terminationSource === "product_month";
  const odd = oddity(subscription);
  const current = periodNearest(contract.startOn, businessDateOf(subscription.currentPeriodStartAt, zone)).index;

  const detail = { subscriptionId: subscription.id };
  const attention: Attention[] = [];
  if (lifted) attention.push({ code: "reservation_lifted_at_stripe", detail });
  if (odd !== undefined) attention.push({ code: odd, detail });
  const notices: Notice[] = odd === undefined ? [] : [tellOdd(subscription, current)];
  const remarks = { ...(attention.length > 0 ? { attention } : {}), ...(notices.length > 0 ? { notices } : {}) };
  const reservation = mirrored === undefined ? {} : { reservation: mirrored };

  if ((isRunning(contract) || contract.status === "not_started") && getsNoMoney(subscription)) {
    return {
      status: "payment_unconfirmed",
      ...reservation,
      ...missPeriod(world, current),
      ...remarks,
      notices: [...tellBoth("contract_suspended", { period: current }), ...notices],
    };
  }
  if (isRunning(contract)) {
    const status = isReserved ? "termination_reserved" : runningStatusOn(contract, today);
    const isOther = (status === "termination_reserved") !== (contract.status === "termination_reserved");
    return { ...(isOther ? { status } : {}), ...reservation, ...remarks };
  }
  if (contract.status !== "payment_unconfirmed") return remarks;
  if (subscription.stripeSubscriptionStatus === "active" && isPeriodPaid(world, current)) {
    return { ...runAgain(facts, current, mirrored), ...remarks, notices: tellBoth("contract_running_again", {}) };
  }
  return { ...reservation, ...remarks };
}

/** A suspended contract whose current period is paid, and of whose subscription Stripe says that all is well. */
function runAgain(
  { world, today }: RuleFacts<Params>,
  current: number,
  mirrored: Reservation | null | undefined,
): Change {
  const { contract, payments, licenses } = world;
  const terminationOn = mirrored === undefined ? contract.terminationOn : (mirrored?.terminationOn ?? null);
  const status = statusRunningAgain({ ...contract, terminationOn }, today);
  const paid = payments.filter((row) => row.period === current && isKept(world, row)).slice(0, 1);
  const isReserved = status === "termination_reserved";
  const reservation = isReserved ? mirrored : contract.terminationOn === null ? undefined : null;
  return {
    status,
    ...(reservation === undefined ? {} : { reservation }),
    licenses: status === "not_started" ? [] : paid.flatMap((row) => licenseOnPaid(row, licenses)),
  };
}

/**
 * The reservation that follows Stripe's: null for one that was lifted, undefined when it is as we know it. What the product's
 * month has reserved stays its own at another date too. Nothing is reserved of what does not run and is not suspended.
 */
function mirrorReservation(contract: Contract, reservedOn: BusinessDate | null): Reservation | null | undefined {
  if (!isRunning(contract) && contract.status !== "payment_unconfirmed") return undefined;
  if (reservedOn === contract.terminationOn) return undefined;
  if (reservedOn === null) return null;
  const terminationSource = contract.terminationSource === "product_month" ? "product_month" : "stripe";
  return { terminationOn: reservedOn, terminationSource };
}

/** Stripe's words for a subscription whose money does not come. */
const unpaidStatuses: readonly string[] = ["past_due", "unpaid", "paused"];

function getsNoMoney({ stripeSubscriptionStatus }: FoundSubscription): boolean {
  return unpaidStatuses.includes(stripeSubscriptionStatus);
}

function oddity({ stripeSubscriptionStatus }: FoundSubscription): Attention["code"] | undefined {
  if (stripeSubscriptionStatus === "unpaid") return "subscription_unpaid";
  return stripeSubscriptionStatus === "paused" ? "subscription_paused" : undefined;
}

/** Operators are told once in each period, however often Stripe reports on the subscription meanwhile. */
function tellOdd({ id, stripeSubscriptionStatus }: FoundSubscription, current: number): Notice {
  return {
    kind: "subscription_odd",
    recipient: "operators",
    detail: { subscriptionId: id, stripeSubscriptionStatus },
    cause: `subscription_odd:${id}:${stripeSubscriptionStatus}:${current}`,
  };
}
