import { licenseOnPaid, newPeriodPayment, paymentOfPeriod, writeOffUnpaid } from "./billing.ts";
import type { Attention, LicenseMove, NewPayment, PaymentMove } from "./change.ts";
import type { Payment } from "./contract.ts";
import { asPaid, isOf, itemsOf, receiptOf, recordReceipt } from "./receipts.ts";
import type { RuleFacts } from "./rule.ts";
import type { Answers, CallAnswer, InvoiceSeen, PaidInvoicesSeen, Step, UnpaidInvoicesSeen } from "./step.ts";

/** Either the next look or call, or what the end of the invoices means for the purchase history. */
export type Closing =
  | { readonly type: "step"; readonly step: Step }
  | {
      readonly type: "closed";
      /** Periods that were billed by what is ended here, and of which nobody had told us. */
      readonly newPayments: readonly NewPayment[];
      readonly paymentMoves: readonly PaymentMove[];
      /** Licenses of what was paid after all. */
      readonly licenses: readonly LicenseMove[];
      readonly attention: readonly Attention[];
    };

type ClosingFacts = Pick<RuleFacts<unknown>, "world" | "today" | "zone">;

/**
 * Ends what a contract still owes: voids what can still be paid of its subscription's invoices, stops the drafts, then reads
 * what may have been paid after all: the invoices that would not be voided, those that unpaid rows name, and, since a row
 * may name none, every paid invoice of the subscription that our rows do not know. Periods that were not paid count as never
 * charged, also those of which the report that they are owed has not come, or comes later: the history says the same then.
 *
 * The subscription has to be over before: voiding first could make Stripe run it again.
 */
export function closeInvoices(facts: ClosingFacts, answers: Answers): Closing {
  const { world, today } = facts;
  const { contract, payments, licenses } = world;
  const closing = closeAtStripe(facts, answers);
  if (closing.type === "step") return closing;
  const paidIds = new Set(closing.paymentMoves.filter(({ to }) => to === "paid").map(({ id }) => id));
  const opened = contract.startOn > today ? [] : payments.filter(({ id }) => paidIds.has(id));
  return { ...closing, licenses: opened.flatMap((payment) => licenseOnPaid(payment, licenses)) };
}

type ClosingAtStripe = Extract<Closing, { type: "step" }> | Omit<Extract<Closing, { type: "closed" }>, "licenses">;

function closeAtStripe(facts: ClosingFacts, answers: Answers): ClosingAtStripe {
  const { contract, payments } = facts.world;
  const unpaid = payments.filter((payment) => payment.state === "unpaid" || payment.state === "due");
  const subscriptionId = contract.stripeSubscriptionId;
  if (subscriptionId === null) {
    return { type: "closed", newPayments: [], paymentMoves: writeOffUnpaid(payments), attention: [] };
  }

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
  const paid = answers.get("paid_invoices") as PaidInvoicesSeen | undefined;
  if (paid === undefined && unpaid.length > 0) {
    return look("paid_invoices", { verb: "list_paid_invoices", subscriptionId });
  }

  const refused = listed.invoices.filter(({ id }) =>
    [`void:${id}`, `stop:${id}`].some((name) => isRefused(answers.get(name))),
  );
  const named = [...refused.map(({ id }) => id), ...unpaid.flatMap((row) => row.stripeInvoiceId ?? [])];
  const unknown = unknownTo(payments, paid?.invoices ?? []);
  const seen = new Map<string, InvoiceSeen>();
  for (const invoiceId of new Set([...named, ...unknown])) {
    const invoice = answers.get(`invoice:${invoiceId}`) as InvoiceSeen | undefined;
    if (invoice === undefined) return look(`invoice:${invoiceId}`, { verb: "read_invoice", invoiceId });
    seen.set(invoiceId, invoice);
  }

  const paidMeanwhile = new Map<string, PaymentMove>();
  const attention: Attention[] = [];
  for (const [invoiceId, invoice] of seen) {
    const moves = movesOf(facts, unpaid, invoice).filter(({ id }) => !paidMeanwhile.has(id));
    for (const move of moves) paidMeanwhile.set(move.id, move);
    if (named.includes(invoiceId) || moves.length > 0) attention.push(...remarksOn(invoiceId, invoice));
  }
  const writtenOff = writeOffUnpaid(payments).filter(({ id }) => !paidMeanwhile.has(id));
  const ended = listed.invoices.flatMap(({ id }) => [answers.get(`void:${id}`), answers.get(`stop:${id}`)]);
  return {
    type: "closed",
    newPayments: ended.flatMap((answer) => neverCharged(facts, answer as CallAnswer<InvoiceSeen> | undefined)),
    paymentMoves: [...paidMeanwhile.values(), ...writtenOff],
    attention,
  };
}

/** Rows for the periods that an invoice billed which has been ended, where there are none. */
function neverCharged(
  { world, zone }: ClosingFacts,
  ended: CallAnswer<InvoiceSeen> | undefined,
): readonly NewPayment[] {
  if (ended?.type !== "done" || ended.value.type === "missing") return [];
  const { id: stripeInvoiceId } = ended.value;
  return itemsOf(world, ended.value, zone).flatMap(({ period, amountMinor }) =>
    period === null || paymentOfPeriod(world, period) !== undefined
      ? []
      : [{ ...newPeriodPayment(world.contract, period, { state: "never_charged" }), amountMinor, stripeInvoiceId }],
  );
}

/** The paid invoices that none of our rows names. */
function unknownTo(payments: readonly Payment[], invoices: PaidInvoicesSeen["invoices"]): readonly string[] {
  return invoices.flatMap(({ id: invoiceId, paymentIntentId }) => {
    const isKnown = payments.some((row) => isOf(row, { invoiceId, paymentIntentId }));
    return isKnown ? [] : [invoiceId];
  });
}

/** The unpaid rows that an invoice has paid after all: those that name it, and those that its lines pay. */
function movesOf({ world, zone }: ClosingFacts, unpaid: readonly Payment[], seen: InvoiceSeen): readonly PaymentMove[] {
  const invoice = asPaid(seen);
  if (invoice === undefined) return [];
  const byLine = recordReceipt(world, receiptOf(world, invoice, zone)).paymentMoves.filter(({ id }) =>
    unpaid.some((row) => row.id === id),
  );
  const byName = unpaid.filter((row) => row.stripeInvoiceId === invoice.id && !byLine.some(({ id }) => id === row.id));
  const { paidAt, paymentIntentId } = invoice;
  return [
    ...byLine,
    ...byName.map(({ id, state }) => ({
      id,
      from: state,
      to: "paid" as const,
      paidAt,
      ...(paymentIntentId === null ? {} : { stripePaymentIntentId: paymentIntentId }),
    })),
  ];
}

function remarksOn(invoiceId: string, invoice: InvoiceSeen): readonly Attention[] {
  if (invoice.type === "missing" || invoice.stripeInvoiceStatus === "void") return [];
  if (invoice.stripeInvoiceStatus !== "paid") {
    return [{ code: "invoice_not_voided", detail: { invoiceId, stripeInvoiceStatus: invoice.stripeInvoiceStatus } }];
  }
  return [{ code: "invoice_paid_meanwhile", detail: { invoiceId, amountMinor: invoice.amountPaidMinor } }];
}

function look(name: string, wanted: Extract<Step, { type: "look" }>["look"]): ClosingAtStripe {
  return { type: "step", step: { type: "look", name, look: wanted } };
}

function isRefused(answer: unknown): boolean {
  return (answer as CallAnswer<InvoiceSeen> | undefined)?.type === "refused";
}
