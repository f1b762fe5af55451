import { opensContent } from "./billing.ts";
import { businessDateOf, type Instant, isLater, periodAt, periodNearest } from "./calendar.ts";
import type { Attention, Change, NewPayment, PaymentMove } from "./change.ts";
import type { BuriedPayment, Contract, ContractWorld, Payment, PaymentSubject } from "./contract.ts";
import type { InvoiceLineSeen, InvoiceSeen, PaymentIntentSeen } from "./step.ts";

/** One thing that money from Stripe pays: the initial fee, the one-time price, or a period. */
export interface ReceivedItem {
  readonly subject: PaymentSubject;
  readonly period: number | null;
  readonly amountMinor: number;
  /** What names a new row for it: the invoice and its line, or the intent. */
  readonly rowId: string;
}

/** What money is known by at Stripe. */
export interface ChargeIds {
  readonly invoiceId: string | null;
  /** Null for an invoice that was paid out of band, or out of the customer's credit. */
  readonly paymentIntentId: string | null;
}

/** Money that Stripe took, with what it pays of a contract. */
export interface Receipt extends ChargeIds {
  readonly paidAt: Instant;
  /** All that was paid, which may be more than the items come to. */
  readonly paidMinor: number;
  readonly items: readonly ReceivedItem[];
  /** Whether no single intent paid it at Stripe, so that a person would have to give it back. */
  readonly isPaidOddly?: true;
}

export type FoundInvoice = Extract<InvoiceSeen, { type: "found" }>;

/** An invoice that has been paid, with the time; undefined for any other. */
export function asPaid(invoice: InvoiceSeen): (FoundInvoice & { readonly paidAt: Instant }) | undefined {
  if (invoice.type === "missing" || invoice.stripeInvoiceStatus !== "paid" || invoice.paidAt === null) return undefined;
  return { ...invoice, paidAt: invoice.paidAt };
}

/**
 * What an invoice bills of the contract, one item for each thing. A line bills the period that begins nearest to its own
 * start. On a subscription's first invoice, a line beside the subscription's items is the initial fee, as long as no other
 * money has paid that. Lines of nothing and credits, prorations, and whatever else was added to the invoice, bill nothing.
 */
export function itemsOf(
  { contract, payments }: Pick<ContractWorld, "contract" | "payments">,
  invoice: FoundInvoice,
  zone: string,
): readonly ReceivedItem[] {
  const billed = invoice.lines.filter((line) => line.amountMinor > 0 && !line.isProration);
  const items: ReceivedItem[] = [];
  const fee = feeLine(contract, invoice, billed);
  const source = { invoiceId: invoice.id, paymentIntentId: invoice.paymentIntentId };
  if (fee !== undefined && !isFeePaidElsewhere(payments, source)) {
    items.push({ subject: "initial_fee", period: null, amountMinor: fee.amountMinor, rowId: rowIdOf(invoice, fee) });
  }
  for (const line of billed.filter(({ billsSubscription }) => billsSubscription)) {
    const period = periodNearest(contract.startOn, businessDateOf(line.startsAt, zone)).index;
    const index = items.findIndex((item) => item.period === period);
    const same = items[index];
    // Two lines for one period, as for two items of a subscription, are one payment.
    if (same !== undefined) items[index] = { ...same, amountMinor: same.amountMinor + line.amountMinor };
    else items.push({ subject: "period", period, amountMinor: line.amountMinor, rowId: rowIdOf(invoice, line) });
  }
  return items;
}

/** Whether other money than this has paid the initial fee. A row that names no money may have been paid by this. */
function isFeePaidElsewhere(payments: readonly Payment[], source: ChargeIds): boolean {
  return payments.some(
    (row) => row.subject === "initial_fee" && holdsMoney(row) && !isNameless(row) && !isOf(row, source),
  );
}

function rowIdOf(invoice: FoundInvoice, line: InvoiceLineSeen): string {
  return `${invoice.id}:${line.id}`;
}

/** Of several lines that could be the initial fee, the one over the amount agreed, or else the first. */
function feeLine(
  { initialFeeMinor }: Contract,
  { billingReason }: FoundInvoice,
  billed: readonly InvoiceLineSeen[],
): InvoiceLineSeen | undefined {
  if (initialFeeMinor === 0 || billingReason !== "subscription_create") return undefined;
  const added = billed.filter(({ billsSubscription }) => !billsSubscription);
  return added.find(({ amountMinor }) => amountMinor === initialFeeMinor) ?? added[0];
}

