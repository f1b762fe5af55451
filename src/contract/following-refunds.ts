import type { Attention, Change, NewRefund, Notice, PaymentMove, RefundMove } from "./change.ts";
import { type BurialResult, isOneOf, type Payment, type Refund, type Tombstone } from "./contract.ts";
import { isOwed, leftOfPayment, refundStateOf } from "./refunding.ts";
import type { Answers, RefundSeen, RefundsSeen, Step } from "./step.ts";

/** What of a payment following its refunds asks. */
export type Followed = Pick<Payment, "id" | "amountMinor" | "state">;

type FoundRefunds = Extract<RefundsSeen, { type: "found" }>;

/** Either the look at Stripe's list, or what it says. */
type Listed = { readonly type: "step"; readonly step: Step } | { readonly type: "listed"; readonly seen: RefundsSeen };

/** Lists the refunds of an intent, as they are followed. */
export function listRefunds(paymentIntentId: string, answers: Answers): Listed {
  const seen = answers.get("refunds") as RefundsSeen | undefined;
  if (seen !== undefined) return { type: "listed", seen };
  return { type: "step", step: { type: "look", name: "refunds", look: { verb: "list_refunds", paymentIntentId } } };
}

/**
 * Brings our rows to where Stripe's list of a charge's refunds is: our own refunds move, those that others made, as on
 * Stripe's dashboard, get rows of their own. A payment is refunded when what succeeded covers it, or the whole charge; and
 * is paid again when a refund of it fails after all: that one is owed again, and operators are told once. What others gave
 * back is owed no more.
 *
 * `payments` are all rows of the charge's intent, `refunds` all that we know of them.
 */
