import { type BusinessDate, periodAt, renewalDate } from "../../../../src/contract/calendar.ts";
import {
  type Contract,
  type ContractWorld,
  finalStatuses,
  isOneOf,
  type Payment,
  type Refund,
  runningStatuses,
} from "../../../../src/contract/contract.ts";
import type { Facts, OperationKind } from "../../../../src/contract/operation.ts";
import type { Answer, InvoiceSeen, SubscriptionSeen } from "../../../../src/contract/step.ts";
import {
  inMonth,
  makeCatalog,
  makeFacts,
  makePayment,
  makePeriods,
  makeProduct,
  makeRefund,
  makeWorld,
  noonOf,
  on,
  openFor,
} from "../../../support/facts.ts";
import type { CallStep, LookStep } from "./play.ts";
import type { Cell } from "./rule-table.ts";
import { done, invoiceSeen, refundSeen, refundsSeen, subscriptionSeen, unpaidInvoices } from "./stripe-answers.ts";

/*
 * The contract behind each cell of a table, and a Stripe that agrees with it and carries out whatever it is asked.
 * `test/fixtures/rules/README.md` tells both in words.
 */

const startedOn = on("2024-10-08");
const startsOn = on("2025-02-01");
const otherDay = on("2025-01-20");
const renewalDay = on("2025-01-08");
const nextRenewalOn = on("2025-02-08");

/** The facts of a cell, for an operation of this kind. */
export function factsOf(kind: OperationKind, cell: Cell): Facts {
  const world = worldOf(kind, cell);
  const today = todayOf(cell);
  const actor = { type: cell.actor, id: cell.actor === "customer" ? "cust-1" : "someone" };
  if (kind === "register") {
    const catalog = makeCatalog({ product: makeProduct({ kind: cell.contract }) });
    return makeFacts(kind, { world: null, today, actor, params: registrationOf(world), catalog });
  }
  return makeFacts(kind, { world, today, actor, params: paramsOf(kind, world, today), catalog: makeCatalog() });
}

function todayOf({ status, day }: Cell): BusinessDate {
  if (status === "not_started") return day === "renewal" ? startsOn : otherDay;
  return day === "renewal" ? renewalDay : otherDay;
}

function paramsOf(kind: OperationKind, world: ContractWorld, today: BusinessDate): Readonly<Record<string, unknown>> {
  switch (kind) {
    case "delete":
      return { confirm: world.contract.id };
    case "refund_payment":
      return { paymentId: world.payments[0]?.id ?? "none" };
    case "record_manual_refund":
    case "waive_refund":
      return { refundId: world.refunds[0]?.id ?? "none" };
    case "replace_subscription":
      return { subscriptionId: "sub_2" };
    case "start":
    case "terminate_at_renewal":
    case "end_special_period":
    case "renew":
    case "reserve_by_product_month":
    case "release_by_product_month":
      return { date: today };
    case "record_payment":
      return world.contract.kind === "one_time" ? { paymentIntentId: "pi_1" } : { invoiceId: invoiceOf(world, today) };
    case "record_payment_failure":
      return { invoiceId: invoiceOf(world, today), attempt: 1 };
    case "record_subscription_change":
    case "record_subscription_end":
      return { subscriptionId: "sub_1" };
    case "record_refund":
      return { paymentIntentId: world.payments[0]?.stripePaymentIntentId ?? "pi_none" };
    case "record_dispute":
      return {
        paymentIntentId: world.payments[0]?.stripePaymentIntentId ?? "pi_none",
        disputeId: "du_1",
        stripeDisputeStatus: "needs_response",
      };
    case "register":
    case "cancel":
    case "cancel_manual_refund":
    case "cancel_with_refund":
    case "confirm_payment":
    case "suspend":
    case "resume":
    case "reserve_termination":
    case "withdraw_reservation":
    case "terminate":
      return {};
  }
}

/** The invoice of the period that is billed on this day. */
function invoiceOf({ contract }: ContractWorld, today: BusinessDate): string {
  return contract.startOn > today ? "in_0" : "in_3";
}

