import { type BusinessDate, begunPeriods } from "../../../../src/contract/calendar.ts";
import type { Attention, Deletion } from "../../../../src/contract/change.ts";
import {
  type ContractWorld,
  finalStatuses,
  isOneOf,
  type License,
  type Payment,
  type Refund,
} from "../../../../src/contract/contract.ts";
import type { OperationKind } from "../../../../src/contract/operation.ts";
import type { Charge, StripeBooks, Thing } from "./stripe-books.ts";

/*
 * What must hold of a contract whatever is asked of it. Each tells in words what does not hold. What counts as given back, or
 * as owed, is counted here and not by the code under test.
 */

type Faults = Generator<string, void>;

/** One operation: the rows before and after it. */
export interface Turn {
  readonly kind: OperationKind;
  readonly before: ContractWorld;
  readonly after: ContractWorld;
  readonly today: BusinessDate;
}

/** Everything that does not hold after an operation. */
export function faultsOf(turn: Turn, books: StripeBooks): readonly string[] {
  return [
    ...contradictionsIn(turn.after, turn.today),
    ...inventedIn(turn.after, books),
    ...revivedBy(turn),
    ...lostBy(turn),
    ...keptBy(turn),
    ...misopenedBy(turn),
    ...shutBy(turn),
  ];
}

/** Where the rows do not agree with each other. */
export function* contradictionsIn(world: ContractWorld, today: BusinessDate): Faults {
  const { contract, payments, licenses } = world;
  const { kind, status, terminationOn, terminationSource, endedAt, paymentMethod, startOn } = contract;
  const isEnded = isOneOf(status, finalStatuses);
  const mayBeReserved = isOneOf(status, ["termination_reserved", "payment_unconfirmed"]);
  if ((terminationOn === null) !== (terminationSource === null)) yield "a reservation has half of its parts";
  if (status === "termination_reserved" && terminationOn === null) yield "it is reserved for no date";
  if (terminationOn !== null && !mayBeReserved) yield `${status} has a reservation`;
  if ((endedAt !== null) !== isEnded) yield `${status} has ended at ${endedAt}`;
  const ofOneTime = ["awaiting_payment", "not_started", "established", "canceled"] as const;
  if (kind === "one_time" && !isOneOf(status, ofOneTime)) yield `a one-time contract is ${status}`;

  if (new Set(payments.map(({ id }) => id)).size < payments.length) yield "two payments have one id";
  // Stripe may take money for one thing twice; then each invoice has its row.
  const things = payments.map(({ subject, period, stripeInvoiceId }) => `${subject} ${period} ${stripeInvoiceId}`);
  if (new Set(things).size < things.length) yield `one thing has two payments: ${things.join(", ")}`;
  const begun = begunPeriods(startOn, today).length;
  for (const payment of payments) {
    const { id, period, paidAt, state, amountMinor } = payment;
    const isTooEarly = paymentMethod !== "card" && period !== null && period > 0 && period >= begun;
    if (isTooEarly) yield `${id} is for a period that has not begun`;
    if ((paidAt !== null) !== holdsMoney(payment)) yield `${id} is ${state}, paid at ${paidAt}`;
    if (isEnded && (state === "due" || state === "unpaid")) yield `${id} is ${state} of a contract that has ended`;
    // Not even if everything that is owed were given back as well, by Stripe and by hand.
    const returnedMinor = returnedOf(world, id);
    if (returnedMinor > amountMinor) yield `${returnedMinor} of the ${amountMinor} of ${id} goes back`;
  }

  const opensNothing = isOneOf(status, ["awaiting_payment", "not_started", "canceled"]);
  for (const { paymentId } of licenses.filter(isOpen)) {
    const payment = payments.find(({ id }) => id === paymentId);
    // What was given back without taking the license stays viewable.
    if (payment === undefined || !holdsMoney(payment)) yield `${paymentId} is open, and ${payment?.state}`;
    if (opensNothing) yield `${paymentId} is open, of a contract that is ${status}`;
  }
}

