import type { Attention, NewRefund, PaymentMove, RefundMove } from "./change.ts";
import {
  type BurialResult,
  type ContractWorld,
  effectiveRefundStates,
  isOneOf,
  owedRefundStates,
  type Payment,
  type Refund,
} from "./contract.ts";
import type { Answers, CallAnswer, RefundSeen, RefundsSeen, Step } from "./step.ts";

/** What refunding a payment comes to, once nothing is left to ask Stripe. */
export interface RefundResult {
  readonly paymentId: string;
  /** What became of the payment, in a word. */
  readonly result: BurialResult;
  /** The refund's row; null where there is none. */
  readonly refundId: string | null;
  readonly newRefunds: readonly NewRefund[];
  readonly refundMoves: readonly RefundMove[];
  readonly paymentMoves: readonly PaymentMove[];
  readonly attention: readonly Attention[];
  /** The sum that goes back to the customer now or is owed to them, for the mail that tells them so. */
  readonly refundMinor: number;
}

/** Either the next look or call, or the results when every payment has its answer. */
export type Refunding =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "done"; readonly results: readonly RefundResult[] };

type OneRefunding =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "done"; readonly result: RefundResult };

/** Where refunds are made: the rows that there are, and whether the money came by card. */
export interface RefundSource {
  readonly refunds: readonly Refund[];
  readonly byCard: boolean;
}

/** A payment as far as refunding it asks. */
export interface Refundable extends Pick<Payment, "id" | "stripePaymentIntentId"> {
  /** What is to be given back, by our own rows. Stripe's list of the charge may show that less is left. */
  readonly leftMinor: number;
}

/** The refunds of a contract. */
export function refundSourceOf({ contract, refunds }: ContractWorld): RefundSource {
  return { refunds, byCard: contract.paymentMethod === "card" };
}

/**
 * The id of the refund row that a new refund of this payment gets. Counts on from the rows that exist, and from those that
 * Stripe's list still names when ours were erased with their contract: a refund is found at Stripe by its id, so an id that
 * came again would find another's.
 */
function nextRefundId({ refunds }: RefundSource, paymentId: string, seen: readonly RefundSeen[]): string {
  const prefix = `${paymentId}:refund:`;
  const ours = refunds.filter((refund) => refund.paymentId === paymentId);
  const numbers = [...ours.map(({ id }) => id), ...seen.map(({ refundId }) => refundId ?? "")].flatMap((id) => {
    const number = id.startsWith(prefix) ? Number(id.slice(prefix.length)) : Number.NaN;
    return Number.isSafeInteger(number) ? [number] : [];
  });
  return `${prefix}${Math.max(ours.length, ...numbers) + 1}`;
}

/** A payment with what is left of it to give back. */
export function refundableOf(
  world: Pick<ContractWorld, "refunds">,
  payment: Pick<Payment, "id" | "amountMinor" | "stripePaymentIntentId">,
): Refundable {
  const { id, stripePaymentIntentId } = payment;
  return { id, stripePaymentIntentId, leftMinor: leftOfPayment(world, payment) };
}

/** By our own rows, what of a payment's amount is not given back, nor on its way back, nor noted for a person to do so. */
export function leftOfPayment(
  { refunds }: Pick<ContractWorld, "refunds">,
  payment: Pick<Payment, "id" | "amountMinor">,
): number {
  const returned = refunds
    .filter(({ paymentId }) => paymentId === payment.id)
    .filter(({ state }) => isOneOf(state, effectiveRefundStates) || state === "manual_due")
    .reduce((sum, refund) => sum + refund.amountMinor, 0);
  return payment.amountMinor - returned;
}

/** Whether a payment was made and kept. A price of nothing is paid too, though nothing of it can be given back. */
export function isKept(
  world: Pick<ContractWorld, "refunds">,
  payment: Pick<Payment, "id" | "amountMinor" | "state">,
): boolean {
  return payment.state === "paid" && (payment.amountMinor === 0 || leftOfPayment(world, payment) > 0);
}

/** Whether somebody still has to give this money back. */
export function isOwed({ state, supersededBy }: Refund): boolean {
  return isOneOf(state, owedRefundStates) && supersededBy === null;
}

