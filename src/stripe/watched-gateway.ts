import type { GatewayVerb } from "./fault.ts";
import type { GatewayReply, NotNowReason, StripeGateway } from "./gateway.ts";
import type { StripeConnection } from "./stripe-gateway.ts";

/** Every verb of the gateway, by the word that the journal and the metrics use for it. */
export const verbWords = {
  readSubscription: "read_subscription",
  listUnpaidInvoices: "list_unpaid_invoices",
  readInvoice: "read_invoice",
  listPaidInvoices: "list_paid_invoices",
  readPaymentIntent: "read_payment_intent",
  listRefunds: "list_refunds",
  cancelSubscription: "cancel_subscription",
  setCancelAtPeriodEnd: "set_cancel_at_period_end",
  clearCancelAt: "clear_cancel_at",
  voidInvoice: "void_invoice",
  stopInvoice: "stop_invoice",
  refundPayment: "refund_payment",
} as const satisfies Record<GatewayVerb, string>;
export type VerbWord = (typeof verbWords)[GatewayVerb];

/** What no rule asks: the looks through the books, and the back-fill of events. */
export const listWords = {
  listEvents: "list_events",
  listSubscriptions: "list_subscriptions",
  listCharges: "list_charges",
} as const satisfies Partial<Record<keyof StripeConnection, string>>;
export type ListWord = (typeof listWords)[keyof typeof listWords];

/**
 * What became of a request to Stripe, in a word. `not_now` is told by its reason, since a wrong key, a limit and a dead
 * network are mended by different people; `error` is a defect of ours.
 */
export const callResults = [
  "done",
  "refused",
  "rate_limited",
  "lock_timeout",
  "unauthorized",
  "forbidden",
  "unreachable",
  "process_paused",
  "unknown",
  "unexplained",
  "error",
] as const satisfies readonly (NotNowReason | Exclude<GatewayReply<never>["type"], "not_now"> | "error")[];
export type CallResult = (typeof callResults)[number];

/** Follows one request to Stripe: makes it by calling `work` once, and returns or throws what that does. */
export type CallWatcher = <Reply extends GatewayReply<unknown>>(
  verb: VerbWord | ListWord,
  work: () => Promise<Reply>,
) => Promise<Reply>;

/** The word for a reply. */
export function resultOf(reply: GatewayReply<unknown>): CallResult {
  return reply.type === "not_now" ? reply.reason : reply.type;
}

type Request = () => Promise<GatewayReply<unknown>>;

/** The gateway, with every request of every verb made by `ask`. */
export function wrapGateway(
  gateway: StripeGateway,
  ask: (verb: GatewayVerb, request: Request) => Promise<GatewayReply<unknown>>,
): StripeGateway {
  type Verb = (...args: unknown[]) => Promise<GatewayReply<unknown>>;
  const wrapped = (Object.keys(verbWords) as GatewayVerb[]).map((verb): [string, Verb] => {
    const plain = gateway[verb] as Verb;
    return [verb, (...args) => ask(verb, () => plain.apply(gateway, args))];
  });
  return Object.fromEntries(wrapped) as unknown as StripeGateway;
}

/** The gateway, with every verb followed by the watchers, the first of them outermost. It answers as the gateway does. */
export function watchGateway(gateway: StripeGateway, watchers: readonly CallWatcher[]): StripeGateway {
  return wrapGateway(gateway, (verb, request) =>
    watchers.reduceRight<Request>((inner, watcher) => () => watcher(verbWords[verb], inner), request)(),
  );
}

/** The connection, with every verb of the gateway and every list followed by the watchers. It answers as it does unwatched. */
export function watchConnection(connection: StripeConnection, watchers: readonly CallWatcher[]): StripeConnection {
  const watched = <Reply extends GatewayReply<unknown>>(verb: ListWord, work: () => Promise<Reply>): Promise<Reply> =>
    watchers.reduceRight<() => Promise<Reply>>((inner, watcher) => () => watcher(verb, inner), work)();
  return {
    ...connection,
    ...watchGateway(connection, watchers),
    listEvents: (wanted) => watched("list_events", () => connection.listEvents(wanted)),
    listSubscriptions: (id) => watched("list_subscriptions", () => connection.listSubscriptions(id)),
    listCharges: (id) => watched("list_charges", () => connection.listCharges(id)),
  };
}