/**
 * What a paid invoice pays. Its lines are before discounts and credit, so that together they may come to more than was
 * due: then the later ones count for less, down to nothing, which pays them all the same.
 */
export function receiptOf(
  world: Pick<ContractWorld, "contract" | "payments">,
  invoice: FoundInvoice & { readonly paidAt: Instant },
  zone: string,
): Receipt {
  let dueMinor = invoice.amountDueMinor;
  const items = itemsOf(world, invoice, zone).map((item) => {
    const amountMinor = Math.min(item.amountMinor, dueMinor);
    dueMinor -= amountMinor;
    return { ...item, amountMinor };
  });
  const { id: invoiceId, paymentIntentId, paidAt, amountPaidMinor: paidMinor, isPaidOddly } = invoice;
  return { invoiceId, paymentIntentId, paidAt, paidMinor, items, ...(isPaidOddly ? { isPaidOddly } : {}) };
}

/** What the payment intent of a one-time contract pays: the initial fee as agreed, and the price with the rest. */
export function receiptOfIntent(
  { contract, payments }: Pick<ContractWorld, "contract" | "payments">,
  intent: Extract<PaymentIntentSeen, { type: "found" }> & { readonly paidAt: Instant },
): Receipt {
  const { id, amountReceivedMinor, paidAt } = intent;
  const paysFee = !isFeePaidElsewhere(payments, { invoiceId: null, paymentIntentId: id });
  const coversFee = amountReceivedMinor > contract.initialFeeMinor;
  const feeMinor = contract.initialFeeMinor > 0 && coversFee && paysFee ? contract.initialFeeMinor : 0;
  const item = (subject: PaymentSubject, amountMinor: number): ReceivedItem => ({
    subject,
    period: null,
    amountMinor,
    rowId: `${id}:${subject}`,
  });
  const fee = feeMinor > 0 ? [item("initial_fee", feeMinor)] : [];
  const items = [...fee, item("one_time_price", amountReceivedMinor - feeMinor)];
  return { invoiceId: null, paymentIntentId: id, paidAt, paidMinor: amountReceivedMinor, items };
}

/** A row of the purchase history as the receipt leaves it: paid, with what was really paid. */
export interface RecordedRow extends Pick<Payment, "id" | "subject" | "period" | "amountMinor"> {
  readonly stripePaymentIntentId: string | null;
  /** Whether it is the second payment for the same thing, beside one that stands. It opens nothing of its own. */
  readonly isSecond: boolean;
}

/** What a receipt changes of the purchase history. */
export interface Recording {
  /** The rows that become paid. */
  readonly rows: readonly RecordedRow[];
  /** The rows that were paid already and learn what they are at Stripe, as they stand then. */
  readonly named: readonly Payment[];
  readonly newPayments: readonly NewPayment[];
  readonly paymentMoves: readonly PaymentMove[];
  /** What was paid beyond everything that our rows show of it: tax, added lines, prorations. */
  readonly beyondMinor: number;
  /** Whether any of this was not known before. */
  readonly isNews: boolean;
  readonly attention: readonly Attention[];
}

/**
 * Records what a receipt pays and no row shows yet: the row that waits for it, or was written off, becomes paid with what
 * was really paid; otherwise a new row is written, named after invoice and line. A paid row that an import brought without
 * its ids at Stripe is the payment of the receipt that bills the same, and learns them. What other money has paid already
 * gets a second row, and attention; and so does money for which no row is written.
 */
