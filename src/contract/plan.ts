import type { BusinessDate } from "./calendar.ts";
import type { Attention, Change, DisputeMove, LicenseMove, Notice, Registration } from "./change.ts";
import {
  type BuriedPayment,
  type ContractStatus,
  type LicenseRevocation,
  onlyCurrency,
  type Payment,
  type PaymentState,
  type RefundState,
  type ReservationSource,
} from "./contract.ts";
import type { Facts, OperationKind } from "./operation.ts";
import { explainRejection, type Rejection } from "./rejection.ts";
import type { Call, CallStep, Step } from "./step.ts";

/** What an operation would do: everything that it would change here and at Stripe, and nothing that changes by itself. */
export interface PlannedOperation {
  readonly kind: OperationKind;
  readonly contractId: string;
  /** ISO 4217, lower case: what every amount here is in the minor unit of. */
  readonly currency: string;
  /** Whether a rule would refuse it; with what it would say. */
  readonly rejection: (Rejection & { readonly sentence: { readonly ja: string; readonly en: string } }) | null;
  /** Null where there is no contract: before its registration, or once it has been deleted. */
  readonly status: { readonly before: ContractStatus | null; readonly after: ContractStatus | null };
  readonly reservation: { readonly before: PlannedReservation | null; readonly after: PlannedReservation | null };
  /** The subscription that bills the contract; null where none does. */
  readonly subscriptionId: { readonly before: string | null; readonly after: string | null };
  /** The terms of a contract that is registered; null for the other kinds. */
  readonly registered: Registration["contract"] | null;
  /** Each call at Stripe, in its order. */
  readonly calls: readonly Call[];
  readonly payments: readonly PlannedPayment[];
  readonly refunds: readonly PlannedRefund[];
  readonly licenses: readonly PlannedLicense[];
  readonly disputes: readonly DisputeMove[];
  readonly mails: readonly Pick<Notice, "kind" | "recipient" | "detail">[];
  readonly attention: readonly Attention[];
  /** What becomes of each payment of a contract that is deleted, all licenses with it; null for the other kinds. */
  readonly deleted: readonly PlannedBurial[] | null;
  /** Payments made after the contract was deleted, and what becomes of them. */
  readonly latePayments: readonly PlannedBurial[];
  /** What the help page warns of before a deletion; null for the other kinds. */
  readonly warning: { readonly ja: string; readonly en: string } | null;
}

/**
 * A planned operation under the digest by which it is known: what would do the same has the same digest, at any time and
 * in whatever words it is told.
 */
export interface Plan extends PlannedOperation {
  /** SHA-256 of its matter ({@link matterOf}) as canonical JSON, 64 hexadecimal digits: what a request carries as `expectedPlan`. */
  readonly digest: string;
}

export interface PlannedReservation {
  readonly terminationOn: BusinessDate;
  readonly terminationSource: ReservationSource;
}

/** A row of the purchase history that is written (`from` is null) or moved. Amounts in the currency's minor unit. */
export interface PlannedPayment {
  readonly id: string;
  readonly subject: Payment["subject"];
  readonly period: number | null;
  readonly amountMinor: number;
  readonly from: PaymentState | null;
  readonly to: PaymentState;
}

/** Money that goes back: through Stripe, by a person's hand, or not at all any more. */
export interface PlannedRefund {
  readonly id: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly by: "stripe" | "hand";
  readonly to: RefundState;
}

/** A license that is granted, restored or revoked, and why it was or is revoked. Known by its payment's id. */
export interface PlannedLicense {
  readonly paymentId: string;
  readonly change: LicenseMove["type"];
  readonly because: LicenseRevocation | null;
}

/** What becomes of a payment whose contract is gone. */
export type PlannedBurial = Pick<BuriedPayment, "paymentId" | "amountMinor" | "result">;

/** 削除: the page's own words before somebody presses the button, and theirs in English. */
const deletionWarning = {
  ja: "契約を削除し、全て無かったものにします。顧客が間違って申込みをした場合や、管理者によって間違って契約を作成した場合を除き、契約の削除はできる限り避けてください。返金が目的であれば、キャンセル処理をするか、部分返金機能をご利用ください。",
  en: "Deleting makes as if the contract had never been. It is for mistaken sign-ups and contracts made by mistake; whoever wants money back should cancel the contract or refund the payment.",
};

