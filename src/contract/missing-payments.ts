import { licenseOnUnpaid, newPeriodPayment } from "./billing.ts";
import type { LicenseMove, NewPayment, PaymentMove } from "./change.ts";
import type { ContractWorld } from "./contract.ts";
import { holdsMoney } from "./receipts.ts";

/** What the missing payment of one period changes; nothing where the row says so already. */
export interface Missing {
  readonly newPayments: readonly NewPayment[];
  readonly paymentMoves: readonly PaymentMove[];
  readonly licenses: readonly LicenseMove[];
}

export const nothingMissing: Missing = { newPayments: [], paymentMoves: [], licenses: [] };

/** Whether some row shows that money came for the period, even if it went back since. */
export function isPeriodSettled({ payments }: Pick<ContractWorld, "payments">, period: number): boolean {
  return payments.some((row) => row.period === period && holdsMoney(row));
}

/** Whether the period is paid, and the money still here. */
export function isPeriodPaid({ payments }: Pick<ContractWorld, "payments">, period: number): boolean {
  return payments.some((row) => row.period === period && row.state === "paid");
}

/**
 * A period of a contract by card whose payment is missing: its row is unpaid, written if there is none, and its license
 * revoked. `bill` says what was billed, where that is known. A period that money came for is left alone: what is missing is
 * something else.
 */
export function missPeriod(
  world: ContractWorld,
  period: number,
  bill?: { readonly invoiceId: string; readonly amountMinor: number },
): Missing {
  if (isPeriodSettled(world, period)) return nothingMissing;
  const rows = world.payments.filter((row) => row.period === period);
  const row = rows.find(({ stripeInvoiceId }) => stripeInvoiceId === bill?.invoiceId) ?? rows[0];
  const learned = bill === undefined ? {} : { stripeInvoiceId: bill.invoiceId };
  if (row === undefined) {
    const amount = bill === undefined ? {} : { amountMinor: bill.amountMinor };
    const unpaid = { ...newPeriodPayment(world.contract, period, { state: "unpaid" }), ...amount, ...learned };
    return { ...nothingMissing, newPayments: [unpaid] };
  }
  const knowsInvoice = bill === undefined || row.stripeInvoiceId === bill.invoiceId;
  if (row.state === "unpaid" && knowsInvoice) return nothingMissing;
  return {
    newPayments: [],
    paymentMoves: [{ id: row.id, from: row.state, to: "unpaid", ...learned }],
    licenses: licenseOnUnpaid(row, world.licenses),
  };
}
