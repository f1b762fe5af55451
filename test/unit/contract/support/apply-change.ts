import { type Instant, renewalDate } from "../../../../src/contract/calendar.ts";
import type { Change, LicenseMove, NewPayment, PaymentMove, RefundMove } from "../../../../src/contract/change.ts";
import {
  type Contract,
  type ContractWorld,
  finalStatuses,
  isOneOf,
  type License,
  type Payment,
  type Refund,
  refundStates,
} from "../../../../src/contract/contract.ts";
import type { Answer, CallAnswer, RefundSeen } from "../../../../src/contract/step.ts";
import { makeProduct } from "../../../support/facts.ts";
import type { CallStep } from "./play.ts";

/**
 * What the store would do with a settled operation, in memory. As strict as the store is: throws for a row that exists
 * already, one that is missing, or one that is not in the state that the change says it leaves.
 */
export function applyChange(before: ContractWorld | null, change: Change, endedAt: string): ContractWorld {
  if (change.deletion !== undefined || change.burial !== undefined) throw new Error("nothing remains of a deleted one");
  const world = before ?? register(change, endedAt);
  const { subscriptionId } = change;
  const { stripeSubscriptionId: present, formerStripeSubscriptionIds: former } = world.contract;
  if (subscriptionId !== undefined && present === null) throw new Error("there is no subscription to replace");
  const status = change.status ?? world.contract.status;
  const { reservation } = change;
  const { terminationOn, terminationSource, terminationAskedBy } =
    reservation === undefined
      ? world.contract
      : {
          terminationOn: reservation?.terminationOn ?? null,
          terminationSource: reservation?.terminationSource ?? null,
          terminationAskedBy: reservation?.askedBy ?? null,
        };
  return {
    ...world,
    contract: {
      ...world.contract,
      status,
      terminationOn,
      terminationSource,
      terminationAskedBy,
      renewalDueOn: dueOnAfter(world, change),
      stripeSubscriptionId: subscriptionId ?? present,
      formerStripeSubscriptionIds: subscriptionId === undefined || present === null ? former : [...former, present],
      endedAt: isOneOf(status, finalStatuses) ? (world.contract.endedAt ?? change.endedAt ?? endedAt) : null,
      version: world.contract.version + 1,
    },
    payments: (change.disputes ?? []).reduce(
      (payments, { paymentId, dispute }) =>
        replace(
          payments,
          ({ id }) => id === paymentId,
          (payment) => ({ ...payment, dispute }),
        ),
      (change.newPayments ?? []).reduce(add, movePayments(world.payments, change)),
    ),
    refunds: (change.newRefunds ?? []).reduce(
      (refunds, { supersedes, ...refund }) => addRefund(refunds, { ...refund, supersededBy: null }, supersedes),
      (change.refundMoves ?? []).reduce(moveRefund, world.refunds),
    ),
    licenses: (change.licenses ?? []).reduce(moveLicense, world.licenses),
  };
}

/** What the journal does with a call that sends a refund: the row is written as due, and moves with the answer. */
export function journalRefund(refunds: readonly Refund[], { refund }: CallStep, answer: Answer): readonly Refund[] {
  if (refund === undefined) return refunds;
  const answered = answer as CallAnswer<RefundSeen>;
  const { refundId: id, paymentId, amountMinor, stripePaymentIntentId, supersedes, isNew } = refund;
  const due = { id, paymentId, amountMinor, stripePaymentIntentId, supersededBy: null };
  const written = isNew
    ? addRefund(refunds, { ...due, state: "due", stripeRefundId: null }, supersedes)
    : replace(
        supersede(refunds, id, supersedes),
        (row) => row.id === id && row.state === "due",
        (row) => ({ ...row, ...due }),
      );
  if (answered.type === "refused") return written;
  const { stripeRefundStatus: state, id: stripeRefundId } = answered.value;
  if (!isOneOf(state, refundStates)) throw new Error(`no refund is ${state}`);
  return replace(
    written,
    (row) => row.id === id,
    (row) => ({ ...row, state, stripeRefundId }),
  );
}

/** The start, until a period is settled; none where Stripe collects, or nobody by the month. */
function firstDueOn({ kind, paymentMethod, startOn }: Pick<Contract, "kind" | "paymentMethod" | "startOn">) {
  return kind === "monthly" && paymentMethod !== "card" ? startOn : null;
}

/** The first day after the last period that the change settles; never an earlier one than before. */
function dueOnAfter({ contract, payments }: ContractWorld, { newPayments = [], paymentMoves = [] }: Change) {
  if (contract.renewalDueOn === null) return null;
  const settled = [
    ...newPayments.filter(({ state }) => state !== "due"),
    ...payments.filter(({ id }) => paymentMoves.some((move) => move.id === id && move.to !== "due")),
  ].flatMap(({ period }) => period ?? []);
  const dates = settled.map((period) => renewalDate(contract.startOn, period + 1));
  return [contract.renewalDueOn, ...dates].toSorted().at(-1) ?? null;
}

