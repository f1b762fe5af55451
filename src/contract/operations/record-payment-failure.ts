import { z } from "zod";
import { parseInstant } from "../calendar.ts";
import { tellBoth } from "../canceling.ts";
import type { Notice } from "../change.ts";
import { isPeriodSettled, missPeriod } from "../missing-payments.ts";
import type { NoticeDetail } from "../notices.ts";
import { itemsOf, type ReceivedItem } from "../receipts.ts";
import {
  type ContractRule,
  isFinal,
  isRunning,
  missingAtStripe,
  type RuleFacts,
  settle,
  stripe,
  superseded,
} from "../rule.ts";
import type { InvoiceSeen } from "../step.ts";

const params = z.strictObject({
  invoiceId: z.string().min(1).max(255),
  /** Stripe's count of its attempts at this invoice; 0 while it has only asked the customer to act. */
  attempt: z.int().min(0),
  /** When Stripe tries again; null when it has said nothing of that. */
  nextAttemptAt: z.iso.datetime({ offset: true }).transform(parseInstant).nullable(),
  /** Whether the customer has to act, as for a card that asks for a confirmation, rather than that the card was declined. */
  actionRequired: z.boolean(),
});
type Params = z.output<typeof params>;

/**
 * An attempt to collect an invoice has failed (`invoice.payment_failed`, `invoice.payment_action_required`). Customer and
 * operators are told of every attempt once, whatever has become of the contract since. An invoice that bills nothing of the
 * contract, by the subscription that bills it now, is noted only.
 *
 * The invoice is read: only if it is still owed and bills a period that nothing else has paid is that period unpaid, and a
 * contract that runs or has not started is suspended. Nothing here counts attempts: the end is what Stripe says it is.
 */
export const recordPaymentFailure: ContractRule<typeof params> = {
  kind: "record_payment_failure",
  subject: "contract",
  button: { ja: "支払い失敗の記録", en: "Record a failed payment" },
  summary: {
    ja: "Stripeが報告した決済失敗を記録し、契約を停止して、顧客と管理者に知らせます。",
    en: "Stripe reports a failed attempt: the contract is suspended, and customer and operators are told of every one.",
  },
  actors: stripe,
  params,
  next(facts, answers) {
    const { world, params: failure } = facts;
    const { contract } = world;
    const { invoiceId } = failure;
    if (contract.paymentMethod !== "card") return superseded();
    const invoice = answers.get("invoice") as InvoiceSeen | undefined;
    if (invoice === undefined) return { type: "look", name: "invoice", look: { verb: "read_invoice", invoiceId } };

    if (invoice.type === "missing") return missingAtStripe(invoiceId);
    const bills = billsOf(facts, invoice);
    if (bills.length === 0) return superseded();
    const bill = owedBill(facts, invoice, bills);
    if (bill === undefined || isFinal(contract)) return superseded({ notices: tell(failure, invoice, false) });
    if (contract.status === "awaiting_payment") return settle({ notices: tell(failure, invoice, false) });

    const missing = missPeriod(world, bill.period, { invoiceId, amountMinor: bill.amountMinor });
    const isSuspended = isRunning(contract) || contract.status === "not_started";
    const notices = tell(failure, invoice, isSuspended);
    const changes = isSuspended || missing.newPayments.length + missing.paymentMoves.length > 0;
    if (!changes) return superseded({ notices });
    return settle({ ...(isSuspended ? { status: "payment_unconfirmed" } : {}), ...missing, notices });
  },
  nextAfterDeletion: () => superseded(),
};

const owedStatuses: readonly string[] = ["open", "uncollectible"];

/** What of the contract the invoice bills: its periods, or the initial fee, by the present subscription. */
function billsOf({ world, zone }: RuleFacts<Params>, invoice: InvoiceSeen): readonly ReceivedItem[] {
  const { stripeSubscriptionId } = world.contract;
  const isOurs = invoice.type === "found" && invoice.subscriptionId === stripeSubscriptionId;
  return isOurs && stripeSubscriptionId !== null ? itemsOf(world, invoice, zone) : [];
}

/** The period that the invoice still asks for; undefined when there is none. */
function owedBill({ world }: RuleFacts<Params>, invoice: InvoiceSeen, bills: readonly ReceivedItem[]) {
  if (invoice.type === "missing" || !owedStatuses.includes(invoice.stripeInvoiceStatus)) return undefined;
  return bills.flatMap(({ period, amountMinor }) =>
    period === null || isPeriodSettled(world, period) ? [] : [{ period, amountMinor }],
  )[0];
}

/** The mail about this attempt. It tells of the suspension too: one cause, one mail. */
function tell(
  { invoiceId, attempt, nextAttemptAt, actionRequired }: Params,
  invoice: InvoiceSeen,
  suspended: boolean,
): readonly Notice[] {
  const detail: NoticeDetail<"payment_failed"> = {
    invoiceId,
    attempt,
    nextAttemptAt,
    amountMinor: invoice.type === "found" ? invoice.amountDueMinor : null,
    actionRequired: actionRequired ? 1 : 0,
    suspended: suspended ? 1 : 0,
  };
  const cause = `payment_failed:${invoiceId}:${attempt}`;
  return tellBoth("payment_failed", detail).map((notice) => ({ ...notice, cause }));
}
