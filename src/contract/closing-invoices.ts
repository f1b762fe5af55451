import { licenseOnPaid, newPeriodPayment, paymentOfPeriod, writeOffUnpaid } from "./billing.ts";
import type { Attention, LicenseMove, NewPayment, PaymentMove } from "./change.ts";
import type { Payment } from "./contract.ts";
import { type EndedInvoice, endInvoices, nameFor, remarkOnRest } from "./ending-invoices.ts";
import { asPaid, isLate, isOf, itemsOf, receiptOf, recordReceipt } from "./receipts.ts";
import type { RuleFacts } from "./rule.ts";
import type { Answers, InvoiceSeen, PaidInvoicesSeen, Step } from "./step.ts";
import { subscriptionsOf } from "./subscription.ts";

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
 * Ends what a contract still owes: voids what can still be paid of its subscriptions' invoices, former ones' too, stops the
 * drafts, then reads what may have been paid after all: what would not be ended, what unpaid rows name, and, since a row
 * may name none, every paid invoice of the subscriptions that our rows do not know. Periods that were not paid count as never
 * charged, also those of which the report that they are owed has not come, or comes later: the history says the same then.
 * Of an invoice that would not end, and that Stripe may collect still, the rows stay unpaid. What was paid after the end of
 * the contract is told here, and moves nothing: it is no payment of it but late money, which its own report brings.
 *
 * The subscriptions have to be over before: voiding first could make Stripe run one again.
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
  const { world } = facts;
  const { contract, payments } = world;
  const unpaid = payments.filter((payment) => payment.state === "unpaid" || payment.state === "due");
  const ending = endInvoices(world, answers);
  if (ending.type === "step") return ending;

  const seen = new Map<string, InvoiceSeen>();
  for (const { id, invoice } of ending.invoices) seen.set(id, invoice);
  for (const subscriptionId of unpaid.length > 0 ? subscriptionsOf(contract) : []) {
    const name = nameFor("paid_meanwhile", subscriptionId, contract);
    const paid = answers.get(name) as PaidInvoicesSeen | undefined;
    if (paid === undefined) return look(name, { verb: "list_paid_invoices", subscriptionId });
    for (const invoiceId of unknownTo(world, paid.invoices)) {
      if (seen.has(invoiceId)) continue;
      const invoice = answers.get(`invoice:${invoiceId}`) as InvoiceSeen | undefined;
      if (invoice === undefined) return look(`invoice:${invoiceId}`, { verb: "read_invoice", invoiceId });
      seen.set(invoiceId, invoice);
    }
  }

  const paidMeanwhile = new Map<string, PaymentMove>();
  const attention: Attention[] = ending.invoices.flatMap(remarkOnRest);
  for (const [invoiceId, invoice] of seen) {
    const moves = movesOf(facts, unpaid, invoice).filter(({ id }) => !paidMeanwhile.has(id));
    for (const move of moves) paidMeanwhile.set(move.id, move);
    const wasToEnd = ending.invoices.some(({ id }) => id === invoiceId);
    if (wasToEnd || moves.length > 0) attention.push(...remarkOnPaid(invoice));
  }
  const collected = new Set(ending.invoices.filter(({ isCollected }) => isCollected).map(({ id }) => id));
  const unended = unpaid.filter(({ stripeInvoiceId: id }) => id !== null && collected.has(id));
  const neverPaid = unpaid.filter((row) => !paidMeanwhile.has(row.id) && !unended.includes(row));
  return {
    type: "closed",
    newPayments: neverCharged(facts, ending.invoices),
    paymentMoves: [...paidMeanwhile.values(), ...writeOffUnpaid(neverPaid)],
    attention,
  };
}

/** Rows for the periods that these invoices billed and that nobody will pay, one for each where there is none. */
function neverCharged({ world, zone }: ClosingFacts, invoices: readonly EndedInvoice[]): readonly NewPayment[] {
  const rows = new Map<number, NewPayment>();
  for (const { invoice, isOver } of invoices) {
    if (!isOver || invoice.type === "missing") continue;
    for (const { period, amountMinor } of itemsOf(world, invoice, zone)) {
      if (period === null || rows.has(period) || paymentOfPeriod(world, period) !== undefined) continue;
      const row = newPeriodPayment(world.contract, period, { state: "never_charged" });
      rows.set(period, { ...row, amountMinor, stripeInvoiceId: invoice.id });
    }
  }
  return [...rows.values()];
}

/** The invoices that were paid in time and that none of our rows names. */
function unknownTo(
  { contract, payments }: ClosingFacts["world"],
  invoices: PaidInvoicesSeen["invoices"],
): readonly string[] {
  return invoices.flatMap(({ id: invoiceId, paymentIntentId, paidAt }) => {
    const isKnown = payments.some((row) => isOf(row, { invoiceId, paymentIntentId }));
    return isKnown || isLate(paidAt, contract.endedAt) ? [] : [invoiceId];
  });
}

/** The unpaid rows that an invoice has paid after all: those that name it, and those that its lines pay. */
function movesOf({ world, zone }: ClosingFacts, unpaid: readonly Payment[], seen: InvoiceSeen): readonly PaymentMove[] {
  const invoice = asPaidInTime(world, seen);
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

/** Told of what was to end and was paid, before the end or after it: only what it does to the rows depends on that. */
function remarkOnPaid(seen: InvoiceSeen): readonly Attention[] {
  const invoice = asPaid(seen);
  if (invoice === undefined) return [];
  return [{ code: "invoice_paid_meanwhile", detail: { invoiceId: invoice.id, amountMinor: invoice.amountPaidMinor } }];
}

/** An invoice that was paid by the end of the contract; undefined for any other. */
function asPaidInTime({ contract }: ClosingFacts["world"], seen: InvoiceSeen): ReturnType<typeof asPaid> {
  const invoice = asPaid(seen);
  return invoice === undefined || isLate(invoice.paidAt, contract.endedAt) ? undefined : invoice;
}

function look(name: string, wanted: Extract<Step, { type: "look" }>["look"]): ClosingAtStripe {
  return { type: "step", step: { type: "look", name, look: wanted } };
}