export function followRefunds(
  payments: readonly Followed[],
  refunds: readonly Refund[],
  seen: FoundRefunds,
  paymentIntentId: string,
): Change {
  const following = new Following(refunds, paymentIntentId);
  // As Stripe made them, oldest first, so that each is fitted to what those before it have left.
  for (const refund of seen.refunds.toReversed()) {
    if (following.knows(refund)) following.move(refund);
    else following.adopt(refund, payments, seen);
  }
  const isWhole = isWhollyRefunded(seen);
  for (const payment of payments) {
    const leftMinor = isWhole ? 0 : leftOfPayment(following, payment);
    following.limitOwed(({ paymentId }) => paymentId === payment.id, leftMinor);
  }
  // What the charge held beside our rows has no payment here: no more of it is owed than the charge has left.
  const isRowless = (row: Refund) =>
    row.stripePaymentIntentId === paymentIntentId && !payments.some(({ id }) => id === row.paymentId);
  following.limitOwed(isRowless, seen.leftMinor);
  const isCovered = coveredBy(following.refunds, isWhole);
  return following.changeWith(
    payments.flatMap((payment): PaymentMove[] => {
      const { id, state } = payment;
      if (state === "paid" && isCovered(payment)) return [{ id, from: "paid", to: "refunded" }];
      const isUncovered = state === "refunded" && following.failed.length > 0 && !isCovered(payment);
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

/** Payments of a deleted contract whose money went back, or was on its way back. */
const givenBack = ["refunded", "refund_pending", "refunded_before"] as const satisfies readonly BurialResult[];

/**
 * The same for a deleted contract: the refunds that are still kept move. Of a charge that was given back, whatever is left
 * at Stripe is owed: when a refund has failed that was forgotten with the contract, it is written again, whoever had made it.
 */
export function followBuriedRefunds(tombstone: Tombstone, seen: FoundRefunds, paymentIntentId: string): Change {
  const following = new Following(tombstone.refunds, paymentIntentId);
  const isOfCharge = (row: Refund) => row.stripePaymentIntentId === paymentIntentId;
  const forgotten = seen.refunds.filter((refund) => !following.knows(refund));
  for (const refund of seen.refunds.toReversed()) if (following.knows(refund)) following.move(refund);
  following.limitOwed(isOfCharge, seen.leftMinor);

  const returned = tombstone.payments.filter(
    (payment) => payment.stripePaymentIntentId === paymentIntentId && isOneOf(payment.result, givenBack),
  );
  // What is owed already, and what a person has paid back or waived, is at Stripe all the same.
  const isTold = (row: Refund) => isOwed(row) || isOneOf(row.state, ["manual_done", "waived"]);
  let againMinor = seen.leftMinor - sum(following.refunds.filter((row) => isOfCharge(row) && isTold(row)));
  for (const refund of forgotten.filter(({ stripeRefundStatus }) => stripeRefundStatus === "failed")) {
    const name = refund.refundId ?? refund.id;
    const payment = returned.find(({ refundId }) => refundId === name) ?? returned[0];
    if (payment === undefined || againMinor <= 0) break;
    const amountMinor = Math.min(refund.amountMinor, againMinor);
    againMinor -= amountMinor;
    following.write(refund, [{ id: name, paymentId: payment.paymentId, amountMinor }]);
  }
  return following.changeWith([]);
}

/** A part of a Stripe refund, as a row of ours. */
type Share = Pick<NewRefund, "id" | "paymentId" | "amountMinor">;

/** Our refund rows on their way to where Stripe's are. */
class Following {
  readonly #paymentIntentId: string;
  #refunds: readonly Refund[];
  #newRefunds: readonly NewRefund[] = [];
  #moves: readonly RefundMove[] = [];
  #failed: readonly RefundSeen[] = [];

  constructor(refunds: readonly Refund[], paymentIntentId: string) {
    this.#refunds = refunds;
    this.#paymentIntentId = paymentIntentId;
  }

  /** The rows as they will stand. */
  get refunds(): readonly Refund[] {
    return this.#refunds;
  }

  /** The refunds that had been given, or were on their way, and have failed, so that something is owed again. */
  get failed(): readonly RefundSeen[] {
    return this.#failed.filter(({ id }) => this.#refunds.some((row) => row.stripeRefundId === id && isOwed(row)));
  }

  knows(refund: RefundSeen): boolean {
    return this.#rowsOf(refund).length > 0;
  }

  /** Moves the rows of a refund that we know to where Stripe says. */
  move(refund: RefundSeen): void {
    const to = refundStateOf(refund.stripeRefundStatus);
    for (const row of this.#rowsOf(refund)) {
      // What a person has settled by other means, or a later refund has taken the place of, is settled.
      const isSettled = row.supersededBy !== null || isOneOf(row.state, ["manual_due", "manual_done", "waived"]);
      if (isSettled || row.state === to) continue;
      this.#change(row, { to, ...(row.stripeRefundId === null ? { stripeRefundId: refund.id } : {}) });
      if (isFailure(to) && !isFailure(row.state)) this.#noteFailure(refund);
    }
  }

  /**
   * Takes in a refund that others made. One that has come to nothing is news only while its money is here to be owed; if it
   * was called off, only where we counted on it, and gave back so much less.
   */
  adopt(refund: RefundSeen, payments: readonly Followed[], { leftMinor }: FoundRefunds): void {
    const state = refundStateOf(refund.stripeRefundStatus);
    if (isFailure(state) && leftMinor < refund.amountMinor) return;
    const short = payments.filter((payment) => payment.state === "refunded" && leftOfPayment(this, payment) > 0);
    if (state === "canceled" && short.length === 0) return;
    this.write(refund, this.#sharesOf(refund, state === "canceled" ? short : payments));
  }

  /** Writes a refund whose rows we do not have. */
  write(refund: RefundSeen, shares: readonly Share[]): void {
    const rows = shares.map((share) => ({
      ...share,
      state: refundStateOf(refund.stripeRefundStatus),
      stripePaymentIntentId: this.#paymentIntentId,
      stripeRefundId: refund.id,
    }));
    this.#newRefunds = [...this.#newRefunds, ...rows.map((row) => ({ ...row, supersedes: [] }))];
    this.#refunds = [...this.#refunds, ...rows.map((row) => ({ ...row, supersededBy: null }))];
    if (isFailure(refundStateOf(refund.stripeRefundStatus))) this.#noteFailure(refund);
  }

  /** Lets these rows owe no more than this together, since the rest has been given back by others. */
  limitOwed(isAbout: (row: Refund) => boolean, leftMinor: number): void {
    let restMinor = leftMinor;
    for (const row of this.#refunds.filter((each) => each.state !== "manual_due" && isOwed(each) && isAbout(each))) {
      const amountMinor = Math.min(row.amountMinor, restMinor);
      if (amountMinor <= 0) this.#change(row, { to: "waived" });
      else if (amountMinor < row.amountMinor) this.#change(row, { to: row.state, amountMinor });
      restMinor -= Math.max(amountMinor, 0);
    }
  }

  /** What has become of everything; nothing that was not known before is superseded. */
  changeWith(paymentMoves: readonly PaymentMove[]): Change {
    if (this.#newRefunds.length + this.#moves.length + paymentMoves.length === 0) return { superseded: true };
    const attention: Attention[] = this.failed.map(({ id, amountMinor }) => ({
      code: "refund_failed",
      detail: { stripeRefundId: id, amountMinor },
    }));
    const notices: Notice[] = this.failed.map(({ id, amountMinor }) => ({
      kind: "refund_failed",
      recipient: "operators",
      detail: { stripeRefundId: id, amountMinor },
      cause: `refund_failed:${id}`,
    }));
    return { newRefunds: this.#newRefunds, refundMoves: this.#moves, paymentMoves, attention, notices };
  }

  /** A refund that others made of several payments of one charge has a row for each. */
  #rowsOf({ id, refundId }: RefundSeen): readonly Refund[] {
    return this.#refunds.filter((row) => row.id === refundId || row.stripeRefundId === id);
  }

  #noteFailure(refund: RefundSeen): void {
    if (!this.#failed.includes(refund)) this.#failed = [...this.#failed, refund];
  }

  /** Changes a row, whether it is there, moves already, or is about to be written. */
  #change(row: Refund, to: Omit<RefundMove, "id" | "from">): void {
    const { to: state, ...learned } = to;
    const change = <T extends { readonly id: string }>(each: T) =>
      each.id === row.id ? { ...each, state, ...learned } : each;
    this.#refunds = this.#refunds.map(change);
    if (this.#newRefunds.some(({ id }) => id === row.id)) {
      // Waived, it is written all the same: else the next report would take it for news, of whatever is left by then.
      this.#newRefunds = this.#newRefunds.map(change);
      return;
    }
    const earlier = this.#moves.find(({ id }) => id === row.id);
    const move = { ...earlier, ...to, id: row.id, from: earlier?.from ?? row.state };
    this.#moves = [...this.#moves.filter(({ id }) => id !== row.id), move];
  }

  /** The payments that a refund of others gives back: the one of which exactly this is left, or else those with most left. */
  #sharesOf({ id, amountMinor }: RefundSeen, payments: readonly Followed[]): readonly Share[] {
    const left = payments.map((payment) => ({ paymentId: payment.id, leftMinor: leftOfPayment(this, payment) }));
    const exact = left.find(({ leftMinor }) => leftMinor === amountMinor);
    if (exact !== undefined) return [{ id, paymentId: exact.paymentId, amountMinor }];
    let restMinor = amountMinor;
    return left
      .toSorted((a, b) => b.leftMinor - a.leftMinor)
      .map(({ paymentId, leftMinor }, index) => {
        const share = Math.max(0, Math.min(leftMinor, restMinor));
        restMinor -= share;
        return { id: index === 0 ? id : `${id}:${index + 1}`, paymentId, amountMinor: share };
      })
      .filter((share) => share.amountMinor > 0);
  }
}

function isFailure(state: Refund["state"]): boolean {
  return state === "failed" || state === "canceled";
}

function sum(amounts: readonly { readonly amountMinor: number }[]): number {
  return amounts.reduce((total, { amountMinor }) => total + amountMinor, 0);
}
