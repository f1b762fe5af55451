import { z } from "zod";
import type { Instant } from "../contract/calendar.ts";
import type { OperationKind } from "../contract/operation.ts";
import { isDeeper } from "../is-deeper.ts";
import { instant, reference, refundIdKey } from "./seen.ts";

/*
 * What Stripe reports, put into our words. An event is a hint: it says which object has changed, and the operation that it
 * becomes reads that object. Only what an object does not tell afterwards is taken from the event: which attempt at an invoice
 * has failed, and where a dispute stands.
 */

/** An event of Stripe's, its envelope read. */
export interface StripeEvent {
  readonly id: string;
  readonly type: string;
  readonly livemode: boolean;
  readonly apiVersion: string;
  /** The connected account that it is of; null for the account itself. */
  readonly account: string | null;
  /** The object that it is about; null for one that has no id. */
  readonly objectId: string | null;
  /** When Stripe made it, to the second. */
  readonly createdAt: Instant;
  /** The whole event as JSON, in a form that the database takes: no NUL, no half of a surrogate pair. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A body that is no event that we take: the field at fault, and what it must be. */
export interface NoEvent {
  readonly type: "no_event";
  readonly field: string;
  readonly problem: string;
}

/** Stripe's are some ten levels deep. Of thousands no JSON could be written any more, and PostgreSQL would read none. */
const depthMax = 100;

const envelope = z.object({
  id: z.string().regex(/^evt_\w{1,200}$/, "must be an id that begins with evt_"),
  object: z.literal("event"),
  type: z.string().min(1).max(100),
  livemode: z.boolean(),
  api_version: z.string().min(1).max(100).nullish(),
  account: z.string().min(1).max(100).nullish(),
  created: instant,
  data: z.object({ object: z.looseObject({ id: z.string().min(1).max(255).nullish() }) }),
});

/**
 * Reads the text that Stripe sent, or one event of its list, as an event. Anything else is told by the field at fault; never
 * by what was sent, which may be personal data.
 */
export function readEvent(sent: string | object): { readonly type: "event"; readonly event: StripeEvent } | NoEvent {
  const body = parse(sent);
  if (body === undefined) return { type: "no_event", field: "event", problem: "must be a JSON object" };
  if (isDeeper(body, depthMax)) {
    return { type: "no_event", field: "event", problem: `must be nested at most ${depthMax} levels deep` };
  }
  if (body.object === "v2.core.event") {
    const problem = "is a thin event: send snapshot events, from a webhook endpoint of API v1";
    return { type: "no_event", field: "object", problem };
  }
  const read = envelope.safeParse(body);
  if (!read.success) {
    const [issue] = read.error.issues;
    return { type: "no_event", field: issue?.path.join(".") || "event", problem: issue?.message ?? "is not an event" };
  }
  const { id, type, livemode, api_version, account, created, data } = read.data;
  return {
    type: "event",
    event: {
      id,
      type,
      livemode,
      apiVersion: api_version ?? "unknown",
      account: account ?? null,
      objectId: data.object.id ?? null,
      createdAt: created as Instant,
      body,
    },
  };
}

function parse(sent: string | object): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = typeof sent === "string" ? sent : JSON.stringify(sent);
    const value: unknown = JSON.parse(text, (_, each: unknown) =>
      typeof each === "string" ? clean(each) : keysClean(each),
    );
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function clean(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}

/** An object with its keys clean, too; anything else, and an object whose keys are, as it is. */
function keysClean(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if (Object.keys(value).every((key) => clean(key) === key)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [clean(key), each]));
}

/** By which of Stripe's ids the contract of an event is found. */
export interface EventReference {
  /** The subscription that bills it, now or formerly. */
  readonly subscriptionId?: string;
  /** An intent that paid something of it. */
  readonly paymentIntentId?: string;
  /** Our refund row, as the metadata of a refund that we made name it. */
  readonly refundId?: string;
}

/** What an event means here: an operation to be requested, or nothing, and why. */
export type EventMeaning =
  | {
      readonly type: "operation";
      readonly kind: OperationKind;
      readonly params: Readonly<Record<string, unknown>>;
      readonly about: EventReference;
    }
  | { readonly type: "ignored"; readonly reason: IgnoredReason }
  /** Of a type that means something, and not readable: a person looks. `field` names what is missing or odd. */
  | { readonly type: "unreadable"; readonly field: string };

