import type { Call, CallResults, SubscriptionSeen } from "../contract/step.ts";
import { type FoundSubscription, hasEnded } from "../contract/subscription.ts";
import type { GatewayReply, NotNowReason, StripeGateway } from "../stripe/gateway.ts";

/** Whether a call has taken effect at Stripe, as far as reading can tell. */
export type Effect =
  | { readonly type: "found"; readonly value: CallResults[Call["verb"]]; readonly requestId: string | null }
  /** `isOver`: what was to be changed has ended, so that it may have taken effect before and does not show any more. */
  | { readonly type: "not_found"; readonly requestId: string | null; readonly isOver?: true }
  | { readonly type: "not_now"; readonly reason: NotNowReason }
  /** Stripe works, and this look has no answer: it has told nothing. */
  | { readonly type: "unanswered" }
  | {
      readonly type: "unexplained";
      readonly code: string;
      readonly httpStatus: number | null;
      readonly requestId: string | null;
    };

/**
 * Looks for the effect of a call whose reply we do not have, or that was refused.
 *
 * A refund is ours only if its metadata names our refund row: two rows of one invoice share a charge, and a dashboard
 * refund of the same amount is not ours. The other calls lead to a state, and whoever led there, it is reached. A subscription
 * that Stripe has ended as it was set to goes on saying so.
 */
export async function findEffect(gateway: StripeGateway, call: Call): Promise<Effect> {
  switch (call.verb) {
    case "cancel_subscription":
      return effectIn(await gateway.readSubscription(call.subscriptionId), (subscription) =>
        subscription.type === "found" && hasEnded(subscription) ? subscription : undefined,
      );
    case "set_cancel_at_period_end": {
      const { cancelAtPeriodEnd } = call;
      return changeIn(await gateway.readSubscription(call.subscriptionId), (subscription) =>
        hasEnded(subscription)
          ? cancelAtPeriodEnd && subscription.cancelAtPeriodEnd
          : subscription.cancelAtPeriodEnd === cancelAtPeriodEnd,
      );
    }
    case "clear_cancel_at":
      return changeIn(
        await gateway.readSubscription(call.subscriptionId),
        (subscription) => !hasEnded(subscription) && subscription.cancelAt === null,
      );
    case "void_invoice":
      return effectIn(await gateway.readInvoice(call.invoiceId), (invoice) =>
        invoice.type === "found" && invoice.stripeInvoiceStatus === "void" ? invoice : undefined,
      );
    case "stop_invoice":
      return effectIn(await gateway.readInvoice(call.invoiceId), (invoice) =>
        invoice.type === "found" && invoice.stripeInvoiceStatus === "draft" && !invoice.autoAdvance
          ? invoice
          : undefined,
      );
    case "refund_payment":
      return effectIn(await gateway.listRefunds(call.paymentIntentId), (seen) =>
        seen.type === "found" ? seen.refunds.find((refund) => refund.refundId === call.refundId) : undefined,
      );
  }
}

/** The effect of a change to how a subscription is to end. */
function changeIn(
  reply: GatewayReply<SubscriptionSeen>,
  isReached: (subscription: FoundSubscription) => boolean,
): Effect {
  const effect = effectIn(reply, (seen) => (seen.type === "found" && isReached(seen) ? seen : undefined));
  const isOver = reply.type === "done" && reply.value.type === "found" && hasEnded(reply.value);
  return effect.type === "not_found" && isOver ? { ...effect, isOver } : effect;
}

function effectIn<Seen>(
  reply: GatewayReply<Seen>,
  find: (seen: Seen) => CallResults[Call["verb"]] | undefined,
): Effect {
  switch (reply.type) {
    case "done": {
      const value = find(reply.value);
      return value === undefined
        ? { type: "not_found", requestId: reply.requestId }
        : { type: "found", value, requestId: reply.requestId };
    }
    case "not_now":
      return { type: "not_now", reason: reply.reason };
    case "unknown":
      return { type: "unanswered" };
    case "refused":
      return { type: "unexplained", code: reply.code, httpStatus: null, requestId: reply.requestId };
    case "unexplained":
      return reply;
  }
}