/** Waives what is still owed of these payments: their money never came, or somebody else has taken it back. */
export function waiveOwedOf(refunds: readonly Refund[], paymentIds: readonly string[]): readonly RefundMove[] {
  return refunds
    .filter((refund) => isOwed(refund) && paymentIds.includes(refund.paymentId))
    .map(({ id, state }) => ({ id, from: state, to: "waived" }));
}

/**
 * Of these payments those that hold money of the customer's: paid, not lost in a dispute, and not wholly given back by our
 * own rows.
 */
export function refundableAmong<T extends Pick<Payment, "id" | "amountMinor" | "state" | "dispute">>(
  world: Pick<ContractWorld, "refunds">,
  payments: readonly T[],
): readonly T[] {
  return payments.filter(
    (payment) => payment.state === "paid" && payment.dispute !== "lost" && leftOfPayment(world, payment) > 0,
  );
}

/**
 * Refunds every payment given, through Stripe where Stripe took the money, as a note for a person otherwise.
 *
 * A refund that Stripe refuses for good stays owed and never blocks the contract: the result says so as attention.
 */
export function refundPayments(source: RefundSource, payments: readonly Refundable[], answers: Answers): Refunding {
  const results: RefundResult[] = [];
  for (const payment of payments) {
    const refunding = refundOne(source, payment, answers);
    if (refunding.type === "step") return refunding;
    results.push(refunding.result);
  }
  return { type: "done", results };
}

/** What all results change together. */
export function sumOf(results: readonly RefundResult[]): Omit<RefundResult, "paymentId" | "result" | "refundId"> {
  return {
    newRefunds: results.flatMap(({ newRefunds }) => newRefunds),
    refundMoves: results.flatMap(({ refundMoves }) => refundMoves),
    paymentMoves: results.flatMap(({ paymentMoves }) => paymentMoves),
    attention: results.flatMap(({ attention }) => attention),
    refundMinor: results.reduce((sum, { refundMinor }) => sum + refundMinor, 0),
  };
}

function refundOne(source: RefundSource, payment: Refundable, answers: Answers): OneRefunding {
  // A refund that an earlier operation left owed, unsent or refused, is asked for again under its own row.
  const waiting = source.refunds.find(({ paymentId, state }) => paymentId === payment.id && state === "due");
  // Those that failed at Stripe are over; this one takes the place of all of them.
  const supersedes = source.refunds
    .filter((refund) => refund.paymentId === payment.id && isOwed(refund))
    .filter(({ state }) => isOneOf(state, ["failed", "canceled"]))
    .map(({ id }) => id);
  const { leftMinor: amountMinor, stripePaymentIntentId: paymentIntentId } = payment;
  const rowOf = (id: string) => ({ id, paymentId: payment.id, amountMinor, stripeRefundId: null, supersedes });
  if (!source.byCard || paymentIntentId === null) {
    const row = rowOf(nextRefundId(source, payment.id, []));
    return owed({ ...row, state: "manual_due", stripePaymentIntentId: null }, "refund_owed_by_hand");
  }

  const lookName = `refunds_of:${payment.id}`;
  const seen = answers.get(lookName) as RefundsSeen | undefined;
  if (seen === undefined) {
    return step({ type: "look", name: lookName, look: { verb: "list_refunds", paymentIntentId } });
  }
  const id = waiting?.id ?? nextRefundId(source, payment.id, seen.type === "found" ? seen.refunds : []);
  const callName = `refund:${payment.id}`;
  const answer = answers.get(callName) as CallAnswer<RefundSeen> | undefined;
  if (answer === undefined && waiting !== undefined && seen.type === "found") {
    // An earlier operation sent it and was abandoned before it knew.
    const sent = seen.refunds.find((refund) => refund.refundId === waiting.id);
    if (sent !== undefined) return adopted(payment, waiting, sent);
  }
  if (seen.type === "missing" || seen.chargedMinor === 0) {
    return waiting === undefined
      ? owed({ ...rowOf(id), state: "due", stripePaymentIntentId: paymentIntentId }, "refund_owed")
      : stillOwed(payment, id, waiting.amountMinor, "not_found");
  }
  if (seen.leftMinor <= 0) return refundedElsewhere(source, payment);

  // At most what the charge has left by Stripe's own list: rows of one invoice share it, and so may a dashboard refund.
  const sentMinor = Math.min(amountMinor, seen.leftMinor);
  if (answer === undefined) {
    return step({
      type: "call",
      name: callName,
      call: { verb: "refund_payment", refundId: id, paymentIntentId, amountMinor: sentMinor },
      refund: {
        isNew: waiting === undefined,
        refundId: id,
        paymentId: payment.id,
        amountMinor: sentMinor,
        stripePaymentIntentId: paymentIntentId,
        supersedes,
      },
    });
  }
  if (answer.type === "refused") return stillOwed(payment, id, sentMinor, answer.stripeCode ?? answer.code);
  return answered(payment, id, answer.value);
}

