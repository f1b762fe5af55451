import type { Attention, Change, NewRefund, Notice, PaymentMove, RefundMove } from "./change.ts";
import { isOneOf, type Payment, type Refund, type Tombstone } from "./contract.ts";
import { isOwed, leftOfPayment, refundStateOf } from "./refunding.ts";
import { settle, superseded } from "./rule.ts";
import type { RefundSeen, RefundsSeen, Step } from "./step.ts";

/** What of a payment following its refunds asks. */
export type Followed = Pick<Payment, "id" | "amountMinor" | "state">;

type FoundRefunds = Extract<RefundsSeen, { type: "found" }>;

/**
 * Brings our rows to where Stripe's list of a charge's refunds is: our own refunds move, those that others made, as on
 * Stripe's dashboard, get a row of their own. A payment is refunded when what succeeded covers it, or the whole charge; and
 * is paid again when a refund of it fails after all: that one is owed again, and operators are told once.
 *
 * `payments` are all rows of the charge's intent, `refunds` all that we know of them.
 */
export function followRefunds(
  payments: readonly Followed[],
  refunds: readonly Refund[],
  seen: FoundRefunds,
  paymentIntentId: string,
): Step {
  const following = new Following(refunds, paymentIntentId);
  // As Stripe made them, oldest first, so that each is fitted to what those before it have left.
  for (const refund of seen.refunds.toReversed()) following.follow(refund, payments, seen);
  const isCovered = coveredBy(following.refunds, isWhollyRefunded(seen));
  following.waiveOwed(({ paymentId }) => payments.some((payment) => payment.id === paymentId && isCovered(payment)));
  return following.settle(
    payments.flatMap((payment): PaymentMove[] => {
      const { id, state } = payment;
      if (state === "paid" && isCovered(payment)) return [{ id, from: "paid", to: "refunded" }];
      const isUncovered = state === "refunded" && following.hasFailure && !isCovered(payment);
      return isUncovered ? [{ id, from: "refunded", to: "paid" }] : [];
    }),
  );
}

function isWhollyRefunded({ chargedMinor, refunds }: FoundRefunds): boolean {
  const succeeded = refunds.filter(({ stripeRefundStatus }) => stripeRefundStatus === "succeeded");
  return chargedMinor > 0 && sum(succeeded) >= chargedMinor;
}

/** Tells of a payment whether all of it has been given back: by its own refunds, or with the whole charge. */
function coveredBy(refunds: readonly Refund[], wholeCharge: boolean): (payment: Followed) => boolean {
  return ({ id, amountMinor }) => {
    const given = refunds.filter((row) => row.paymentId === id && isOneOf(row.state, ["succeeded", "manual_done"]));
    return wholeCharge || (given.length > 0 && sum(given) >= amountMinor);
  };
}

/**
 * The same for a deleted contract: the refunds that are still kept move. One that had succeeded, and so was forgotten with
 * the contract, is written again when it fails, for it is owed again. What others gave back is nobody's debt, and not kept.
 */
export function followBuriedRefunds(tombstone: Tombstone, seen: FoundRefunds, paymentIntentId: string): Step {
  const buried = tombstone.payments.filter((payment) => payment.stripePaymentIntentId === paymentIntentId);
  const following = new Following(tombstone.refunds, paymentIntentId);
  for (const refund of seen.refunds.toReversed()) {
    const payment = buried.find(({ refundId }) => refundId !== null && refundId === refund.refundId);
    const isKept = following.knows(refund);
    if (isKept) following.follow(refund, [], seen);
    else if (payment !== undefined && refund.stripeRefundStatus === "failed")
      following.revive(refund, payment.paymentId);
  }
  if (isWhollyRefunded(seen)) following.waiveOwed((row) => row.stripePaymentIntentId === paymentIntentId);
  return following.settle([]);
}

/** Our refund rows on their way to where Stripe's are. */
class Following {
  readonly #paymentIntentId: string;
  #refunds: readonly Refund[];
  #newRefunds: readonly NewRefund[] = [];
  readonly #moves: RefundMove[] = [];
  #failed: readonly RefundSeen[] = [];

  constructor(refunds: readonly Refund[], paymentIntentId: string) {
    this.#refunds = refunds;
    this.#paymentIntentId = paymentIntentId;
  }

  /** The rows as they will stand. */
  get refunds(): readonly Refund[] {
    return this.#refunds;
  }

  /** Whether a refund that had been given, or was on its way, has failed. */
  get hasFailure(): boolean {
    return this.#failed.length > 0;
  }

  knows(refund: RefundSeen): boolean {
    return this.#rowOf(refund) !== undefined;
  }

  follow(refund: RefundSeen, payments: readonly Followed[], seen: FoundRefunds): void {
    const row = this.#rowOf(refund);
    if (row !== undefined) this.#move(row, refund);
    else this.#adopt(refund, payments, seen);
  }

