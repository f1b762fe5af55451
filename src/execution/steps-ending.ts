import type { Change, RefundIntent } from "../contract/change.ts";
import type { Rejection } from "../contract/rejection.ts";
import type { HeldQuestion } from "../store/hold-operation.ts";
import type { GatewayReply, NotNowReason } from "../stripe/gateway.ts";
import { deferralDelayMs, jittered } from "./back-off.ts";
import type { DeferralReason } from "./outcome.ts";

/** How the steps of an attempt ended: decided, or not now, or not at all without a person. */
export type StepsEnding =
  | { readonly type: "settle"; readonly change: Change }
  | { readonly type: "reject"; readonly rejection: Rejection }
  | {
      readonly type: "deferred";
      readonly reason: DeferralReason;
      readonly delayMs: number;
      /** The call of which the journal says that it was sent, and of which it is known now that it was turned away. */
      readonly turnedAway?: string | undefined;
    }
  | {
      readonly type: "failed";
      readonly reason: string;
      /** The call that was refused for the time being, and the key under which it is sent the next time. */
      readonly renewed?: { readonly name: string; readonly nextKey: string };
    }
  | { readonly type: "conflict" }
  | {
      readonly type: "held";
      readonly question: HeldQuestion;
      /** The refund that was not sent: it is owed from now on, whatever the person decides. */
      readonly owed?: RefundIntent | undefined;
    };

/** Puts the operation off for a while that fits the cause. */
export function defer(reason: keyof typeof deferralDelayMs, atLeastMs = 0): Extract<StepsEnding, { type: "deferred" }> {
  return { type: "deferred", reason, delayMs: jittered(Math.max(deferralDelayMs[reason], atLeastMs)) };
}

/**
 * Puts the operation off because Stripe, or our key to it, is not to be had now. `turnedAway` names a call to which nothing
 * else has happened under its key yet.
 */
export function deferNotNow(reason: NotNowReason, turnedAway?: string): StepsEnding {
  return { ...defer(reason === "unreachable" ? "stripe_unreachable" : reason), turnedAway };
}

/** A look that has no answer although Stripe works: this operation's own failure, lest it were asked for ever. */
export const lookUnanswered: StepsEnding = { type: "failed", reason: "look_unanswered" };

/** What stands in the way of a step whose look has not been answered. */
export function unanswered(step: string, reply: Exclude<GatewayReply<unknown>, { type: "done" }>): StepsEnding {
  switch (reply.type) {
    case "not_now":
      return deferNotNow(reply.reason);
    case "unknown":
      return lookUnanswered;
    case "refused":
      return unexplained(step, reply.code, null, reply.requestId);
    case "unexplained":
      return unexplained(step, reply.code, reply.httpStatus, reply.requestId);
  }
}

/** Asks a person about an answer that has no meaning yet. `isNotDone`: a call that is known to have had no effect. */
export function unexplained(
  step: string,
  code: string,
  httpStatus: number | null,
  requestId: string | null,
  isNotDone = false,
): StepsEnding {
  const detail = { step, code, httpStatus, requestId, ...(isNotDone ? { effect: "none" } : {}) };
  return { type: "held", question: { code: "answer_unexplained", detail } };
}
