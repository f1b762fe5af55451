import type { BusinessDate } from "../../../../src/contract/calendar.ts";
import type { Contract, License, Payment, Refund } from "../../../../src/contract/contract.ts";
import type { MoneyPolicy } from "../../../../src/contract/operation.ts";
import { makeFacts, makePeriods, makeWorld, openFor } from "../../../support/facts.ts";
import { paidInvoiceSeen, periodLine } from "./stripe-answers.ts";

/* An invoice that `record_payment` is told of: `in_3`, which bills period 3 of a monthly contract by card. */

export const actor = { type: "stripe", id: "evt_1" } as const;
export const earlier = makePeriods([0, 1, 2]).map((row) => ({
  ...row,
  stripeInvoiceId: `in_${row.period}`,
  stripePaymentIntentId: `pi_${row.period}`,
}));
export const superseded = { superseded: true };

export interface Parts {
  readonly contract?: Partial<Contract>;
  readonly payments?: readonly Payment[];
  readonly licenses?: readonly License[];
  readonly refunds?: readonly Refund[];
  readonly params?: Readonly<Record<string, unknown>>;
  readonly today?: BusinessDate;
  readonly policy?: MoneyPolicy;
  readonly reportedEarly?: readonly string[];
}

/** `in_3` of a monthly contract by card in its period 3 is reported as paid; the periods before are paid and open. */
export function setup(of: Parts = {}) {
  const { contract, payments = earlier, licenses = openFor(earlier), refunds = [], params, ...parts } = of;
  return makeFacts("record_payment", {
    actor,
    params: params ?? { invoiceId: "in_3" },
    world: makeWorld({ contract: { paymentMethod: "card", ...contract }, payments, licenses, refunds }),
    ...parts,
  });
}

export const third = periodLine("2025-01-08");
export const invoice = paidInvoiceSeen("in_3", [third]);
/** The row that is written for the line of period 3. */
export const newRow = {
  id: `in_3:${third.id}`,
  subject: "period",
  period: 3,
  startsOn: "2025-01-08",
  amountMinor: 1_980,
  state: "paid",
  paidAt: "2025-01-19T15:00:00Z",
  stripePaymentIntentId: "pi_3",
  stripeInvoiceId: "in_3",
};
export const learned = { paidAt: "2025-01-19T15:00:00Z", stripeInvoiceId: "in_3", stripePaymentIntentId: "pi_3" };
