import { type BusinessDate, periodOn } from "../../../../src/contract/calendar.ts";
import type { ContractWorld } from "../../../../src/contract/contract.ts";
import type { OperationKind } from "../../../../src/contract/operation.ts";
import type { Answer, InvoiceLineSeen, RefundSeen, UnpaidInvoicesSeen } from "../../../../src/contract/step.ts";
import { daysAfter, noonOf } from "../../../support/facts.ts";
import type { CallStep, LookStep } from "./play.ts";
import {
  done,
  type FoundSubscription,
  invoiceSeen,
  missing,
  overtaken,
  refundSeen,
  refused,
  subscriptionSeen,
  unpaidInvoices,
} from "./stripe-answers.ts";
import { type Bill, lineFor, type StripeBooks, type Thing } from "./stripe-books.ts";

/** Takes one of the options; which one is the test's chance. The first is the ordinary course of things. */
export type Pick = <T>(...options: readonly [T, ...T[]]) => T;

/** The operation that asks, and when, of which contract. */
export interface Asked {
  readonly kind: OperationKind;
  readonly world: ContractWorld;
  readonly today: BusinessDate;
  readonly pick: Pick;
}

/**
 * A Stripe of whims for one operation: it answers everything that a rule may ask with something that Stripe could say, and
 * enters what it bills, takes and gives back into its books. Throws if it is asked to give back more than a charge has left.
 */
export class RandomStripe {
  readonly #books: StripeBooks;
  readonly #kind: OperationKind;
  readonly #world: ContractWorld;
  readonly #today: BusinessDate;
  readonly #pick: Pick;

