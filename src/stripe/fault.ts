import { Stripe } from "stripe";
import type { RefusalCode } from "../contract/step.ts";
import type { GatewayReply, NotNowReason, StripeGateway, UnknownReason } from "./gateway.ts";
import { tooLateCode } from "./http-client.ts";
import { tooManyWaitingCode } from "./pace.ts";

/** What became of a request to Stripe that did not simply succeed. */
export type Fault = Exclude<GatewayReply<never>, { readonly type: "done" }>;

/** Which verb of the gateway asked. */
export type GatewayVerb = keyof StripeGateway;

const looks: readonly GatewayVerb[] = [
  "readSubscription",
  "listUnpaidInvoices",
  "readInvoice",
  "listPaidInvoices",
  "readPaymentIntent",
  "listRefunds",
];

/** Whether a verb only reads, so that a reply that was lost has done nothing. */
export function isLook(verb: GatewayVerb): boolean {
  return looks.includes(verb);
}

/** What of an error is looked at. Each field given must agree; `null` demands that Stripe gave none. */
interface Signs {
  readonly verb?: GatewayVerb;
  /** The SDK's class, by the name that it gives itself. */
  readonly type?: string;
  readonly status?: number | null;
  readonly statusBelow?: number;
  readonly statusFrom?: number;
  /** Stripe's `error.code`. */
  readonly code?: string | null;
  readonly param?: string;
  /** The code of the network's error, where there was no answer. */
  readonly networkCode?: string;
}

type Meaning =
  | { readonly type: "refused"; readonly code: RefusalCode }
  | { readonly type: "not_now"; readonly reason: NotNowReason }
  | { readonly type: "unknown"; readonly reason: UnknownReason }
  | { readonly type: "unexplained" };

const refused = (code: RefusalCode): Meaning => ({ type: "refused", code });
const notNow = (reason: NotNowReason): Meaning => ({ type: "not_now", reason });
const unknown = (reason: UnknownReason): Meaning => ({ type: "unknown", reason });
const unexplained: Meaning = { type: "unexplained" };

/** Network errors that come from looking up the host or opening the connection: nothing of the request was sent. */
const unsentNetworkCodes = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"] as const;

/**
 * What each error means: the first row whose signs agree, and {@link unexplained} when none does.
 *
 * Never by the message, which Stripe rewords at will. Sources, where a row names one: *SDK*, stripe-node 23.1 (`Error.ts`,
 * `RequestSender.ts`); *codes*, docs.stripe.com/error-codes; *low level*, docs.stripe.com/error-low-level; *limits*,
 * docs.stripe.com/rate-limits; *recorded*, answers of a Stripe sandbox that others have recorded.
 */
