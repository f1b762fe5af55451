import { licenseOnPaid, writeOffUnpaid } from "./billing.ts";
import type { BusinessDate } from "./calendar.ts";
import type { Attention, LicenseMove, PaymentMove } from "./change.ts";
import type { ContractWorld } from "./contract.ts";
import type { Answers, CallAnswer, InvoiceSeen, Step, UnpaidInvoicesSeen } from "./step.ts";

/** Either the next look or call, or what the end of the invoices means for the purchase history. */
export type Closing =
  | { readonly type: "step"; readonly step: Step }
  | {
      readonly type: "closed";
      readonly paymentMoves: readonly PaymentMove[];
      /** Licenses of what was paid after all. */
      readonly licenses: readonly LicenseMove[];
      readonly attention: readonly Attention[];
    };

/**
 * Ends what a contract still owes: voids what can still be paid of its subscription's invoices, stops the drafts, then reads
 * what was unpaid here to see whether it has been paid after all. Periods that were not paid count as never charged.
 *
 * The subscription has to be over before: voiding first could make Stripe run it again.
 */
export function closeInvoices(world: ContractWorld, today: BusinessDate, answers: Answers): Closing {
  const closing = closeAtStripe(world, answers);
  if (closing.type === "step") return closing;
  const { contract, payments, licenses } = world;
  const paidIds = new Set(closing.paymentMoves.filter(({ to }) => to === "paid").map(({ id }) => id));
  const opened = contract.startOn > today ? [] : payments.filter(({ id }) => paidIds.has(id));
  return { ...closing, licenses: opened.flatMap((payment) => licenseOnPaid(payment, licenses)) };
}

type ClosingAtStripe = Extract<Closing, { type: "step" }> | Omit<Extract<Closing, { type: "closed" }>, "licenses">;

function closeAtStripe({ contract, payments }: ContractWorld, answers: Answers): ClosingAtStripe {
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

function look(name: string, wanted: Extract<Step, { type: "look" }>["look"]): ClosingAtStripe {
  return { type: "step", step: { type: "look", name, look: wanted } };
}

function isRefused(answer: unknown): boolean {
  return (answer as CallAnswer<InvoiceSeen> | undefined)?.type === "refused";
}