  constructor(books: StripeBooks, { kind, world, today, pick }: Asked) {
    this.#books = books;
    this.#kind = kind;
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
        return this.#readSubscription(look.subscriptionId);
      case "list_unpaid_invoices":
        return unpaidInvoices(...this.#unpaidInvoices(look.subscriptionId));
      case "read_invoice":
        return this.#readInvoice(look.invoiceId);
      case "list_paid_invoices":
        // One that was paid at this moment, and that nobody has told us of.
        if (this.#pick(false, false, true)) this.#pay(this.#bill(this.#newInvoiceId(), look.subscriptionId));
        return { invoices: this.#books.paidInvoicesOf(look.subscriptionId) };
      case "read_payment_intent":
        return this.#readIntent(look.paymentIntentId);
      case "list_refunds":
        return this.#pick<Answer>(this.#listRefunds(look.paymentIntentId), missing);
    }
  }

  #readSubscription(id: string): Answer {
    const subscription = this.#subscription(id);
    const ended = this.#ended(subscription, this.#pick("canceled", "canceled", "incomplete_expired"));
    // What was reported is mostly so.
    if (this.#kind === "record_subscription_end" && this.#pick(true, true, false)) return ended;
    return this.#pick<Answer>(
      subscription,
      { ...subscription, cancelAtPeriodEnd: !subscription.cancelAtPeriodEnd },
      subscription,
      { ...subscription, stripeSubscriptionStatus: this.#pick("past_due", "unpaid", "paused", "trialing") },
      subscription,
      ended,
      { ...subscription, customerId: "cus_other" },
      missing,
    );
  }

  #subscription(id: string, periodsLater = 0): FoundSubscription {
    const { startOn, terminationOn } = this.#world.contract;
    const period = (periodOn(startOn, this.#today)?.index ?? 0) + periodsLater;
    const { startsAt, endsAt } = lineFor(this.#world.contract, { subject: "period", period }, 0);
    return subscriptionSeen({
      id,
      cancelAtPeriodEnd: terminationOn !== null,
      currentPeriodStartAt: startsAt,
      currentPeriodEndAt: endsAt,
    });
  }

  #ended(subscription: FoundSubscription, stripeSubscriptionStatus = "canceled"): FoundSubscription {
    return { ...subscription, stripeSubscriptionStatus, endedAt: noonOf(this.#today) };
  }

  /** Those that are open by now, or, where none is any more, perhaps a draft. */
  #unpaidInvoices(subscriptionId: string): UnpaidInvoicesSeen["invoices"] {
    switch (this.#pick("open", "none", "draft")) {
      case "open":
        return this.#books.bills.flatMap(({ invoice }) =>
          invoice.subscriptionId === subscriptionId && invoice.stripeInvoiceStatus === "open"
            ? [{ id: invoice.id, stripeInvoiceStatus: "open" }]
            : [],
        );
      case "none":
        return [];
      case "draft": {
        const { invoice, things } = this.#bill(this.#newInvoiceId(), subscriptionId);
        this.#books.enter({ invoice: { ...invoice, stripeInvoiceStatus: "draft" }, things });
        return [{ id: invoice.id, stripeInvoiceStatus: "draft" }];
      }
    }
  }

  /** What is paid or void stays so; anything else may have become something else by now. */
  #readInvoice(id: string): Answer {
    const known = this.#books.bill(id);
    if (known !== undefined && ["paid", "void"].includes(known.invoice.stripeInvoiceStatus)) return known.invoice;
    const status =
      this.#kind === "record_payment_failure"
        ? this.#pick("open", "uncollectible", "open", "paid", "open", "void")
        : this.#pick("paid", "open", "paid", "void", "paid", "uncollectible", "paid", "missing");
    if (status === "missing" && known === undefined) return missing;
    const { stripeSubscriptionId: present, formerStripeSubscriptionIds: former } = this.#world.contract;
    const bill = known ?? this.#bill(id, this.#pick(present ?? "sub_9", present ?? "sub_9", former[0] ?? "sub_9"));
    if (status === "paid") return this.#pay(bill).invoice;
    const stripeInvoiceStatus = status === "missing" ? "open" : status;
    return this.#books.enter({ ...bill, invoice: { ...bill.invoice, stripeInvoiceStatus } }).invoice;
  }

  #newInvoiceId(): string {
    return `in_new_${this.#books.bills.length}`;
  }

  /** An open invoice for one of the periods around today, which may bring the initial fee, tax, or something else. */
  #bill(id: string, subscriptionId: string): Bill {
    const { contract, payments } = this.#world;
    const { startOn, initialFeeMinor } = contract;
    const index = Math.max(0, (periodOn(startOn, this.#today)?.index ?? 0) + this.#pick(0, 0, -1, 1));
    const thing = { subject: "period", period: index } as const;
    const fee = { subject: "initial_fee", period: null } as const;
    const isFirst = this.#pick(false, true);
    const period = lineFor(contract, thing, this.#priceMinor(index));
    const second = { ...period, id: "il_second", amountMinor: 300 };
    const proration = { ...period, id: "il_proration", isProration: true };
    const added = lineFor(contract, fee, initialFeeMinor || 300);
    const credit = { ...added, id: "il_credit", amountMinor: -300 };
    // A row that names no money was paid in full, as far as whoever brought it along knew.
    const mayBeLess = payments.every(({ stripePaymentIntentId }) => stripePaymentIntentId !== null);
    const lines = this.#pick<readonly InvoiceLineSeen[]>(
      [period],
      [period, added],
      [added, period, second],
      [added],
      [proration, period],
      mayBeLess ? [period, credit] : [period],
      [proration],
      [],
    );
    const netMinor = lines.reduce((sum, line) => sum + line.amountMinor, 0);
    const differenceMinor = this.#pick(0, Math.floor(netMinor / 10), mayBeLess ? -500 : 0);
    const bringsFee = isFirst && initialFeeMinor > 0 && lines.includes(added);
    const things: readonly Thing[] = [...(bringsFee ? [fee] : []), ...(lines.includes(period) ? [thing] : [])];
    const invoice = invoiceSeen(id, "open", {
      amountDueMinor: Math.max(0, netMinor + differenceMinor),
      subscriptionId,
      billingReason: isFirst ? "subscription_create" : "subscription_cycle",
      lines,
    });
    return this.#books.enter({ invoice, things });
  }

  #priceMinor(period: number): number {
    const { priceMinor, specialPriceMinor, specialMonths } = this.#world.contract;
    return period < specialMonths ? (specialPriceMinor ?? priceMinor) : priceMinor;
  }

  #pay({ invoice, things }: Bill): Bill {
    const paid = {
      ...invoice,
      stripeInvoiceStatus: "paid",
      amountPaidMinor: invoice.amountDueMinor,
      paidAt: this.#paidAt(),
      // Null for one that was paid out of band, or out of the customer's credit.
      paymentIntentId: this.#pick(`pi_of_${invoice.id}`, `pi_of_${invoice.id}`, null),
    };
    return this.#books.enter({ invoice: paid, things });
  }

  #paidAt(): string {
    return noonOf(this.#pick(this.#today, this.#today, daysAfter(this.#today, -3)));
  }

  #readIntent(id: string): Answer {
    const known = this.#books.intent(id);
    if (known !== undefined) return known;
    const { priceMinor, initialFeeMinor } = this.#world.contract;
    const status = this.#pick("succeeded", "requires_payment_method", "succeeded", "missing");
    if (status === "missing") return missing;
    const intent = { type: "found", id, stripePaymentIntentStatus: status } as const;
    if (status !== "succeeded") return { ...intent, amountReceivedMinor: 0, paidAt: null };
    const amountReceivedMinor = this.#pick(priceMinor + initialFeeMinor, priceMinor);
    return this.#books.receive({ ...intent, amountReceivedMinor, paidAt: this.#paidAt() });
  }

  /** What has become of the refunds of a charge meanwhile, and perhaps one more, which somebody made on the dashboard. */
  #listRefunds(intent: string): Answer {
    const chargedMinor = this.#books.chargedMinor(intent);
    if (chargedMinor === undefined) return missing;
    const moved = this.#books.refundsOf(intent).map((refund) => this.#moveOn(refund));
    this.#books.setRefunds(intent, moved);
    const amountMinor = this.#pick(0, ...this.#amountsLeft(intent));
    if (amountMinor > 0) {
      const stripeRefundStatus = this.#pick("succeeded", "pending", "failed", "canceled");
      const id = `re_by_others_${intent}_${moved.length}`;
      this.#books.setRefunds(intent, [{ id, amountMinor, refundId: null, stripeRefundStatus }, ...moved]);
    }
    const [refunds, leftMinor] = [this.#books.refundsOf(intent), this.#books.leftMinor(intent)];
    return { type: "found", chargedMinor, leftMinor, disputed: false, refunds };
  }

