import type { BuriedPayment, ContractWorld, Payment } from "./contract.ts";
import { asPaid, holdsMoney, isOf, itemsOf } from "./receipts.ts";
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

type Collecting =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "collected"; readonly payments: readonly Collected[] };

/** Money that Stripe says it has taken. */
interface Taken {
  readonly invoiceId: string | null;
  readonly paymentIntentId: string | null;
  readonly amountMinor: number;
  readonly paidAt: string;
}

/**
 * Every payment of a contract: our rows, and what Stripe lists as paid for its subscriptions, or by its intent, beyond them:
 * whole charges, and what a charge holds beside our lines (tax, added lines, prorations).
 *
 * Rows that an import brought without their ids at Stripe learn them here: an invoice pays those that its lines bill.
 */
export function collectPayments({ world, zone }: RuleFacts<unknown>, answers: Answers): Collecting {
  const { contract } = world;
  const collection = new Collection(world);

  for (const subscriptionId of subscriptionsOf(contract)) {
    const name = `paid_invoices:${subscriptionId}`;
    const listed = answers.get(name) as PaidInvoicesSeen | undefined;
    if (listed === undefined) return look(name, { verb: "list_paid_invoices", subscriptionId });
    for (const { id: invoiceId, amountPaidMinor: amountMinor, paidAt, paymentIntentId } of listed.invoices) {
      const taken: Taken = { invoiceId, paymentIntentId, amountMinor, paidAt };
      if (amountMinor <= 0) continue;
      if (collection.covers(taken) || !collection.hasNameless) {
        collection.take(taken, () => false);
        continue;
      }
      const seen = answers.get(`invoice:${invoiceId}`) as InvoiceSeen | undefined;
      if (seen === undefined) return look(`invoice:${invoiceId}`, { verb: "read_invoice", invoiceId });
      const invoice = asPaid(seen);
      const payments = collection.named;
      const items = invoice === undefined ? [] : itemsOf({ contract, payments }, invoice, zone);
      collection.take(taken, (row) =>
        items.some(({ subject, period }) => row.subject === subject && row.period === period),
      );
    }
  }

  const paymentIntentId = contract.stripePaymentIntentId;
  if (paymentIntentId !== null) {
    const seen = answers.get("payment_intent") as PaymentIntentSeen | undefined;
    if (seen === undefined) return look("payment_intent", { verb: "read_payment_intent", paymentIntentId });
    if (seen.type === "found" && seen.paidAt !== null && seen.amountReceivedMinor > 0) {
      const { paidAt, amountReceivedMinor: amountMinor } = seen;
      // Nothing else pays a contract that is bought once.
      collection.take({ invoiceId: null, paymentIntentId, amountMinor, paidAt }, () => true);
    }
  }
  return { type: "collected", payments: collection.payments };
}

type PaidRow = Payment & { readonly paidAt: string };

/** Our rows as they learn which of Stripe's charges they are, and what Stripe has beyond them. */
class Collection {
  readonly #byCard: boolean;
  #rows: readonly PaidRow[];
  #beyond: readonly Collected[] = [];

  constructor({ contract, payments }: ContractWorld) {
    this.#byCard = contract.paymentMethod === "card";
    this.#rows = payments.flatMap((row) =>
      holdsMoney(row) && row.paidAt !== null ? [{ ...row, paidAt: row.paidAt }] : [],
    );
  }

  get hasNameless(): boolean {
    return this.#rows.some((row) => this.#isNameless(row));
  }

  get named(): readonly Payment[] {
    return this.#rows.filter((row) => !this.#isNameless(row));
  }

  get payments(): readonly Collected[] {
    const isInDoubt = (row: PaidRow) => this.#isNameless(row) && (this.#beyond.length > 0 || this.#hasTwin(row));
    return [...this.#rows.map((row) => (isInDoubt(row) ? { ...row, isInDoubt: true as const } : row)), ...this.#beyond];
  }

  /** Whether our rows of a charge come to all of it. */
  covers(taken: Taken): boolean {
    return this.#restOf(taken) <= 0;
  }

  /** Takes in a charge: the rows that it paid learn its ids, and what it holds beyond them is money that only Stripe knows of. */
  take(taken: Taken, pays: (row: Payment) => boolean): void {
    const { invoiceId, paymentIntentId } = taken;
    this.#rows = this.#rows.map((row) =>
      isOf(row, taken) || (this.#isNameless(row) && !this.#hasTwin(row) && pays(row))
        ? {
            ...row,
            stripeInvoiceId: row.stripeInvoiceId ?? invoiceId,
            stripePaymentIntentId: row.stripePaymentIntentId ?? paymentIntentId,
          }
        : row,
    );
    const restMinor = this.#restOf(taken);
    if (restMinor > 0) this.#beyond = [...this.#beyond, unknownPayment(taken, restMinor, this.#disputeOf(taken))];
  }

  #restOf(taken: Taken): number {
    return this.#rowsOf(taken).reduce((rest, row) => rest - row.amountMinor, taken.amountMinor);
  }

  /** A dispute is about the charge, and so noted on all of its rows. */
  #disputeOf(taken: Taken): Payment["dispute"] {
    return this.#rowsOf(taken)[0]?.dispute ?? null;
  }

  #rowsOf(taken: Taken): readonly PaidRow[] {
    return this.#rows.filter((row) => isOf(row, taken));
  }

  /** Whether another row is for the same thing. */
  #hasTwin({ id, subject, period }: PaidRow): boolean {
    return this.#rows.some((row) => row.id !== id && row.subject === subject && row.period === period);
  }

  #isNameless({ stripeInvoiceId, stripePaymentIntentId }: Payment): boolean {
    return this.#byCard && stripeInvoiceId === null && stripePaymentIntentId === null;
  }
}

function unknownPayment(
  { invoiceId, paymentIntentId, paidAt }: Taken,
  amountMinor: number,
  dispute: Payment["dispute"],
): Collected {
  return {
    id: invoiceId ?? paymentIntentId ?? "unknown",
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