/** Puts the end of an operation, and the calls on the way to it, into a plan. */
export function planOf(
  facts: Facts,
  calls: readonly CallStep[],
  end: Extract<Step, { type: "settle" | "reject" }>,
): PlannedOperation {
  const { kind, contractId } = facts.operation;
  // Who may not ask is told of the contract what they would be told if there were none.
  const isStranger = end.type === "reject" && end.rejection.code === "actor_not_allowed";
  const before = isStranger ? null : (facts.world?.contract ?? null);
  const reserved = reservationOf(before);
  const billedBy = before?.stripeSubscriptionId ?? null;
  const unchanged = {
    kind,
    contractId,
    currency: before?.currency ?? onlyCurrency,
    status: { before: before?.status ?? null, after: before?.status ?? null },
    reservation: { before: reserved, after: reserved },
    subscriptionId: { before: billedBy, after: billedBy },
    registered: null,
    payments: [],
    refunds: [],
    licenses: [],
    disputes: [],
    mails: [],
    attention: [],
    deleted: null,
    latePayments: [],
    warning: kind === "delete" ? deletionWarning : null,
  };
  if (end.type === "reject") {
    const { rejection } = end;
    const sentence = { ja: explainRejection(rejection, "ja"), en: explainRejection(rejection, "en") };
    return { ...unchanged, rejection: { ...rejection, sentence }, calls: calls.map(({ call }) => call) };
  }
  const { change } = end;
  const isDeleted = change.deletion !== undefined;
  const after = change.status ?? change.registration?.contract.status ?? before?.status ?? null;
  return {
    ...unchanged,
    rejection: null,
    currency: change.registration?.contract.currency ?? unchanged.currency,
    status: { before: before?.status ?? null, after: isDeleted ? null : after },
    reservation: { before: reserved, after: isDeleted ? null : reservationAfter(change, reserved) },
    subscriptionId: { before: billedBy, after: isDeleted ? null : subscriptionAfter(change, billedBy) },
    registered: change.registration?.contract ?? null,
    calls: calls.map(({ call }) => call),
    payments: plannedPayments(facts, change),
    refunds: plannedRefunds(facts, calls, change),
    licenses: (change.licenses ?? []).map(plannedLicense),
    disputes: change.disputes ?? [],
    mails: (change.notices ?? []).map((notice) => ({
      kind: notice.kind,
      recipient: notice.recipient,
      detail: notice.detail,
    })),
    attention: change.attention ?? [],
    deleted: change.deletion?.payments.map(plannedBurial) ?? null,
    latePayments: (change.burial?.latePayments ?? []).map(plannedBurial),
  };
}

/** What of a planned operation tells it from another: everything but the words in which it is told to people. */
export function matterOf(planned: PlannedOperation): object {
  const { warning: _, rejection, ...matter } = planned;
  return { ...matter, rejection: rejection === null ? null : { code: rejection.code, detail: rejection.detail } };
}

function reservationOf(
  contract: {
    readonly terminationOn: BusinessDate | null;
    readonly terminationSource: ReservationSource | null;
  } | null,
): PlannedReservation | null {
  if (contract === null || contract.terminationOn === null || contract.terminationSource === null) return null;
  return { terminationOn: contract.terminationOn, terminationSource: contract.terminationSource };
}

function reservationAfter(change: Change, before: PlannedReservation | null): PlannedReservation | null {
  if (change.registration !== undefined) return reservationOf(change.registration.contract);
  return change.reservation === undefined ? before : change.reservation;
}

function subscriptionAfter({ registration, subscriptionId }: Change, before: string | null): string | null {
  return subscriptionId ?? registration?.contract.stripeSubscriptionId ?? before;
}

function plannedLicense(move: LicenseMove): PlannedLicense {
  const because = move.type === "granted" ? null : move.type === "restored" ? move.from : move.because;
  return { paymentId: move.paymentId, change: move.type, because };
}

function plannedBurial({ paymentId, amountMinor, result }: BuriedPayment): PlannedBurial {
  return { paymentId, amountMinor, result };
}

function plannedPayments({ world }: Facts, { newPayments = [], paymentMoves = [] }: Change): readonly PlannedPayment[] {
  const written = newPayments.map(({ id, subject, period, amountMinor, state }) => ({
    id,
    subject,
    period,
    amountMinor,
    from: null,
    to: state,
  }));
  // One that only learns its ids at Stripe stays what it is.
  const moved = paymentMoves
    .filter(({ from, to }) => from !== to)
    .map((move) => {
      const row = world?.payments.find(({ id }) => id === move.id);
      if (row === undefined) throw new Error(`${move.id} moves and is not there`);
      const { id, subject, period, amountMinor } = row;
      return { id, subject, period, amountMinor: move.amountMinor ?? amountMinor, from: move.from, to: move.to };
    });
  return [...written, ...moved];
}

function plannedRefunds(
  { world, tombstone }: Facts,
  calls: readonly CallStep[],
  { newRefunds = [], refundMoves = [] }: Change,
): readonly PlannedRefund[] {
  const sent = calls.flatMap(({ refund }): PlannedRefund[] =>
    refund === undefined
      ? []
      : [
          {
            id: refund.refundId,
            paymentId: refund.paymentId,
            amountMinor: refund.amountMinor,
            by: "stripe",
            to: "succeeded",
          },
        ],
  );
  const written = newRefunds.map(({ id, paymentId, amountMinor, state, stripePaymentIntentId }) => ({
    id,
    paymentId,
    amountMinor,
    by: stripePaymentIntentId === null ? ("hand" as const) : ("stripe" as const),
    to: state,
  }));
  const rows = world?.refunds ?? tombstone?.refunds ?? [];
  const moved = refundMoves.flatMap(({ id, to, amountMinor }): PlannedRefund[] => {
    const row = rows.find((refund) => refund.id === id);
    if (row === undefined) return [];
    const by = row.stripePaymentIntentId === null || to === "manual_done" ? "hand" : "stripe";
    return [{ id, paymentId: row.paymentId, amountMinor: amountMinor ?? row.amountMinor, by, to }];
  });
  return [...sent, ...written, ...moved];
}
