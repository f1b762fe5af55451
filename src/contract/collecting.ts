import type { Instant } from "./calendar.ts";
import type { Attention } from "./change.ts";
import type { BuriedPayment, ContractWorld, Payment } from "./contract.ts";
import {
  afterRecording,
  asPaid,
  holdsMoney,
  isFor,
  isLate,
  isNameless,
  isOf,
  type Receipt,
  type Recording,
  receiptOf,
  receiptOfIntent,
  recordReceipt,
  remarkOnOddlyPaid,
  restOf,
  sourceOf,
} from "./receipts.ts";
import type { RuleFacts } from "./rule.ts";
import type { Answers, InvoiceSeen, PaidInvoicesSeen, PaymentIntentSeen, Step } from "./step.ts";
import { subscriptionsOf } from "./subscription.ts";

/** A payment of our history, or money that only Stripe knows of. */
export type Collected = Pick<
  Payment,
  "id" | "amountMinor" | "state" | "period" | "dispute" | "stripePaymentIntentId" | "stripeInvoiceId"
> & {
  readonly subject: BuriedPayment["subject"];
  readonly paidAt: string;
  /**
   * A payment by card that names nothing at Stripe and that nothing there could be told to be, while Stripe knows of money
   * that our history does not, or another payment for the same thing names its own: the two may be the same.
   */
  readonly isInDoubt?: true;
};

/** Every payment of a contract, and what of them the purchase history did not know. */
export interface Collection extends Pick<Recording, "newPayments" | "paymentMoves" | "attention"> {
  readonly payments: readonly Collected[];
  /** The contract once that is written. */
  readonly world: ContractWorld;
  /** Invoices of which a person has to find out how they were paid, and to give that back. */
  readonly oddlyPaid: readonly Attention[];
}

type Collecting =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "collected"; readonly collection: Collection };

/**
 * Every payment of a contract: our rows, and what Stripe lists as paid for its subscriptions, or by its intent, beyond them:
 * payments that nobody has told us of yet, which are recorded as `record_payment` would, and what a charge holds beside our
 * rows (tax, added lines, prorations). With `endedAt`, only what was paid by then: the rest is late money, and told as that.
 */
export function collectPayments(
  { world, zone }: RuleFacts<unknown>,
  answers: Answers,
  endedAt: Instant | null = null,
): Collecting {
  const { contract } = world;
  const collector = new Collector(world);

  for (const subscriptionId of subscriptionsOf(contract)) {
    const name = `paid_invoices:${subscriptionId}`;
    const listed = answers.get(name) as PaidInvoicesSeen | undefined;
    if (listed === undefined) return look(name, { verb: "list_paid_invoices", subscriptionId });
    for (const { id: invoiceId, amountPaidMinor: paidMinor, paidAt, paymentIntentId, isPaidOddly } of listed.invoices) {
      if (paidMinor <= 0 || isLate(paidAt, endedAt)) continue;
      if (isPaidOddly) collector.remark(remarkOnOddlyPaid(invoiceId, paidMinor));
      const charge = { invoiceId, paymentIntentId, paidMinor, paidAt, items: [] };
      if (collector.covers(charge)) {
        collector.take(charge);
        continue;
      }
      const seen = answers.get(`invoice:${invoiceId}`) as InvoiceSeen | undefined;
      if (seen === undefined) return look(`invoice:${invoiceId}`, { verb: "read_invoice", invoiceId });
      const invoice = asPaid(seen);
      collector.take(invoice === undefined ? charge : receiptOf(collector.world, invoice, zone));
    }
  }

  const paymentIntentId = contract.stripePaymentIntentId;
  if (paymentIntentId !== null) {
    const seen = answers.get("payment_intent") as PaymentIntentSeen | undefined;
    if (seen === undefined) return look("payment_intent", { verb: "read_payment_intent", paymentIntentId });
    if (seen.type === "found" && seen.paidAt !== null && seen.amountReceivedMinor > 0) {
      collector.take(receiptOfIntent(collector.world, { ...seen, paidAt: seen.paidAt }));
    }
  }
  return { type: "collected", collection: collector.collection };
}

