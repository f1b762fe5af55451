import type { Reply } from "./call.ts";
import { errorBody, type StripeRefusal } from "./errors.ts";

/** Stripe indents its JSON; the stand-in does not, to be quick. */
export function replyOf(refusal: StripeRefusal, requestId: string): Reply {
  const body = JSON.stringify(errorBody(refusal.error, requestId));
  return { status: refusal.status, body, headers: refusal.headers, isReplayed: false };
}

export function replyOfObject(object: unknown): Reply {
  return { status: 200, body: JSON.stringify(object), headers: {}, isReplayed: false };
}
