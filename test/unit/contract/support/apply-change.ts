import type { Change, LicenseMove, NewPayment, PaymentMove } from "../../../../src/contract/change.ts";
import {
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
  const world = before ?? register(change);
  const status = change.status ?? world.contract.status;
  const { terminationOn, terminationSource } =
    change.reservation === undefined
      ? world.contract
      : (change.reservation ?? { terminationOn: null, terminationSource: null });
  return {
    ...world,
    contract: {
      ...world.contract,
      status,
      terminationOn,
      terminationSource,
      endedAt: isOneOf(status, finalStatuses) ? (world.contract.endedAt ?? endedAt) : null,
      version: world.contract.version + 1,
    },
    payments:
      change.newPayments?.reduce(add, movePayments(world.payments, change)) ?? movePayments(world.payments, change),
    refunds: (change.newRefunds ?? []).reduce(
      (refunds, refund) => addRefund(refunds, { ...refund, stripeRefundId: null }),
      world.refunds,
    ),
    licenses: (change.licenses ?? []).reduce(moveLicense, world.licenses),
  };
}

/** What the journal does with a call that sends a refund: the row is written as due, and moves with the answer. */
export function journalRefund(refunds: readonly Refund[], { refund }: CallStep, answer: Answer): readonly Refund[] {
  if (refund === undefined) return refunds;
  const answered = answer as CallAnswer<RefundSeen>;
  const { refundId: id, paymentId, amountMinor } = refund;
  if (answered.type === "refused") {
    return addRefund(refunds, { id, paymentId, amountMinor, state: "due", stripeRefundId: null });
  }
  const { stripeRefundStatus, id: stripeRefundId } = answered.value;
  if (!isOneOf(stripeRefundStatus, refundStates)) throw new Error(`no refund is ${stripeRefundStatus}`);
  return addRefund(refunds, { id, paymentId, amountMinor, state: stripeRefundStatus, stripeRefundId });
}

function register({ registration }: Change): ContractWorld {
  if (registration === undefined) throw new Error("a change of a contract that does not exist");
  const { contract } = registration;
  const product = makeProduct({ id: contract.productId, kind: contract.kind });
  return { contract: { ...contract, version: 0 }, product, payments: [], refunds: [], licenses: [] };
}

function add(payments: readonly Payment[], row: NewPayment): readonly Payment[] {
  const { startsOn: _, ...payment } = row;
  const twin = payments.find(
    ({ id, subject, period }) => id === payment.id || (subject === payment.subject && period === payment.period),
  );
  if (twin !== undefined) throw new Error(`payment ${payment.id} is written a second time`);
  return [...payments, { ...payment, disputed: false }];
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

function movePayment(payment: Payment, { to, paidAt, stripePaymentIntentId }: PaymentMove): Payment {
  const keptAt = to === "refunded" ? payment.paidAt : null;
  return {
    ...payment,
    state: to,
    paidAt: to === "paid" ? (paidAt ?? null) : keptAt,
    stripePaymentIntentId: stripePaymentIntentId ?? payment.stripePaymentIntentId,
  };
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

function addRefund(refunds: readonly Refund[], refund: Refund): readonly Refund[] {
  if (refunds.some(({ id }) => id === refund.id)) throw new Error(`refund ${refund.id} is written a second time`);
  return [...refunds, refund];
}

/** Replaces the one row that fits; throws unless there is exactly one. */
function replace<T>(rows: readonly T[], fits: (row: T) => boolean, change: (row: T) => T): readonly T[] {
  const count = rows.filter(fits).length;
  if (count !== 1) throw new Error(`${count} rows are in the state that the change leaves`);
  return rows.map((row) => (fits(row) ? change(row) : row));
}
