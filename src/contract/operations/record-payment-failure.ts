import { z } from "zod";
import { tellBoth } from "../canceling.ts";
import type { Notice } from "../change.ts";
import type { Contract } from "../contract.ts";
import type { NoticeDetail } from "../notices.ts";
import type { FoundInvoice } from "../receipts.ts";
import { type ContractRule, isFinal, missingAtStripe, settle, stripe, superseded } from "../rule.ts";
import type { InvoiceSeen } from "../step.ts";
import { billsOf, missBill, owedBill } from "../unpaid-invoices.ts";

const params = z.strictObject({
  invoiceId: z.string().min(1).max(255),
  /** Stripe's count of its attempts at this invoice; 0 while it has only asked the customer to act. */
  attempt: z.int().min(0),
});
type Params = z.output<typeof params>;

/**
 * An attempt to collect an invoice has failed (`invoice.payment_failed`, `invoice.payment_action_required`). Customer and
 * operators are told of every attempt once, whatever has become of the contract since. An invoice that bills nothing of the
 * contract, by the subscription that bills it now, is noted only.
 *
 * The event says which attempt it is, and nothing else: events come late and in any order, and what a mail says of the next
 * attempt, or asks the customer to do, has to be true when it is read.
 *
 * The invoice is read: only if it is not paid and bills a period that nothing else has paid is that period unpaid, and a
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
    if (billsOf(facts, invoice).length === 0) return superseded();
    const bill = owedBill(facts, invoice);
    const told = (suspended: boolean) => tell(contract, failure, invoice, suspended);
    if (bill === undefined) return superseded({ notices: told(false) });
    if (contract.status === "awaiting_payment") return settle({ notices: told(false) });

    const { suspends, ...missing } = missBill(world, bill);
    const notices = told(suspends);
    const changes = suspends || missing.newPayments.length + missing.paymentMoves.length > 0;
    if (!changes) return superseded({ notices });
    return settle({ ...(suspends ? { status: "payment_unconfirmed" } : {}), ...missing, notices });
  },
  nextAfterDeletion: () => superseded(),
};

/** Of what is owed Stripe may still get something: whoever writes an invoice off may be paid all the same. */
const payableStatuses: readonly string[] = ["open", "uncollectible"];

/**
 * What has become of the invoice by now. The open invoices of a contract that has ended are voided with it; one that nobody has
 * voided yet is asked for no longer all the same.
 */
function standingOf(
  contract: Contract,
  { stripeInvoiceStatus }: FoundInvoice,
): NoticeDetail<"payment_failed">["invoice"] {
  if (stripeInvoiceStatus === "paid") return "paid";
  return payableStatuses.includes(stripeInvoiceStatus) && !isFinal(contract) ? "open" : "over";
}

/** The mail about this attempt. It tells of the suspension too: one cause, one mail. */
function tell(contract: Contract, failure: Params, invoice: FoundInvoice, suspended: boolean): readonly Notice[] {
  const { invoiceId, attempt } = failure;
  const standing = standingOf(contract, invoice);
  const isOpen = standing === "open";
  const detail: NoticeDetail<"payment_failed"> = {
    invoiceId,
    attempt,
    invoice: standing,
    nextAttemptAt: isOpen ? invoice.nextAttemptAt : null,
    amountMinor: invoice.amountDueMinor,
    actionRequired: isOpen && invoice.awaitsConfirmation === true ? 1 : 0,
    suspended: suspended ? 1 : 0,
  };
  const cause = `payment_failed:${invoiceId}:${attempt}`;
  return tellBoth("payment_failed", detail).map((notice) => ({ ...notice, cause }));
}