/** What has gone back of a payment, is on its way, or is owed. */
function returnedOf({ refunds }: ContractWorld, payment: string): number {
  return sum(refunds.filter((refund) => refund.paymentId === payment && (isReturned(refund) || isOwed(refund))));
}

function isReturned({ state }: Refund): boolean {
  return isOneOf(state, ["pending", "requires_action", "succeeded", "manual_done"]);
}

function isOwed({ state, supersededBy }: Refund): boolean {
  return isOneOf(state, ["due", "failed", "canceled", "manual_due"]) && supersededBy === null;
}

function holdsMoney({ state }: Payment): boolean {
  return state === "paid" || state === "refunded";
}

function isOpen({ revokedBecause }: License): boolean {
  return revokedBecause === null;
}

const kindsOfMoney = [
  "record_payment",
  "record_refund",
  "record_dispute",
  "refund_payment",
  "record_manual_refund",
  "waive_refund",
] as const satisfies readonly OperationKind[];

/**
 * What has moved of a contract that had ended. After the end only money moves: what Stripe took late, or gave back. A period
 * that Stripe tells of late as never paid may be noted.
 */
function* revivedBy({ kind, before, after }: Turn): Faults {
  if (!isOneOf(before.contract.status, finalStatuses)) return;
  const { version: _, ...ended } = before.contract;
  const { version: __, ...now } = after.contract;
  if (!isSame(ended, now)) yield `${kind} has changed a contract that was ${ended.status}: it is ${now.status}`;
  const rows = ["payments", "refunds", "licenses"] as const;
  const noted = (id: string) => after.payments.some((row) => row.id === id && row.state === "never_charged");
  const isNew = (id: string) => !before.payments.some((row) => row.id === id);
  const known = { ...after, payments: after.payments.filter(({ id }) => !(isNew(id) && noted(id))) };
  const moved = rows.filter((name) => !isSame(before[name], known[name]));
  if (moved.length > 0 && !isOneOf(kind, kindsOfMoney)) yield `${kind} has moved ${moved.join()} after the end`;
}

/** The rows that have vanished, or no longer show the money that they showed, though no person says that it never came. */
function* lostBy({ kind, before, after }: Turn): Faults {
  for (const was of before.payments) {
    const row = after.payments.find(({ id }) => id === was.id);
    if (row === undefined) yield `${was.id} has vanished`;
    if (row === undefined || !holdsMoney(was) || kind === "suspend") continue;
    if (!holdsMoney(row)) yield `${was.id} was ${was.state}, and is ${row.state}`;
    if (row.amountMinor !== was.amountMinor) yield `${was.id} came to ${was.amountMinor}, not ${row.amountMinor}`;
    // What names nothing yet may learn what it is.
    for (const name of ["stripeInvoiceId", "stripePaymentIntentId"] as const) {
      if (was[name] !== null && row[name] !== was[name]) yield `${was.id} was ${was[name]}, and is ${row[name]}`;
    }
  }
}

/** What an ended contract has kept of money that came after its end, or that its cancel did not know of. */
function* keptBy({ kind, before, after }: Turn): Faults {
  const { status, endedAt } = before.contract;
  if (kind !== "record_payment" || !isOneOf(status, finalStatuses) || endedAt === null) return;
  for (const { id, paidAt, state } of after.payments) {
    const isNew = state === "paid" && !before.payments.some((row) => row.id === id && holdsMoney(row));
    const isLate = status === "canceled" || (paidAt !== null && paidAt > endedAt);
    if (isNew && isLate && returnedOf(after, id) === 0) yield `${id} is kept, though it was paid after the end`;
  }
}