function stillOwed(payment: Refundable, refundId: string, amountMinor: number, refusal: string): OneRefunding {
  const detail = { refundId, amountMinor, refusal };
  return done(payment, "refund_owed", {
    refundId,
    attention: [{ code: "refund_owed", detail }],
    refundMinor: amountMinor,
  });
}

/** What the status that Stripe gave the refund means for the payment's row. */
function answered(payment: Refundable, id: string, refund: RefundSeen): OneRefunding {
  const { amountMinor: refundMinor } = refund;
  const detail = { refundId: id, amountMinor: refundMinor };
  const known = { refundId: id, refundMinor };
  switch (refund.stripeRefundStatus) {
    case "succeeded":
      return done(payment, "refunded", { ...known, paymentMoves: [toRefunded(payment)] });
    case "failed":
    case "canceled":
      return done(payment, "refund_owed", {
        ...known,
        attention: [{ code: "refund_owed", detail: { ...detail, refusal: refund.stripeRefundStatus } }],
      });
    default:
      // Pending or requires_action: the money is on its way. Stripe reports how it ends.
      return done(payment, "refund_pending", { ...known, attention: [{ code: "refund_pending", detail }] });
  }
}

/** The refund that waits is at Stripe already: its row moves to where Stripe says. */
function adopted(payment: Refundable, waiting: Refund, sent: RefundSeen): OneRefunding {
  const outcome = answered(payment, waiting.id, sent);
  if (outcome.type === "step") return outcome;
  const to = refundStateOf(sent.stripeRefundStatus);
  const move: RefundMove = { id: waiting.id, from: "due", to, stripeRefundId: sent.id };
  return { type: "done", result: { ...outcome.result, refundMoves: [move] } };
}

type RefundStateAtStripe = Extract<
  Refund["state"],
  "pending" | "requires_action" | "succeeded" | "failed" | "canceled"
>;

/** The state of a refund's row for Stripe's word. Its set is open; what we do not know is on its way until it ends. */
export function refundStateOf(stripeRefundStatus: string): RefundStateAtStripe {
  return isOneOf(stripeRefundStatus, ["requires_action", "succeeded", "failed", "canceled"])
    ? stripeRefundStatus
    : "pending";
}

/** Nothing is left to give back, so what refunds of ours still owed is not owed any more. */
function refundedElsewhere({ refunds }: RefundSource, payment: Refundable): OneRefunding {
  return done(payment, "refunded_before", {
    refundMoves: waiveOwedOf(refunds, [payment.id]),
    paymentMoves: [toRefunded(payment)],
    attention: [{ code: "refunded_elsewhere", detail: { paymentId: payment.id, amountMinor: payment.leftMinor } }],
  });
}

function owed(refund: NewRefund, code: "refund_owed" | "refund_owed_by_hand"): OneRefunding {
  return done({ id: refund.paymentId }, code, {
    refundId: refund.id,
    newRefunds: [refund],
    attention: [{ code, detail: { refundId: refund.id, amountMinor: refund.amountMinor } }],
    refundMinor: refund.amountMinor,
  });
}

function toRefunded({ id }: Pick<Payment, "id">): PaymentMove {
  return { id, from: "paid", to: "refunded" };
}

function step(next: Step): OneRefunding {
  return { type: "step", step: next };
}

function done({ id }: Pick<Payment, "id">, result: BurialResult, parts: Partial<RefundResult>): OneRefunding {
  const nothing = { refundId: null, newRefunds: [], refundMoves: [], paymentMoves: [], attention: [], refundMinor: 0 };
  return { type: "done", result: { ...nothing, ...parts, paymentId: id, result } };
}
