import { type BusinessDate, begunPeriods, type Instant, type Period, periodAt, periodOn } from "./calendar.ts";
import type { LicenseMove, NewPayment, PaymentMove } from "./change.ts";
import type { Contract, ContractStatus, ContractWorld, License, Payment, PaymentSubject } from "./contract.ts";

/** The terms of a contract that decide what is owed for what. */
export type Terms = Pick<
  Contract,
  "id" | "kind" | "startOn" | "priceMinor" | "initialFeeMinor" | "specialPriceMinor" | "specialMonths"
>;

/** The fee of period `index`: the special price while the special months last, the normal price from then on. */
export function feeOfPeriod(terms: Terms, index: number): number {
  return index < terms.specialMonths && terms.specialPriceMinor !== null ? terms.specialPriceMinor : terms.priceMinor;
}

/** The status of a running monthly contract by date: special until renewal k, which already bills the normal price. */
export function runningStatusOn(terms: Terms, date: BusinessDate): ContractStatus {
  const period = periodOn(terms.startOn, date);
  return (period?.index ?? 0) < terms.specialMonths ? "special_period" : "active";
}

/**
 * The id of a payment that a person or the calendar collects. Made of what it pays, so that a second row for the same
 * thing cannot be written. Stripe's payments are named after their invoice lines instead.
 */
export function paymentId(contractId: string, subject: PaymentSubject, period: number | null): string {
  return period === null ? `${contractId}:${subject}` : `${contractId}:${subject}:${period}`;
}

/** The period of a contract that is billed on `date`: none before the start, none on or after the termination date. */
export function billedPeriodOn(
  contract: Pick<Contract, "startOn" | "terminationOn">,
  date: BusinessDate,
): Period | undefined {
  return begunPeriods(contract.startOn, date, contract.terminationOn).at(-1);
}

/** The row of the purchase history for one period, if it is written already. */
export function paymentOfPeriod(world: Pick<ContractWorld, "payments">, index: number): Payment | undefined {
  return world.payments.find((payment) => payment.subject === "period" && payment.period === index);
}

/** A row for one period in the given state. */
export function newPeriodPayment(
  terms: Terms,
  index: number,
  state:
    | { readonly state: "due" }
    | { readonly state: "unpaid" | "never_charged" }
    | { readonly state: "paid"; readonly paidAt: Instant },
): NewPayment {
  return {
    id: paymentId(terms.id, "period", index),
    subject: "period",
    period: index,
    startsOn: periodAt(terms.startOn, index).startsOn,
    amountMinor: feeOfPeriod(terms, index),
    state: state.state,
    paidAt: state.state === "paid" ? state.paidAt : null,
    stripePaymentIntentId: null,
    stripeInvoiceId: null,
  };
}

/** Whether a payment opens content: prices and periods do, an initial fee does not. */
export function opensContent(payment: Pick<Payment, "subject">): boolean {
  return payment.subject !== "initial_fee";
}

/**
 * The license move that goes with a payment's becoming paid: granted if there is none, restored if suspension took it.
 * None if it stands, or was revoked for another reason.
 */
export function licenseOnPaid(
  payment: Pick<Payment, "id" | "subject">,
  licenses: readonly License[],
): readonly LicenseMove[] {
  if (!opensContent(payment)) return [];
  const license = licenses.find((candidate) => candidate.paymentId === payment.id);
  if (license === undefined) return [{ type: "granted", paymentId: payment.id }];
  return license.revokedBecause === "suspended" ? [{ type: "restored", paymentId: payment.id, from: "suspended" }] : [];
}

/** The license move that goes with a payment's becoming unpaid; none if there is no open license. */
export function licenseOnUnpaid(payment: Pick<Payment, "id">, licenses: readonly License[]): readonly LicenseMove[] {
  const open = licenses.some((license) => license.paymentId === payment.id && license.revokedBecause === null);
  return open ? [{ type: "revoked", paymentId: payment.id, because: "suspended" }] : [];
}

/** Moves every payment that was never made, due or unpaid, to `never_charged`. */
export function writeOffUnpaid(payments: readonly Payment[]): readonly PaymentMove[] {
  return payments.flatMap((payment) =>
    payment.state === "due" || payment.state === "unpaid"
      ? [{ id: payment.id, from: payment.state, to: "never_charged" as const }]
      : [],
  );
}

/** Revokes every license that is open, for a contract that is canceled. */
export function revokeAll(licenses: readonly License[]): readonly LicenseMove[] {
  return licenses.flatMap((license) =>
    license.revokedBecause === null
      ? [{ type: "revoked" as const, paymentId: license.paymentId, because: "canceled" as const }]
      : [],
  );
}