/** The licenses that have opened without their payment, or beside another for the same, and those that should have opened. */
function* misopenedBy(turn: Turn): Faults {
  const { kind, before, after, today } = turn;
  const opened = openIn(after).filter(({ id }) => !openIn(before).some((row) => row.id === id));
  for (const row of opened) {
    if (row.subject === "initial_fee") yield `${row.id} opens something, and is a fee`;
    // Money that is told of together with its refund opens what it paid for all the same.
    const isPaid = row.state === "paid" || (row.state === "refunded" && kind === "record_payment");
    if (!isPaid) yield `${row.id} has opened, and is ${row.state}`;
    if (kind !== "record_payment" && isGoneBack(after, row)) yield `${row.id} has opened, and goes back`;
    const other = openIn(before).find((each) => each.state === "paid" && isFor(each, row));
    if (other !== undefined) yield `${row.id} has opened, though ${other.id} pays the same`;
  }

  const { status, startOn } = after.contract;
  if (startOn > today || isOneOf(status, ["awaiting_payment", "not_started", ...finalStatuses])) return;
  const paidBefore = before.payments.filter(holdsMoney);
  for (const row of after.payments) {
    const isNew = row.state === "paid" && !paidBefore.some((other) => other.id === row.id || isFor(other, row));
    const hasLicense = after.licenses.some(({ paymentId }) => paymentId === row.id);
    if (isNew && row.subject !== "initial_fee" && !hasLicense) yield `${row.id} has been paid, and opens nothing`;
  }
}

/** Whether all of a payment has gone back, is on its way, or is noted for a person to pay back. */
function isGoneBack({ refunds }: ContractWorld, { id, amountMinor }: Payment): boolean {
  const returned = refunds.filter((row) => row.paymentId === id && (isReturned(row) || row.state === "manual_due"));
  return returned.length > 0 && sum(returned) >= amountMinor;
}

function openIn({ licenses, payments }: ContractWorld): readonly Payment[] {
  return licenses.filter(isOpen).flatMap(({ paymentId }) => payments.find(({ id }) => id === paymentId) ?? []);
}

/** The licenses that have shut for another reason than those that there are. */
function* shutBy({ kind, before, after }: Turn): Faults {
  for (const row of openIn(before)) {
    const because = after.licenses.find(({ paymentId }) => paymentId === row.id)?.revokedBecause;
    const reasons = {
      suspended: after.payments.some(({ id, state }) => id === row.id && state === "unpaid"),
      refunded: kind === "refund_payment",
      canceled: after.contract.status === "canceled",
    };
    if (because !== null && (because === undefined || !reasons[because])) yield `${row.id} has shut: ${because}`;
  }
}

function isFor(row: Payment, { subject, period }: Thing): boolean {
  return row.subject === subject && row.period === period;
}

function isOf({ stripeInvoiceId, stripePaymentIntentId }: Payment, { invoiceId, paymentIntentId }: Charge): boolean {
  const sameInvoice = invoiceId !== null && stripeInvoiceId === invoiceId;
  return sameInvoice || (paymentIntentId !== null && stripePaymentIntentId === paymentIntentId);
}

function rowsOf({ payments }: ContractWorld, charge: Charge): readonly Payment[] {
  return payments.filter((row) => holdsMoney(row) && isOf(row, charge));
}

