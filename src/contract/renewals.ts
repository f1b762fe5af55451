import { paymentOfPeriod } from "./billing.ts";
import { type BusinessDate, begunPeriods, businessDateOf, type Instant, periodAt } from "./calendar.ts";
import { type PeriodsPaid, payPeriods } from "./confirming.ts";
import type { ContractWorld } from "./contract.ts";

/**
 * The periods of a running contract that began by `date`, and that no run has recorded yet: `renew` would take each as paid. What
 * stops or ends the contract before a run has caught up takes them as paid too, so that the history says the same as if the run
 * had been in time. None by card, where Stripe collects.
 *
 * Not before `renewalDueOn`: what the history lacks of older periods is not made up for. Nor what was over when the contract was
 * registered: an import may come without the history of the system that it comes from.
 */
export function unrecordedPeriods(world: ContractWorld, date: BusinessDate, zone: string): readonly number[] {
  const { startOn, terminationOn, renewalDueOn, createdAt } = world.contract;
  if (renewalDueOn === null) return [];
  const registeredOn = businessDateOf(createdAt, zone);
  return begunPeriods(startOn, date, terminationOn)
    .filter(({ startsOn, endsOn }) => startsOn >= renewalDueOn && endsOn > registeredOn)
    .map(({ index }) => index)
    .filter((index) => (paymentOfPeriod(world, index)?.state ?? "due") === "due");
}

/** What takes periods as paid, with a license each. */
export function recordPeriods(world: ContractWorld, indexes: readonly number[], paidAt: Instant): PeriodsPaid {
  return payPeriods(world, { paidAt, paid: indexes, unpaid: [] });
}

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