function worldOf(kind: OperationKind, cell: Cell): ContractWorld {
  const contract = contractOf(cell);
  const payments = paymentsOf(cell).map((payment) => paidVia(cell, payment));
  const paid = payments.filter(({ state, subject }) => state === "paid" && subject !== "initial_fee");
  const opensNothing = isOneOf(cell.status, ["awaiting_payment", "not_started", "canceled"]);
  return makeWorld({
    contract,
    product: makeProduct({ kind: cell.contract, automaticTerminationMonth: monthOf(kind, cell) }),
    payments,
    refunds: refundsOf(kind, cell, payments),
    licenses: opensNothing ? [] : openFor(paid),
  });
}

function monthOf(kind: OperationKind, { reservedBy, day }: Cell) {
  if (kind === "reserve_by_product_month") return inMonth("2025-02");
  if (kind === "release_by_product_month" || reservedBy !== "product_month") return null;
  return day === "renewal" ? inMonth("2025-01") : inMonth("2025-02");
}

function contractOf({ contract: kind, paidBy, status, reservedBy, day }: Cell): Partial<Contract> {
  const terminationOn = reservedBy === "nobody" ? null : day === "renewal" ? renewalDay : nextRenewalOn;
  const isSpecial = status === "special_period";
  return {
    kind,
    paymentMethod: paidBy,
    status,
    startOn: status === "not_started" ? startsOn : startedOn,
    priceMinor: kind === "one_time" ? 9_800 : 1_980,
    initialFeeMinor: isOneOf(status, ["awaiting_payment", "not_started", "canceled"]) ? 5_000 : 0,
    specialPriceMinor: isSpecial ? 980 : null,
    specialMonths: isSpecial ? (day === "renewal" ? 3 : 6) : 0,
    terminationOn,
    terminationSource: reservedBy === "nobody" ? null : reservedBy,
    endedAt: isOneOf(status, finalStatuses) ? "2025-01-05T03:00:00Z" : null,
  };
}

const fee = makePayment({ subject: "initial_fee" });
const price = makePayment({ subject: "one_time_price", amountMinor: 9_800 });

/** The purchase history, oldest first. */
function paymentsOf({ contract, status, reservedBy, day }: Cell): readonly Payment[] {
  const row = contract === "one_time" ? price : makePayment({ period: 0 });
  const due = (payment: Payment): Payment => ({ ...payment, state: "due", paidAt: null });
  switch (status) {
    case "awaiting_payment":
      return [due(fee), due(row)];
    case "not_started":
      return contract === "one_time" ? [fee, price] : [fee, due(row)];
    case "canceled":
      return [{ ...fee, state: "refunded" }];
    case "payment_unconfirmed": {
      // No period begins on the date of a reservation.
      const last = reservedBy !== "nobody" && day === "renewal" ? 2 : 3;
      const unpaid = makePayment({ period: last, state: "unpaid" });
      return [...makePeriods(Array.from({ length: last }, (_, index) => index)), unpaid];
    }
    case "established":
    case "active":
    case "special_period":
    case "termination_reserved":
    case "terminated":
      if (contract === "one_time") return [price];
      return makePeriods(day === "renewal" && isOneOf(status, runningStatuses) ? [0, 1, 2] : [0, 1, 2, 3]);
  }
}

/** The payment as Stripe made it, for a contract by card. */
function paidVia({ paidBy, contract }: Cell, payment: Payment): Payment {
  if (paidBy !== "card" || payment.state === "due") return payment;
  if (contract === "one_time") return { ...payment, stripePaymentIntentId: "pi_1" };
  const number = payment.period ?? 0;
  const isPaid = payment.state === "paid" || payment.state === "refunded";
  return { ...payment, stripeInvoiceId: `in_${number}`, stripePaymentIntentId: isPaid ? `pi_in_${number}` : null };
}