export const ignoredReasons = [
  /** Nothing follows from events of this type. */
  "type_not_used",
  /** The invoice bills no subscription, and so no contract. */
  "no_subscription",
  /** The refund or dispute is of a charge that no payment intent made, and so of no contract. */
  "no_payment_intent",
  /** The intent paid an invoice, of which an event of its own tells. */
  "paid_an_invoice",
  /** A call of ours caused it, and the operation that called has succeeded. */
  "own_call",
  /** It is of no contract that is known, and does not carry the mark that ours do. */
  "not_ours",
  /** It waited for a person when its contract was deleted, and with that its body went. */
  "contract_deleted",
] as const;
export type IgnoredReason = (typeof ignoredReasons)[number];

const subscription = z.object({ id: z.string() });
const invoice = z.object({
  id: z.string(),
  attempt_count: z.int().min(0),
  parent: z.object({ subscription_details: z.object({ subscription: reference }).nullish() }).nullable(),
});
const refund = z.object({
  payment_intent: reference.nullable(),
  metadata: z.record(z.string(), z.string()).nullish(),
});
const charge = z.object({ payment_intent: reference.nullable() });
const dispute = z.object({ id: z.string(), status: z.string(), payment_intent: reference.nullable() });
const paymentIntent = z.object({ id: z.string() });

type Read = (object: unknown) => EventMeaning;

/** Reads the event's object by its schema before it is given a meaning. */
function from<Seen>(schema: z.ZodType<Seen>, meaningOf: (seen: Seen) => EventMeaning): Read {
  return (object) => {
    const read = schema.safeParse(object);
    return read.success
      ? meaningOf(read.data)
      : { type: "unreadable", field: `data.object.${read.error.issues[0]?.path.join(".")}` };
  };
}

function ignored(reason: IgnoredReason): EventMeaning {
  return { type: "ignored", reason };
}

const subscriptionChange = from(subscription, ({ id }) => ({
  type: "operation",
  kind: "record_subscription_change",
  params: { subscriptionId: id },
  about: { subscriptionId: id },
}));

const subscriptionEnd = from(subscription, ({ id }) => ({
  type: "operation",
  kind: "record_subscription_end",
  params: { subscriptionId: id },
  about: { subscriptionId: id },
}));

/** What an event about an invoice means; nothing for one that bills no subscription. */
function ofInvoice(meaningOf: (seen: z.output<typeof invoice>, subscriptionId: string) => EventMeaning): Read {
  return from(invoice, (seen) => {
    const subscriptionId = seen.parent?.subscription_details?.subscription;
    return subscriptionId === undefined ? ignored("no_subscription") : meaningOf(seen, subscriptionId);
  });
}

/** Of one attempt Stripe may report both that it failed and that the cardholder has to act, in any order: it is one failure. */
const paymentFailure = ofInvoice(({ id, attempt_count }, subscriptionId) => ({
  type: "operation",
  kind: "record_payment_failure",
  params: { invoiceId: id, attempt: attempt_count },
  about: { subscriptionId },
}));

/** What nobody asks for any more has left a period unpaid, or not: the invoice tells. */
const invoiceGivenUp = ofInvoice(({ id }, subscriptionId) => ({
  type: "operation",
  kind: "record_subscription_change",
  params: { subscriptionId, invoiceId: id },
  about: { subscriptionId },
}));

/** What became of an invoice may have changed its subscription, which is looked at. */
const invoiceChange = ofInvoice((_, subscriptionId) => ({
  type: "operation",
  kind: "record_subscription_change",
  params: { subscriptionId },
  about: { subscriptionId },
}));

function refundsOf(paymentIntentId: string | null, refundId?: string): EventMeaning {
  if (paymentIntentId === null) return ignored("no_payment_intent");
  const about = { paymentIntentId, ...(refundId === undefined ? {} : { refundId }) };
  return { type: "operation", kind: "record_refund", params: { paymentIntentId }, about };
}

const refundChange = from(refund, ({ payment_intent, metadata }) => refundsOf(payment_intent, metadata?.[refundIdKey]));

