import type { Facts } from "./operation.ts";
import type {
  Answer,
  Call,
  InvoiceSeen,
  Look,
  LookAnswers,
  PaidInvoicesSeen,
  RefundsSeen,
  SubscriptionSeen,
  UnpaidInvoicesSeen,
} from "./step.ts";

/*
 * A Stripe that does as it is told, for the question what an operation would do: calls succeed, and whatever is looked at
 * afterwards shows it. Nothing is sent.
 */

/** The answer of a call that succeeds, made of what was looked at before and of the calls that were supposed before it. */
export function supposeDone(
  call: Call,
  facts: Facts,
  answers: ReadonlyMap<string, Answer>,
  before: readonly Call[],
): Answer {
  switch (call.verb) {
    case "cancel_subscription":
    case "set_cancel_at_period_end":
    case "clear_cancel_at": {
      const seen = subscriptionIn(answers, call.subscriptionId, facts);
      const calls = [...callsOnSubscription(before, call.subscriptionId), call];
      return {
        type: "done",
        value: calls.reduce((subscription, each) => subscriptionAfter(subscription, each, facts), seen),
      };
    }
    case "void_invoice":
      return { type: "done", value: invoiceIn(answers, call.invoiceId, "void") };
    case "stop_invoice":
      return { type: "done", value: invoiceIn(answers, call.invoiceId, "draft") };
    case "refund_payment": {
      const { refundId, amountMinor } = call;
      return { type: "done", value: { id: refundId, amountMinor, stripeRefundStatus: "succeeded", refundId } };
    }
  }
}

/** What a look would show once the calls had taken effect, given what it really shows now. */
export function supposeSeen(look: Look, seen: Answer, calls: readonly Call[], facts: Facts): Answer {
  switch (look.verb) {
    case "read_subscription":
      return callsOnSubscription(calls, look.subscriptionId).reduce<SubscriptionSeen>(
        (subscription, call) =>
          subscription.type === "found" ? subscriptionAfter(subscription, call, facts) : subscription,
        seen as SubscriptionSeen,
      );
    case "list_unpaid_invoices": {
      const { invoices } = seen as UnpaidInvoicesSeen;
      return { invoices: invoices.filter(({ id }) => !isVoided(calls, id)) };
    }
    case "read_invoice": {
      const invoice = seen as InvoiceSeen;
      const isToBeVoid =
        invoice.type === "found" && invoice.stripeInvoiceStatus === "open" && isVoided(calls, invoice.id);
      return isToBeVoid ? { ...invoice, stripeInvoiceStatus: "void" } : invoice;
    }
    case "list_refunds":
      return refundsAfter(seen as RefundsSeen, look.paymentIntentId, calls);
    case "list_paid_invoices":
    case "read_payment_intent":
      // Nothing of ours makes anybody pay.
      return seen as PaidInvoicesSeen | LookAnswers["read_payment_intent"];
  }
}

type FoundSubscription = Extract<SubscriptionSeen, { type: "found" }>;
type SubscriptionCall = Extract<Call, { readonly subscriptionId: string }>;

function callsOnSubscription(calls: readonly Call[], subscriptionId: string): readonly SubscriptionCall[] {
  return calls.flatMap((call) => ("subscriptionId" in call && call.subscriptionId === subscriptionId ? [call] : []));
}

function subscriptionAfter(before: FoundSubscription, call: SubscriptionCall, { takenAt }: Facts): FoundSubscription {
  switch (call.verb) {
    case "cancel_subscription":
      return {
        ...before,
        stripeSubscriptionStatus: "canceled",
        cancelAtPeriodEnd: false,
        endedAt: before.endedAt ?? takenAt,
      };
    case "set_cancel_at_period_end":
      if (call.cancelAtPeriodEnd) return { ...before, cancelAtPeriodEnd: true, cancelAt: before.currentPeriodEndAt };
      // An end that was set at a moment of its own stays.
      return before.cancelAtPeriodEnd ? { ...before, cancelAtPeriodEnd: false, cancelAt: null } : before;
    case "clear_cancel_at":
      return { ...before, cancelAtPeriodEnd: false, cancelAt: null };
  }
}

/** The subscription as it was looked at; one that nobody looked at runs, as far as anybody knows. */
function subscriptionIn(
  answers: ReadonlyMap<string, Answer>,
  subscriptionId: string,
  { takenAt, world }: Facts,
): FoundSubscription {
  const seen = [...answers.values()].find(
    (answer): answer is FoundSubscription => "currentPeriodEndAt" in answer && answer.id === subscriptionId,
  );
  return (
    seen ?? {
      type: "found",
      id: subscriptionId,
      customerId: world?.contract.stripeCustomerId ?? "",
      stripeSubscriptionStatus: "active",
      cancelAtPeriodEnd: false,
      cancelAt: null,
      currentPeriodStartAt: takenAt,
      currentPeriodEndAt: takenAt,
      endedAt: null,
    }
  );
}

function invoiceIn(
  answers: ReadonlyMap<string, Answer>,
  invoiceId: string,
  stripeInvoiceStatus: string,
): Extract<InvoiceSeen, { type: "found" }> {
  const seen = [...answers.values()].find(
    (answer): answer is Extract<InvoiceSeen, { type: "found" }> =>
      "amountDueMinor" in answer && answer.id === invoiceId,
  );
  const unseen = {
    type: "found",
    id: invoiceId,
    amountDueMinor: 0,
    amountPaidMinor: 0,
    paidAt: null,
    paymentIntentId: null,
    subscriptionId: null,
    billingReason: null,
    nextAttemptAt: null,
    lines: [],
  } as const;
  return { ...(seen ?? unseen), stripeInvoiceStatus, autoAdvance: false };
}

function isVoided(calls: readonly Call[], invoiceId: string): boolean {
  return calls.some((call) => call.verb === "void_invoice" && call.invoiceId === invoiceId);
}

function refundsAfter(seen: RefundsSeen, paymentIntentId: string, calls: readonly Call[]): RefundsSeen {
  if (seen.type === "missing") return seen;
  const made = calls.flatMap((call) =>
    call.verb === "refund_payment" && call.paymentIntentId === paymentIntentId ? [call] : [],
  );
  return {
    ...seen,
    leftMinor: made.reduce((left, { amountMinor }) => left - amountMinor, seen.leftMinor),
    refunds: [
      ...seen.refunds,
      ...made.map(({ refundId, amountMinor }) => ({
        id: refundId,
        amountMinor,
        stripeRefundStatus: "succeeded",
        refundId,
      })),
    ],
  };
}
