import { licenseOnPaid, writeOffUnpaid } from "../billing.ts";
import { endSubscription, tellBoth } from "../canceling.ts";
import type { Attention, PaymentMove } from "../change.ts";
import type { ContractWorld } from "../contract.ts";
import { type ContractRule, noParams, reject, rejectStatus, settle, staff } from "../rule.ts";
import type { Answers, CallAnswer, InvoiceSeen, Step, UnpaidInvoicesSeen } from "../step.ts";

/**
 * 解約処理: ends a suspended monthly contract at once. The unpaid periods count as never charged; what was paid stays
 * viewable. By card, in this order: the subscription is cancelled, its open invoices are voided and its drafts stopped
 * (voiding first could make Stripe run the subscription again), and then it is looked whether one was paid in between:
 * that one is a payment, and opens its period as any payment of a contract that has begun.
 */
export const terminate: ContractRule<typeof noParams> = {
  kind: "terminate",
  subject: "contract",
  button: { ja: "解約処理", en: "Terminate now" },
  actors: staff,
  params: noParams,
  next({ world, today }, answers) {
    const { contract, payments, licenses } = world;
    if (contract.kind !== "monthly") return reject("not_monthly");
    if (contract.status !== "payment_unconfirmed") return rejectStatus(contract);

    const ending = endSubscription(contract, answers);
    if (ending.type === "step") return ending.step;
    const closing = closeInvoices(world, answers);
    if (closing.type === "step") return closing.step;

    const paidMeanwhile = new Set(closing.paymentMoves.filter(({ to }) => to === "paid").map(({ id }) => id));
    const opened = contract.startOn > today ? [] : payments.filter(({ id }) => paidMeanwhile.has(id));
    return settle({
      status: "terminated",
      reservation: null,
      paymentMoves: closing.paymentMoves,
      licenses: opened.flatMap((payment) => licenseOnPaid(payment, licenses)),
      attention: [...ending.attention, ...closing.attention],
      notices: tellBoth("contract_terminated"),
    });
  },
};

type Closing =
  | { readonly type: "step"; readonly step: Step }
  | {
      readonly type: "closed";
      readonly paymentMoves: readonly PaymentMove[];
      readonly attention: readonly Attention[];
    };

/** Voids what can still be paid, then reads what was unpaid here to see whether it has been paid after all. */
function closeInvoices({ contract, payments }: ContractWorld, answers: Answers): Closing {
  const unpaid = payments.filter((payment) => payment.state === "unpaid" || payment.state === "due");
  const subscriptionId = contract.stripeSubscriptionId;
  if (subscriptionId === null) return { type: "closed", paymentMoves: writeOffUnpaid(payments), attention: [] };

  const listed = answers.get("unpaid_invoices") as UnpaidInvoicesSeen | undefined;
  if (listed === undefined) {
    return look("unpaid_invoices", { verb: "list_unpaid_invoices", subscriptionId });
  }
  for (const { id, stripeInvoiceStatus } of listed.invoices) {
    const name = stripeInvoiceStatus === "open" ? `void:${id}` : `stop:${id}`;
    if (answers.has(name)) continue;
    const verb = stripeInvoiceStatus === "open" ? "void_invoice" : "stop_invoice";
    return { type: "step", step: { type: "call", name, call: { verb, invoiceId: id } } };
  }

  const refused = listed.invoices.filter(({ id }) =>
    [`void:${id}`, `stop:${id}`].some((name) => isRefused(answers.get(name))),
  );
  const inDoubt = new Set([...refused.map(({ id }) => id), ...unpaid.flatMap((row) => row.stripeInvoiceId ?? [])]);
  const seen = new Map<string, InvoiceSeen>();
  for (const invoiceId of inDoubt) {
    const invoice = answers.get(`invoice:${invoiceId}`) as InvoiceSeen | undefined;
    if (invoice === undefined) return look(`invoice:${invoiceId}`, { verb: "read_invoice", invoiceId });
    seen.set(invoiceId, invoice);
  }

  const attention = [...seen].flatMap(([invoiceId, invoice]): Attention[] => {
    if (invoice.type === "missing" || invoice.stripeInvoiceStatus === "void") return [];
    if (invoice.stripeInvoiceStatus !== "paid") {
      return [{ code: "invoice_not_voided", detail: { invoiceId, stripeInvoiceStatus: invoice.stripeInvoiceStatus } }];
    }
    return [{ code: "invoice_paid_meanwhile", detail: { invoiceId, amountMinor: invoice.amountPaidMinor } }];
  });
  const paidMeanwhile = unpaid.flatMap((row): PaymentMove[] => {
    const invoice = row.stripeInvoiceId === null ? undefined : seen.get(row.stripeInvoiceId);
    if (invoice?.type !== "found" || invoice.paidAt === null) return [];
    return [
      {
        id: row.id,
        from: row.state,
        to: "paid",
        paidAt: invoice.paidAt,
        ...(invoice.paymentIntentId === null ? {} : { stripePaymentIntentId: invoice.paymentIntentId }),
      },
    ];
  });
  const paidIds = new Set(paidMeanwhile.map((move) => move.id));
  const writtenOff = writeOffUnpaid(payments).filter((move) => !paidIds.has(move.id));
  return { type: "closed", paymentMoves: [...paidMeanwhile, ...writtenOff], attention };
}

function look(name: string, wanted: Extract<Step, { type: "look" }>["look"]): Closing {
  return { type: "step", step: { type: "look", name, look: wanted } };
}

function isRefused(answer: unknown): boolean {
  return (answer as CallAnswer<InvoiceSeen> | undefined)?.type === "refused";
}
