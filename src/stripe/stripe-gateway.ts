import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { Stripe } from "stripe";
import { Temporal } from "temporal-polyfill";
import { z } from "zod";
import type { Instant } from "../contract/calendar.ts";
import type { InvoiceSeen } from "../contract/step.ts";
import { hasEnded } from "../contract/subscription.ts";
import type { Secret } from "../secret.ts";
import { version } from "../version.ts";
import { eventTypes } from "./events.ts";
import { classifyFault, type GatewayVerb, isLook } from "./fault.ts";
import { answerWithinMs, type GatewayReply, type MayBeSent, type StripeGateway, stillOpen } from "./gateway.ts";
import { createHttpClient } from "./http-client.ts";
import { type ListedCharge, type ListedSubscription, listedCharge, listedSubscription } from "./listed.ts";
import { type Pace, paced } from "./pace.ts";
import {
  chargeSeen,
  type InvoicePage,
  invoiceLine,
  invoicePage,
  leftMinorOf,
  listedEvents,
  listedInvoice,
  operationIdKey,
  pageOf,
  paidInvoice,
  paymentIntentSeen,
  refundIdKey,
  refundSeen,
  subscriptionSeen,
} from "./seen.ts";
import { SendingWatch } from "./sendings.ts";
import { wrapGateway } from "./watched-gateway.ts";

export interface StripeGatewayOptions {
  readonly secretKey: Secret;
  /** The connected account (Connect) that every request is for; that of the key unless given. */
  readonly account?: string | null;
  /** The origin of a stand-in, as in `http://127.0.0.1:12111`; Stripe itself unless given. */
  readonly apiBase?: string;
  /** How long a sending may be silent. 20 seconds unless told. */
  readonly timeoutMs?: number;
  /** How long a verb may take in all, whatever it sends and waits for. {@link answerWithinMs} unless told. */
  readonly withinMs?: number;
  /** How often the SDK sends again by itself, under the same key. Once unless told. */
  readonly maxNetworkRetries?: number;
  /** Shared by all gateways of a process, which together stay within its limits. None unless given. */
  readonly pace?: Pace;
}

/** What Stripe leaves a subscription in after the last retry, unless it is set to cancel it. */
export type AbandonedStatus = "unpaid" | "paused";

/** Which page of Stripe's list of events is wanted. */
export interface EventsWanted {
  /** Events that Stripe made then or later, to the second. */
  readonly since: Instant;
  /** The event after which the page begins, being made before it; null for the first page. */
  readonly after: string | null;
}

/** A page of Stripe's list of events, the newest first. */
export interface EventsPage {
  /** As Stripe gives them: nobody has read them yet. */
  readonly events: readonly object[];
  /** The last event of the page, after which the next one begins; null for the last page. */
  readonly nextAfter: string | null;
  /** What Stripe's clock said when it answered, to the second; null if the answer does not tell. */
  readonly toldAt: Instant | null;
}

/** The gateway with its connections. */
export interface StripeConnection extends StripeGateway {
  /** The newest subscription of the account in this status, or null. No rule asks it: it tells how the account is set. */
  findSubscriptionIn(status: AbandonedStatus): Promise<GatewayReply<string | null>>;
  /**
   * Reads one page of the events of our types. Stripe keeps them for 30 days. What is made while pages are read lies before
   * the first of them, and moves nothing. No rule asks it: it is for what never arrived.
   */
  listEvents(wanted: EventsWanted): Promise<GatewayReply<EventsPage>>;
  /** Lists the subscriptions of a customer that have not been canceled, all pages. An unknown customer has none. */
  listSubscriptions(customerId: string): Promise<GatewayReply<readonly ListedSubscription[]>>;
  /** Lists what was charged to a customer, with what was refunded of it, all pages. An unknown customer was charged nothing. */
  listCharges(customerId: string): Promise<GatewayReply<readonly ListedCharge[]>>;
  /** Cuts its connections. For when nothing is under way: a request that is would end as `unknown`, or be sent again. */
  close(): void;
}

/**
 * The SDK's own 80 seconds of silence would use up the time of a verb with its first sending. After 20 there is as much left
 * for a repetition; a refund that takes longer is looked up.
 */