/** The purchase history as one charge of Stripe's after the other is held against it. */
class Collector {
  readonly #before: ContractWorld;
  #world: ContractWorld;
  #newPayments: Recording["newPayments"] = [];
  #paymentMoves: Recording["paymentMoves"] = [];
  #attention: Recording["attention"] = [];
  #beyond: readonly Collected[] = [];
  readonly #oddlyPaid: Attention[] = [];

  constructor(world: ContractWorld) {
    this.#before = world;
    this.#world = world;
  }

  /** The contract with all that has been taken so far. */
  get world(): ContractWorld {
    return this.#world;
  }

  get collection(): Collection {
    const rows = this.#world.payments.flatMap((row) =>
      holdsMoney(row) && row.paidAt !== null ? [{ ...row, paidAt: row.paidAt }] : [],
    );
    return {
      payments: [
        ...rows.map((row) => (this.#isInDoubt(row) ? { ...row, isInDoubt: true as const } : row)),
        ...this.#beyond,
      ],
      world: this.#world,
      newPayments: this.#newPayments,
      paymentMoves: this.#paymentMoves,
      attention: this.#attention,
      oddlyPaid: this.#oddlyPaid,
    };
  }

  /** Notes an invoice of which nobody can tell here how it was paid. */
  remark(oddlyPaid: Attention): void {
    this.#oddlyPaid.push(oddlyPaid);
  }

  /** Whether our rows of a charge come to all of it. */
  covers(charge: Receipt): boolean {
    const rows = this.#world.payments.filter((row) => holdsMoney(row) && isOf(row, charge));
    return restOf(charge, rows) <= 0;
  }

  /** Takes in a charge: what it pays is recorded, and the rest is money that only Stripe knows of. */
  take(receipt: Receipt): void {
    const recording = recordReceipt(this.#world, receipt);
    this.#world = { ...this.#world, payments: afterRecording(this.#world.payments, recording) };
    this.#newPayments = [...this.#newPayments, ...recording.newPayments];
    this.#paymentMoves = [...this.#paymentMoves, ...recording.paymentMoves];
    this.#attention = [...this.#attention, ...recording.attention];
    if (recording.beyondMinor > 0) {
      const dispute = this.#world.payments.find((row) => isOf(row, receipt))?.dispute ?? null;
      this.#beyond = [...this.#beyond, unknownPayment(receipt, recording.beyondMinor, dispute)];
    }
  }

  #isInDoubt(row: Payment): boolean {
    if (this.#before.contract.paymentMethod !== "card" || !isNameless(row)) return false;
    const others = this.#world.payments.filter(({ id }) => id !== row.id).filter(holdsMoney);
    return this.#mayBeFound(row) || others.some((other) => isFor(other, row));
  }

  /** Whether Stripe has money that our history did not know of, and that may be this row's: a period's, for a period. */
  #mayBeFound(row: Payment): boolean {
    const paidBefore = new Set(this.#before.payments.filter(holdsMoney).map(({ id }) => id));
    const found = this.#world.payments.filter((other) => holdsMoney(other) && !paidBefore.has(other.id));
    return this.#beyond.length > 0 || found.some(({ subject }) => subject === row.subject);
  }
}

/** Whether a payment, as it was collected, may be money that is at Stripe under another name too. */
export function isDoubtful({ payments }: Collection, payment: Payment): boolean {
  return payments.some((other) => (other.id === payment.id ? other.isInDoubt === true : isFor(other, payment)));
}

/** What is told of a payment that may be money which goes back under another name. */
export function remarkOnDoubt({ id: paymentId, amountMinor }: Pick<Collected, "id" | "amountMinor">): Attention {
  return { code: "payment_unknown", detail: { paymentId, amountMinor } };
}

function unknownPayment(receipt: Receipt, amountMinor: number, dispute: Payment["dispute"]): Collected {
  const { invoiceId, paymentIntentId, paidAt } = receipt;
  return {
    id: sourceOf(receipt),
    subject: "unknown",
    period: null,
    amountMinor,
    paidAt,
    stripePaymentIntentId: paymentIntentId,
    stripeInvoiceId: invoiceId,
    state: "paid",
    dispute,
  };
}

function look(name: string, wanted: Extract<Step, { type: "look" }>["look"]): Collecting {
  return { type: "step", step: { type: "look", name, look: wanted } };
}