export function recordReceipt(
  { contract, payments }: Pick<ContractWorld, "contract" | "payments">,
  receipt: Receipt,
): Recording {
  const { invoiceId, paymentIntentId, paidAt } = receipt;
  const named = nameRows({ contract, payments }, receipt);
  const known = payments.map((row) => named.find(({ id }) => id === row.id) ?? row);
  const recorded = known.filter((row) => holdsMoney(row) && isOf(row, receipt));
  // What an import told of an intent in one row, fee and price together, is not told a second time.
  const isCovered = invoiceId === null && recorded.length > 0 && restOf(receipt, recorded) <= 0;
  const unrecorded = receipt.items.filter((item) => !isCovered && !recorded.some((row) => isFor(row, item)));
  const rows: RecordedRow[] = [];
  const newPayments: NewPayment[] = [];
  const paymentMoves: PaymentMove[] = named.map(namingMove);
  const attention: Attention[] = [];
  for (const item of unrecorded) {
    const { subject, period, amountMinor, rowId } = item;
    const waiting = waitingRow(known, item, receipt);
    const isSecond = known.some((row) => isFor(row, item) && row.state === "paid");
    const id = waiting?.id ?? rowId;
    rows.push({ id, subject, period, amountMinor, stripePaymentIntentId: paymentIntentId, isSecond });
    if (isSecond) attention.push({ code: "period_paid_twice", detail: { paymentId: id, amountMinor } });
    if (waiting === undefined) {
      const startsOn = period === null ? null : periodAt(contract.startOn, period).startsOn;
      newPayments.push({
        id,
        subject,
        period,
        startsOn,
        amountMinor,
        state: "paid",
        paidAt,
        stripePaymentIntentId: paymentIntentId,
        stripeInvoiceId: invoiceId,
      });
    } else {
      paymentMoves.push({
        id,
        from: waiting.state,
        to: "paid",
        paidAt,
        ...(amountMinor === waiting.amountMinor ? {} : { amountMinor }),
        ...idsOf(receipt),
      });
    }
  }
  const beyondMinor = Math.max(0, restOf(receipt, [...recorded, ...rows]));
  const isNews = rows.length > 0 || named.length > 0 || (recorded.length === 0 && beyondMinor > 0);
  if (isNews && beyondMinor > 0) {
    const source = invoiceId === null ? { paymentIntentId: sourceOf(receipt) } : { invoiceId };
    attention.push({ code: "payment_unknown", detail: { ...source, amountMinor: beyondMinor } });
  }
  if (isNews && invoiceId !== null && receipt.isPaidOddly)
    attention.push(remarkOnOddlyPaid(invoiceId, receipt.paidMinor));
  return { rows, named, newPayments, paymentMoves, beyondMinor, isNews, attention };
}

/** What is told of an invoice of which a person has to find out how it was paid, should it have to go back. */
export function remarkOnOddlyPaid(invoiceId: string, amountMinor: number): Attention {
  return { code: "payment_paid_oddly", detail: { invoiceId, amountMinor } };
}

/** Whether money came after its contract had ended, both by Stripe's clock. What has not ended takes none too late. */
export function isLate(paidAt: Instant, endedAt: Instant | null): boolean {
  return endedAt !== null && isLater(paidAt, endedAt);
}

/** What of a receipt these rows leave. */
export function restOf({ paidMinor }: Receipt, rows: readonly Pick<Payment, "amountMinor">[]): number {
  return rows.reduce((rest, { amountMinor }) => rest - amountMinor, paidMinor);
}

/** The purchase history once a recording is written. */
export function afterRecording(
  payments: readonly Payment[],
  recording: Pick<Recording, "newPayments" | "paymentMoves">,
): readonly Payment[] {
  const { newPayments, paymentMoves } = recording;
  const moved = payments.map((row) => {
    const move = paymentMoves.find(({ id }) => id === row.id);
    if (move === undefined) return row;
    const { from: _, to: state, ...learned } = move;
    return { ...row, ...learned, state };
  });
  // A dispute is about the whole charge.
  const disputeOf = ({ stripeInvoiceId: invoiceId, stripePaymentIntentId: paymentIntentId }: NewPayment) =>
    payments.find((row) => isOf(row, { invoiceId, paymentIntentId }))?.dispute ?? null;
  return [...moved, ...newPayments.map((row) => ({ ...row, dispute: disputeOf(row) }))];
}

/**
 * The paid rows that are this money and lack an id of it, with that: those that name it otherwise, and those that name
 * nothing and for whose thing there is no other payment. What was paid after the contract had ended is late money, and
 * none of those.
 */
function nameRows(
  { contract, payments }: Pick<ContractWorld, "contract" | "payments">,
  receipt: Receipt,
): readonly Payment[] {
  const cameLate = isLate(receipt.paidAt, contract.endedAt);
  const held = payments.filter(holdsMoney);
  return held.flatMap((row) => {
    const others = held.filter((other) => other.id !== row.id && isFor(other, row));
    const isThis = isOf(row, receipt)
      ? !others.some((other) => isOf(other, receipt))
      : !cameLate && isNameless(row) && others.length === 0 && receipt.items.some((item) => isFor(row, item));
    const stripeInvoiceId = row.stripeInvoiceId ?? receipt.invoiceId;
    const stripePaymentIntentId = row.stripePaymentIntentId ?? receipt.paymentIntentId;
    const lacksOne = stripeInvoiceId !== row.stripeInvoiceId || stripePaymentIntentId !== row.stripePaymentIntentId;
    return isThis && lacksOne ? [{ ...row, stripeInvoiceId, stripePaymentIntentId }] : [];
  });
}

