import { type BusinessDate, periodAt, periodOn } from "../../../../src/contract/calendar.ts";
import type { ContractWorld } from "../../../../src/contract/contract.ts";
import type { Answer, PaidInvoicesSeen, RefundSeen, RefundsSeen } from "../../../../src/contract/step.ts";
import { noonOf } from "../../../support/facts.ts";
import type { CallStep, LookStep } from "./play.ts";
import { done, invoiceSeen, missing, refundSeen, refused, subscriptionSeen, unpaidInvoices } from "./stripe-answers.ts";

/** What a charge has left, as Stripe counts: what has failed or was called off has come back. */
function leftMinorOf(chargedMinor: number, refunds: readonly RefundSeen[]): number {
  return refunds
    .filter(({ stripeRefundStatus }) => stripeRefundStatus !== "failed" && stripeRefundStatus !== "canceled")
    .reduce((left, { amountMinor }) => left - amountMinor, chargedMinor);
}

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
  /** Charges of this moment, of which our rows do not know yet. */
  readonly #charges = new Map<string, number>();

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
          { ...this.#subscription(), stripeSubscriptionStatus: this.#pick("past_due", "unpaid", "paused", "trialing") },
          {
            ...this.#subscription(),
            stripeSubscriptionStatus: this.#pick("canceled", "incomplete_expired"),
            endedAt: noonOf(this.#today),
          },
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
          this.#invoice(look.invoiceId, "paid"),
          invoiceSeen(look.invoiceId, "void"),
          this.#invoice(look.invoiceId, "open"),
          this.#invoice(look.invoiceId, "uncollectible"),
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
          this.#paidIntent(look.paymentIntentId),
          {
            type: "found",
            id: look.paymentIntentId,
            stripePaymentIntentStatus: "requires_payment_method",
            amountReceivedMinor: 0,
            paidAt: null,
          },
          missing,
        );
      case "list_refunds":
        return this.#pick<Answer>(this.#refundsOf(look.paymentIntentId), missing);
    }
  }

  #paidIntent(id: string): Answer {
    const { priceMinor, initialFeeMinor } = this.#world.contract;
    const amountReceivedMinor = priceMinor + initialFeeMinor;
    this.#charges.set(id, amountReceivedMinor);
    return {
      type: "found",
      id,
      stripePaymentIntentStatus: "succeeded",
      amountReceivedMinor,
      paidAt: noonOf(this.#today),
    };
  }

  /** An invoice of one of the periods around today, which may bring the initial fee, something else, or be a former one's. */
  #invoice(id: string, stripeInvoiceStatus: "paid" | "open" | "uncollectible"): Answer {
    const { startOn, priceMinor, initialFeeMinor, formerStripeSubscriptionIds } = this.#world.contract;
    const index = Math.max(0, (periodOn(startOn, this.#today)?.index ?? 0) + this.#pick(0, 0, -1, 1));
    const { startsOn, endsOn } = periodAt(startOn, index);
    const times = { startsAt: noonOf(startsOn), endsAt: noonOf(endsOn), isProration: false };
    const period = { id: `il_${index}`, amountMinor: priceMinor, billsSubscription: true, ...times };
    const fee = { ...period, id: "il_fee", amountMinor: initialFeeMinor || 300, billsSubscription: false };
    const lines = this.#pick([period], [period, fee], [fee], [{ ...period, isProration: true }, period], []);
    const amountMinor = lines.reduce((sum, line) => sum + line.amountMinor, 0);
    const isPaid = stripeInvoiceStatus === "paid";
    const paymentIntentId = isPaid ? this.#pick(`pi_of_${id}`, `pi_of_${id}`, null) : null;
    if (paymentIntentId !== null) this.#charges.set(paymentIntentId, amountMinor);
    return invoiceSeen(id, stripeInvoiceStatus, {
      amountDueMinor: amountMinor,
      amountPaidMinor: isPaid ? amountMinor : 0,
      paidAt: isPaid ? noonOf(this.#today) : null,
      paymentIntentId,
      subscriptionId: this.#pick("sub_1", "sub_1", formerStripeSubscriptionIds[0] ?? "sub_9"),
      billingReason: this.#pick("subscription_cycle", "subscription_create"),
      lines,
    });
  }

  /** What became of our own refunds of a charge, and perhaps one that somebody made on the dashboard. */
  #refundsOf(intent: string): RefundsSeen {
    const chargedMinor = this.#chargedMinor(intent);
    const rows = this.#world.refunds.filter(
      (row) => row.stripePaymentIntentId === intent && row.stripeRefundId !== null && row.supersededBy === null,
    );
    const ours = [...new Set(rows.map(({ stripeRefundId }) => stripeRefundId ?? "none"))].map((id): RefundSeen => {
      const [first, ...others] = rows.filter(({ stripeRefundId }) => stripeRefundId === id);
      if (first === undefined) throw new Error(`${id} has a row`);
      const isOver = first.state === "failed" || first.state === "canceled";
      const stripeRefundStatus = isOver ? first.state : this.#pick(first.state, "succeeded", "failed", "pending");
      const amountMinor = others.reduce((sum, row) => sum + row.amountMinor, first.amountMinor);
      return { id, amountMinor, stripeRefundStatus, refundId: first.id.startsWith(id) ? null : first.id };
    });
    const left = this.#world.payments
      .filter(({ stripePaymentIntentId }) => stripePaymentIntentId === intent)
      .map((payment) => payment.amountMinor - this.#returnedOf(payment.id));
    const whole = leftMinorOf(chargedMinor, ours);
    const most = Math.min(Math.max(0, ...left), whole);
    const amountMinor = this.#pick(0, most, Math.floor(most / 2), whole);
    const others: readonly RefundSeen[] =
      amountMinor === 0
        ? []
        : [
            {
              id: `re_by_others_${intent}_${this.#world.refunds.length}`,
              amountMinor,
              refundId: null,
              stripeRefundStatus: this.#pick("succeeded", "pending", "failed", "canceled"),
            },
          ];
    const refunds = [...others, ...ours];
    // As far as a rule has been told, and what it has sent since.
    const leftMinor = this.#leftMinor.get(intent) ?? leftMinorOf(chargedMinor, refunds);
    this.#leftMinor.set(intent, leftMinor);
    return { type: "found", chargedMinor, leftMinor, disputed: false, refunds };
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
    return done({ ...refundSeen(refundId, amountMinor, outcome), id: `re:${refundId}` });
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
    const known = rows.reduce((sum, row) => sum + row.amountMinor, 0);
    return Math.max(known, this.#charges.get(intent) ?? 0);
  }

  #left(intent: string): number {
    return this.#leftMinor.get(intent) ?? this.#chargedMinor(intent);
  }
}
