import { paymentOfPeriod } from "./billing.ts";
import { type BusinessDate, begunPeriods, businessDateOf, type Instant, type Period, periodAt } from "./calendar.ts";
import { type PeriodsPaid, payPeriods } from "./confirming.ts";
import type { Contract, ContractWorld } from "./contract.ts";
import { afterRecording } from "./receipts.ts";
import { isRunning, type RuleFacts } from "./rule.ts";

/**
 * Whether a period is ours to record. Not one that was over when the contract was registered: an import may come without the
 * history of the system that it comes from.
 */
export function isOursToRecord({ endsOn }: Period, { createdAt }: Pick<Contract, "createdAt">, zone: string): boolean {
  return endsOn > businessDateOf(createdAt, zone);
}

/**
 * The periods of a running contract that began by `date`, and that no run has recorded yet: `renew` would take each as paid. What
 * stops or ends the contract before a run has caught up takes them as paid too, so that the history says the same as if the run
 * had been in time. None by card, where Stripe collects.
 *
 * Not before `renewalDueOn`: what the history lacks of older periods is not made up for. Nor what is not
 * {@link isOursToRecord ours to record}.
 */
export function unrecordedPeriods(world: ContractWorld, date: BusinessDate, zone: string): readonly number[] {
  const { contract } = world;
  const { startOn, terminationOn, renewalDueOn } = contract;
  if (renewalDueOn === null) return [];
  return begunPeriods(startOn, date, terminationOn)
    .filter((period) => period.startsOn >= renewalDueOn && isOursToRecord(period, contract, zone))
    .map(({ index }) => index)
    .filter((index) => (paymentOfPeriod(world, index)?.state ?? "due") === "due");
}

/** What takes periods as paid, with a license each. */
export function recordPeriods(world: ContractWorld, indexes: readonly number[], paidAt: Instant): PeriodsPaid {
  return payPeriods(world, { paidAt, paid: indexes, unpaid: [] });
}

/**
 * A contract as the runs that are owed would have left its history: what began since it was registered and before today, while it
 * ran or would have run had its start been processed, is paid. For what asks about the money of a contract and leaves no history
 * that could be written to. What began today, or before it came here, nobody has said to be paid.
 */
export function withUnrecordedPaid({ world, today, takenAt, zone }: RuleFacts<unknown>): ContractWorld {
  const { contract } = world;
  const hasBegun = isRunning(contract) || (contract.status === "not_started" && contract.startOn <= today);
  if (!hasBegun) return world;
  const registeredOn = businessDateOf(contract.createdAt, zone);
  const owed = unrecordedPeriods(world, today, zone).filter((index) => {
    const { startsOn } = periodAt(contract.startOn, index);
    return startsOn >= registeredOn && startsOn < today;
  });
  const recorded = recordPeriods(world, owed, takenAt);
  return { ...world, payments: afterRecording(world.payments, recorded) };
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
