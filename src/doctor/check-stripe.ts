import type { Config } from "../config.ts";
import type { Instant } from "../contract/calendar.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import { type AbandonedStatus, type StripeConnection, stripeApiVersion } from "../stripe/stripe-gateway.ts";
import { type CallResult, resultOf, type VerbWord } from "../stripe/watched-gateway.ts";
import { type Finding, warning, well, wrong } from "./finding.ts";

/** What a read of something that cannot exist came to, by the verb that read. */
export type StripeProbe = Readonly<Partial<Record<VerbWord, CallResult>>>;

/**
 * Reads three objects that do not exist: Stripe looks at the key and its rights first, so "no such object" says that
 * both are good. Changes nothing, and costs three of the reads that Stripe allows each second.
 */
export async function probeStripe(gateway: StripeGateway): Promise<StripeProbe> {
  const [subscription, invoice, intent] = await Promise.all([
    gateway.readSubscription("sub_keiyakudoctor"),
    gateway.readInvoice("in_keiyakudoctor"),
    gateway.readPaymentIntent("pi_keiyakudoctor"),
  ]);
  return {
    read_subscription: resultOf(subscription),
    read_invoice: resultOf(invoice),
    read_payment_intent: resultOf(intent),
  };
}

const abandonedStatuses: readonly AbandonedStatus[] = ["unpaid", "paused"];

/**
 * Looks for a subscription that Stripe has given up and not cancelled. How an account is set cannot be read; what it leaves
 * behind can. Undefined where there is none, or where Stripe did not say: the probe tells of that.
 */
export async function findAbandoned(
  connection: Pick<StripeConnection, "findSubscriptionIn">,
): Promise<Finding | undefined> {
  for (const status of abandonedStatuses) {
    const reply = await connection.findSubscriptionIn(status);
    if (reply.type !== "done" || reply.value === null) continue;
    return warning(
      "stripe",
      `Stripe has left subscription ${reply.value} ${status} after its last retry, and goes on making invoices for it.`,
      "Set Stripe to cancel a subscription after the last retry (Billing → Revenue recovery → Retries), and end those that are left.",
      { subscriptionId: reply.value, stripeSubscriptionStatus: status },
    );
  }
  return undefined;
}

/**
 * Looks whether the key's account knows these subscriptions, which contracts of ours are billed by. A valid key of another
 * account, or of the other mode, is answered "no such subscription", and rules would take that for the end of the contract.
 * Undefined where one of them is known, or Stripe did not say of all of them.
 */
export async function findStrangers(
  gateway: Pick<StripeGateway, "readSubscription">,
  subscriptionIds: readonly string[],
): Promise<Finding | undefined> {
  const replies = await Promise.all(subscriptionIds.map((id) => gateway.readSubscription(id)));
  const areStrangers = replies.every((reply) => reply.type === "done" && reply.value.type === "missing");
  if (replies.length === 0 || !areStrangers) return undefined;
  return wrong(
    "stripe",
    `Stripe knows none of ${subscriptionIds.join(", ")}, by which contracts are billed: the key is one of another account or mode.`,
    "Stop the workers at once and set STRIPE_SECRET_KEY, and STRIPE_ACCOUNT where it is set, to the account of these subscriptions.",
    { subscriptionIds },
  );
}

/**
 * Looks whether the key may list events, which nothing but the back-fill of them needs. Undefined where it may, or where Stripe
 * said nothing of it: the probe tells of that.
 */
export async function findUnlistable(
  connection: Pick<StripeConnection, "listEvents">,
  now: Instant,
): Promise<Finding | undefined> {
  const reply = await connection.listEvents({ since: now, after: null });
  if (reply.type !== "not_now" || reply.reason !== "forbidden") return undefined;
  return warning(
    "stripe",
    "Stripe does not permit the key to list events (403): what does not arrive by itself is missed.",
    "Give the restricted key read access to events.",
  );
}

/** What the settings say of Stripe, when there is no key to ask with. */
export const standInFinding: Finding = well(
  "stripe",
  "No STRIPE_SECRET_KEY: a stand-in takes Stripe's place. No money moves.",
  { type: "stand_in" },
);

/** Judges what the reads came to, the worst first: one key serves all of them. */
export function judgeStripe(
  stripe: Pick<Exclude<Config["stripe"], { type: "stand_in" }>, "type" | "apiBase">,
  probe: StripeProbe,
): Finding {
  const facts = {
    mode: stripe.type,
    apiVersion: stripeApiVersion,
    ...(stripe.apiBase === undefined ? {} : { apiBase: stripe.apiBase }),
    probe,
  };
  const whom = stripe.apiBase === undefined ? "Stripe" : `The stand-in for Stripe at ${stripe.apiBase}`;
  const verbsWith = (wanted: CallResult) =>
    Object.entries(probe).flatMap(([verb, result]) => (result === wanted ? [verb] : []));
  const results = Object.values(probe);
  if (results.includes("unauthorized")) {
    return wrong(
      "stripe",
      `${whom} does not accept the key (401).`,
      "Set STRIPE_SECRET_KEY to a key of the right account that is not revoked, then restart the workers: what they put off is tried again by itself.",
      facts,
    );
  }
  if (results.includes("forbidden")) {
    return wrong(
      "stripe",
      `${whom} does not permit the key to do ${verbsWith("forbidden").join(", ")} (403).`,
      "Give the restricted key read and write access to subscriptions, invoices, payment intents, charges and refunds.",
      facts,
    );
  }
  if (results.some((result) => result === "unreachable" || result === "unknown")) {
    return wrong(
      "stripe",
      `${whom} does not answer.`,
      "Check the way to api.stripe.com and status.stripe.com; operations wait, and go on by themselves.",
      facts,
    );
  }
  if (results.some((result) => result === "rate_limited" || result === "lock_timeout")) {
    return warning(
      "stripe",
      `${whom} says that too much is asked of it now.`,
      "Look again in a minute; lower STRIPE_LIMIT_SHARE if it stays.",
      facts,
    );
  }
  const odd = results.find((result) => result !== "done");
  if (odd !== undefined) {
    return wrong(
      "stripe",
      `${whom} gives an answer that nobody has explained (${odd}).`,
      "Look at the request in Stripe's dashboard, under Developers → Logs.",
      facts,
    );
  }
  return well(
    "stripe",
    `${whom} accepts the ${stripe.type} key${stripe.apiBase === undefined ? "" : "; no money moves"}. The API version is pinned to ${stripeApiVersion}.`,
    facts,
  );
}