const timeoutMsDefault = 20_000;

/** One repetition heals a dropped connection without a word; what needs more is put back and comes again later. */
const maxNetworkRetriesDefault = 1;

/** The one version of Stripe's API whose shapes are read here, whatever the account's own is. */
export const stripeApiVersion = "2026-10-28.endive";

/** As many as Stripe gives at once: an old contract's invoices still come in one or two pages. */
const pageSize = 100;

const named = z.object({ id: z.string() });

type Page = { readonly limit: number; readonly starting_after?: string };
type FoundInvoice = Extract<InvoiceSeen, { type: "found" }>;
type Request = () => Promise<Stripe.Response<object>>;

/**
 * Speaks to Stripe, or to a stand-in for it, through Stripe's SDK.
 *
 * Every POST carries the caller's key; the SDK never makes up one. The API version is pinned to the one whose shapes are read
 * here. Nothing is measured for Stripe. A verb that has taken too long ends as `unknown`, and its connection is cut.
 */
export function createStripeGateway(options: StripeGatewayOptions): StripeConnection {
  const { stripe, watch, close } = connect(options);

  /** Makes one request, reads its answer by the schema, and gives every other ending its meaning. */
  async function ask<Seen>(
    verb: GatewayVerb,
    schema: z.ZodType<Seen>,
    request: Request,
    mayBeSent: MayBeSent = atAnyTime,
  ): Promise<GatewayReply<Seen>> {
    const watched = await watch.watch(request, mayBeSent);
    if (watched.type === "failed") {
      const fault = classifyFault(watched.error, verb);
      // The last sending was turned away, but one before it may have been executed. Reading twice does no harm.
      const isUncertain = watched.uncertain && fault.type === "not_now" && !isLook(verb);
      return isUncertain ? { type: "unknown", reason: "connection_lost", requestId: fault.requestId } : fault;
    }
    const requestId = watched.value.lastResponse?.requestId ?? null;
    const parsed = schema.safeParse(watched.value);
    return parsed.success ? { type: "done", value: parsed.data, requestId } : unreadable(verb, requestId);
  }

  /** Reads what became of an object whose change was refused. */
  async function readBack<Seen>(
    verb: GatewayVerb,
    schema: z.ZodType<Seen>,
    request: Request,
  ): Promise<GatewayReply<Seen>> {
    return asUnknownIfNotNow(await ask(verb, schema, request));
  }

  async function askForAll<Item extends { readonly id: string }>(
    verb: GatewayVerb,
    schema: z.ZodType<Item>,
    request: (page: Page) => Promise<Stripe.Response<object>>,
    startingAfter?: string,
  ): Promise<GatewayReply<readonly Item[]>> {
    const items: Item[] = [];
    for (;;) {
      const last = items.at(-1)?.id ?? startingAfter;
      const page = { limit: pageSize, ...(last === undefined ? {} : { starting_after: last }) };
      const reply = await ask(verb, pageOf(schema), () => request(page));
      if (reply.type !== "done") return reply;
      items.push(...reply.value.data);
      if (!reply.value.has_more) return { ...reply, value: items };
    }
  }

  const expand = ["payments"];
  // With the intents, whose word it is that a payment waits for the cardholder.
  const expandIntents = ["payments.data.payment.payment_intent"];

  /** Asks for an invoice, or changes one, and reads on where it has more lines than come at once. */
  async function askForInvoice(
    verb: GatewayVerb,
    request: () => Promise<Stripe.Response<Stripe.Invoice>>,
    mayBeSent?: MayBeSent,
  ): Promise<GatewayReply<FoundInvoice>> {
    const reply = await ask<InvoicePage>(verb, invoicePage, request, mayBeSent);
    if (reply.type !== "done") return reply;
    const { invoice, hasMoreLines } = reply.value;
    if (!hasMoreLines) return { ...reply, value: invoice };
    const after = invoice.lines.at(-1)?.id;
    const listed = await askForAll(
      "readInvoice",
      invoiceLine,
      (page) => stripe.invoices.listLineItems(invoice.id, page),
      after,
    );
    if (listed.type === "done") return { ...reply, value: { ...invoice, lines: [...invoice.lines, ...listed.value] } };
    // The change has been made; a look will tell of it when it can be read whole.
    return isLook(verb) ? listed : { type: "unknown", reason: "unreadable_reply", requestId: reply.requestId };
  }

  /** Reads what became of an invoice whose change Stripe refused without a code. */
  async function readBackInvoice(verb: GatewayVerb, invoiceId: string): Promise<GatewayReply<FoundInvoice>> {
    return asUnknownIfNotNow(await askForInvoice(verb, () => stripe.invoices.retrieve(invoiceId, { expand })));
  }

  const gateway: StripeGateway = {
    async readSubscription(subscriptionId) {
      const reply = await ask("readSubscription", subscriptionSeen, () =>
        stripe.subscriptions.retrieve(subscriptionId),
      );
      return orMissing(reply);
    },

    async listUnpaidInvoices(subscriptionId) {
      const list = (status: "draft" | "open") =>
        askForAll("listUnpaidInvoices", listedInvoice, (page) =>
          stripe.invoices.list({ subscription: subscriptionId, status, ...page }),
        );
      // Drafts first: a draft that is finalized between the two is then in both lists, not in neither.
      const drafts = noneIfUnknown(await list("draft"));
      if (drafts.type !== "done") return drafts;
      const open = noneIfUnknown(await list("open"));
      if (open.type !== "done") return open;
      const openIds = new Set(open.value.map(({ id }) => id));
      const invoices = [
        ...drafts.value.filter(({ id }) => !openIds.has(id)).map((draft) => ({ ...draft, status: "draft" as const })),
        ...open.value.map((invoice) => ({ ...invoice, status: "open" as const })),
      ].toSorted((a, b) => b.created - a.created);
      return { ...open, value: { invoices: invoices.map(({ id, status }) => ({ id, stripeInvoiceStatus: status })) } };
    },

    async readInvoice(invoiceId) {
      const retrieve = () => stripe.invoices.retrieve(invoiceId, { expand: expandIntents });
      const reply = await askForInvoice("readInvoice", retrieve);
      return orMissing(reply);
    },

    async listPaidInvoices(subscriptionId) {
      const listed = noneIfUnknown(
        await askForAll("listPaidInvoices", paidInvoice, (page) =>
          stripe.invoices.list({
            subscription: subscriptionId,
            status: "paid",
            expand: ["data.payments"],
            ...page,
          }),
        ),
      );
      if (listed.type !== "done") return listed;
      return { ...listed, value: { invoices: listed.value.toReversed() } };
    },

    async readPaymentIntent(paymentIntentId) {
      const reply = await ask("readPaymentIntent", paymentIntentSeen, () =>
        stripe.paymentIntents.retrieve(paymentIntentId, { expand: ["latest_charge"] }),
      );
      return orMissing(reply);
    },

    async listRefunds(paymentIntentId) {
      const charge = await ask("listRefunds", chargeSeen, () =>
        stripe.paymentIntents.retrieve(paymentIntentId, { expand: ["latest_charge"] }),
      );
      if (charge.type !== "done") return orMissing(charge);
      const listed = await askForAll("listRefunds", refundSeen, (page) =>
        stripe.refunds.list({ payment_intent: paymentIntentId, ...page }),
      );
      if (listed.type !== "done") return listed;
      const { chargedMinor, disputed } = charge.value;
      const refunds = listed.value;
      const leftMinor = leftMinorOf(chargedMinor, refunds);
      return { ...listed, value: { type: "found", chargedMinor, leftMinor, disputed, refunds } };
    },

    async cancelSubscription(subscriptionId, mayBeSent) {
      const cancel = () => stripe.subscriptions.cancel(subscriptionId);
      const reply = await ask("cancelSubscription", subscriptionSeen, cancel, mayBeSent);
      if (!isRefusedAs(reply, "not_found")) return reply;
      // To this request one that has ended does not exist; to a reading it does.
      const read = await readBack("cancelSubscription", subscriptionSeen, () =>
        stripe.subscriptions.retrieve(subscriptionId),
      );
      if (read.type !== "done" || hasEnded(read.value)) return read;
      return { type: "unexplained", code: "resource_missing", httpStatus: 404, requestId: reply.requestId };
    },

    setCancelAtPeriodEnd(subscriptionId, cancelAtPeriodEnd, idempotencyKey, mayBeSent) {
      const change = { cancel_at_period_end: cancelAtPeriodEnd };
      const update = () => stripe.subscriptions.update(subscriptionId, change, { idempotencyKey });
      return ask("setCancelAtPeriodEnd", subscriptionSeen, update, mayBeSent);
    },

    clearCancelAt(subscriptionId, idempotencyKey, mayBeSent) {
      const update = () => stripe.subscriptions.update(subscriptionId, { cancel_at: "" }, { idempotencyKey });
      return ask("clearCancelAt", subscriptionSeen, update, mayBeSent);
    },

    async voidInvoice(invoiceId, idempotencyKey, mayBeSent) {
      const toVoid = () => stripe.invoices.voidInvoice(invoiceId, { expand }, { idempotencyKey });
      const reply = await askForInvoice("voidInvoice", toVoid, mayBeSent);
      if (!isRefusedAs(reply, "invoice_not_open")) return reply;
      const read = await readBackInvoice("voidInvoice", invoiceId);
      if (read.type !== "done" || read.value.stripeInvoiceStatus === "void") return read;
      if (read.value.stripeInvoiceStatus !== "open") return reply;
      // Refused, and yet open: by a payment under way, or for a reason that Stripe gave no code for.
      return { type: "unexplained", code: stillOpen, httpStatus: 400, requestId: reply.requestId };
    },

    async stopInvoice(invoiceId, idempotencyKey, mayBeSent) {
      const change = { auto_advance: false, expand };
      const update = () => stripe.invoices.update(invoiceId, change, { idempotencyKey });
      const reply = await askForInvoice("stopInvoice", update, mayBeSent);
      if (!isRefusedAs(reply, "invoice_not_open")) return reply;
      const read = await readBackInvoice("stopInvoice", invoiceId);
      if (read.type !== "done" || read.value.stripeInvoiceStatus !== "draft")
        return read.type === "done" ? reply : read;
      if (!read.value.autoAdvance) return read;
      return { type: "unexplained", code: "invalid_request_error", httpStatus: 400, requestId: reply.requestId };
    },

    refundPayment({ refundId, operationId, paymentIntentId, amountMinor }, idempotencyKey, mayBeSent) {
      const metadata = { [refundIdKey]: refundId, [operationIdKey]: operationId };
      const refund = { payment_intent: paymentIntentId, amount: amountMinor, metadata };
      return ask("refundPayment", refundSeen, () => stripe.refunds.create(refund, { idempotencyKey }), mayBeSent);
    },
  };
  async function findSubscriptionIn(status: AbandonedStatus): Promise<GatewayReply<string | null>> {
    const list = () => stripe.subscriptions.list({ status, limit: 1 });
    const reply = await ask("readSubscription", pageOf(named), list);
    return reply.type === "done" ? { ...reply, value: reply.value.data[0]?.id ?? null } : reply;
  }

  async function listEvents({ since, after }: EventsWanted): Promise<GatewayReply<EventsPage>> {
    const created = { gte: Math.floor(Temporal.Instant.from(since).epochMilliseconds / 1_000) };
    const page = { limit: pageSize, ...(after === null ? {} : { starting_after: after }) };
    let toldAt: Instant | null = null;
    const reply = await ask("readSubscription", listedEvents, async () => {
      const list = await stripe.events.list({ types: [...eventTypes], created, ...page });
      toldAt = instantOfHeader(list.lastResponse.headers.date);
      return list;
    });
    return reply.type === "done" ? { ...reply, value: { ...reply.value, toldAt } } : reply;
  }

  async function listSubscriptions(customerId: string): Promise<GatewayReply<readonly ListedSubscription[]>> {
    return noneIfUnknown(
      await askForAll("readSubscription", listedSubscription, (page) =>
        stripe.subscriptions.list({ customer: customerId, ...page }),
      ),
    );
  }

  async function listCharges(customerId: string): Promise<GatewayReply<readonly ListedCharge[]>> {
    const listed = noneIfUnknown(
      await askForAll("listRefunds", listedCharge, (page) =>
        stripe.charges.list({ customer: customerId, expand: ["data.refunds"], ...page }),
      ),
    );
    if (listed.type !== "done") return listed;
    return { ...listed, value: listed.value.filter(({ refunds }) => refunds?.chargedMinor !== 0) };
  }

  const within = <T>(work: () => Promise<T>) => watch.within(options.withinMs ?? answerWithinMs, work);
  return {
    ...wrapGateway(gateway, (_, verb) => within(verb)),
    findSubscriptionIn: (status) => within(() => findSubscriptionIn(status)),
    listEvents: (wanted) => within(() => listEvents(wanted)),
    listSubscriptions: (customerId) => within(() => listSubscriptions(customerId)),
    listCharges: (customerId) => within(() => listCharges(customerId)),
    close,
  };
}

