import { TextDecoder } from "node:util";
import { Stripe } from "stripe";
import type { Secret } from "../secret.ts";
import { readEvent, type StripeEvent } from "./events.ts";

/** Which events are ours. */
export interface ExpectedEvents {
  /** Of the webhook endpoints: while one is rolled, the old and the new. Without any nothing can be verified. */
  readonly secrets: readonly Secret[];
  /** Whether they speak of real money, as the key that we call Stripe with does. */
  readonly livemode: boolean;
  /** The connected account that they are of; null for the account of the key. */
  readonly account: string | null;
}

/** What was sent as an event: the bytes of the body as they came, or as text, and the header `Stripe-Signature`. */
export interface SignedBody {
  readonly body: string | Uint8Array;
  /** Null when there was none. */
  readonly signature: string | null;
}

/** Why what was sent is not taken. */
export const eventRefusals = [
  /** The signature is missing, malformed, or by none of our secrets over exactly this body. */
  "signature_invalid",
  /** Well signed, and older than five minutes: perhaps recorded, and sent again by somebody. */
  "signature_expired",
  /** Well signed, and dated more than five minutes ahead: one of the clocks is wrong. */
  "signature_ahead",
  /** Well signed, and no event that can be read. */
  "event_invalid",
  /** An event of test mode for an installation of live mode, or the other way round. */
  "wrong_mode",
  /** An event of another account than ours. */
  "wrong_account",
] as const;
export type EventRefusal = (typeof eventRefusals)[number];

/** How what was sent as an event was answered, by whatever way it came. */
export const arrivalAnswers = [
  "taken_in",
  /** Its id was in the inbox already. */
  "duplicate",
  ...eventRefusals,
  /** By the queue: a job that carries no delivery, or one that the database will never take. */
  "payload_invalid",
  /** By the relay: it could not be written now, and Stripe sends it again. */
  "unavailable",
] as const;
export type ArrivalAnswer = (typeof arrivalAnswers)[number];

export interface RefusedEvent {
  readonly type: "refused";
  readonly reason: EventRefusal;
  /** The part at fault, and what is wrong with it; nothing of what was sent. */
  readonly field: string;
  readonly problem: string;
}

/** What Stripe recommends; longer than a delivery is under way, and short for whoever has recorded one. */
const ageMsMax = 5 * 60_000;

/**
 * Reads what was sent as an event of ours, or says why it is none. The signature is over the very bytes: a body that was
 * parsed and written anew has none.
 *
 * @param sentMs when it arrived, by our clock: what the moment in the signature is compared with, both ways
 */
export function verifyEvent(
  { body, signature }: SignedBody,
  { secrets, livemode, account }: ExpectedEvents,
  sentMs: number,
): { readonly type: "event"; readonly event: StripeEvent } | RefusedEvent {
  const text = textOf(body);
  const signedAtMs = momentIn(signature ?? "");
  if (text === undefined || signature === null || signedAtMs === undefined || !isSigned(text, signature, secrets)) {
    const problem = "is missing, or by none of the secrets in STRIPE_WEBHOOK_SECRETS over exactly this body";
    return refused("signature_invalid", "signature", problem);
  }
  // What is not a number is neither, and so refused.
  if (!(sentMs - signedAtMs <= ageMsMax))
    return refused("signature_expired", "signature", "is older than five minutes");
  if (!(signedAtMs - sentMs <= ageMsMax)) {
    return refused("signature_ahead", "signature", "is dated more than five minutes ahead");
  }
  const read = readEvent(text);
  if (read.type === "no_event") return refused("event_invalid", read.field, read.problem);
  const { event } = read;
  if (event.livemode !== livemode) {
    return refused("wrong_mode", "livemode", `must be ${livemode}, as the key in STRIPE_SECRET_KEY has it`);
  }
  if (event.account !== account) {
    const whose = account === null ? "absent, since STRIPE_ACCOUNT is not set" : "the one in STRIPE_ACCOUNT";
    return refused("wrong_account", "account", `must be ${whose}`);
  }
  return { type: "event", event };
}

function refused(reason: EventRefusal, field: string, problem: string): RefusedEvent {
  return { type: "refused", reason, field, problem };
}

/** The bytes as text, so that the same text is the same bytes; undefined when they are no UTF-8. */
function textOf(body: string | Uint8Array): string | undefined {
  if (typeof body === "string") return body;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

/**
 * The moment that the header names, in milliseconds since 1970; undefined unless it names exactly one. Of several Stripe's
 * SDK would verify one, and which is its own affair.
 */
function momentIn(header: string): number | undefined {
  const moments = header.split(",").filter((item) => item.split("=", 1)[0] === "t");
  const [, seconds] = moments.length === 1 ? (/^t=(\d{1,12})$/.exec(moments[0] ?? "") ?? []) : [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

/** Whether one of the secrets has signed the text. The SDK looks at the past only; so we look at the moment, and it at none. */
function isSigned(text: string, header: string, secrets: readonly Secret[]): boolean {
  return secrets.some((secret) => {
    try {
      return Stripe.webhooks.signature?.verifyHeader(text, header, secret.reveal(), 0) === true;
    } catch {
      // It throws for whatever does not verify, with what was sent in the error.
      return false;
    }
  });
}