const disputeChange = from(dispute, ({ id, status, payment_intent }) => {
  if (payment_intent === null) return ignored("no_payment_intent");
  return {
    type: "operation",
    kind: "record_dispute",
    params: { paymentIntentId: payment_intent, disputeId: id, stripeDisputeStatus: status },
    about: { paymentIntentId: payment_intent },
  };
});

const notUsed: Read = () => ignored("type_not_used");

/**
 * Every type of event that an endpoint should be sent, and what it means (`docs/stripe-events.md` shows it as a table). As
 * many as Stripe lists at once: a back-fill asks for these.
 */
const meanings = {
  "customer.subscription.created": subscriptionChange,
  "customer.subscription.updated": subscriptionChange,
  "customer.subscription.paused": subscriptionChange,
  "customer.subscription.resumed": subscriptionChange,
  "customer.subscription.deleted": subscriptionEnd,
  "invoice.paid": ofInvoice(({ id }, subscriptionId) => ({
    type: "operation",
    kind: "record_payment",
    params: { invoiceId: id },
    about: { subscriptionId },
  })),
  "invoice.payment_failed": paymentFailure,
  "invoice.payment_action_required": paymentFailure,
  // Of a renewal; it will be paid, or that fails.
  "invoice.finalized": notUsed,
  "invoice.voided": invoiceGivenUp,
  "invoice.marked_uncollectible": invoiceGivenUp,
  "invoice.finalization_failed": invoiceChange,
  "payment_intent.succeeded": from(paymentIntent, ({ id }) => ({
    type: "operation",
    kind: "record_payment",
    params: { paymentIntentId: id },
    about: { paymentIntentId: id },
  })),
  "refund.created": refundChange,
  "refund.updated": refundChange,
  "refund.failed": refundChange,
  "charge.refunded": from(charge, ({ payment_intent }) => refundsOf(payment_intent)),
  "charge.dispute.created": disputeChange,
  "charge.dispute.closed": disputeChange,
} as const satisfies Record<string, Read>;

/** Types that mean the same as one of those above, for an endpoint that is sent them as well. */
const alsoUnderstood: Readonly<Record<string, Read>> = {
  "charge.refund.updated": refundChange,
  "charge.dispute.updated": disputeChange,
  "charge.dispute.funds_withdrawn": disputeChange,
  "charge.dispute.funds_reinstated": disputeChange,
};

/** The types of events that an endpoint is to be sent, and that a back-fill lists. */
export const eventTypes = Object.keys(meanings) as readonly (keyof typeof meanings)[];

/** What an event means. Pure: the same body always means the same. */
export function meaningOf({ type, body }: Pick<StripeEvent, "type" | "body">): EventMeaning {
  const table: Readonly<Record<string, Read>> = { ...alsoUnderstood, ...meanings };
  const read = Object.hasOwn(table, type) ? table[type] : undefined;
  return read === undefined ? ignored("type_not_used") : read((body as { data?: { object?: unknown } }).data?.object);
}

const metadata = z.record(z.string(), z.string());
const marked = z.object({
  data: z.object({
    object: z.discriminatedUnion("object", [
      z.object({ object: z.enum(["subscription", "payment_intent", "charge"]), metadata }),
      z.object({ object: z.literal("invoice"), parent: z.object({ subscription_details: z.object({ metadata }) }) }),
    ]),
  }),
});

/**
 * Whether the object of an event has this key in its metadata: a subscription, its invoices, an intent, its charges. Null for
 * what has metadata of its own, or none, and so says nothing: a refund, a dispute.
 */
export function carriesKey({ body }: Pick<StripeEvent, "body">, key: string): boolean | null {
  const object = marked.safeParse(body).data?.data.object;
  if (object === undefined) return null;
  return Object.hasOwn(
    object.object === "invoice" ? object.parent.subscription_details.metadata : object.metadata,
    key,
  );
}

const cause = z.object({
  request: z.object({ id: z.string().nullish(), idempotency_key: z.string().nullish() }).nullish(),
});

/** The request that caused an event: both null for what happened by itself, or on the dashboard. */
export function causeOf({ body }: Pick<StripeEvent, "body">): {
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
} {
  const read = cause.safeParse(body).data?.request;
  return { requestId: read?.id ?? null, idempotencyKey: read?.idempotency_key ?? null };
}
