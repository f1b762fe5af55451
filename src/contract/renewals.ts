import type { BusinessDate } from "./calendar.ts";
import { periodAt } from "./calendar.ts";
import type { ContractWorld } from "./contract.ts";

/**
 * Whether a renewal of the contract after `date` has been processed here: the purchase history has a row, other than a
 * waiting one, for a period that begins later. A request that was taken before that must not act on the new period.
 *
 * Counts by our own dates, so not for contracts by card: of those Stripe's boundary is the truth, and a fresh look at it
 * shows every renewal that can be known here.
 */
export function renewalProcessedSince({ contract, payments }: ContractWorld, date: BusinessDate): boolean {
  return payments.some(
    (payment) =>
      payment.period !== null &&
      payment.period > 0 &&
      payment.state !== "due" &&
      periodAt(contract.startOn, payment.period).startsOn > date,
  );
}
