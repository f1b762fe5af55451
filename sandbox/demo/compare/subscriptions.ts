import type { BookedContract, Books } from "./books.ts";
import { type ComparedLine, groupBy } from "./line.ts";
import type { StripeInvoice, StripeSide, StripeSubscription } from "./stripe-side.ts";

const finalStatuses: readonly string[] = ["canceled", "terminated"];
const endedAtStripe: readonly string[] = ["canceled", "incomplete_expired"];

/** What a subscription may be while its contract has this status. */
const statusesFor: Readonly<Record<string, readonly string[]>> = {
  awaiting_payment: ["incomplete"],
  not_started: ["active"],
  active: ["active"],
  special_period: ["active"],
  termination_reserved: ["active"],
  payment_unconfirmed: ["past_due", "unpaid", "paused"],
  canceled: endedAtStripe,
  terminated: endedAtStripe,
};

/** Compares subscription by subscription: whether what runs, is reserved or has ended at Stripe does so in the books. */
export function compareSubscriptions(books: Books, stripe: StripeSide): readonly ComparedLine[] {
  const subscriptions = new Map(stripe.subscriptions.map((subscription) => [subscription.id, subscription]));
  const contracts = new Map(
    books.contracts.flatMap((contract) =>
      contract.subscriptionId === null ? [] : [[contract.subscriptionId, contract] as const],
    ),
  );
  const ids = [...new Set([...subscriptions.keys(), ...contracts.keys()])].sort();
  return ids.map((id) => compareOne(id, subscriptions.get(id), contracts.get(id)));
}

function compareOne(
  id: string,
  subscription: StripeSubscription | undefined,
  contract: BookedContract | undefined,
): ComparedLine {
  return {
    type: "subscription",
    id,
    contractIds: contract === undefined ? [] : [contract.id],
    atStripe:
      subscription === undefined
        ? "unknown"
        : `${subscription.status}${subscription.endsAtPeriodEnd ? ", ends with its period" : ""}`,
    inBooks: contract === undefined ? "unknown" : `${contract.status}${contract.isReserved ? ", reserved" : ""}`,
    ...verdictOn(subscription, contract),
  };
}

type Verdict = Pick<ComparedLine, "differences" | "remarks">;

const differs = (difference: string): Verdict => ({ differences: [difference], remarks: [] });
const understood = (remark: string): Verdict => ({ differences: [], remarks: [remark] });
const agrees: Verdict = { differences: [], remarks: [] };

function verdictOn(subscription: StripeSubscription | undefined, contract: BookedContract | undefined): Verdict {
  if (contract === undefined) {
    const runs = subscription !== undefined && !endedAtStripe.includes(subscription.status);
    return runs ? differs(`is ${subscription.status}, and belongs to no contract`) : agrees;
  }
  const isOver = finalStatuses.includes(contract.status);
  if (subscription === undefined) {
    return isOver
      ? understood("Stripe has no such subscription; its contract has ended all the same")
      : differs(`Stripe has no such subscription, and its contract is ${contract.status}`);
  }
  const hasEnded = endedAtStripe.includes(subscription.status);
  if (hasEnded && !isOver) {
    return subscription.endedByRequest
      ? differs(`was cancelled by a call, and its contract is ${contract.status}`)
      : understood(`had ended at Stripe before; its contract is ${contract.status}`);
  }
  if (!(statusesFor[contract.status] ?? []).includes(subscription.status)) {
    return differs(`is ${subscription.status} at Stripe, and its contract is ${contract.status}`);
  }
  if (!isOver && subscription.endsAtPeriodEnd !== contract.isReserved) {
    return differs(
      contract.isReserved
        ? "goes on at Stripe, and its contract is reserved to end"
        : "ends with its period at Stripe, and its contract has no reservation",
    );
  }
  return agrees;
}

/**
 * Compares the invoices of each subscription: what a call closed for a contract that was terminated is a payment that was never
 * charged, what is unpaid here can still be paid there, and nothing can be paid for a contract that is over.
 */
export function compareInvoices(books: Books, stripe: StripeSide): readonly ComparedLine[] {
  const known = new Set(stripe.subscriptions.map(({ id }) => id));
  const invoices = groupBy(stripe.invoices, ({ subscriptionId }) => subscriptionId);
  const payments = groupBy(books.payments, ({ contractId }) => contractId);
  return books.contracts.flatMap((contract) => {
    if (contract.subscriptionId === null || !known.has(contract.subscriptionId)) return [];
    const states = (payments.get(contract.id) ?? []).map(({ state }) => state);
    return [compareInvoicesOf(contract, contract.subscriptionId, invoices.get(contract.subscriptionId) ?? [], states)];
  });
}

function compareInvoicesOf(
  { id: contractId, status }: BookedContract,
  subscriptionId: string,
  invoices: readonly StripeInvoice[],
  states: readonly string[],
): ComparedLine {
  const closed = invoices.filter(({ closedByRequest }) => closedByRequest).length;
  const payable = invoices.filter((invoice) => isPayable(invoice)).length;
  const neverCharged = states.filter((state) => state === "never_charged").length;
  const unpaid = states.filter((state) => state === "unpaid").length;
  const isOver = finalStatuses.includes(status);
  const differences: string[] = [];
  if (isOver && payable > 0) differences.push(`${payable} can still be paid, and its contract is ${status}`);
  if (status === "terminated" && closed !== neverCharged) {
    differences.push(`${closed} closed by calls, ${neverCharged} payments never charged by the books`);
  }
  if (!isOver && closed > 0) differences.push(`${closed} closed by calls, and its contract is ${status}`);
  if (status === "payment_unconfirmed" && payable !== unpaid) {
    differences.push(`${payable} to be paid at Stripe, ${unpaid} unpaid by the books`);
  }
  return {
    type: "invoices",
    id: subscriptionId,
    contractIds: [contractId],
    atStripe: `${payable} to be paid, ${closed} closed by calls`,
    inBooks: `${unpaid} unpaid, ${neverCharged} never charged`,
    differences,
    remarks: [],
  };
}

function isPayable({ status, closedByRequest }: StripeInvoice): boolean {
  return (status === "open" || status === "draft") && !closedByRequest;
}