function register({ registration }: Change, at: Instant): ContractWorld {
  if (registration === undefined) throw new Error("a change of a contract that does not exist");
  const { contract } = registration;
  const product = makeProduct({ id: contract.productId, kind: contract.kind });
  return {
    contract: { ...contract, renewalDueOn: firstDueOn(contract), createdAt: at, version: 0 },
    product,
    payments: [],
    refunds: [],
    licenses: [],
  };
}

function add(payments: readonly Payment[], row: NewPayment): readonly Payment[] {
  const { startsOn: _, ...payment } = row;
  const twin = payments.find(
    ({ id, subject, period, stripeInvoiceId, stripePaymentIntentId }) =>
      id === payment.id ||
      (subject === payment.subject &&
        period === payment.period &&
        stripeInvoiceId === payment.stripeInvoiceId &&
        (stripeInvoiceId !== null || stripePaymentIntentId === payment.stripePaymentIntentId)),
  );
  if (twin !== undefined) throw new Error(`payment ${payment.id} is written a second time`);
  return [...payments, { ...payment, dispute: null }];
}

function movePayments(payments: readonly Payment[], { paymentMoves = [] }: Change): readonly Payment[] {
  return paymentMoves.reduce((moved, move) => {
    if (paymentMoves.filter(({ id }) => id === move.id).length > 1) throw new Error(`${move.id} moves twice`);
    return replace(
      moved,
      ({ id, state }) => id === move.id && state === move.from,
      (payment) => movePayment(payment, move),
    );
  }, payments);
}

function movePayment(payment: Payment, { to, paidAt, ...learned }: PaymentMove): Payment {
  const movedAt = to === "paid" || to === "refunded" ? (paidAt ?? payment.paidAt) : null;
  if ((to === "paid" || to === "refunded") !== (movedAt !== null)) throw new Error(`${payment.id} is ${to} at no time`);
  return {
    ...payment,
    state: to,
    paidAt: movedAt,
    amountMinor: learned.amountMinor ?? payment.amountMinor,
    stripePaymentIntentId: learned.stripePaymentIntentId ?? payment.stripePaymentIntentId,
    stripeInvoiceId: learned.stripeInvoiceId ?? payment.stripeInvoiceId,
  };
}

function moveRefund(refunds: readonly Refund[], move: RefundMove): readonly Refund[] {
  const { id, from, to, stripeRefundId, amountMinor } = move;
  return replace(
    refunds,
    (row) => row.id === id && row.state === from && row.supersededBy === null,
    (row) => ({
      ...row,
      state: to,
      stripeRefundId: stripeRefundId ?? row.stripeRefundId,
      amountMinor: amountMinor ?? row.amountMinor,
    }),
  );
}

function moveLicense(licenses: readonly License[], move: LicenseMove): readonly License[] {
  const { paymentId } = move;
  if (move.type === "granted") {
    if (licenses.some((license) => license.paymentId === paymentId)) throw new Error(`${paymentId} has a license`);
    return [...licenses, { paymentId, revokedBecause: null }];
  }
  const [from, to] = move.type === "restored" ? [move.from, null] : [null, move.because];
  return replace(
    licenses,
    (license) => license.paymentId === paymentId && license.revokedBecause === from,
    () => ({ paymentId, revokedBecause: to }),
  );
}

function addRefund(refunds: readonly Refund[], refund: Refund, supersedes: readonly string[]): readonly Refund[] {
  if (refunds.some(({ id }) => id === refund.id)) throw new Error(`refund ${refund.id} is written a second time`);
  return [...supersede(refunds, refund.id, supersedes), refund];
}

function supersede(refunds: readonly Refund[], by: string, supersedes: readonly string[]): readonly Refund[] {
  return supersedes.reduce(
    (rows, failed) =>
      replace(
        rows,
        ({ id, state, supersededBy }) =>
          id === failed && isOneOf(state, ["failed", "canceled"]) && supersededBy === null,
        (row) => ({ ...row, supersededBy: by }),
      ),
    refunds,
  );
}

/** Replaces the one row that fits; throws unless there is exactly one. */
function replace<T>(rows: readonly T[], fits: (row: T) => boolean, change: (row: T) => T): readonly T[] {
  const count = rows.filter(fits).length;
  if (count !== 1) throw new Error(`${count} rows are in the state that the change leaves`);
  return rows.map((row) => (fits(row) ? change(row) : row));
}
