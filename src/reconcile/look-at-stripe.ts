import type { Clock } from "../clock.ts";
import type { RefundsSeen, SubscriptionSeen } from "../contract/step.ts";
import { hasEnded, subscriptionsOf } from "../contract/subscription.ts";
import type { BookedContract } from "../store/read-books.ts";
import type { Fault } from "../stripe/fault.ts";
import type { GatewayReply } from "../stripe/gateway.ts";
import type { ListedSubscription } from "../stripe/listed.ts";
import type { StripeConnection } from "../stripe/stripe-gateway.ts";
import { isWhollyBooked } from "./compare-money.ts";
import type { SeenInvoice, Stranger, StripeFacts } from "./stripe-facts.ts";

/** What of Stripe is asked. */
export type AskedStripe = Pick<
  StripeConnection,
  | "readSubscription"
  | "listSubscriptions"
  | "listPaidInvoices"
  | "readInvoice"
  | "listCharges"
  | "listRefunds"
  | "readPaymentIntent"
>;

export interface LookDeps {
  readonly connection: AskedStripe;
  readonly clock: Pick<Clock, "sleep">;
  /** Of these subscriptions, those that are of a contract of ours. */
  readonly knownSubscriptions: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  readonly stopping: AbortSignal;
}

/** Stripe has not told what was asked. */
export class NotTold extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(`Stripe did not tell (${fault.type})`);
    this.name = "NotTold";
    this.fault = fault;
  }
}

/** Waits before the same is asked again: a look repeats nothing, and what is met once a second is past after some. */
const askAgainMs = [1_000, 5_000, 15_000] as const;

/**
 * Reads what Stripe says of a contract: as a rule three requests, whatever its age, since a customer's subscriptions and charges
 * are listed a hundred at once. More only where something is not as our books have it. Throws {@link NotTold}.
 */
export async function lookAtStripe(deps: LookDeps, books: BookedContract): Promise<StripeFacts> {
  const { connection } = deps;
  const { contract } = books;
  const told = <T>(ask: () => Promise<GatewayReply<T>>) => untilTold(deps, ask);
  const customerId = contract.stripeCustomerId;
  const subscriptionIds = subscriptionsOf(contract);
  const listed =
    customerId === null || subscriptionIds.length === 0
      ? []
      : (await told(() => connection.listSubscriptions(customerId))).filter(isLive);

  const subscriptionId = contract.stripeSubscriptionId;
  const subscription: SubscriptionSeen | null =
    subscriptionId === null
      ? null
      : (listed.find(({ id }) => id === subscriptionId)?.seen ??
        (await told(() => connection.readSubscription(subscriptionId))));

  const invoices: SeenInvoice[] = [];
  for (const id of subscriptionIds) {
    for (const invoice of (await told(() => connection.listPaidInvoices(id))).invoices) {
      const lines = isWhollyBooked(books, invoice) ? null : await told(() => connection.readInvoice(invoice.id));
      invoices.push({ ...invoice, lines });
    }
  }
  const paymentIntentId = contract.stripePaymentIntentId;
  return {
    subscription,
    formerRunning: listed.filter(({ id }) => contract.formerStripeSubscriptionIds.includes(id)),
    strangers: await strangersAmong(deps, listed, subscriptionIds),
    invoices,
    paymentIntent: paymentIntentId === null ? null : await told(() => connection.readPaymentIntent(paymentIntentId)),
    refunds: await refundsOf(deps, books),
  };
}

function isLive({ stripeSubscriptionStatus }: ListedSubscription): boolean {
  return !hasEnded({ stripeSubscriptionStatus });
}

/** The subscriptions of the customer that are of no contract. */
async function strangersAmong(
  { knownSubscriptions }: LookDeps,
  listed: readonly ListedSubscription[],
  ours: readonly string[],
): Promise<readonly Stranger[]> {
  const others = listed.filter(({ id }) => !ours.includes(id));
  if (others.length === 0) return [];
  const sold = new Set(listed.filter(({ id }) => ours.includes(id)).flatMap(({ priceIds }) => priceIds));
  const known = await knownSubscriptions(others.map(({ id }) => id));
  return others
    .filter(({ id }) => !known.has(id))
    .map(({ id, claimedContractId, priceIds }) => ({
      id,
      claimedContractId,
      sellsTheSame: priceIds.some((price) => sold.has(price)),
    }));
}

/** For every payment intent that our rows name, its charge and refunds: by the customer's list, or else one by one. */
async function refundsOf(deps: LookDeps, books: BookedContract): Promise<ReadonlyMap<string, RefundsSeen>> {
  const { connection } = deps;
  const { contract, payments, refunds: rows } = books;
  const intents = new Set([...payments, ...rows].flatMap((row) => row.stripePaymentIntentId ?? []));
  const refunds = new Map<string, RefundsSeen>();
  const customerId = contract.stripeCustomerId;
  // The one intent of a one-time contract need not name a customer.
  if (intents.size > 0 && customerId !== null && contract.stripeSubscriptionId !== null) {
    for (const charge of await untilTold(deps, () => connection.listCharges(customerId))) {
      const { paymentIntentId } = charge;
      const isWanted = paymentIntentId !== null && intents.has(paymentIntentId);
      if (isWanted && charge.refunds !== null) refunds.set(paymentIntentId, charge.refunds);
    }
  }
  for (const intent of intents) {
    if (!refunds.has(intent)) refunds.set(intent, await untilTold(deps, () => connection.listRefunds(intent)));
  }
  return refunds;
}

/** Asks until there is an answer, a few times. A key that is refused is refused a second later, too. */
async function untilTold<T>(
  { clock, stopping }: Pick<LookDeps, "clock" | "stopping">,
  ask: () => Promise<GatewayReply<T>>,
): Promise<T> {
  for (const waitMs of [...askAgainMs, null]) {
    const reply = await ask();
    if (reply.type === "done") return reply.value;
    if (waitMs === null || !isPassing(reply)) throw new NotTold(reply);
    await clock.sleep(waitMs, stopping);
  }
  throw new Error("the last answer is taken as it is");
}

function isPassing(fault: Fault): boolean {
  return fault.type === "unknown" || (fault.type === "not_now" && !isAboutKey(fault.reason));
}

function isAboutKey(reason: string): boolean {
  return reason === "unauthorized" || reason === "forbidden";
}
