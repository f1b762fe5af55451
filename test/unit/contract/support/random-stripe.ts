import { type BusinessDate, periodAt, periodOn } from "../../../../src/contract/calendar.ts";
import type { ContractWorld } from "../../../../src/contract/contract.ts";
import type { Answer, PaidInvoicesSeen } from "../../../../src/contract/step.ts";
import { noonOf } from "../../../support/facts.ts";
import type { CallStep, LookStep } from "./play.ts";
import {
  done,
  invoiceSeen,
  missing,
  refundSeen,
  refundsSeen,
  refused,
  subscriptionSeen,
  unpaidInvoices,
} from "./stripe-answers.ts";

/** Takes one of the options; which one is the test's chance. The first is the ordinary course of things. */
export type Pick = <T>(...options: readonly [T, ...T[]]) => T;

/**
 * A Stripe of whims for one contract: it answers everything that a rule may ask with something that Stripe could say, but
 * keeps its own books. Throws if it is asked to give back more than a charge has left.
 */
export class RandomStripe {
  readonly #world: ContractWorld;
  readonly #today: BusinessDate;
  readonly #pick: Pick;
  readonly #leftMinor = new Map<string, number>();

  constructor(world: ContractWorld, today: BusinessDate, pick: Pick) {
    this.#world = world;
    this.#today = today;
    this.#pick = pick;
  }

  answer(step: LookStep | CallStep): Answer {
    return step.type === "look" ? this.#look(step.look) : this.#call(step.call);
  }

  #look(look: LookStep["look"]): Answer {
    switch (look.verb) {
      case "read_subscription":
        return this.#pick<Answer>(
          this.#subscription(),
          { ...this.#subscription(), cancelAtPeriodEnd: true },
          this.#subscription(),
          missing,
        );
      case "list_unpaid_invoices":
        return this.#pick(
          unpaidInvoices(...this.#unpaidInvoiceIds().map((id) => ({ id, stripeInvoiceStatus: "open" as const }))),
          unpaidInvoices(),
          unpaidInvoices({ id: "in_draft", stripeInvoiceStatus: "draft" }),
        );
      case "read_invoice":
        return this.#pick<Answer>(
          invoiceSeen(look.invoiceId, "void"),
          invoiceSeen(look.invoiceId, "paid", { paidAt: noonOf(this.#today), paymentIntentId: "pi_late" }),
          invoiceSeen(look.invoiceId, "open"),
          missing,
        );
      case "list_paid_invoices":
        return this.#pick<Answer>(
          { invoices: this.#paidInvoices() },
          { invoices: [] },
          {
            invoices: [
              ...this.#paidInvoices(),
              { id: "in_unknown", amountPaidMinor: 1_980, paidAt: noonOf(this.#today), paymentIntentId: "pi_unknown" },
            ],
          },
        );
      case "read_payment_intent":
        return this.#pick<Answer>(
          {
            type: "found",
            id: look.paymentIntentId,
            stripePaymentIntentStatus: "succeeded",
            amountReceivedMinor: this.#world.contract.priceMinor,
            paidAt: noonOf(this.#today),
          },
          {
            type: "found",
            id: look.paymentIntentId,
            stripePaymentIntentStatus: "requires_payment_method",
            amountReceivedMinor: 0,
            paidAt: null,
          },
          missing,
        );
      case "list_refunds": {
        const chargedMinor = this.#chargedMinor(look.paymentIntentId);
        const left = this.#left(look.paymentIntentId);
        const seenMinor = this.#pick(left, left, Math.floor(left / 2), 0);
        this.#leftMinor.set(look.paymentIntentId, seenMinor);
        return this.#pick<Answer>(refundsSeen(chargedMinor, seenMinor), missing);
      }
    }
  }

  #call(call: CallStep["call"]): Answer {
    switch (call.verb) {
      case "cancel_subscription":
        return this.#pick<Answer>(done(this.#subscription()), refused("not_found"));
      case "set_cancel_at_period_end":
        return this.#pick<Answer>(
          done(this.#subscription()),
          done(this.#subscription(1)),
          refused("subscription_ended"),
        );
      case "clear_cancel_at":
        return this.#pick<Answer>(done(this.#subscription()), refused("subscription_ended"));
      case "void_invoice":
        return this.#pick<Answer>(done(invoiceSeen(call.invoiceId, "void")), refused("invoice_not_open"));
      case "stop_invoice":
        return this.#pick<Answer>(done(invoiceSeen(call.invoiceId, "draft")), refused("not_found"));
      case "refund_payment":
        return this.#refund(call);
    }
  }

  #refund({ refundId, paymentIntentId, amountMinor }: Extract<CallStep["call"], { verb: "refund_payment" }>): Answer {
    const left = this.#left(paymentIntentId);
    if (amountMinor < 1 || amountMinor > left) throw new Error(`asked to refund ${amountMinor} of ${left}`);
    const outcome = this.#pick("succeeded", "pending", "requires_action", "failed", "canceled", "refused");
    if (outcome === "refused") return refused("charge_disputed");
    if (outcome !== "failed" && outcome !== "canceled") this.#leftMinor.set(paymentIntentId, left - amountMinor);
    return done(refundSeen(refundId, amountMinor, outcome));
  }

  #subscription(periodsLater = 0) {
    const { startOn } = this.#world.contract;
    const index = (periodOn(startOn, this.#today)?.index ?? 0) + periodsLater;
    const { startsOn, endsOn } = periodAt(startOn, index);
    return subscriptionSeen({ currentPeriodStartAt: noonOf(startsOn), currentPeriodEndAt: noonOf(endsOn) });
  }

  #unpaidInvoiceIds(): readonly string[] {
    return [
      ...new Set(this.#world.payments.flatMap((row) => (row.state === "unpaid" ? (row.stripeInvoiceId ?? []) : []))),
    ];
  }

  #paidInvoices(): PaidInvoicesSeen["invoices"] {
    return this.#world.payments.flatMap(({ stripeInvoiceId, stripePaymentIntentId, paidAt, amountMinor }) =>
      stripeInvoiceId === null || paidAt === null
        ? []
        : [{ id: stripeInvoiceId, amountPaidMinor: amountMinor, paidAt, paymentIntentId: stripePaymentIntentId }],
    );
  }

  #chargedMinor(intent: string): number {
    const rows = this.#world.payments.filter((row) => row.stripePaymentIntentId === intent);
    return rows.reduce((sum, row) => sum + row.amountMinor, 0);
  }

  #left(intent: string): number {
    return this.#leftMinor.get(intent) ?? this.#chargedMinor(intent);
  }
}