function sum(rows: readonly { readonly amountMinor: number }[]): number {
  return rows.reduce((total, { amountMinor }) => total + amountMinor, 0);
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function nameOf({ invoiceId, paymentIntentId }: Charge): string {
  return invoiceId ?? paymentIntentId ?? "nothing";
}

function takenFor({ contract }: ContractWorld, books: StripeBooks): number {
  if (contract.paymentMethod !== "card") return Number.POSITIVE_INFINITY;
  return books.charges(contract).reduce((total, { paidMinor }) => total + paidMinor, 0);
}

/** The money that our rows show, and that Stripe has not taken, or not as often. */
function* inventedIn(world: ContractWorld, books: StripeBooks): Faults {
  const charges = books.charges();
  for (const charge of charges) {
    const shownMinor = sum(rowsOf(world, charge));
    if (shownMinor > charge.paidMinor) yield `${nameOf(charge)} took ${charge.paidMinor}, not ${shownMinor}`;
  }
  // Those that name nothing among them, which are money that Stripe took, too.
  const [shownMinor, takenMinor] = [sum(world.payments.filter(holdsMoney)), takenFor(world, books)];
  if (shownMinor > takenMinor) yield `rows show ${shownMinor}, and Stripe has taken ${takenMinor} in all`;
  for (const row of world.payments.filter(({ amountMinor }) => amountMinor > 0)) {
    const isNamed = row.stripeInvoiceId !== null || row.stripePaymentIntentId !== null;
    const isTaken = charges.some((charge) => isOf(row, charge));
    if (holdsMoney(row) && isNamed && !isTaken) yield `${row.id} is ${row.state}, and Stripe took nothing for it`;
  }
}

const remarksOnMoney: readonly Attention["code"][] = [
  "payment_unknown",
  "refunded_elsewhere",
  "invoice_paid_meanwhile",
];

/** How much of which money has been told for a person to look at, by the id under which they find it. */
export function toldIn(attention: readonly Attention[] = []): ReadonlyMap<string, number> {
  const remarks = attention.filter(({ code }) => remarksOnMoney.includes(code));
  return new Map(
    remarks.map(({ detail: { invoiceId, paymentIntentId, paymentId, amountMinor } }) => [
      String(invoiceId ?? paymentIntentId ?? paymentId),
      Number(amountMinor),
    ]),
  );
}

/**
 * What is missing of a charge that was reported: the rows of what it pays, and a word on the rest, or on all of it, unless
 * that rest went back without a row.
 */
export function* unrecordedOf(charge: Charge, world: ContractWorld, told: ReadonlyMap<string, number>): Faults {
  yield* rowsMissingOf(charge, world);
  const name = nameOf(charge);
  if (world.refunds.some(({ paymentId }) => paymentId === name)) return;
  const [shownMinor, toldMinor] = [sum(rowsOf(world, charge)), told.get(name) ?? 0];
  if (toldMinor !== charge.paidMinor - shownMinor && toldMinor !== charge.paidMinor) {
    yield `of the ${charge.paidMinor} of ${name} rows show ${shownMinor}, and ${toldMinor} was told`;
  }
}

/** What a charge pays without a row. Of an initial fee that other money has paid, that has it. */
export function* rowsMissingOf(charge: Charge, world: ContractWorld): Faults {
  const rows = rowsOf(world, charge);
  const isFeePaid = world.payments.some((row) => row.subject === "initial_fee" && holdsMoney(row));
  for (const thing of charge.things) {
    const hasRow = rows.some((row) => isFor(row, thing)) || (thing.subject === "initial_fee" && isFeePaid);
    if (!hasRow) yield `${nameOf(charge)} has no row for ${thing.subject} ${thing.period}`;
  }
}

/** A deletion tells of every payment what became of it, gives none back twice, and leaves no money without a word. */
export function* unburiedBy(deletion: Deletion, last: ContractWorld, books: StripeBooks): Faults {
  const buried = deletion.payments;
  const names = buried.filter(({ subject }) => subject !== "unknown").map(({ paymentId }) => paymentId);
  if (new Set(names).size < names.length) yield `one payment is buried twice: ${names.join()}`;
  for (const { id } of last.payments.filter(holdsMoney)) if (!names.includes(id)) yield `${id} is not buried`;
  for (const { paymentId, amountMinor, result, refundId } of buried) {
    const returnedMinor = returnedOf(last, paymentId);
    const refund = last.refunds.find(({ id }) => id === refundId);
    const isToReturn = result === "refund_owed" || result === "refund_owed_by_hand";
    if (returnedMinor > amountMinor) yield `${returnedMinor} of the ${amountMinor} of ${paymentId} goes back`;
    if (isToReturn && !(refund && isOwed(refund))) yield `${paymentId} is ${result}, and ${refund?.state}`;
    if (result === "refunded" && returnedMinor === 0) yield `${paymentId} is refunded, and nothing went back`;
  }
  const owesByHand = last.refunds.some(({ state }) => state === "manual_due");
  if ((deletion.customerId !== null) !== owesByHand) yield `the customer is ${deletion.customerId}`;
  for (const charge of books.charges(last.contract).filter(({ paymentIntentId }) => paymentIntentId !== null)) {
    const ofCharge = buried.filter((payment) => payment.stripePaymentIntentId === charge.paymentIntentId);
    if (sum(ofCharge) !== charge.paidMinor)
      yield `${sum(ofCharge)} of the ${charge.paidMinor} of ${nameOf(charge)} is buried`;
  }
}