  /** Nothing is left to give back of what these rows are about, so none of them is owed any more. */
  waiveOwed(isAbout: (row: Refund) => boolean): void {
    for (const row of this.#refunds.filter((each) => each.stripePaymentIntentId !== null)) {
      if (!isOwed(row) || !isAbout(row)) continue;
      const index = this.#moves.findIndex(({ id }) => id === row.id);
      const move = this.#moves[index];
      if (move !== undefined) this.#moves[index] = { ...move, to: "waived" };
      else if (this.#newRefunds.every(({ id }) => id !== row.id)) {
        this.#moves.push({ id: row.id, from: row.state, to: "waived" });
      }
      this.#newRefunds = this.#newRefunds.filter(({ id }) => id !== row.id);
      this.#failed = this.#failed.filter(({ id }) => id !== row.stripeRefundId);
    }
  }

  /** Writes a refund that is owed again although its row is gone. */
  revive(refund: RefundSeen, paymentId: string): void {
    this.#failed = [...this.#failed, refund];
    this.#newRefunds = [...this.#newRefunds, this.#newRow(refund.refundId ?? refund.id, paymentId, refund)];
  }

  settle(paymentMoves: readonly PaymentMove[]): Step {
    if (this.#newRefunds.length + this.#moves.length + paymentMoves.length === 0) return superseded();
    const attention: Attention[] = this.#failed.map(({ id, amountMinor }) => ({
      code: "refund_failed",
      detail: { stripeRefundId: id, amountMinor },
    }));
    const notices: Notice[] = this.#failed.map(({ id, amountMinor }) => ({
      kind: "refund_failed",
      recipient: "operators",
      detail: { stripeRefundId: id, amountMinor },
      cause: `refund_failed:${id}`,
    }));
    const change: Change = { newRefunds: this.#newRefunds, refundMoves: this.#moves, paymentMoves, attention, notices };
    return settle(change);
  }

  #rowOf({ id, refundId }: RefundSeen): Refund | undefined {
    return this.#refunds.find((row) => row.id === refundId || row.stripeRefundId === id);
  }

  #move(row: Refund, refund: RefundSeen): void {
    const to = refundStateOf(refund.stripeRefundStatus);
    // What a person has settled by other means, or a later refund has taken the place of, is settled.
    const isSettled = row.supersededBy !== null || isOneOf(row.state, ["manual_due", "manual_done", "waived"]);
    if (isSettled || row.state === to) return;
    const learned = row.stripeRefundId === null ? { stripeRefundId: refund.id } : {};
    this.#moves.push({ id: row.id, from: row.state, to, ...learned });
    this.#refunds = this.#refunds.map((other) =>
      other.id === row.id ? { ...other, state: to, stripeRefundId: refund.id } : other,
    );
    if (isFailure(to) && !isFailure(row.state)) this.#failed = [...this.#failed, refund];
  }

  /** A refund that others made. One that has come to nothing is news only while its money is still here to be owed. */
  #adopt(refund: RefundSeen, payments: readonly Followed[], { leftMinor }: FoundRefunds): void {
    const state = refundStateOf(refund.stripeRefundStatus);
    if (state === "canceled" || (state === "failed" && leftMinor < refund.amountMinor)) return;
    const payment = this.#fitting(payments, refund.amountMinor);
    if (payment === undefined) return;
    const row = this.#newRow(refund.id, payment.id, refund);
    this.#newRefunds = [...this.#newRefunds, row];
    this.#refunds = [...this.#refunds, { ...row, supersededBy: null }];
    if (state === "failed") this.#failed = [...this.#failed, refund];
  }

  /** The payment of which exactly this is left, or else the one that has most left. */
  #fitting(payments: readonly Followed[], amountMinor: number): Followed | undefined {
    const left = payments.map((payment) => ({
      payment,
      leftMinor: leftOfPayment({ refunds: this.#refunds }, { ...payment, stripePaymentIntentId: null }),
    }));
    const exact = left.find(({ leftMinor }) => leftMinor === amountMinor);
    return (exact ?? left.toSorted((a, b) => b.leftMinor - a.leftMinor)[0])?.payment;
  }

  #newRow(id: string, paymentId: string, refund: RefundSeen): NewRefund {
    return {
      id,
      paymentId,
      amountMinor: refund.amountMinor,
      state: refundStateOf(refund.stripeRefundStatus),
      stripePaymentIntentId: this.#paymentIntentId,
      stripeRefundId: refund.id,
      supersedes: null,
    };
  }
}

function isFailure(state: Refund["state"]): boolean {
  return state === "failed" || state === "canceled";
}

function sum(amounts: readonly { readonly amountMinor: number }[]): number {
  return amounts.reduce((total, { amountMinor }) => total + amountMinor, 0);
}