/** The moment in a `Date` header; null for what is none. */
function instantOfHeader(date: string | undefined): Instant | null {
  const ms = Date.parse(date ?? "");
  return Number.isNaN(ms) ? null : Temporal.Instant.fromEpochMilliseconds(ms).toString();
}

/** A look tells what is so, whenever it is taken. */
const atAnyTime: MayBeSent = () => true;

function connect(options: StripeGatewayOptions): { stripe: Stripe; watch: SendingWatch; close: () => void } {
  const base = options.apiBase === undefined ? undefined : new URL(options.apiBase);
  const protocol = base?.protocol === "http:" ? "http" : "https";
  // An agent of its own, so that closing this gateway closes what it opened and nothing else.
  const agent = protocol === "http" ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
  const watch = new SendingWatch();
  const client = createHttpClient(agent, () => watch.leave());
  const stripe = new Stripe(options.secretKey.reveal(), {
    apiVersion: stripeApiVersion,
    appInfo: { name: "keiyaku", version },
    telemetry: false,
    ...(options.account == null ? {} : { stripeAccount: options.account }),
    timeout: options.timeoutMs ?? timeoutMsDefault,
    maxNetworkRetries: options.maxNetworkRetries ?? maxNetworkRetriesDefault,
    httpClient: watch.over(options.pace === undefined ? client : paced(client, options.pace)),
    ...(base === undefined
      ? {}
      : { protocol, host: base.hostname, port: base.port === "" ? (protocol === "http" ? 80 : 443) : base.port }),
  });
  return { stripe, watch, close: () => agent.destroy() };
}

