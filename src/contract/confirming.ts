import {
  billedPeriodOn,
  licenseOnPaid,
  licenseOnUnpaid,
  newPeriodPayment,
  paymentOfPeriod,
  runningStatusOn,
  type Terms,
} from "./billing.ts";
import { type BusinessDate, begunPeriods, type Instant } from "./calendar.ts";
import type { Change, LicenseMove, NewPayment, PaymentMove } from "./change.ts";
import type { Contract, ContractStatus, ContractWorld } from "./contract.ts";
import { reject } from "./rule.ts";
import type { Step } from "./step.ts";

/** The indexes of the periods that are paid, oldest first, or the refusal of a list that cannot be right. */
export type PaidPeriods =
  | { readonly type: "periods"; readonly indexes: readonly number[] }
  | Extract<Step, { type: "reject" }>;

/**
 * Which periods a confirmed payment covers: those asked for, or all that have begun. Before the start date nothing has
 * begun, and period 0 is the only one that may be named.
 */
export function readPaidPeriods(
  contract: Contract,
  today: BusinessDate,
  asked: readonly number[] | undefined,
): PaidPeriods {
  const refuse = (problem: string) =>
    reject("invalid_request", { field: "params.paidPeriods", problem }) as PaidPeriods;
  if (contract.kind === "one_time") {
    return asked === undefined ? { type: "periods", indexes: [] } : refuse("a one-time contract has no periods");
  }
  const begun = begunIndexes(contract, today);
  if (asked === undefined) return { type: "periods", indexes: begun };
  const payable = begun.length === 0 ? [0] : begun;
  const foreign = asked.find((index) => !payable.includes(index));
  if (foreign !== undefined) return refuse(`names period ${foreign}, which has not begun`);
  return { type: "periods", indexes: [...new Set(asked)].sort((a, b) => a - b) };
}

function begunIndexes(contract: Contract, today: BusinessDate): readonly number[] {
  return begunPeriods(contract.startOn, today).map((period) => period.index);
}

/** The status that a contract takes once its payment is confirmed, by payment and dates. */
export function statusOncePaid(
  contract: Terms & Pick<Contract, "terminationOn">,
  today: BusinessDate,
  paidPeriods: readonly number[],
): ContractStatus {
  if (contract.startOn > today) return "not_started";
  if (contract.kind === "one_time") return "established";
  const current = billedPeriodOn(contract, today);
  const currentIsPaid = current === undefined || paidPeriods.includes(current.index);
  return currentIsPaid ? runningStatusOn(contract, today) : "payment_unconfirmed";
}

/** What a confirmed payment changes: the initial fee (or one-time price) and the given periods become paid. */
export function confirmPayments(
  world: ContractWorld,
  { today, paidAt, paidPeriods }: { today: BusinessDate; paidAt: Instant; paidPeriods: readonly number[] },
): Change {
  const { contract, payments, licenses } = world;
  const started = contract.startOn <= today;
  const due = payments.filter((payment) => payment.period === null && payment.state === "due");
  const periods =
    contract.kind === "monthly"
      ? payPeriods(world, { paidAt, paid: paidPeriods, unpaid: begunIndexes(contract, today) })
      : { newPayments: [], paymentMoves: [], licenses: [] };
  return {
    status: statusOncePaid(contract, today, paidPeriods),
    newPayments: periods.newPayments,
    paymentMoves: [
      ...due.map((payment) => ({ id: payment.id, from: payment.state, to: "paid" as const, paidAt })),
      ...periods.paymentMoves,
    ],
    licenses: started ? [...due.flatMap((payment) => licenseOnPaid(payment, licenses)), ...periods.licenses] : [],
  };
}

/** The rows of periods, written or moved, and the licenses that go with them. */
export interface PeriodsPaid {
  readonly newPayments: readonly NewPayment[];
  readonly paymentMoves: readonly PaymentMove[];
  readonly licenses: readonly LicenseMove[];
}

/**
 * Writes periods as paid, with their licenses, and those of `unpaid` that are not among them as unpaid. A row that is
 * there already is moved, one that is missing is written.
 */
export function payPeriods(
  world: ContractWorld,
  { paidAt, paid, unpaid }: { paidAt: Instant; paid: readonly number[]; unpaid: readonly number[] },
): PeriodsPaid {
  const newPayments: NewPayment[] = [];
  const paymentMoves: PaymentMove[] = [];
  const licenses: LicenseMove[] = [];
  for (const index of [...new Set([...paid, ...unpaid])].sort((a, b) => a - b)) {
    const isPaid = paid.includes(index);
    const row = paymentOfPeriod(world, index);
    if (row === undefined) {
      const payment = newPeriodPayment(world.contract, index, isPaid ? { state: "paid", paidAt } : { state: "unpaid" });
      newPayments.push(payment);
      if (isPaid) licenses.push(...licenseOnPaid(payment, world.licenses));
    } else if (isPaid && row.state !== "paid" && row.state !== "refunded") {
      paymentMoves.push({ id: row.id, from: row.state, to: "paid", paidAt });
      licenses.push(...licenseOnPaid(row, world.licenses));
    } else if (!isPaid && row.state === "due") {
      paymentMoves.push({ id: row.id, from: row.state, to: "unpaid" });
      licenses.push(...licenseOnUnpaid(row, world.licenses));
    }
  }
  return { newPayments, paymentMoves, licenses };
}