function refundsOf(kind: OperationKind, { status, paidBy }: Cell, [first]: readonly Payment[]): readonly Refund[] {
  if (first === undefined || status === "awaiting_payment") return [];
  if (status === "canceled") {
    const owesAgain = kind === "record_manual_refund" || kind === "waive_refund";
    const state = owesAgain ? "manual_due" : paidBy === "card" ? "succeeded" : "manual_done";
    return [makeRefund(first, { state, stripeRefundId: state === "succeeded" ? "re_1" : null })];
  }
  if (kind !== "record_manual_refund" && kind !== "waive_refund") return [];
  return [makeRefund(first, paidBy === "card" ? { state: "failed", stripeRefundId: "re_1" } : { state: "manual_due" })];
}

/** `register`'s parameters for a contract that stands as this one. */
function registrationOf({ contract, payments }: ContractWorld): Readonly<Record<string, unknown>> {
  const { kind, paymentMethod, status, terminationOn, terminationSource } = contract;
  const paid = payments.filter(({ state }) => state === "paid" || state === "refunded");
  const unpaid = payments.filter(({ state }) => state === "unpaid");
  return {
    productId: contract.productId,
    customerId: contract.customerId,
    kind,
    paymentMethod,
    priceMinor: contract.priceMinor,
    initialFeeMinor: contract.initialFeeMinor,
    specialMonths: contract.specialMonths,
    ...(contract.specialPriceMinor === null ? {} : { specialPriceMinor: contract.specialPriceMinor }),
    startOn: contract.startOn,
    ...(paymentMethod === "card" ? { stripe: stripeIdsOf(contract) } : {}),
    payments: paid.map(({ subject, period, paidAt, stripeInvoiceId, stripePaymentIntentId }) => ({
      subject,
      paidAt,
      ...(period === null ? {} : { period }),
      ...(stripeInvoiceId === null ? {} : { stripeInvoiceId }),
      ...(stripePaymentIntentId === null ? {} : { stripePaymentIntentId }),
    })),
    state: {
      status,
      ...(terminationOn === null ? {} : { reservation: { terminationOn, terminationSource } }),
      ...(unpaid.length === 0 ? {} : { unpaidPeriods: unpaid.map(({ period }) => period) }),
      ...(isOneOf(status, finalStatuses) ? { endedAt: contract.endedAt } : {}),
    },
  };
}

function stripeIdsOf({ stripeCustomerId, stripeSubscriptionId, stripePaymentIntentId }: Contract) {
  return {
    customerId: stripeCustomerId,
    ...(stripeSubscriptionId === null ? {} : { subscriptionId: stripeSubscriptionId }),
    ...(stripePaymentIntentId === null ? {} : { paymentIntentId: stripePaymentIntentId }),
  };
}

/** What a Stripe that agrees with the cell's contract says to a step of an operation of this kind. */
export function stripeAnswers(kind: OperationKind, { world, today }: Facts): (step: LookStep | CallStep) => Answer {
  if (world === null) throw new Error("nothing of a contract that is not there is at Stripe");
  const subscription = subscriptionOf(world, today);
  const subscriptionWith = (id: string) => (id === "sub_2" ? subscriptionSeen({ id }) : subscription);
  const voided = new Set<string>();
  const refunded = new Map<string, number>();
  const canceled = { ...subscription, stripeSubscriptionStatus: "canceled", endedAt: noonOf(today) } as const;

  return (step) => {
    if (step.type === "look") {
      const { look } = step;
      switch (look.verb) {
        case "read_subscription":
          return subscriptionWith(look.subscriptionId);
        case "list_unpaid_invoices":
          return unpaidInvoices(
            ...unpaidInvoiceIds(world).flatMap((id) =>
              voided.has(id) ? [] : [{ id, stripeInvoiceStatus: "open" as const }],
            ),
          );
        case "read_invoice":
          return invoiceFor(kind, world, look.invoiceId, voided.has(look.invoiceId));
        case "list_paid_invoices":
          return { invoices: paidInvoices(world) };
        case "read_payment_intent": {
          const isPaid = kind === "record_payment";
          return {
            type: "found",
            id: look.paymentIntentId,
            stripePaymentIntentStatus: isPaid ? "succeeded" : "requires_payment_method",
            amountReceivedMinor: isPaid ? world.contract.priceMinor : 0,
            paidAt: isPaid ? noonOf(today) : null,
          };
        }
        case "list_refunds": {
          const chargedMinor = world.payments
            .filter(({ stripePaymentIntentId }) => stripePaymentIntentId === look.paymentIntentId)
            .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
          return refundsSeen(
            chargedMinor || 9_800,
            (chargedMinor || 9_800) - (refunded.get(look.paymentIntentId) ?? 0),
          );
        }
      }
    }
    const { call } = step;
    switch (call.verb) {
      case "cancel_subscription":
        return done(canceled);
      case "set_cancel_at_period_end":
        return done({ ...subscriptionWith(call.subscriptionId), cancelAtPeriodEnd: call.cancelAtPeriodEnd });
      case "clear_cancel_at":
        return done({ ...subscription, cancelAt: null });
      case "void_invoice":
        voided.add(call.invoiceId);
        return done(invoiceSeen(call.invoiceId, "void"));
      case "stop_invoice":
        return done(invoiceSeen(call.invoiceId, "draft", { autoAdvance: false }));
      case "refund_payment":
        refunded.set(call.paymentIntentId, (refunded.get(call.paymentIntentId) ?? 0) + call.amountMinor);
        return done(refundSeen(call.refundId, call.amountMinor));
    }
  };
}