/** What a row learns of its charge, and nothing else of it. */
function namingMove({ id, state, stripeInvoiceId, stripePaymentIntentId }: Payment): PaymentMove {
  return {
    id,
    from: state,
    to: state,
    ...idsOf({ invoiceId: stripeInvoiceId, paymentIntentId: stripePaymentIntentId }),
  };
}

function idsOf({
  invoiceId,
  paymentIntentId,
}: ChargeIds): Pick<PaymentMove, "stripeInvoiceId" | "stripePaymentIntentId"> {
  return {
    ...(invoiceId === null ? {} : { stripeInvoiceId: invoiceId }),
    ...(paymentIntentId === null ? {} : { stripePaymentIntentId: paymentIntentId }),
  };
}

/** What is recorded with these of its rows as refunded at once: a row is written or moved but once. */
export function asRefunded<T extends Pick<Change, "newPayments" | "paymentMoves">>(
  change: T,
  ids: ReadonlySet<string>,
): T {
  const { newPayments = [], paymentMoves = [] } = change;
  return {
    ...change,
    newPayments: newPayments.map((row) => (ids.has(row.id) ? { ...row, state: "refunded" } : row)),
    paymentMoves: paymentMoves.map((move) => (ids.has(move.id) ? { ...move, to: "refunded" } : move)),
  };
}

/** What is recorded, with the moves of its rows and of others that come of refunds. One of money without a row moves none. */
export function withRefunds(
  { payments }: Pick<ContractWorld, "payments">,
  recorded: Pick<Recording, "newPayments" | "paymentMoves">,
  refunds: readonly PaymentMove[],
): Pick<Recording, "newPayments" | "paymentMoves"> {
  const { newPayments, paymentMoves } = asRefunded(recorded, new Set(refunds.map(({ id }) => id)));
  const others = refunds.filter(
    ({ id }) => payments.some((row) => row.id === id) && !paymentMoves.some((move) => move.id === id),
  );
  return { newPayments, paymentMoves: [...paymentMoves, ...others] };
}

/** Stripe's id by which a person finds the money: the invoice's, or the intent's where there is none. */
export function sourceOf({ invoiceId, paymentIntentId }: ChargeIds): string {
  return invoiceId ?? paymentIntentId ?? "unknown";
}

/** The row that this money moves: the one that names the invoice, or else any that waits for the same thing. */
function waitingRow(payments: readonly Payment[], item: ReceivedItem, { invoiceId }: Receipt): Payment | undefined {
  const waiting = payments.filter((row) => isFor(row, item) && !holdsMoney(row));
  return waiting.find(({ stripeInvoiceId }) => stripeInvoiceId !== null && stripeInvoiceId === invoiceId) ?? waiting[0];
}

/** Whether a row is for this thing: the fee, the price, or this period. */
export function isFor(
  row: { readonly subject: BuriedPayment["subject"]; readonly period: number | null },
  { subject, period }: Pick<ReceivedItem, "subject" | "period">,
): boolean {
  return row.subject === subject && row.period === period;
}

/** Whether a row shows that money came, even if it went back since. */
export function holdsMoney({ state }: Pick<Payment, "state">): boolean {
  return state === "paid" || state === "refunded";
}

/** Whether a row is part of this invoice, or of what this intent paid. */
export function isOf(
  row: Pick<Payment, "stripeInvoiceId" | "stripePaymentIntentId">,
  { invoiceId, paymentIntentId }: ChargeIds,
) {
  const sameInvoice = invoiceId !== null && row.stripeInvoiceId === invoiceId;
  const sameIntent = paymentIntentId !== null && row.stripePaymentIntentId === paymentIntentId;
  return sameInvoice || sameIntent;
}

/** Whether a row does not say which money at Stripe it is, as one that an import brought or that came by hand. */
export function isNameless({ stripeInvoiceId, stripePaymentIntentId }: Payment): boolean {
  return stripeInvoiceId === null && stripePaymentIntentId === null;
}

/** Whether a recorded row opens content by itself. */
export function opensByItself(row: RecordedRow): boolean {
  return opensContent(row) && !row.isSecond;
}