const meanings: readonly (readonly [Signs, Meaning])[] = [
  // No answer at all. These come from looking up the host and opening the connection, so nothing was sent.
  ...unsentNetworkCodes.map(
    (networkCode) => [{ type: "StripeConnectionError", networkCode }, notNow("unreachable")] as const,
  ),
  // Ours: it waited for its turn, and has not been sent.
  [{ type: "StripeConnectionError", networkCode: tooManyWaitingCode }, notNow("rate_limited")],
  // Ours: it was let go, but too long after it was decided, and has not been sent.
  [{ type: "StripeConnectionError", networkCode: tooLateCode }, notNow("process_paused")],
  // The SDK's own code, and ours, for a silence that was too long; the system's for a connection that never opened. Which, it does not tell.
  [{ type: "StripeConnectionError", networkCode: "ETIMEDOUT" }, unknown("timeout")],
  // Reset, cut off in the middle of the answer, or anything else that may have come after the request was read.
  [{ type: "StripeConnectionError" }, unknown("connection_lost")],
  // An answer that is not JSON, from something in between: the SDK gives no status with it, so not even a 4xx is known (SDK).
  [{ status: null }, unknown("unreadable_reply")],
  // An error in a body whose status says success: it contradicts itself.
  [{ statusBelow: 400 }, unknown("unreadable_reply")],

  // Our key. Judged before the request is looked at; speaks of the installation, not of the operation (codes).
  [{ status: 401 }, notNow("unauthorized")],
  [{ status: 403 }, notNow("forbidden")],
  // Another request holds the object. The rate limiter has nothing to do with it (limits).
  [{ status: 429, code: "lock_timeout" }, notNow("lock_timeout")],
  // The limiter stands before the key layer, so nothing was executed or stored (limits). Some limits answer 400 (SDK).
  [{ type: "StripeRateLimitError" }, notNow("rate_limited")],

  // A request under the same key is still at work (low level).
  [{ status: 409 }, unknown("conflict")],
  // An error on Stripe's side, or on that of somebody behind it: "indeterminate" (low level).
  [{ status: 424 }, unknown("server_error")],
  [{ statusFrom: 500 }, unknown("server_error")],

  // Our key with other parameters than at first. Nothing done now; what the first request did is another question (low level).
  [{ type: "StripeIdempotencyError" }, unexplained],

  // The object of the request does not exist, in this mode and account (codes). 404 for the id in the path, and recorded as
  // 404 too for one among the parameters; the code says the same with either status.
  [{ status: 404, code: "resource_missing" }, refused("not_found")],
  [{ status: 400, code: "resource_missing" }, refused("not_found")],

  // Refunds. The whole charge was refunded before (codes; recorded).
  [{ status: 400, code: "charge_already_refunded" }, refused("charge_already_refunded")],
  // More than what is left: recorded without any code, so that only the parameter tells.
  [{ verb: "refundPayment", status: 400, code: null, param: "amount" }, refused("amount_exceeds_left")],
  // The customer's bank has the money back, or is asked for it (codes): refunding would pay twice.
  [{ status: 400, code: "charge_disputed" }, refused("charge_disputed")],
  [{ status: 400, code: "refund_disputed_payment" }, refused("charge_disputed")],
  // This charge can never be refunded (codes).
  [{ status: 400, code: "charge_not_refundable" }, refused("charge_not_refundable")],
  // The account has not the money for it, where Stripe does not let it wait as pending (codes).
  [{ verb: "refundPayment", code: "balance_insufficient" }, refused("balance_insufficient")],
  [{ verb: "refundPayment", code: "insufficient_funds" }, refused("balance_insufficient")],

  // An update of more than the metadata of a subscription that has ended (recorded).
  [{ status: 400, code: "invalid_canceled_subscription_fields" }, refused("subscription_ended")],
  // Draft, paid, void and uncollectible alike: recorded without any code. The gateway reads the invoice before it says so.
  [{ verb: "voidInvoice", status: 400, code: null }, refused("invoice_not_open")],
  // What is final cannot be stopped; its rule voids it then.
  [{ verb: "stopInvoice", status: 400, code: null }, refused("invoice_not_open")],

  // A card was charged and declined. Nothing of ours charges a card.
  [{ type: "StripeCardError" }, unexplained],
];

/** What is seen of an answer, or of its lack. What is left out is not known. */
interface Seen {
  readonly type?: string | undefined;
  readonly status?: number | null;
  readonly code?: string | null;
  readonly param?: string | undefined;
  readonly networkCode?: string | undefined;
}

/**
 * What an error thrown by Stripe's SDK says about the request, for the verb that asked.
 *
 * Throws the error on if it is not the SDK's: a mistake of ours is not an answer of Stripe's.
 */
export function classifyFault(error: unknown, verb: GatewayVerb): Fault {
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const { type, param, detail } = error;
  const status = error.statusCode ?? null;
  const seen = { type, status, code: error.code ?? null, param, networkCode: networkCodeOf(detail) };
  const meaning = meaningOf(seen, verb);
  const requestId = error.requestId ?? null;
  if (meaning.type !== "unexplained") return { ...meaning, requestId };
  return { type: "unexplained", code: error.code ?? error.rawType ?? error.type, httpStatus: status, requestId };
}

/**
 * Whether a single sending that the SDK does not report, since it sends again, may have taken effect. It is known by the
 * status of its answer, or by the network's error.
 */
export function mayHaveTakenEffect(ended: { readonly status: number } | { readonly error: unknown }): boolean {
  if ("error" in ended) {
    const networkCode = networkCodeOf(ended.error);
    return meaningOf({ type: "StripeConnectionError", status: null, networkCode }).type === "unknown";
  }
  return ended.status >= 400 && meaningOf({ status: ended.status }).type === "unknown";
}

function meaningOf(seen: Seen, verb?: GatewayVerb): Meaning {
  return meanings.find(([signs]) => agrees(seen, verb, signs))?.[1] ?? unexplained;
}

function agrees(seen: Seen, verb: GatewayVerb | undefined, signs: Signs): boolean {
  const { status } = seen;
  const hasStatus = status !== undefined && status !== null;
  return (
    (signs.verb === undefined || signs.verb === verb) &&
    (signs.type === undefined || signs.type === seen.type) &&
    (signs.status === undefined || signs.status === status) &&
    (signs.statusBelow === undefined || (hasStatus && status < signs.statusBelow)) &&
    (signs.statusFrom === undefined || (hasStatus && status >= signs.statusFrom)) &&
    (signs.code === undefined || signs.code === seen.code) &&
    (signs.param === undefined || signs.param === seen.param) &&
    (signs.networkCode === undefined || signs.networkCode === seen.networkCode)
  );
}

function networkCodeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
