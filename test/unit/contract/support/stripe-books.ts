import { periodAt } from "../../../../src/contract/calendar.ts";
import type { Contract, ContractWorld, Payment } from "../../../../src/contract/contract.ts";
import type {
  InvoiceLineSeen,
  PaidInvoicesSeen,
  PaymentIntentSeen,
  RefundSeen,
} from "../../../../src/contract/step.ts";
import { noonOf } from "../../../support/facts.ts";
import { type FoundInvoice, invoiceSeen } from "./stripe-answers.ts";

export type FoundIntent = Extract<PaymentIntentSeen, { type: "found" }>;

/** What a line bills of a contract: the initial fee, the one-time price, or a period. */
export type Thing = Pick<Payment, "subject" | "period">;

/** An invoice, with what it bills of the contract: nothing for prorations, credits, and whatever else was added to it. */
export interface Bill {
  readonly invoice: FoundInvoice;
  readonly things: readonly Thing[];
}

/** Money that Stripe has taken. */
export interface Charge {
  readonly invoiceId: string | null;
  readonly paymentIntentId: string | null;
  readonly paidMinor: number;
  readonly things: readonly Thing[];
}

/** A line that bills this much for one thing: a period of the subscription's item, or something beside it. */
export function lineFor({ startOn }: Contract, { period }: Thing, amountMinor: number): InvoiceLineSeen {
  const { startsOn, endsOn } = periodAt(startOn, period ?? 0);
  return {
    id: `il_${period ?? "added"}`,
    amountMinor,
    startsAt: noonOf(startsOn),
    endsAt: noonOf(endsOn),
    billsSubscription: period !== null,
    isProration: false,
  };
}

/**
 * What Stripe has billed, taken and given back in the life of one contract, kept apart from our rows so that these can be
 * held against it. What it has said once stays: an invoice its lines, and a paid one its amounts and ids.
 */
export class StripeBooks {
  readonly #bills = new Map<string, Bill>();
  readonly #intents = new Map<string, FoundIntent>();
  /** Of each intent, newest first as Stripe lists them. */
  readonly #refunds = new Map<string, readonly RefundSeen[]>();

  /** Stripe took what the contract was registered with, whether its rows name that money or not. */
  constructor({ contract, payments }: ContractWorld) {
    if (contract.paymentMethod !== "card") return;
    for (const row of payments) {
      if (row.paidAt === null) continue;
      if (contract.stripePaymentIntentId === null) this.#enterBilled(contract, row);
      else this.#enterReceived(contract.stripePaymentIntentId, row);
    }
  }

  #enterBilled(contract: Contract, row: Payment): void {
    const name = row.stripePaymentIntentId ?? row.id;
    const id = row.stripeInvoiceId ?? `in_of_${name}`;
    const { invoice, things } = this.#bills.get(id) ?? { invoice: invoiceSeen(id, "paid"), things: [] };
    const lines = [...invoice.lines, lineFor(contract, row, row.amountMinor)];
    const amountMinor = lines.reduce((sum, line) => sum + line.amountMinor, 0);
    this.enter({
      invoice: {
        ...invoice,
        lines,
        amountDueMinor: amountMinor,
        amountPaidMinor: amountMinor,
        paidAt: row.paidAt,
        paymentIntentId: row.stripePaymentIntentId ?? `pi_of_${name}`,
        subscriptionId: contract.stripeSubscriptionId,
        billingReason: lines.some(({ billsSubscription }) => !billsSubscription)
          ? "subscription_create"
          : "subscription_cycle",
      },
      things: [...things, { subject: row.subject, period: row.period }],
    });
  }

  #enterReceived(id: string, { amountMinor, paidAt }: Payment): void {
    const earlierMinor = this.#intents.get(id)?.amountReceivedMinor ?? 0;
    this.receive({
      type: "found",
      id,
      stripePaymentIntentStatus: "succeeded",
      amountReceivedMinor: earlierMinor + amountMinor,
      paidAt,
    });
  }

  enter(bill: Bill): Bill {
    this.#bills.set(bill.invoice.id, bill);
    return bill;
  }

  receive(intent: FoundIntent): FoundIntent {
    this.#intents.set(intent.id, intent);
    return intent;
  }

  get bills(): readonly Bill[] {
    return [...this.#bills.values()];
  }

  bill(invoiceId: string): Bill | undefined {
    return this.#bills.get(invoiceId);
  }

  intent(id: string): FoundIntent | undefined {
    return this.#intents.get(id);
  }

  paidInvoicesOf(subscriptionId: string): PaidInvoicesSeen["invoices"] {
    return this.bills.flatMap(({ invoice: { id, amountPaidMinor, paidAt, paymentIntentId, ...invoice } }) =>
      invoice.stripeInvoiceStatus === "paid" && paidAt !== null && invoice.subscriptionId === subscriptionId
        ? [{ id, amountPaidMinor, paidAt, paymentIntentId }]
        : [],
    );
  }

  /** All that was taken; or what was taken for this contract, by its subscriptions or its intent. */
  charges(of?: Contract): readonly Charge[] {
    const subscriptions: readonly (string | null)[] | undefined = of && [
      of.stripeSubscriptionId ?? "none",
      ...of.formerStripeSubscriptionIds,
    ];
    const billed = this.bills.flatMap(({ invoice, things }): Charge[] => {
      const { id: invoiceId, paymentIntentId, amountPaidMinor: paidMinor, subscriptionId } = invoice;
      const isTaken = invoice.stripeInvoiceStatus === "paid" && paidMinor > 0;
      const isOf = subscriptions === undefined || subscriptions.includes(subscriptionId);
      return isTaken && isOf ? [{ invoiceId, paymentIntentId, paidMinor, things }] : [];
    });
    const received = [...this.#intents.values()].map(({ id, amountReceivedMinor: paidMinor }): Charge => {
      const things = [{ subject: "one_time_price", period: null } as const];
      return { invoiceId: null, paymentIntentId: id, paidMinor, things };
    });
    return [...billed, ...received.filter(({ paidMinor }) => paidMinor > 0)];
  }

  /** What was charged by an intent; undefined for one that has charged nothing. */
  chargedMinor(intent: string): number | undefined {
    return this.charges().find(({ paymentIntentId }) => paymentIntentId === intent)?.paidMinor;
  }

  refundsOf(intent: string): readonly RefundSeen[] {
    return this.#refunds.get(intent) ?? [];
  }

  setRefunds(intent: string, refunds: readonly RefundSeen[]): void {
    this.#refunds.set(intent, refunds);
  }

  /** What a charge has left, as Stripe counts: what has failed or was called off has come back. */
  leftMinor(intent: string): number {
    return this.refundsOf(intent)
      .filter(({ stripeRefundStatus }) => stripeRefundStatus !== "failed" && stripeRefundStatus !== "canceled")
      .reduce((left, { amountMinor }) => left - amountMinor, this.chargedMinor(intent) ?? 0);
  }
}