function unpaidInvoiceIds({ payments }: ContractWorld): readonly string[] {
  return payments.flatMap(({ state, stripeInvoiceId }) => (state === "unpaid" ? (stripeInvoiceId ?? []) : []));
}

function paidInvoices({ payments }: ContractWorld) {
  return payments.flatMap(({ stripeInvoiceId: id, stripePaymentIntentId: paymentIntentId, paidAt, amountMinor }) =>
    id === null || paidAt === null ? [] : [{ id, amountPaidMinor: amountMinor, paidAt, paymentIntentId }],
  );
}

function subscriptionOf(
  { contract }: ContractWorld,
  today: BusinessDate,
): Extract<SubscriptionSeen, { type: "found" }> {
  const { startOn, status, terminationOn } = contract;
  const index = startOn > today ? 0 : [0, 1, 2, 3, 4, 5].findLast((n) => renewalDate(startOn, n) <= today);
  const period = periodAt(startOn, index ?? 0);
  const hasEnded = isOneOf(status, finalStatuses) || (terminationOn !== null && terminationOn <= today);
  const isReserved = terminationOn !== null && !hasEnded;
  return subscriptionSeen({
    stripeSubscriptionStatus: hasEnded ? "canceled" : statusAtStripe(contract),
    cancelAtPeriodEnd: isReserved,
    cancelAt: isReserved ? noonOf(period.endsOn) : null,
    currentPeriodStartAt: noonOf(period.startsOn),
    currentPeriodEndAt: noonOf(period.endsOn),
    endedAt: hasEnded ? (contract.endedAt ?? noonOf(today)) : null,
  });
}

function statusAtStripe({ status }: Contract): string {
  if (status === "awaiting_payment") return "incomplete";
  return status === "payment_unconfirmed" ? "past_due" : "active";
}

/** The invoice of a period: paid for a payment that is reported, open for a failure, otherwise as our rows say. */
function invoiceFor(
  kind: OperationKind,
  { contract, payments }: ContractWorld,
  id: string,
  isVoid: boolean,
): InvoiceSeen {
  const index = Number(id.slice(3));
  const { startsOn: from, endsOn: to } = periodAt(contract.startOn, index);
  const row = payments.find(({ stripeInvoiceId, period }) => stripeInvoiceId === id && period === index);
  const isPaid = kind === "record_payment" || (kind !== "record_payment_failure" && row?.state === "paid");
  const line = {
    id: `il_${index}`,
    amountMinor: 1_980,
    startsAt: noonOf(from),
    endsAt: noonOf(to),
    billsSubscription: true,
    isProration: false,
  };
  return invoiceSeen(id, isVoid ? "void" : isPaid ? "paid" : "open", {
    amountPaidMinor: isPaid ? 1_980 : 0,
    paidAt: isPaid ? noonOf(from) : null,
    paymentIntentId: isPaid ? `pi_${id}` : null,
    lines: [line],
  });
}