/**
 * Stripe answered with success, in a shape that is not understood. A call has taken effect in all likelihood: unknown,
 * until a look finds it. A look has told nothing, and would tell the same again: a person decides.
 */
function unreadable(verb: GatewayVerb, requestId: string | null): GatewayReply<never> {
  return isLook(verb)
    ? { type: "unexplained", code: "unreadable_reply", httpStatus: 200, requestId }
    : { type: "unknown", reason: "unreadable_reply", requestId };
}

/** As long as an object is not read, nobody knows what became of it: it may be an earlier sending's doing. */
function asUnknownIfNotNow<Seen>(reply: GatewayReply<Seen>): GatewayReply<Seen> {
  return reply.type === "not_now" ? { type: "unknown", reason: "connection_lost", requestId: reply.requestId } : reply;
}

function isRefusedAs(reply: GatewayReply<unknown>, code: string): boolean {
  return reply.type === "refused" && reply.code === code;
}

/** To a look, an object that Stripe does not know is an answer. */
function orMissing<Seen>(reply: GatewayReply<Seen>): GatewayReply<Seen | { readonly type: "missing" }> {
  return isRefusedAs(reply, "not_found")
    ? { type: "done", value: { type: "missing" }, requestId: reply.requestId }
    : reply;
}

/** A list of what belongs to an object that Stripe does not know is empty, whichever way Stripe says so. */
function noneIfUnknown<Item>(reply: GatewayReply<readonly Item[]>): GatewayReply<readonly Item[]> {
  return isRefusedAs(reply, "not_found") ? { type: "done", value: [], requestId: reply.requestId } : reply;
}