  #moveOn(refund: RefundSeen): RefundSeen {
    const { stripeRefundStatus } = refund;
    const isOver = stripeRefundStatus === "failed" || stripeRefundStatus === "canceled";
    return isOver ? refund : { ...refund, stripeRefundStatus: this.#pick(stripeRefundStatus, "succeeded", "failed") };
  }

  /** What somebody might give back by hand: what one payment has left, half of that, or all that the charge has left. */
  #amountsLeft(intent: string): readonly number[] {
    const whole = this.#books.leftMinor(intent);
    const left = this.#world.payments
      .filter(({ stripePaymentIntentId }) => stripePaymentIntentId === intent)
      .map((payment) => payment.amountMinor - this.#returnedOf(payment.id));
    const most = Math.min(Math.max(0, ...left), whole);
    return [most, Math.floor(most / 2), whole];
  }

  /** What has gone back of a payment, is on its way, or is noted for a person: counted here, not by the code under test. */
  #returnedOf(payment: string): number {
    const returned = ["pending", "requires_action", "succeeded", "manual_done", "manual_due"];
    return this.#world.refunds
      .filter(({ paymentId, state }) => paymentId === payment && returned.includes(state))
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  }

  #call(call: CallStep["call"]): Answer {
    switch (call.verb) {
      case "cancel_subscription":
        return this.#pick<Answer>(done(this.#ended(this.#subscription(call.subscriptionId))), refused("not_found"));
      case "set_cancel_at_period_end": {
        const { subscriptionId: id, cancelAtPeriodEnd } = call;
        const changed = done({ ...this.#subscription(id), cancelAtPeriodEnd });
        const rolledOver = done({ ...this.#subscription(id, 1), cancelAtPeriodEnd });
        const ended = refused("subscription_ended");
        return this.#pick<Answer>(changed, changed, rolledOver, ended, changed, changed, rolledOver, overtaken);
      }
      case "clear_cancel_at":
        return this.#pick<Answer>(
          done(this.#subscription(call.subscriptionId)),
          refused("subscription_ended"),
          overtaken,
        );
      case "void_invoice":
        return this.#void(call.invoiceId);
      case "stop_invoice":
        return this.#stop(call.invoiceId);
      case "refund_payment":
        return this.#refund(call);
    }
  }

  /** An invoice that cannot be voided any more may have been paid meanwhile. */
  #void(id: string): Answer {
    const bill = this.#books.bill(id);
    if (bill === undefined || bill.invoice.stripeInvoiceStatus === "paid") return refused("invoice_not_open");
    const outcome = this.#pick("void", "paid", "not_open");
    if (outcome === "void") {
      return done(this.#books.enter({ ...bill, invoice: { ...bill.invoice, stripeInvoiceStatus: "void" } }).invoice);
    }
    if (outcome === "paid") this.#pay(bill);
    return refused("invoice_not_open");
  }

  /** A draft that is to be stopped may have become final meanwhile, and may even be paid. */
  #stop(id: string): Answer {
    const bill = this.#books.bill(id);
    const outcome = this.#pick("draft", "not_found", "open", "paid");
    if (bill === undefined || outcome === "not_found") return refused("not_found");
    if (bill.invoice.stripeInvoiceStatus !== "draft") return done(bill.invoice);
    if (outcome === "paid") return done(this.#pay(bill).invoice);
    const autoAdvance = outcome !== "draft";
    return done(
      this.#books.enter({ ...bill, invoice: { ...bill.invoice, stripeInvoiceStatus: outcome, autoAdvance } }).invoice,
    );
  }

  #refund({ refundId, paymentIntentId, amountMinor }: Extract<CallStep["call"], { verb: "refund_payment" }>): Answer {
    const left = this.#books.leftMinor(paymentIntentId);
    if (amountMinor < 1 || amountMinor > left) throw new Error(`asked to refund ${amountMinor} of ${left}`);
    const outcome = this.#pick("succeeded", "pending", "requires_action", "failed", "canceled", "refused");
    if (outcome === "refused") return refused("charge_disputed");
    const refund = { ...refundSeen(refundId, amountMinor, outcome), id: `re:${refundId}` };
    const refunds = this.#books.refundsOf(paymentIntentId);
    // Asked for again under its own row, a refund that was refused is sent with a new id.
    const again = refunds.filter(({ id }) => id.startsWith(refund.id)).length;
    const made = again === 0 ? refund : { ...refund, id: `${refund.id}:${again}` };
    this.#books.setRefunds(paymentIntentId, [made, ...refunds]);
    return done(made);
  }
}
